"""Train a Bi-GRU + attention classifier and measure its accuracy.

    python scripts/train.py                                # the bundled sample
    python scripts/train.py --data nsmc --cell dot --out runs/dot --seeds 3
"""

import argparse
import statistics
from pathlib import Path

from rich.console import Console

import gluonattn
from gluonattn.data.sources import locate
from gluonattn.training.callbacks import Progress


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="sample", help="sample, nsmc, a folder with NSMC, or a table")
    parser.add_argument("--cell", default="mlp", help="attention cell")
    parser.add_argument("--out", type=Path, default=Path("runs/train"), help="folder of the checkpoints")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds to train")
    parser.add_argument("--workers", type=int, help="processes; default: one for each core from 20,000 reviews on")
    arguments = parser.parse_args()

    console = Console()
    source = locate(arguments.data)
    accuracies = []
    for seed in range(arguments.seeds):
        folder = gluonattn.train(arguments.data, arguments.out / f"{arguments.cell}-{seed}",
                                 cell=arguments.cell, seed=seed, workers=arguments.workers, callbacks=[Progress(console)],
                                 report=console.print)
        if source.test is None:
            continue
        model = gluonattn.load(folder)
        result = model.evaluate(gluonattn.read_reviews(source.test, known_labels=model.labels))
        accuracies.append(result["accuracy"])
        console.print(f"{folder}: test accuracy {result['accuracy']:.4f}, macro F1 {result['macro_f1']:.4f}")
    if len(accuracies) > 1:
        console.print(f"mean of {len(accuracies)} seeds {statistics.mean(accuracies):.4f}, standard deviation "
                      f"{statistics.stdev(accuracies):.4f}")


if __name__ == "__main__":
    main()
