"""Write docs/figures.json and the figures in the READMEs and the site's pages, or list differences.

    python scripts/figures.py            # computes the quick figures, copies the others, writes JSON and pages
    python scripts/figures.py --check    # writes nothing; exit code 1 if a file would change

Figures that take hours to compute are in `_figures_data.py`, with the command that printed them.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from functools import partial
from pathlib import Path
from typing import Any

from _figures_data import BUNDLED, MODELS, TABLES, ranged

ROOT = Path(__file__).parents[1]
JSON = ROOT / "docs" / "figures.json"
SITE = {"en": ROOT / "docs", "ko": ROOT / "docs" / "ko"}
READMES = {"en": ROOT / "README.md", "ko": ROOT / "README.ko.md"}
SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
CARD = ROOT / "gluonattn" / "pretrained" / "nsmc" / "README.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file would change")
    arguments = parser.parse_args()
    card = read_card()
    bundled = {**BUNDLED, "accuracy": card["accuracy"], "range": [card["low"], card["high"]]}
    figures = {"sentence": explained(), "models": [*MODELS, bundled],
               "tables": {name: with_card(one, card) for name, one in TABLES.items()}}
    wanted = {JSON: json.dumps(figures, ensure_ascii=False, indent=1) + "\n"}
    for path, language, parts in pages():
        wanted[path] = filled(path, parts, figures, language)
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    for path in stale:
        if not arguments.check:
            path.write_text(wanted[path], encoding="utf-8")
        print("differs" if arguments.check else "wrote", path.relative_to(ROOT))
    sys.exit(1 if stale and arguments.check else 0)


def pages() -> list[tuple[Path, str, dict[str, Any]]]:
    """Each page with figures, its language, and what writes its parts."""
    found = []
    for language, folder in SITE.items():
        found += [(READMES[language], language, {"sentence": sentence, "models": models, "speed": speed}),
                  (folder / "index.md", language, {"sentence": sentence})]
        for page in dict.fromkeys(one["page"] for one in TABLES.values()):
            if (path := folder / f"{page}.md").exists():  # some pages are in English only
                found.append((path, language, {name: partial(table, name) for name, one in TABLES.items()
                                               if one["page"] == page}))
    return found


def explained() -> dict[str, Any]:
    """What the command at the top of the READMEs says of its sentence."""
    import gluonattn

    record = gluonattn.load(engine="numpy").explain(SENTENCE, method="default")
    assert record.prediction is not None
    honesty = record.source["explanation"]["honesty"]
    return {"label": record.label_name(record.prediction.label), "command": f'gluonattn explain "{SENTENCE}"',
            **{name: round(100 * number, 1) for name, number in (
                ("sure", max(record.prediction.probabilities.values())), ("without_top", honesty["after"]))}}


def read_card() -> dict[str, float]:
    """The bundled model's figures, from the card that `scripts/ship_model.py` wrote."""
    card = CARD.read_text(encoding="utf-8")
    found: dict[str, float] = {}
    for row, names in ((r"\| this model \| ([\d.]+) \(([\d.]+) to ([\d.]+)\) \| ([\d.]+) \| ([\d.]+) \|",
                        ("accuracy", "low", "high", "f1", "calibration")),
                       (r"\| before its tables were reduced to 8 bits \| ([\d.]+)", ("before",)),
                       (r"\| without test reviews whose text is in the training set \| ([\d.]+)", ("unseen",)),
                       (r"([\d.]+) MB in all", ("size",))):
        read = re.search(row, card)
        assert read, f"{CARD} has no {row}"
        found.update(zip(names, map(float, read.groups())))
    return found


def with_card(one: dict[str, Any], card: dict[str, float]) -> dict[str, Any]:
    """A table with the card's figures in place of their names."""
    def cell(given: Any) -> Any:
        if isinstance(given, dict) and "card" in given:
            return {**{name: value for name, value in given.items() if name != "card"},
                    "figures": [card[name] for name in given["card"]]}
        return given

    return {**one, "rows": [[cell(given) for given in row] for row in one["rows"]]}


def filled(path: Path, parts: dict[str, Any], figures: dict[str, Any], language: str) -> str:
    """A page with what stands between its marks written anew."""
    text = path.read_text(encoding="utf-8")
    for name, write in parts.items():
        said = write(figures, language)
        text, found = re.subn(rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)",
                              lambda part, said=said: f"{part[1]}{said}\n{part[2]}", text, flags=re.S)
        if found != 1:
            raise SystemExit(f"{path.relative_to(ROOT)}: expected one <!-- figures: {name} --> ... <!-- end -->: {found}")
    return text


def sentence(figures: dict[str, Any], language: str) -> str:
    one = figures["sentence"]
    if language == "en":
        return (f"The bundled model is {one['sure']} % sure that this film review is negative. Without the three most "
                f"decisive words it is {one['without_top']} % sure.")
    return (f"내장 모델은 이 영화 리뷰를 {one['sure']} % 확률로 부정이라고 봅니다. 판단에 가장 크게 작용한 "
            f"낱말 세 개를 빼면 {one['without_top']} %로 떨어집니다.")


HEADS = {"en": ["NSMC, 49,997 test reviews", "seeds", "accuracy (95 % interval, or range of seeds)",
                "faithfulness of attention, normalised"],
         "ko": ["NSMC 테스트 리뷰 49,997건", "시드", "정확도(95 % 구간, 또는 시드별 범위)", "어텐션의 충실도(정규화)"]}


def models(figures: dict[str, Any], language: str) -> str:
    """The table of models; its last column is there once a model has such a figure."""
    columns = 4 if any(model.get("faithfulness") for model in figures["models"]) else 3
    rows = [[model[language], model["seeds"], spelled([model["accuracy"], *model["range"]], ranged(4), language),
             spelled(model.get("faithfulness"), ranged(2), language)][:columns] for model in figures["models"]]
    return drawn(HEADS[language][:columns], rows)


def speed(figures: dict[str, Any], language: str) -> str:
    default = figures["tables"]["training"]["rows"][0][2]
    [numpy] = [row[2] for row in figures["tables"]["prediction"]["rows"] if "numpy" in str(row[0])]
    train, predict = (spelled(ratio, ranged(2), language) for ratio in (default, numpy))
    if language == "en":
        return (f"On two cores, training is {train} times as fast as the post's loop. Prediction with numpy alone is "
                f"{predict} times as fast as the same model in PyTorch.")
    return (f"코어 두 개에서 학습은 원래 글의 코드보다 {train}배 빠르고, numpy만 쓰는 예측은 같은 모델을 PyTorch로 "
            f"돌릴 때보다 {predict}배 빠릅니다.")


def table(name: str, figures: dict[str, Any], language: str) -> str:
    """A table of `_figures_data.py`."""
    one = figures["tables"][name]
    heads, forms = zip(*((head, *form) if form else (head, "{}") for head, *form in one["columns"]))
    return drawn([in_language(head, language) for head in heads],
                 [[spelled(cell, form, language) for cell, form in zip(row, forms)] for row in one["rows"]])


def drawn(heads: list[str], rows: list[list[Any]]) -> str:
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in (heads, ["---"] * len(heads), *rows))


def in_language(given: Any, language: str) -> str:
    return str(given[language] if isinstance(given, dict) else given)


def spelled(cell: Any, form: Any, language: str) -> str:
    """What a cell says: "-" for None, a text as it is, figures in the form of the cell or of its column."""
    if cell is None:
        return "-"
    if isinstance(cell, dict) and "figures" in cell:
        cell, form = cell["figures"], cell.get("form", form)
    elif isinstance(cell, (str, dict)):
        return in_language(cell, language)
    return in_language(form, language).format(*(cell if isinstance(cell, list) else [cell]))


if __name__ == "__main__":
    main()
