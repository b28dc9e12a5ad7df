"""Train the Transformer of Korean pronunciation and measure its accuracy.

    python scripts/train_pronunciation.py                                             # words of the bundled sample
    python scripts/train_pronunciation.py --data nsmc --out runs/pronunciation --seeds 3
    python scripts/train_pronunciation.py --data nsmc --split valid --settings '{"label_smoothing": 0.0}'

A seed whose folder already exists is not trained again. The held-out words are the same for every seed.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

from rich.console import Console

from gluonattn.errors import GluonAttnError
from gluonattn.pronunciation.accuracy import accuracy
from gluonattn.pronunciation.pronouncer import load_pronouncer
from gluonattn.pronunciation.training import train_pronunciation
from gluonattn.training.callbacks import Progress


def figures(result: dict) -> dict[str, float]:
    """What the table has a column for."""
    found = {name: row["accuracy"] for name, row in {"all": result["all"], **result["kinds"]}.items()}
    for article, row in result["tensification"].items():
        found[f"{article} tense"], found[f"{article} plain"] = row["tense"]["accuracy"], row["plain"]["accuracy"]
        found[f"{article} mean"] = row["balanced"]
    return {name: float("nan") if value is None else value for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="sample", help="sample, nsmc, a folder with NSMC, or a table")
    parser.add_argument("--out", type=Path, default=Path("runs/pronunciation"), help="folder of the checkpoints")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds to train")
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="words to report on")
    parser.add_argument("--beam", type=int, default=1, help="width of the beam")
    parser.add_argument("--settings", default="{}", help="fields of PronunciationSettings, as JSON")
    arguments = parser.parse_args()

    console = Console()
    rows = []
    for seed in range(arguments.seeds):
        start = time.monotonic()
        folder = train_pronunciation(
            arguments.data, arguments.out / f"seed-{seed}", seed=seed, resume=None, callbacks=[Progress(console)],
            report=lambda line: console.print(line, highlight=False), **json.loads(arguments.settings))
        pronouncer = load_pronouncer(folder)
        pairs = pronouncer.pairs(arguments.split)
        result = accuracy(pairs, pronouncer.say([pair.spelling for pair in pairs], arguments.beam))
        rows.append(figures(result))
        kinds = ", ".join(f"{row['right']:,} of {row['words']:,} {kind}" for kind, row in result["kinds"].items())
        console.print(f"{folder}: {kinds} ({time.monotonic() - start:.0f} s)", highlight=False, soft_wrap=True)
    lines = {str(seed): row for seed, row in enumerate(rows)}
    if len(rows) > 1:
        for name, count in (("mean", statistics.mean), ("deviation", statistics.stdev)):
            lines[name] = {column: count([row[column] for row in rows]) for column in rows[0]}
    print("| seed |", " | ".join(rows[0]), "|\n|", " | ".join(["---"] * (len(rows[0]) + 1)), "|")
    for name, row in lines.items():
        print(f"| {name} |", " | ".join(f"{value:.3f}" for value in row.values()), "|")


if __name__ == "__main__":
    try:
        main()
    except GluonAttnError as error:
        raise SystemExit(f"error: {error}") from None
