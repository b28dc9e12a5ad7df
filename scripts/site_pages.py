"""Write the interactive pages of docs/playground.md and the site's font.

The pages are made with the bundled model and the bundled sample. The font is for readers whose system has no Hangul.

    python scripts/site_pages.py build/site-pages
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from fontTools.ttLib import TTFont

import gluonattn
from gluonattn.cli.app import main as run
from gluonattn.data.sources import locate
from gluonattn.views.font_face import nanum_gothic

REVIEWS = 40
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
SHORT = "연기는 좋았는데 이야기가 아쉽다"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder to write; the pages go into its subfolder pages/")
    pages = parser.parse_args().folder / "pages"
    pages.mkdir(parents=True, exist_ok=True)
    write_font(pages.parent / "fonts")
    source = locate("sample")
    reviews = gluonattn.read_reviews(source.test or source.train)
    table = pages / "reviews.tsv"
    with open(table, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerow(["document", "label"])
        writer.writerows(list(zip(reviews.texts, reviews.labels))[:REVIEWS])
    for name, arguments in {
        "sentence": ["explain", SENTENCE],
        "two-methods": ["explain", SHORT, "--method", "leave-one-out", "--compare-method", "attention"],
        "many": ["explain", "--from", str(table)],
        "corpus": ["report", "corpus", str(table)],
    }.items():
        try:
            run([*arguments, "--out", str(pages / f"{name}.html")])
        except SystemExit as left:
            if left.code:
                raise


def write_font(folder: Path) -> None:
    """NanumGothic as browsers take it: they refuse the empty tables that its drawing program left."""
    folder.mkdir(exist_ok=True)
    path = nanum_gothic()
    if path is None:
        raise SystemExit("error: NanumGothic is not here. Run pip install koreanize-matplotlib, which carries it.")
    with TTFont(path) as font:
        for table in filter(lambda name: name.startswith("TSI"), list(font.keys())):
            del font[table]
        font.flavor = "woff"
        font.save(folder / "NanumGothic.woff")


if __name__ == "__main__":
    main()
