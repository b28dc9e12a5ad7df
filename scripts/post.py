"""Reproduce the GluonNLP attention post on NSMC, from data to picture.

Mecab morphemes, length 30, embedding 50, Bi-GRU 64, MLPAttentionCell(30),
Dense over the flattened context, Adam 1e-3, batch 128, no mask.

    gluonattn data nsmc && python scripts/post.py
"""

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("agg")

from rich.console import Console

import gluonattn
from gluonattn.data.sources import locate
from gluonattn.training.callbacks import Progress
from gluonattn.views.fonts import save_figure

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="nsmc")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/post"))
    parser.add_argument("--resume", action="store_true")
    arguments = parser.parse_args()

    console = Console()
    folder = gluonattn.train(arguments.data, arguments.out, recipe="post", cell="mlp",
                             epochs=arguments.epochs, seed=arguments.seed, resume=arguments.resume,
                             callbacks=[Progress(console)], report=console.print)
    model = gluonattn.load(folder)
    test = gluonattn.read_reviews(locate(arguments.data).test, known_labels=model.labels)
    console.print(f"test accuracy {model.evaluate(test)['accuracy']:.4f} on {test}")
    record = model.explain(SENTENCE)
    print(gluonattn.to_terminal(record, colours="none"))
    print(save_figure(gluonattn.heatmap(record), folder.parent / f"{folder.name}_heatmap.png"))


if __name__ == "__main__":
    main()
