"""The report on a translation model: one page that opens offline, and its figures as JSON."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import choose
from ..statistics import Figure
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
from . import report_pictures
from .heads import EVEN, FIGURES, SHARES, specialise
from .report_en import ENGLISH
from .report_ko import KOREAN
from .translator import KINDS

TEXT = {"ko": KOREAN, "en": ENGLISH}
LANGUAGES = dict.fromkeys(TEXT)
_STYLE = (".heads > figure { flex: 1 1 32rem; } .heads img { width: 100%; min-width: 32rem; max-width: 44rem; }\n"
          ".wide img { width: 100%; min-width: 40rem; max-width: 60rem; }\n"
          ".said td, .said th { white-space: normal; text-align: left; min-width: 10rem; }\n")


def write_report(study: dict[str, Any], out: str | os.PathLike[str], *, lang: str = "ko") -> dict[str, Path]:
    """Write the page (``.html``) and all its figures (``.json``, beside it).

    Parameters
    ----------
    study : dict
        As `study_of` returns it.
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
    figures = {name: value for name, value in study.items() if name != "records"}
    told = json.dumps({**plain(figures), "sentences": in_brief(study, lang)}, ensure_ascii=False, indent=1)
    return save_report(page_and_figures(out, to_page(study, lang=lang), told), out)


def to_page(study: dict[str, Any], *, lang: str = "ko") -> str:
    """The report as HTML.

    Parameters
    ----------
    study : dict
        As `study_of` returns it.
    lang : {"ko", "en"}, default "ko"
    """
    text, about = TEXT[lang], study["about"]
    intro = text["about"].format(**{**about, "epochs": ", ".join(map(str, study["epochs"]))})
    parts = [f"<h1>{escaped(text['title'])}</h1>", f'<p class="answer">{escaped(headline(study, lang))}</p>',
             f'<p class="quiet">{escaped(intro + ("" if about["positions"] else " " + text["no_positions"]))}</p>',
             _section("summary", text), list_of(in_brief(study, lang)), _contents(text),
             _section("curves", text), _curves(study, lang), _scores(study, lang),
             _section("translations", text), note(text["translations_how"]), _translations(study, lang),
             _section("grids", text), note(Html(text["grids_how"])),
             *(_grids(sentence, kinds, lang) for sentence, kinds in study["records"].items()),
             _section("heads", text), note(text["heads_how"]), *(_heads(study, kind, lang) for kind in KINDS),
             _section("through", text), note(text["through_how"]), _through(study, lang),
             _section("layers", text), note(text["layers_how"]), _layers(study, lang),
             _section("alignment", text), *_alignment(study, lang),
             _section("ablation", text), note(text["ablation_how"]), _ablation(study, lang),
             _section("limits", text), list_of(text["limits_lines"])]
    return page(text["title"], "\n".join(parts), lang=lang, style=_STYLE)


# ---- sentences


def headline(study: dict[str, Any], lang: str) -> str:
    """The headline of the page.

    Parameters
    ----------
    study : dict
    lang : {"ko", "en"}
    """
    text, last = TEXT[lang], max(study["epochs"])
    values = {"epoch": last, **{name: _short(study["scores"][last][name], 1) for name in ("bleu", "chrf")}}
    needed = _needed(study)
    if not needed:
        result: str = text["answer_none"].format(**values)
        return result
    kind, layer, head = needed[0]
    result = text["answer"].format(**values, kind=text["kinds"][kind], head=f"{layer}·{head}",
                                   loss=_short(study["ablation"][kind]["bleu"][layer, head], 1))
    return result


def in_brief(study: dict[str, Any], lang: str) -> list[str]:
    """The page's summary: scores, specialised heads and important heads.

    Parameters
    ----------
    study : dict
    lang : {"ko", "en"}
    """
    text = TEXT[lang]
    said, first, last = text["said"], min(study["epochs"]), max(study["epochs"])
    heads = [(kind, layer, head) for kind in KINDS
             for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"])]
    lines = [said["scores"].format(first=first, last=last, before=_short(study["scores"][first]["bleu"], 1),
                                   after=_short(study["scores"][last]["bleu"], 1))]
    roles = Counter(names[0] for names in (_roles(study, *one) for one in heads) if names and names[0] != EVEN)
    named = ", ".join(f"{text['names'][name]} {count}" for name, count in roles.most_common())
    lines.append(said["specialised"].format(count=sum(roles.values()), all=len(heads), names=named) if roles
                 else said["none"].format(all=len(heads)))
    signs = Counter(study["change"][kind]["entropy"][layer, head].sign for kind, layer, head in heads)
    lines.append(said["sharper"].format(count=signs[-1], wider=signs[1], all=len(heads)))
    needed = _needed(study)
    if needed:
        losses = {one: study["ablation"][one[0]]["bleu"][one[1], one[2]].mean for one in needed[:3]}
        names = ", ".join(f"{text['kinds'][kind]} {layer}·{head} ({loss:+.1f})".replace("-", "−")
                          for (kind, layer, head), loss in losses.items())
        lines.append(said["needed"].format(count=len(needed), all=len(heads), names=names))
    if study["alignment"]:
        errors = study["alignment"][last]
        at = min(np.ndindex(errors.shape), key=lambda one: errors[one].mean)
        lines.append(said["aligned"].format(head=f"{at[0]}·{at[1]}", error=_short(errors[at], 2),
                                            before=_short(study["alignment"][first][at], 2)))
    return lines


def _roles(study: dict[str, Any], kind: str, layer: int, head: int) -> list[str]:
    return specialise(study["figures"][max(study["epochs"])][kind], study["change"][kind], layer, head)


def _needed(study: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Heads without which BLEU falls significantly, the most important first."""
    found = [(kind, layer, head) for kind in KINDS
             for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"])
             if study["ablation"][kind]["bleu"][layer, head].sign < 0]
    return sorted(found, key=lambda one: study["ablation"][one[0]]["bleu"][one[1], one[2]].mean)


def _short(found: Figure, digits: int) -> str:
    mean, low, high = found.spell(digits)
    return f"{mean} [{low}, {high}]".replace("-", "−")


# ---- parts of the page


def _section(name: str, text: dict[str, Any]) -> str:
    return f'<h2 id="{name}">{escaped(text[name])}</h2>'


def _contents(text: dict[str, Any]) -> str:
    names = ("curves", "translations", "grids", "heads", "through", "layers", "alignment", "ablation", "limits")
    links = " · ".join(f'<a href="#{name}">{escaped(text[name])}</a>' for name in names)
    return f'<nav class="quiet" aria-label="{escaped(text["contents"])}">{links}</nav>'


def _epoch(epoch: int, text: dict[str, Any]) -> str:
    result: str = text["epoch_name"].format(epoch) if epoch else text["untrained"]
    return result


def _curves(study: dict[str, Any], lang: str) -> str:
    text, history = TEXT[lang], study["history"]
    best = max(history, key=lambda epoch: epoch.get("valid_bleu", 0))
    alt = text["curves_alt"].format(first=history[0]["train_loss"], last=history[-1]["train_loss"],
                                    bleu=best.get("valid_bleu", 0), epoch=best["epoch"])
    drawn = picture(report_pictures.curves(history, study["losses"], text["axes"]), alt)
    return f'<div class="scroll wide" tabindex="0" role="group" aria-label="{escaped(text["curves"])}">{drawn}</div>'


def _scores(study: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]
    rows = [[_epoch(epoch, text), with_interval(found["bleu"], 1), with_interval(found["chrf"], 1)]
            for epoch, found in study["scores"].items()]
    return table([text["epoch"], "BLEU", "chrF"], rows, label=text["scores"])


def _translations(study: dict[str, Any], lang: str) -> str:
    text = TEXT[lang]
    drawn = []
    for sentence, by_epoch in study["examples"].items():
        rows = [[_epoch(epoch, text), said or "–"] for epoch, said in by_epoch.items()]
        drawn.append(table([], rows, caption=f"{text['source']}: {sentence}", kind="said"))
    return "\n".join(drawn)


def _grids(sentence: str, kinds: dict[str, dict[int, Any]], lang: str) -> str:
    """The grids of all kinds for one sentence, on one colour scale."""
    text = TEXT[lang]
    highest = max(float(record.weights.max()) for records in kinds.values() for record in records.values())
    drawn = []
    for kind, records in kinds.items():
        name = f"{text['kinds'][kind]}: {sentence}"
        shown = picture(report_pictures.grid(records, text, highest), _describe(name, records, text))
        drawn.append(f'<figure><figcaption>{escaped(name)}</figcaption><div class="scroll" tabindex="0" role="group" '
                     f'aria-label="{escaped(name)}">{shown}</div></figure>')
    return f'<div class="side heads">{"".join(drawn)}</div>'


def _describe(name: str, records: dict[int, Any], text: dict[str, Any]) -> str:
    record = records[max(records)]
    layer, head, query, key = np.unravel_index(int(record.weights.argmax()), record.weights.shape)
    return str(text["grid_alt"].format(
        name=name, layers=record.weights.shape[0], heads=record.weights.shape[1], epochs=", ".join(map(str, records)),
        layer=layer, head=head, query=record.queries[query].text, key=record.keys[key].text,
        share=round(100 * float(record.weights.max()))))


def _heads(study: dict[str, Any], kind: str, lang: str) -> str:
    text, figures, change = TEXT[lang], study["figures"][max(study["epochs"])][kind], study["change"][kind]
    rows = []
    for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"]):
        cells = []
        for name in FIGURES:
            found, sign = figures[name][layer, head], change[name][layer, head].sign
            arrow = {1: " ▲", -1: " ▼"}.get(sign, "")
            said = Html(with_interval(found, 0 if name in SHARES else 2, percent=name in SHARES) + arrow)
            cells.append(shaded(found.mean, said) if name in SHARES else said)
        roles = ", ".join(text["names"][name] for name in _roles(study, kind, layer, head)) or "–"
        rows.append([f"{layer}·{head}", roles, *cells])
    headings = [text["head"], text["specialised"],
                *(f"{text['columns'][name]}{' (%)' if name in SHARES else ''}" for name in FIGURES)]
    return table(headings, rows, caption=text["kinds"][kind])


def _through(study: dict[str, Any], lang: str) -> str:
    text, rows = TEXT[lang], []
    for kind in KINDS:
        for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"]):
            by_epoch = [of[kind]["entropy"][layer, head] for of in study["figures"].values()]
            rows.append([f"{text['kinds'][kind]} {layer}·{head}",
                         *(shaded(1 - found.mean, with_interval(found, 2)) for found in by_epoch)])
    return table([text["head"], *(_epoch(epoch, text) for epoch in study["epochs"])], rows, label=text["through"])


def _layers(study: dict[str, Any], lang: str) -> str:
    text, first, last = TEXT[lang], min(study["epochs"]), max(study["epochs"])
    rows = [[f"{text['kinds'][kind]} {layer}", _epoch(epoch, text),
             *(with_interval(study["layers"][epoch][kind][name][layer], 0 if name in SHARES else 2, percent=name in SHARES)
               for name in FIGURES)]
            for kind in KINDS for layer in range(study["about"]["layers"]) for epoch in (first, last)]
    headings = [text["layer"], text["epoch"],
                *(f"{text['columns'][name]}{' (%)' if name in SHARES else ''}" for name in FIGURES)]
    return table(headings, rows, label=text["layers"])


def _alignment(study: dict[str, Any], lang: str) -> list[str]:
    text = TEXT[lang]
    if not study["alignment"]:
        return [note(text["alignment_none"].format(reason=study["about"]["alignment"]))]
    rows = []
    for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"]):
        by_epoch = [errors[layer, head] for errors in study["alignment"].values()]
        better = study["better_aligned"][layer, head]
        rows.append([f"{layer}·{head}", *(shaded(1 - found.mean, with_interval(found, 2)) for found in by_epoch),
                     Html(f"<b>{with_interval(better, 2)}</b>") if better.sign > 0 else with_interval(better, 2)])
    headings = [text["head"], *(_epoch(epoch, text) for epoch in study["epochs"]), text["better"]]
    return [note(text["alignment_how"]), table(headings, rows, label=text["alignment"])]


def _ablation(study: dict[str, Any], lang: str) -> str:
    text, rows = TEXT[lang], []
    for kind in KINDS:
        for layer, head in np.ndindex(study["about"]["layers"], study["about"]["heads"]):
            cells = []
            for name in ("bleu", "chrf"):
                found = study["ablation"][kind][name][layer, head]
                said = with_interval(found, 1, sign="+")
                cells.append(Html(f"<b>{said}</b>") if found.sign else said)
            roles = ", ".join(text["names"][name] for name in _roles(study, kind, layer, head)) or "–"
            rows.append([f"{text['kinds'][kind]} {layer}·{head}", *cells, roles])
    headings = [text["without"], text["change_of"].format("BLEU"), text["change_of"].format("chrF"), text["specialised"]]
    return table(headings, rows, label=text["ablation"])
