"""A comparison as files: report.html with pictures, report.csv, report.json; and a table for the terminal."""

from __future__ import annotations

import html
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import DataError
from ..files import replace_file
from ..metrics import jensen_shannon
from ..statistics import Figure
from ..views.report_page import Html, image, page, plain, png, table, with_interval
from .compare_pictures import pictures
from .compare_words import in_words
from .measure import ABOUT_A_METHOD, ABOUT_THE_WEIGHTS, ADDED

_MEANING = {
    "entropy": "entropy of a query's weights, of the most there can be (1: even)",
    "highest_weight": "largest weight a query gives, mean",
    "permutation": "median |dp| when weights are shuffled",
    "uniform_change": "|dp| when weights are made even",
    "adversarial": "divergence of the furthest weights found that keep p within 0.05",
    "adversarial_bound": "the furthest any weights could be",
    "conicity": "how alike the states are (1: all one direction)",
    "comprehensiveness": "AOPC, top words removed (higher: more faithful)",
    "sufficiency": "AOPC, only top words left (lower: more faithful)",
    "comprehensiveness_mask": "the same, words masked by the unknown word",
    "sufficiency_mask": "the same, masked",
    "flip": "share of words removed until the decision flips (lower: more faithful)",
    "tau_gradient": "Kendall's tau with gradient x input",
    "tau_leave_one_out": "Kendall's tau with leave-one-out",
    **{found.name: found.meaning for found in ADDED},
}
_LESS = "comprehensiveness of attention less it, review by review"
_STYLE = """
.sentence td { text-align: left; }
.sentence td.word { padding: .15rem .3rem; text-align: center; border: 1px solid #fff; }
.sentence td.word small { display: block; font-size: .7rem; color: inherit; }
"""


def write_report(summary: dict[str, Any], out: str | os.PathLike) -> dict[str, Path]:
    """Write report.html, report.csv, report.json and the pictures into a folder.

    Parameters
    ----------
    summary : dict
        Of `gluonattn.classifier.compare_summary.summarise`.
    out : path
        A folder; it is made.

    Returns
    -------
    dict of str to pathlib.Path
        By the files' endings; pictures by their names.

    Raises
    ------
    DataError
        If a file cannot be written.
    """
    out = Path(out)
    images = {name: png(drawn) for name, drawn in pictures(summary).items()}
    content = {
        "html": to_page(summary, images).encode("utf-8", "replace"),
        "csv": to_csv(summary).encode("utf-8", "replace"),
        "json": json.dumps({**plain(summary), "words": in_words(summary)}, ensure_ascii=False, indent=1).encode(
            "utf-8", "surrogatepass"),
    }
    files = {ending: (out / f"report.{ending}", data) for ending, data in content.items()}
    files.update({name: (out / f"report-{name}.png", data) for name, data in images.items()})
    try:
        out.mkdir(parents=True, exist_ok=True)
        for path, data in files.values():
            replace_file(path, data)
    except OSError as error:
        raise DataError(f"cannot write the report into {out}: {error.strerror}. Choose a folder that is writable "
                        "and has space.") from None
    return {name: path for name, (path, _) in files.items()}


def to_table(summary: dict[str, Any]):
    """The main figures as a rich table, 80 columns wide."""
    from rich import box
    from rich.table import Table

    table = Table(title=f"{summary['data']}: {summary['test_reviews']:,} test reviews, {summary['seeds']} seed(s)",
                  box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
                  caption="looked, best, random: probability lost without the top words (AOPC)\n"
                          "by attention, by the best method, by chance; shuffled: with shuffled weights")
    for i, name in enumerate(("cell", "accuracy", "ECE", "entropy", "looked", "best", "random", "shuffled")):
        table.add_column(name, justify="right" if i else "left", no_wrap=bool(i < 2))
    for cell, own in summary["cells"].items():
        mean, low, high = own["accuracy"].spell(2, factor=100)
        aopc = {name: found["comprehensiveness"].mean for name, found in own["methods"].items()}
        weights = own["weights"]
        table.add_row(cell, f"{mean} ({low}-{high})", f"{own['ece']:.3f}", f"{weights['entropy'].mean:.2f}",
                      f"{aopc['attention']:.3f}", f"{max(aopc.values()):.3f}", f"{aopc['random']:.3f}",
                      f"{weights['permutation'].mean:.3f}")
    return table


_HEADINGS = ("cell", "accuracy", "ECE", "parameters", "seconds", "entropy", "AOPC attention", "AOPC best method",
             "AOPC random", "shuffled |dp|", "adversary")


def _row(cell: str, own: dict[str, Any]) -> list[str]:
    figures = {name: found["comprehensiveness"] for name, found in own["methods"].items()}
    best = max((name for name in figures if name != "random"), key=lambda name: figures[name].mean)
    mean, low, high = own["accuracy"].spell(4)
    weights = own["weights"]
    return [cell, f"{mean} [{low}, {high}]", f"{own['ece']:.3f}", f"{own['parameters']:,}",
            f"{own['seconds']:.0f}", f"{weights['entropy'].mean:.2f}", f"{figures['attention'].mean:.3f}",
            f"{figures[best].mean:.3f} {best}", f"{figures['random'].mean:.3f}", f"{weights['permutation'].mean:.3f}",
            f"{weights['adversarial'].mean:.2f} of {weights['adversarial_bound'].mean:.2f}"]


def to_csv(summary: dict[str, Any]) -> str:
    """Every figure, one a line: cell (or two), figure, mean, low, high."""
    lines = ["cell,figure,mean,low,high"]

    def add(cell: str, name: str, value: Any) -> None:
        mean, low, high = (value.mean, *value.spell(6)[1:]) if isinstance(value, Figure) else (value, "", "")
        lines.append(",".join([cell, name, *("" if x == "nan" else x for x in (f"{mean:.6g}", low, high))]))

    for cell, own in summary["cells"].items():
        for name, value in _flat(own):
            add(cell, name, value)
    for pair in summary["pairs"]:
        both = " - ".join(reversed(pair["cells"]))
        add(both, "accuracy_difference", pair["difference"])
        add(both, "mcnemar_p", pair["p"])
        add(both, "mcnemar_p_holm", pair["p_holm"])
        add(both, "received_divergence", pair["agree"]["divergence"])
        add(both, "received_overlap", pair["agree"]["overlap"])
        for cell, more in pair["agree"]["more_than_seeds"].items():
            add(both, f"received_divergence_less_seeds_of.{cell}", more)
    return "\n".join(lines) + "\n"


def _flat(own: dict[str, Any], before: str = ""):
    """Names and numbers of nested figures; lists (by seed, curves) are in report.json only."""
    for name, value in own.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, (Figure, int, float)):
            yield before + name, value


# ---- the page


def to_page(summary: dict[str, Any], images: dict[str, bytes]) -> str:
    """The report as one HTML file that needs no network and no script.

    Parameters
    ----------
    summary : dict
        Of `gluonattn.classifier.compare_summary.summarise`.
    images : dict of str to bytes
        PNG pictures by name, of `gluonattn.classifier.compare_pictures.pictures`.
    """
    cells, e = summary["cells"], html.escape
    picture = {name: image(content, name) for name, content in images.items()}
    new = f"on the {summary['new_test_reviews']:,} reviews whose text is not in training"
    pairs = [[" - ".join(reversed(pair["cells"])), _points(pair["difference"]), f"{pair['p']:.3g}", f"{pair['p_holm']:.3g}",
              "yes" if pair["beyond_chance"] else "no", with_interval(pair["agree"]["divergence"]),
              with_interval(pair["agree"]["overlap"])] for pair in summary["pairs"]]
    parts = [
        "<h1>Attention cells compared</h1>", *(f"<p>{e(text)}</p>" for text in in_words(summary)),
        table(_HEADINGS, [_row(cell, own) for cell, own in cells.items()]),
        "<h2>Accuracy</h2>", picture["accuracy"],
        table(["cell", "test accuracy", new, "ECE", "parameters", "seconds of training"],
               [[cell, with_interval(own["accuracy"], 4), with_interval(own["accuracy_new"], 4), f"{own['ece']:.4f}",
                 f"{own['parameters']:,}", f"{own['seconds']:.0f}"] for cell, own in cells.items()]),
        *([
            "<h3>Two cells each</h3>",
            '<p class="quiet">Difference in points; McNemar\'s exact test on the decisions of the mean of the seeds. '
            "Beyond chance: p below 0.05 after Holm's correction, an interval over reviews and seeds without 0, and both "
            "on the same side. "
            "Then how far apart their received attention is (Jensen-Shannon) and how many of the top 3 words they "
            "share.</p>",
            table(["cells", "difference", "p", "p (Holm)", "beyond chance", "divergence", "top 3 shared"], pairs),
        ] if pairs else []),
        "<h2>Calibration</h2>", picture["reliability"],
        "<h2>Faithfulness</h2>", picture["faithfulness"], _meanings(ABOUT_A_METHOD),
        *(f"<h3>{e(cell)}</h3>" + table(["method", *ABOUT_A_METHOD, _LESS], [
            [method, *(with_interval(found[name]) for name in ABOUT_A_METHOD),
             with_interval(own["attention_less"][method], sign="+") if method in own["attention_less"] else "–"]
            for method, found in own["methods"].items()])
          for cell, own in cells.items()),
        "<h2>The weights themselves</h2>", _meanings(ABOUT_THE_WEIGHTS),
        table(["cell", *ABOUT_THE_WEIGHTS, "seeds: divergence", "seeds: top 3 shared"], [
            [cell, *(with_interval(own["weights"][name]) for name in ABOUT_THE_WEIGHTS),
             *(with_interval(own["seeds_agree"][name]) for name in ("divergence", "overlap"))]
            for cell, own in cells.items()]),
        "<h2>Kinds of words</h2>", picture["kinds"],
        table(["kind", "share of tokens, %", *cells], [
            [kind, f"{100 * found['tokens'].mean:.1f}",
             *(_points(own["kinds"][kind]["attention"], "") for own in cells.values())]
            for kind, found in next(iter(cells.values()))["kinds"].items()]),
        "<h2>The same sentences</h2>",
        '<p class="quiet">Attention received, mean over seeds, in per cent; one scale for all rows of a sentence. '
        "Below, the two cells furthest apart: blue +, the first named looks more; orange −, the other.</p>",
        *(_sentence(one) for one in summary["sentences"]),
    ]
    return page("Attention cells compared", "\n".join(parts), style=_STYLE, inline_styles=True)


def _meanings(names) -> str:
    said = "".join(f"<li><b>{name}</b>: {html.escape(_MEANING[name])}</li>" for name in names)
    return f'<details class="quiet" open><summary>What the columns say</summary><ul>{said}</ul></details>'


def _points(found: Figure, sign: str = "+") -> Html:
    mean, low, high = found.spell(2, factor=100, sign=sign)
    return Html(f"{mean} <small>[{low}, {high}]</small>")


def _sentence(shown: dict[str, Any]) -> str:
    """One row a cell, one colour scale, and the difference of the two cells furthest apart."""
    cells, e = shown["cells"], html.escape
    most = max(max(own["received"]) for own in cells.values()) or 1
    rows = []
    for cell, own in cells.items():
        best = int(np.argmax(own["probabilities"]))
        words = "".join(_word(token, 100 * w, w / most, "29 87 160")
                        for token, w in zip(shown["tokens"], own["received"]))
        verdict = f"{e(str(shown['labels'][best]))} {100 * own['probabilities'][best]:.1f}%"
        rows.append(f"<tr><td>{e(cell)}</td><td>{verdict}</td>{words}</tr>")
    names = list(cells)
    if len(names) > 1 and len(shown["tokens"]) > 1:
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        first, second = max(pairs, key=lambda p: float(jensen_shannon(cells[p[0]]["received"], cells[p[1]]["received"])))
        change = np.subtract(cells[second]["received"], cells[first]["received"])
        top = float(np.abs(change).max()) or 1.0
        words = "".join(_word(token, 100 * w, abs(w) / top, "29 87 160" if w > 0 else "200 105 10", sign=True)
                        for token, w in zip(shown["tokens"], change))
        rows.append(f"<tr><td>{e(second)} − {e(first)}</td><td>difference</td>{words}</tr>")
    caption = f"<caption>{e(shown['text'])}</caption>"
    return f'<div class="scroll"><table class="sentence">{caption}{"".join(rows)}</table></div>'


def _word(token: str, percent: float, share: float, colour: str, sign: bool = False) -> str:
    number = f"{round(percent):+d}" if sign and round(percent) else f"{round(percent)}"
    ink = "#fff" if share > 0.65 else "inherit"
    return (f'<td class="word" style="background:rgb({colour} / {share:.2f});color:{ink}">{html.escape(token)}'
            f"<small>{number}</small></td>")
