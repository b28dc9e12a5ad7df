"""The questions of the report on pronunciation: attention and intervention side by side, for one rule each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..views.report_page import Html, escaped, list_of, note, picture, shaded, table, with_interval
from .report_names import reading_names, role_name
from .report_pictures import side_by_side
from .report_sentences import about_question, describe_question
from .report_text import TEXT


def show_question(summary: dict[str, Any], rule: str, lang: str) -> list[str]:
    """Make the section of one question, as parts of HTML.

    Parameters
    ----------
    summary : dict
        As returned by `gluonattn.pronunciation.summary.summarise`.
    rule : str
        A key of ``summary["questions"]``.
    lang : {"ko", "en"}
    """
    asked, text, lines = summary["questions"][rule], TEXT[lang], about_question(summary, rule, lang)
    parts = [f'<h2 id="{rule}">{escaped(text["questions"][rule])}</h2>', list_of(lines)]
    if not asked["roles"]:
        return parts
    drawn = picture(side_by_side(asked, rule, lang), describe_question(asked, rule, lang))
    frame = f'<div class="scroll wide" tabindex="0" role="group" aria-label="{escaped(text["questions"][rule])}">'
    parts += [f"{frame}{drawn}</div>", _roles(asked, rule, lang),
              *_replacements(asked, rule, lang),
              f"<h3>{escaped(text['tables'])}</h3>", note(text["tables_how"]), _tables(asked, rule, lang),
              f"<h3>{escaped(text['tau'])}</h3>", note(text["tau_how"]), _taus(asked, lang),
              f"<h3>{escaped(text['shown'])}</h3>", note(text["shown_how"]),
              *(_word(one, asked, lang) for one in asked["shown"])]
    if asked["wrong"]:
        many = asked["wrong"][:30]
        parts.append(note(text["wrong"].format(count=len(asked["wrong"]), words=", ".join(many))
                            + ("" if len(many) == len(asked["wrong"]) else " …")))
    return parts


def _roles(asked: dict[str, Any], rule: str, lang: str) -> str:
    names, text = reading_names(asked, lang), TEXT[lang]
    rows = [[role_name(role, rule, lang), found["words"],
             *(with_interval(found["attention"][reading], 0, percent=True) for reading in names),
             f"{100 * found['even']:.0f}", with_interval(found["flips"], 0, percent=True), with_interval(found["change"], 2)]
            for role, found in asked["roles"].items()]
    return table([text["letter"], text["words"], *names.values(), text["even"], text["flips"], text["change"]], rows,
                 label=text["questions"][rule])


def _replacements(asked: dict[str, Any], rule: str, lang: str) -> list[str]:
    text, found = TEXT[lang], asked["replaced"]
    if not found:
        return []
    rows = [[text["words"], *(one["words"] for one in found.values())],
            [text["flips"], *(with_interval(one["flips"], 0, percent=True) for one in found.values())]]
    how = text["replaced_how"].format(letter=role_name("cause", rule, lang))
    return [f"<h3>{escaped(text['replaced'])}</h3>", note(how),
            table(["", *(jamo or "–" for jamo in found)], rows, label=text["replaced"])]


def _tables(asked: dict[str, Any], rule: str, lang: str) -> str:
    text, drawn = TEXT[lang], []
    for reading, name in reading_names(asked, lang).items():
        found = asked["tables"][reading]
        for unit in ("words", "letters"):
            looked = text[f"looked_{unit}"].format(letter=role_name("cause", rule, lang))
            rows = [[looked, *found[unit][0]], [text[f"not_looked_{unit}"], *found[unit][1]]]
            drawn.append(table(["", text["changes"], text["stays"]], rows, caption=f"{name} · {text[unit]}"))
    return f'<div class="side">{"".join(drawn)}</div>'


def _taus(asked: dict[str, Any], lang: str) -> str:
    rows = []
    for kind, found in asked["tau"].items():
        for layer in range(found.shape[0]):
            cells = [shaded(max(0.0, one.mean), with_interval(one, 2)) for one in found[layer]]
            rows.append([f"{TEXT[lang]['kinds'][kind]} {layer}", *cells])
    return table([TEXT[lang]["layer"], *range(next(iter(asked["tau"].values())).shape[1])], rows,
                 label=TEXT[lang]["tau"])


def _word(one: dict[str, Any], asked: dict[str, Any], lang: str) -> str:
    """One word letter by letter: attention of each reading, and the effect of replacing the letter."""
    text = TEXT[lang]

    def cells(values: Any, own_too: bool) -> Iterator[Any]:
        for i, value in enumerate(values):
            kind = "cause" if i in one["cause"] else "own" if i in one["own"] else ""
            missing = value != value or (i in one["own"] and not own_too)
            yield shaded(0.0 if missing else value, "–" if missing else f"{100 * value:.0f}", kind=kind)

    rows = [[name, *cells(one["attention"][reading], True)] for reading, name in reading_names(asked, lang).items()]
    rows.append([text["flips"], *cells(one["flips"], False)])
    return table([Html(f"{escaped(one['spelling'])} [{escaped(one['sounds'])}]"), *one["letters"]], rows, kind="letters",
                 label=f"{one['spelling']} [{one['sounds']}]", headings_lang="ko" if lang == "en" else "")
