"""The report on a pronunciation model: one page that opens offline, and its figures as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import choose
from ..record import AttentionRecord
from ..views.report_files import page_and_figures, save_report
from ..views.report_page import (
    Html,
    escaped,
    list_of,
    note,
    page,
    picture,
    plain,
    shaded,
    table,
    with_interval,
)
from .report_names import head_name, rule_name
from .report_pictures import grid_of
from .report_questions import show_question
from .report_sentences import about_question, describe_grid, headline, in_brief
from .report_text import LANGUAGES, TEXT
from .study import LEVEL
from .summary import COMPARED

# Letters beside the heads must be readable, so a picture is never shown smaller. Its frame scrolls.
_STYLE = (".heads > figure { flex: 1 1 32rem; } .heads img { width: 100%; min-width: 32rem; max-width: 44rem; }\n"
          ".wide img { width: 100%; min-width: 44rem; max-width: 60rem; }\n")


def write_report(
    summary: dict[str, Any], examples: dict[str, dict[str, dict[int, AttentionRecord]]], out: str | os.PathLike[str], *,
    lang: str = "ko",
) -> dict[str, Path]:
    """Write the page (``.html``) and all its figures (``.json``, beside it).

    Parameters
    ----------
    summary, examples
        As for `to_page`.
    out : path
        Path of the page, or a folder for it.
    lang : {"ko", "en"}, default "ko"

    Raises
    ------
    DataError
        If a file cannot be written.
    OptionError
        If `lang` is neither "ko" nor "en".
    """
    choose("language", lang, LANGUAGES)
    out = Path(out)
    sentences = {"brief": in_brief(summary, lang),
                 **{rule: about_question(summary, rule, lang) for rule in summary["questions"]}}
    told = json.dumps({**plain(summary), "sentences": sentences}, ensure_ascii=False, indent=1)
    return save_report(page_and_figures(out, to_page(summary, examples, lang=lang), told), out)


def to_page(summary: dict[str, Any], examples: dict[str, dict[str, dict[int, AttentionRecord]]], *, lang: str = "ko") -> str:
    """The report as HTML.

    Parameters
    ----------
    summary : dict
        As `summary.summarise` returns it.
    examples : dict from word to kind to epoch to AttentionRecord
        Words whose heads are drawn.
    lang : {"ko", "en"}, default "ko"
    """
    text = TEXT[lang]
    lines = in_brief(summary, lang)
    parts = [f"<h1>{escaped(text['title'])}</h1>",
             f'<p class="answer">{escaped(headline(summary, lang))}</p>',
             f'<p class="quiet">{escaped(_about(summary, lang))}</p>',
             f"<h2>{escaped(text['summary'])}</h2>", list_of(lines), _contents(summary, lang)]
    parts += [f'<h2 id="grids">{escaped(text["grids"])}</h2>', note(text["grids_how"])]
    parts += [_grids(word, kinds, summary, lang) for word, kinds in examples.items()]
    parts += [f'<h2 id="heads">{escaped(text["heads"])}</h2>', note(text["agreement_how"]), _agreement(summary, lang),
              f"<h3>{escaped(text['shape'])}</h3>", note(text["shape_how"]), _shape(summary, lang),
              f'<h2 id="rules">{escaped(text["rules"])}</h2>', note(text["rules_how"]), *_rules(summary, lang),
              f'<h2 id="edits">{escaped(text["edits"])}</h2>', note(text["edits_how"]), _edits(summary, lang)]
    for rule in summary["questions"]:
        parts += show_question(summary, rule, lang)
    parts += [f'<h2 id="limits">{escaped(text["limits"])}</h2>', list_of(text["limits_lines"])]
    return page(text["title"], "\n".join(parts), lang=lang, style=_STYLE)


def _about(summary: dict[str, Any], lang: str) -> str:
    about = summary["about"]
    result: str = TEXT[lang]["about"].format(model=about.get("model", "–"), data=about.get("data", "–"),
                                             epochs=", ".join(map(str, summary["epochs"])), seed=about["seed"])
    return result


def _contents(summary: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]
    links = [(name, text[name]) for name in ("grids", "heads", "rules", "edits")]
    links += [(rule, text["questions"][rule]) for rule in summary["questions"]]
    links.append(("limits", text["limits"]))
    named = " · ".join(f'<a href="#{at}">{escaped(name)}</a>' for at, name in links)
    return f'<nav class="quiet" aria-label="{escaped(text["contents"])}">{named}</nav>'


def _grids(word: str, kinds: dict[str, dict[int, AttentionRecord]], summary: dict[str, Any], lang: str) -> str:
    """The grids of all kinds for one word, on one colour scale."""
    sounds = summary["about"]["examples"][word]
    highest = max(float(record.weights.max()) for records in kinds.values() for record in records.values())
    drawn = []
    for kind, records in kinds.items():
        name = f"{TEXT[lang]['kinds'][kind]}: {word} [{sounds}]"
        shown = picture(grid_of(word, records, lang, highest), describe_grid(name, records, lang))
        drawn.append(f'<figure><figcaption>{escaped(name)}</figcaption><div class="scroll" tabindex="0" role="group" '
                     f'aria-label="{escaped(name)}">{shown}</div></figure>')
    return f'<div class="side heads">{"".join(drawn)}</div>'


# ---- tables of heads


def _agreement(summary: dict[str, Any], lang: str) -> str:
    text, epochs = TEXT[lang], summary["epochs"]
    headings = [text["head"], text["verdict"], *(text["cause_at"].format(epoch=epoch) for epoch in epochs),
                text["still"], text["own"], *(text["beyond"][name] for name in COMPARED)]
    rows = []
    for head in summary["heads"]:
        by_epoch = [shaded(found.mean, with_interval(found, 2)) for found in head["cause_by_epoch"].values()]
        own = with_interval(head["own"], 2) if head["kind"] != "decoder" else "–"
        rows.append([head_name(head, lang), _verdict(head, lang), *by_epoch,
                     with_interval(head["still"], 2), own,
                     *(_against(head, name) for name in COMPARED)])
    baselines = []
    for kind, found in summary["kinds"].items():
        where = [with_interval(found["positional"], 2), _step(found["positional_step"])]
        baselines.append([TEXT[lang]["kinds"][kind], f"{found['words']:,}", f"{found['sites']:,}",
                          with_interval(found["chance"], 2), *(["–", "–"] if kind == "decoder" else where)])
    return table(headings, rows, label=text["heads"]) + table(text["baselines"], baselines, label=text["baselines"][0])


def _step(step: int) -> str:
    return f"{step:+d}".replace("-", "−") if step else "0"


def _against(head: dict[str, Any], name: str) -> str:
    """Above a baseline, below it, or neither; a decoder's cause always has the same place."""
    p = float("nan") if (head["kind"], name) == ("decoder", "positional") else head["p"][name]
    return "–" if p != p else "✓" if head["beyond"][name] else "↓" if p < LEVEL else "·"


def _verdict(head: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]["verdicts"]
    said = [text[name] for name, holds in (("strong", head["strong"]), ("leans", head["follows"] and not head["strong"]),
                                           ("diagonal", head["diagonal_head"]), ("sharpened", head["sharpened"])) if holds]
    return ", ".join(said) or "–"


def _shape(summary: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]
    spans = list(summary["heads"][0]["drift"])
    headings = [text["head"], *(text["entropy_at"].format(epoch=epoch) for epoch in summary["epochs"]), text["distance"],
                text["diagonal"], text["first"], text["last"], text["step"],
                *(text["drift"].format(span=span.replace("-", "→")) for span in spans)]
    rows = [[head_name(head, lang),
             *(shaded(1 - found.mean, with_interval(found, 2)) for found in head["entropy_by_epoch"].values()),
             *(with_interval(head[name], 2) for name in ("distance", "diagonal", "first", "last")),
             Html(f"{_step(head['step'])}: {with_interval(head['step_share'], 2)}"),
             *(with_interval(head["drift"][span], 3) for span in spans)] for head in summary["heads"]]
    return table(headings, rows, label=text["shape"])


def _rules(summary: dict[str, Any], lang: str) -> list[str]:
    text, drawn = TEXT[lang], []
    for kind in ("encoder", "cross"):
        heads = [head for head in summary["heads"] if head["kind"] == kind]
        rows = []
        for rule, found in summary["rules"].items():
            if kind not in found:
                continue
            of = found[kind]
            cells = []
            for head in heads:
                at = head["layer"], head["head"]
                number = f"{100 * of['cause'][at].mean:.0f}"
                more = of["more"][at].low > 0
                cells.append(shaded(of["cause"][at].mean, Html(f'<b class="more">{number}</b>') if more else number))
            rows.append([rule_name(rule, lang), of["words"], f"{100 * of['chance'].mean:.0f}", *cells])
        names = [f"{head['layer']}·{head['head']}" for head in heads]
        drawn.append(table([text["rule"], text["words"], text["chance"], *names], rows,
                           caption=text["rules_of"].format(kind=TEXT[lang]["kinds"][kind])))
    return drawn


def _edits(summary: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]
    rows = [[rule_name(rule, lang), found["words"],
             *(with_interval(found[name], 0, percent=True)
               for name in ("right", "cause_flips", "cause_as_ruled", "other_flips")),
             with_interval(found["cause_change"], 2), with_interval(found["other_change"], 2)]
            for rule, found in summary["edits"].items()]
    return table([text["rule"], text["words"], *text["edit_columns"]], rows, label=text["edits"])
