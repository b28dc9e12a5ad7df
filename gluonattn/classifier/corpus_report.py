"""The report on a corpus: the words that drive a model, as one offline page and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import choose
from ..views.answer import label_text
from ..views.josa import josa
from ..views.method_names import method_name
from ..views.report_files import page_and_figures, save_report
from ..views.report_page import Html, escaped, page, plain, shaded, table, with_interval
from .corpus import SENTENCES, Decision, Driver, drivers_of, groups_of, reliability
from .corpus_text import LANGUAGES, TEXT
from .top_words import Word

_STYLE = """
td, th { vertical-align: baseline; } th:nth-child(4) { text-align: left; }
td.sentences { text-align: left; white-space: normal; min-width: 18rem; }
td.sentences ul { margin: .3rem 0; padding-left: 1.1rem; } td.sentences li { max-width: 40rem; }
summary { cursor: pointer; color: var(--link); } summary:focus-visible { outline: 3px solid var(--link); }
"""


def summarise(decisions: Sequence[Decision], *, words: int = 20, min_count: int = 3) -> dict[str, Any]:
    """Compute what the report shows.

    Parameters
    ----------
    decisions : sequence of Decision
    words : int, default 20
        Maximum number of words in each group.
    min_count : int, default 3
        Number of a group's texts that must contain a word.
    """
    groups = groups_of(decisions)
    order = sorted(groups, key=lambda key: (key[1] is not None, str(key[0]), str(key[1])))
    return {"texts": len(decisions), "min_count": min_count, "reliability": reliability(decisions),
            "groups": [(key, len(groups[key]), drivers_of(groups[key], words, min_count)) for key in order]}


def write_report(summary: dict[str, Any], out: str | os.PathLike[str], *, name: str, method: str,
                 label_names: Mapping[str, str], lang: str = "ko") -> dict[str, Path]:
    """Write the page, and its figures as JSON beside it.

    Parameters
    ----------
    summary : dict
        As `summarise` returns it.
    out : path
        Path of the page. The figures have the same name with the ending ``.json``.
    name : str
        Name of the corpus.
    method : str
        The attribution method.
    label_names : mapping of str to str
        Display names of the labels.
    lang : {"ko", "en"}, default "ko"

    Returns
    -------
    dict of str to pathlib.Path
        The written files by their endings.

    Raises
    ------
    DataError
        If a file cannot be written.
    OptionError
        If the language is unknown.
    """
    choose("language", lang, LANGUAGES)
    out = Path(out)
    named = {label: label_text(label_names.get(label, label), lang) for (label, _), _, _ in summary["groups"]}
    named.update((truth, label_text(label_names.get(truth, truth), lang)) for (_, truth), _, _ in summary["groups"] if truth)
    page = to_page(summary, name=name, method=method, named=named, lang=lang)
    return save_report(page_and_figures(out, page, json.dumps(to_figures(summary), ensure_ascii=False, indent=1)), out)


def to_figures(summary: dict[str, Any]) -> dict[str, Any]:
    """The summary as JSON values."""
    known = summary["reliability"]
    result: dict[str, Any] = plain({
        "texts": summary["texts"],
        "accuracy": known and known[0], "calibration_error": known and known[1], "calibration": known and known[2],
        "groups": [{"predicted": predicted, "truth": truth, "texts": count, "words": [
                              {"word": one.word, "texts": one.texts, "score": one.score} for one in drivers]}
                              for (predicted, truth), count, drivers in summary["groups"]]})
    return result


def to_page(summary: dict[str, Any], *, name: str, method: str, named: Mapping[str, str], lang: str = "ko") -> str:
    """The summary as one HTML file without scripts. A click on a word unfolds its sentences.

    Parameters
    ----------
    summary : dict
        As `summarise` returns it.
    name, method : str
        Name of the corpus, and the attribution method.
    named : mapping of str to str
        Display name of each label.
    lang : {"ko", "en"}, default "ko"
    """
    text = TEXT[lang]
    title = text["title"].format(name=name)
    body = [f"<h1>{escaped(title)}</h1>",
            _said(text["counted"].format(texts=f"{summary['texts']:,}", **_ro("method", method_name(method, lang))))]
    for (label, truth), count, _ in summary["groups"]:
        if truth is None:
            body.append(_said(text["given"].format(**_ro("label", named[label]), count=f"{count:,}",
                                                   percent=f"{100 * count / summary['texts']:.1f}")))
    body += _reliability(summary["reliability"], text)
    body.append(f'<p class="quiet">{escaped(text["how"].format(examples=SENTENCES))}</p>')
    for (label, truth), count, drivers in summary["groups"]:
        kind = "class" if truth is None else "error"
        said = {**_ro("label", named[label]), "truth": named.get(truth, truth), "count": f"{count:,}"}
        body += [f"<h2>{escaped(text[kind].format(**said))}</h2>", _said(text[f"about_{kind}"].format(**said))]
        body.append(_words(drivers, text, named, text[kind].format(**said)) if drivers else
                    _said(text["none"].format(count=summary["min_count"])))
    return page(title, "\n".join(body), lang=lang, style=_STYLE)


def _ro(what: str, name: str) -> dict[str, str]:
    """A name, alone and with the Korean particle 로 or 으로."""
    return {what: name, f"{what}_ro": name + josa(name, "으로/로")}


def _said(sentence: str) -> str:
    return f"<p>{escaped(sentence)}</p>"


def _reliability(known: tuple[Any, ...] | None, text: Mapping[str, str]) -> list[str]:
    if known is None:
        return [_said(text["untold"])]
    accuracy, error, curve = known
    said = text["accuracy"].format(accuracy=with_interval(accuracy, 1, percent=True), error=f"{100 * error:.1f}",
                                   count=f"{sum(part['texts'] for part in curve):,}")
    rows = [[f"{100 * part['confidence']:.1f}%", f"{part['texts']:,}",
             shaded(part["accuracy"], f"{100 * part['accuracy']:.1f}")] for part in curve]
    return [f"<h2>{escaped(text['calibration'])}</h2>", f"<p>{said}</p>",
            table([text["confidence"], text["texts"], text["right"]], rows, label=text["calibration"])]


def _words(drivers: Sequence[Driver], text: Mapping[str, str], named: Mapping[str, str], label: str) -> str:
    most = max(one.score.mean for one in drivers)
    rows = [[one.word, f"{one.texts:,}", shaded(one.score.mean, with_interval(one.score), most=most),
             _sentences(one, text, named)] for one in drivers]
    return table([text["word"], text["texts"], text["score"], text["sentences"]], rows, label=label)


def _sentences(driver: Driver, text: Mapping[str, str], named: Mapping[str, str]) -> Html:
    items = []
    for one, word in driver.examples:
        about = [text["said"].format(**_ro("label", named.get(one.predicted, one.predicted)),
                                     percent=f"{100 * one.probability:.1f}")]
        if one.truth is not None and one.truth != one.predicted:
            about.append(text["truth"].format(truth=named.get(one.truth, one.truth)))
        about.append(text["plus"].format(score=f"{word.score:+.2f}".replace("-", "−")))
        items.append(f'<li>{_marked(one.text, word)} <span class="quiet">{escaped(" · ".join(about))}</span></li>')
    shown = escaped(text["show"].format(count=len(items)))
    return Html(f'<td class="sentences"><details><summary>{shown} <span class="quiet">{escaped(driver.word)}</span>'
                f'</summary><ul>{"".join(items)}</ul></details></td>')


def _marked(sentence: str, word: Word) -> str:
    """The sentence as HTML with the word marked."""
    before, own, behind = sentence[: word.start], sentence[word.start : word.end], sentence[word.end :]
    return f'{escaped(before)}<b class="more">{escaped(own)}</b>{escaped(behind)}'
