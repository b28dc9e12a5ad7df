"""Compare attention cells: train each in the same way, measure accuracy and faithfulness, report differences beyond chance.

    python scripts/compare_cells.py                                      # two cells on the bundled sample
    python scripts/compare_cells.py --data nsmc --cells mlp,dot,scaled-dot,general,multi-head,none,uniform --seeds 5

To continue after an interruption, run it again. `gluonattn compare` does the same.
"""

import argparse
from pathlib import Path

from rich.console import Console

from gluonattn.classifier.compare import compare
from gluonattn.classifier.compare_report import to_table, write_report
from gluonattn.classifier.compare_summary import summarise
from gluonattn.classifier.compare_words import in_words
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.training.callbacks import Progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="sample", help="sample, nsmc, a folder with NSMC, or a table")
    parser.add_argument("--cells", default="mlp,none", help="attention cells, with commas")
    parser.add_argument("--seeds", type=int, default=2, help="models of each cell")
    parser.add_argument("--out", type=Path, default=Path("runs/compare"), help="folder of checkpoints and report")
    parser.add_argument("--explained", type=int, default=300, help="test reviews whose explanations are measured")
    parser.add_argument("--workers", type=int, help="training processes")
    arguments = parser.parse_args()

    console = Console()
    comparison = compare(
        arguments.cells.split(","), arguments.seeds, arguments.data, arguments.out,
        settings=ClassifierSettings(workers=arguments.workers), explained=arguments.explained, report=console.print,
        callbacks=lambda: [Progress(console)],
    )
    summary = summarise(comparison)
    files = write_report(summary, arguments.out)
    console.print(to_table(summary))
    for paragraph in in_words(summary):
        console.print(paragraph, highlight=False)
    console.print(f"wrote {files['html']}, {files['csv']} and {files['json']}")


if __name__ == "__main__":
    main()
