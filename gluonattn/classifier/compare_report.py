"""A comparison as files: report.html with pictures, report.csv, report.json; and a table for the terminal."""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import choose
from ..files import Content
from ..metrics import jensen_shannon
from ..statistics import Figure
from ..views.method_names import method_name
from ..views.report_files import save_report
from ..views.report_page import SHADES, Html, image, page, plain, png, table, with_interval
from .compare import BETWEEN_MODELS
from .compare_pictures import pictures
from .compare_text import LANGUAGES, TEXT
from .compare_words import headline, in_words, kind_name
from .measure import ABOUT_A_METHOD, ABOUT_THE_WEIGHTS, ADDED

_STYLE = """
.sentence td { text-align: left; }
.sentence td.word { padding: .15rem .3rem; text-align: center; border: 1px solid var(--line); }
.sentence td.word small { display: block; font-size: .7rem; color: inherit; }
@media (width <= 640px) { .chart img { max-width: none; width: 38rem; } }
.sentence td.less { text-decoration: underline dashed; text-underline-offset: 3px; }
"""


def write_report(summary: dict[str, Any], out: str | os.PathLike[str], *, lang: str = "en") -> dict[str, Path]:
    """Write report.html, report.csv, report.json and the pictures into a folder.

    Parameters
    ----------
    summary : dict
        As `compare_summary.summarise` returns it.
    out : path
    lang : {"en", "ko"}, default "en"
        Language of the page, its pictures and the sentences in report.json.

    Returns
    -------
    dict of str to pathlib.Path
        Files by their endings, pictures by their names.

    Raises
    ------
    DataError
        If a file cannot be written.
    OptionError
        If `lang` is neither "en" nor "ko".
    """
    choose("language", lang, LANGUAGES)
    out = Path(out)
    images = {name: png(drawn) for name, drawn in pictures(summary, lang).items()}
    content = {
        "html": to_page(summary, images, lang=lang), "csv": to_csv(summary),
        "json": json.dumps({**plain(summary), "words": in_words(summary, lang)}, ensure_ascii=False, indent=1),
    }
    files: dict[str, tuple[Path, Content]] = {ending: (out / f"report.{ending}", data) for ending, data in content.items()}
    files.update({name: (out / f"report-{name}.png", data) for name, data in images.items()})
    return save_report(files, out)


def to_table(summary: dict[str, Any]) -> Any:
    """The main figures as a rich table, 80 columns wide."""
    from rich import box
    from rich.table import Table

    table = Table(title=f"{summary['data']}: {summary['test_reviews']:,} test reviews, {summary['seeds']} seed(s)",
                  box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0),
                  caption="looked, best, random: how well attention, the best method and chance find what decides\n"
                          "(normalised AOPC, 0 to 1); shuffled: change of the probability with shuffled weights")
    for i, name in enumerate(("cell", "accuracy", "ECE", "entropy", "looked", "best", "random", "shuffled")):
        table.add_column(name, justify="right" if i else "left", no_wrap=bool(i < 2))
    for cell, own in summary["cells"].items():
        mean, low, high = own["accuracy"].spell(2, factor=100)
        aopc = {name: found["normalised_aopc"].mean for name, found in own["methods"].items()}
        weights = own["weights"]
        table.add_row(cell, f"{mean} ({low}-{high})", f"{own['ece']:.3f}", f"{weights['entropy'].mean:.2f}",
                      f"{aopc['attention']:.3f}", f"{max(aopc.values()):.3f}", f"{aopc['random']:.3f}",
                      f"{weights['permutation'].mean:.3f}")
    return table


def _row(cell: str, own: dict[str, Any], lang: str) -> list[str]:
    text = TEXT[lang]
    figures = {name: found["normalised_aopc"] for name, found in own["methods"].items()}
    best = max((name for name in figures if name != "random"), key=lambda name: figures[name].mean)
    mean, low, high = own["accuracy"].spell(4)
    weights = own["weights"]
    return [cell, f"{mean} [{low}, {high}]", f"{own['ece']:.3f}", f"{own['parameters']:,}",
            f"{own['seconds']:.0f}", f"{weights['entropy'].mean:.2f}", _mean(figures["attention"]),
            f"{_mean(figures[best])} {method_name(best, lang, short=True)}", _mean(figures["random"]),
            f"{weights['permutation'].mean:.3f}",
            text["of"].format(part=f"{weights['adversarial'].mean:.2f}", whole=f"{weights['adversarial_bound'].mean:.2f}")]


def _mean(found: Figure) -> str:
    return found.spell(3)[0].replace("-", "−")


def _with_minus(line: str) -> str:
    """Replace the hyphens before negative numbers by minus signs."""
    return re.sub(r"(?<![\w.])-(?=\d)", "−", line)


def to_csv(summary: dict[str, Any]) -> str:
    """Every figure as a line: cell (or two), figure, mean, low, high."""
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


def _flat(own: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and numbers of nested figures. Lists (by seed, curves) are in report.json only."""
    for name, value in own.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, (Figure, int, float)):
            yield before + name, value


# ---- the page


def to_page(summary: dict[str, Any], images: dict[str, bytes], *, lang: str = "en") -> str:
    """The report as one HTML file that works offline and without scripts.

    Parameters
    ----------
    summary : dict
        As `compare_summary.summarise` returns it.
    images : dict of str to bytes
        PNG files by the names of `compare_pictures.pictures`.
    lang : {"en", "ko"}, default "en"
    """
    text, e = TEXT[lang], html.escape
    parts = [f"<h1>{e(text['title'])}</h1>", f'<p class="answer">{e(headline(summary, lang))}</p>',
             f"<h2>{e(text['sentences_first'])}</h2>", *(
                 f"<p>{e(_with_minus(line))}</p>" for line in in_words(summary, lang)),
             f"<h2>{e(text['overview'])}</h2>",
             table(text["headings"], [_row(cell, own, lang) for cell, own in summary["cells"].items()],
                   label=text["overview"]),
             *_accuracy(summary, images, text), *_faithfulness(summary, images, lang), *_weights(summary, text),
             *_kinds(summary, images, text, lang), f"<h2>{e(text['same_sentences'])}</h2>",
             f'<p class="quiet">{e(text["same_how"])}</p>', *(_sentence(one, text) for one in summary["sentences"])]
    return page(text["title"], "\n".join(parts), lang=lang, style=_STYLE)


def _accuracy(summary: dict[str, Any], images: dict[str, bytes], text: dict[str, Any]) -> list[str]:
    cells, e = summary["cells"], html.escape
    means = {cell: own["accuracy"].mean for cell, own in cells.items()}
    best, worst = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
    errors = [own["ece"] for own in cells.values()]
    new = text["new"].format(count=summary["new_test_reviews"])
    alt = text["alts"]["accuracy"].format(best=best, worst=worst, low=f"{100 * means[worst]:.2f}",
                                          high=f"{100 * means[best]:.2f}")
    parts = [f"<h2>{e(text['accuracy_heading'])}</h2>", _chart(images["accuracy"], alt, text["accuracy_heading"]),
             table([column.format(new=new) for column in text["accuracy_columns"]],
                   [[cell, with_interval(own["accuracy"], 4), with_interval(own["accuracy_new"], 4), f"{own['ece']:.4f}",
                     f"{own['parameters']:,}", f"{own['seconds']:.0f}"] for cell, own in cells.items()],
                   label=text["accuracy_heading"])]
    if summary["pairs"]:
        rows = [[" − ".join(reversed(pair["cells"])), _points(pair["difference"]), f"{pair['p']:.3g}",
                 f"{pair['p_holm']:.3g}",
                 text["yes"] if pair["beyond_chance"] else text["no"], with_interval(pair["agree"]["divergence"]),
                 with_interval(pair["agree"]["overlap"])] for pair in summary["pairs"]]
        parts += [f"<h3>{e(text['pairs_heading'])}</h3>", f'<p class="quiet">{e(text["pairs_how"])}</p>',
                  table(text["pairs_columns"], rows, label=text["pairs_heading"])]
    alt = text["alts"]["reliability"].format(low=f"{min(errors):.3f}", high=f"{max(errors):.3f}")
    return [*parts, f"<h2>{e(text['calibration'])}</h2>", _chart(images["reliability"], alt, text["calibration"])]


def _faithfulness(summary: dict[str, Any], images: dict[str, bytes], lang: str) -> list[str]:
    text, columns = TEXT[lang], (*BETWEEN_MODELS, *ABOUT_A_METHOD)
    parts = [f"<h2>{html.escape(text['faithfulness'])}</h2>", _chart(
        images["faithfulness"], text["alts"]["faithfulness"], text["faithfulness"]),
             _meanings(columns, text)]
    for cell, own in summary["cells"].items():
        rows = [[method_name(method, lang), *(with_interval(found[name]) for name in columns),
                 with_interval(own["attention_less"][method], sign="+") if method in own["attention_less"] else "–"]
                for method, found in own["methods"].items()]
        parts += [f"<h3>{html.escape(cell)}</h3>",
                  table([text["method"], *columns, text["less"]], rows, label=f"{text['faithfulness']}: {cell}")]
    return parts


def _weights(summary: dict[str, Any], text: dict[str, Any]) -> list[str]:
    rows = [[cell, *(with_interval(own["weights"][name]) for name in ABOUT_THE_WEIGHTS),
             *(with_interval(own["seeds_agree"][name]) for name in ("divergence", "overlap"))]
            for cell, own in summary["cells"].items()]
    return [f"<h2>{html.escape(text['weights'])}</h2>", _meanings(ABOUT_THE_WEIGHTS, text),
            table([text["cell_column"], *ABOUT_THE_WEIGHTS, *text["seeds_columns"]], rows, label=text["weights"])]


def _kinds(summary: dict[str, Any], images: dict[str, bytes], text: dict[str, Any], lang: str) -> list[str]:
    cells = summary["cells"]
    rows = [[kind_name(kind, lang), f"{100 * found['tokens'].mean:.1f}",
             *(_points(own["kinds"][kind]["attention"], "") for own in cells.values())]
            for kind, found in next(iter(cells.values()))["kinds"].items()]
    return [f"<h2>{html.escape(text['kinds'])}</h2>", _chart(images["kinds"], text["alts"]["kinds"], text["kinds"]),
            table([text["kind"], text["token_share"], *cells], rows, label=text["kinds"])]


def _chart(content: bytes, alt: str, label: str) -> str:
    """A picture at a readable size, which scrolls horizontally on a narrow screen."""
    return (f'<div class="scroll chart" tabindex="0" role="group" aria-label="{html.escape(label)}">'
            f"{image(content, alt)}</div>")


def _meanings(names: Iterable[str], text: dict[str, Any]) -> str:
    known = {**{found.name: found.meaning for found in ADDED}, **text["meaning"]}
    said = "".join(f"<li><b>{name}</b>: {html.escape(known[name])}</li>" for name in names)
    return (f'<details class="quiet" open><summary>{html.escape(text["what_columns_say"])}</summary><ul>{said}</ul>'
            "</details>")


def _points(found: Figure, sign: str = "+") -> Html:
    mean, low, high = found.spell(2, factor=100, sign=sign)
    return Html(f"{mean} <small>[{low}, {high}]</small>".replace("-", "−"))


def _sentence(shown: dict[str, Any], text: dict[str, Any]) -> str:
    """One row for each cell on a common colour scale, and the difference of the two cells that differ most."""
    cells = shown["cells"]
    most = max(max(own["received"]) for own in cells.values()) or 1
    rows = []
    for cell, own in cells.items():
        best = int(np.argmax(own["probabilities"]))
        words = [_word(token, 100 * w, w / most) for token, w in zip(shown["tokens"], own["received"])]
        rows.append([cell, f"{shown['labels'][best]} {100 * own['probabilities'][best]:.1f}%", *words])
    names = list(cells)
    if len(names) > 1 and len(shown["tokens"]) > 1:
        pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
        first, second = max(pairs, key=lambda p: float(jensen_shannon(cells[p[0]]["received"], cells[p[1]]["received"])))
        change = np.subtract(cells[second]["received"], cells[first]["received"])
        top = float(np.abs(change).max()) or 1.0
        words = [_word(token, 100 * w, abs(w) / top, sign=True) for token, w in zip(shown["tokens"], change)]
        rows.append([f"{second} − {first}", text["difference"], *words])
    return table([], rows, caption=shown["text"], kind="sentence")


def _word(token: str, percent: float, share: float, sign: bool = False) -> Html:
    """A word's table cell, shaded by its share, with the figure below. A negative one is orange with a dashed underline."""
    number = f"{round(percent):+d}".replace("-", "−") if sign and round(percent) else f"{round(percent)}"
    less = sign and percent < 0
    level = round(SHADES * min(1.0, share))
    return Html(f'<td class="word {"o" if less else "s"}{level}{" less" if less and level else ""}">{html.escape(token)}'
                f"<small>{number}</small></td>")
