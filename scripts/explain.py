"""Explain sentences with a trained model: terminal view, heatmap and record.

    python scripts/explain.py demo/model "연기는 좋았는데 이야기가 아쉽다" --out pictures
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import gluonattn
from gluonattn.views.fonts import save_figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("model", type=Path, help="checkpoint folder")
    parser.add_argument("sentences", nargs="+")
    parser.add_argument("--out", type=Path, default=Path("pictures"), help="folder for pictures and records")
    arguments = parser.parse_args()

    arguments.out.mkdir(parents=True, exist_ok=True)
    model = gluonattn.load(arguments.model)
    for number, record in enumerate(model.explain_all(arguments.sentences), 1):
        print(gluonattn.to_terminal(record, colours="none"))
        picture = save_figure(gluonattn.heatmap(record), arguments.out / f"{number}.png")
        print(f"{picture}, {record.save(arguments.out / f'{number}.npz')}\n")


if __name__ == "__main__":
    main()
