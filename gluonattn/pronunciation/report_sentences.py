"""The sentences of the report on pronunciation, with their figures. `report_text` has the wording."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..record import AttentionRecord
from .report_names import head_name, percent, reading_names, role_name, rule_name, say, short
from .report_text import TEXT
from .study import PLAIN, SINO

_MOST_NAMED = 5


def in_brief(summary: dict[str, Any], lang: str) -> list[str]:
    """The summary at the top of the page: `about_heads`, and a sentence on each question.

    Parameters
    ----------
    summary : dict
        As returned by `gluonattn.pronunciation.summary.summarise`.
    lang : {"ko", "en"}
    """
    lines = about_heads(summary, lang)
    for rule, asked in summary["questions"].items():
        if asked["roles"]:
            roles, cause = asked["roles"], asked["roles"]["cause"]
            others = {role: found["flips"] for role, found in roles.items() if role not in ("cause", "own")}
            most = max(others, key=lambda role: others[role].mean)
            lines.append(say(lang, "brief", rule=rule_name(rule, lang), cause=role_name("cause", rule, lang),
                              head=reading_names(asked, lang)["encoder chosen"], flips=percent(cause["flips"]),
                              encoder=percent(cause["attention"]["encoder chosen"]),
                              cross=percent(cause["attention"]["cross mean"]), right=percent(asked["right"]),
                              other=role_name(most, rule, lang), most=percent(others[most])))
    return lines


def describe_grid(name: str, records: dict[int, AttentionRecord], lang: str) -> str:
    """Text for readers who cannot see a grid of heads: its strongest link at the last epoch.

    Parameters
    ----------
    name : str
        Name of the grid's content.
    records : dict of int to AttentionRecord
        Records by epoch.
    lang : {"ko", "en"}
    """
    record = records[max(records)]
    layer, head, query, key = np.unravel_index(int(record.weights.argmax()), record.weights.shape)
    result: str = TEXT[lang]["grid_alt"].format(
        name=name, layers=record.weights.shape[0], heads=record.weights.shape[1],
        epochs=", ".join(map(str, sorted(records))),
        layer=layer, head=head, query=record.queries[query].text, key=record.keys[key].text,
        share=f"{100 * float(record.weights.max()):.0f}")
    return result


def describe_question(asked: dict[str, Any], rule: str, lang: str) -> str:
    """Text for the picture of a question: the letter with most attention, and the one whose replacement decides most.

    Parameters
    ----------
    asked : dict
        One question of the summary.
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    roles = asked["roles"]
    reading = next(iter(asked["readings"]))
    looked = max(roles, key=lambda role: roles[role]["attention"][reading].mean)
    decides = max((role for role in roles if role != "own"), key=lambda role: roles[role]["flips"].mean)
    result: str = TEXT[lang]["question_alt"].format(
        question=TEXT[lang]["questions"][rule], looked=role_name(looked, rule, lang),
        head=reading_names(asked, lang)[reading],
        share=f"{100 * roles[looked]['attention'][reading].mean:.0f}", decides=role_name(decides, rule, lang),
        flips=f"{100 * roles[decides]['flips'].mean:.0f}")
    return result


def headline(summary: dict[str, Any], lang: str) -> str:
    """The headline: how many heads follow the cause, and how often replacing it changes the decision.

    Parameters
    ----------
    summary : dict
        As returned by `gluonattn.pronunciation.summary.summarise`.
    lang : {"ko", "en"}
    """
    heads = summary["heads"]
    following = sum(head["strong"] for head in heads)
    said: str = TEXT[lang]["first_heads" if following else "first_no_heads"].format(count=following, all=len(heads))
    for rule, asked in summary["questions"].items():
        if asked["roles"] and rule != PLAIN:  # where no rule acts, no letter is the cause
            flips = f"{100 * asked['roles']['cause']['flips'].mean:.0f}"
            said += TEXT[lang]["first_flips"].format(flips=flips, rule=rule_name(rule, lang))
            break
    return said


# ---- heads


def about_heads(summary: dict[str, Any], lang: str) -> list[str]:
    """Which heads are diagonal, which follow the cause, which changed in training.

    Parameters
    ----------
    summary : dict
        As returned by `gluonattn.pronunciation.summary.summarise`.
    lang : {"ko", "en"}
    """
    about = summary["about"]
    words = say(lang, "words", test=about["test_words"], caused=about["caused_words"], read=summary["words"],
                 sites=summary["kinds"]["cross"]["sites"])
    return [words, _diagonal(summary, lang), _following(summary, lang), _positional(summary, lang),
            _sharpened(summary, lang), _drift(summary, lang)]


def _diagonal(summary: dict[str, Any], lang: str) -> str:
    found = sorted((h for h in summary["heads"] if h["diagonal_head"]), key=lambda h: -h["diagonal"].mean)
    most = max(summary["heads"], key=lambda h: h["diagonal"].mean)

    def figures(head: dict[str, Any]) -> str:
        return short(head["diagonal"])

    if not found:
        return say(lang, "no_diagonal", named=_list_heads([most], figures, lang))
    return say(lang, "diagonal", count=len(found), named=_list_heads(found, figures, lang))


def _following(summary: dict[str, Any], lang: str) -> str:
    every = [h for h in summary["heads"] if h["follows"]]
    strong = sorted((h for h in every if h["strong"]), key=lambda h: h["still"].mean - h["cause"].mean)

    def figures(head: dict[str, Any]) -> str:
        return say(lang, "follows", cause=short(head["cause"]), still=short(head["still"]),
                    untrained=head["untrained"].mean, chance=summary["kinds"][head["kind"]]["chance"].mean)

    first = (say(lang, "following", count=len(strong), named=_list_heads(strong, figures, lang)) if strong
             else say(lang, "no_following"))
    weak = len(every) - len(strong)
    return first + (say(lang, "weak", count=weak) if weak else "")


def _positional(summary: dict[str, Any], lang: str) -> str:
    said = []
    for kind in ("encoder", "cross"):
        own = summary["kinds"][kind]
        better = sum(h["kind"] == kind and h["beyond"]["positional"] for h in summary["heads"])
        said.append(say(lang, "positional_kind", kind=TEXT[lang]["kinds"][kind], rate=short(own["positional"]),
                         step=f"{own['positional_step']:+d}".replace("-", "−"), count=better))
    return say(lang, "positional", kinds="; ".join(said))


def _sharpened(summary: dict[str, Any], lang: str) -> str:
    sharp = sorted((h for h in summary["heads"] if h["sharpened"]), key=lambda h: -h["entropy_fell"].mean)
    first = summary["epochs"][0]

    def figures(head: dict[str, Any]) -> str:
        return f"{head['entropy_by_epoch'][first].mean:.2f} → {head['entropy'].mean:.2f}"

    named = _list_heads(sharp, figures, lang) or "–"
    return say(lang, "sharpened", all=len(summary["heads"]), count=len(sharp), named=named)


def _drift(summary: dict[str, Any], lang: str) -> str:
    heads = summary["heads"]
    means = {span: sum(head["drift"][span].mean for head in heads) / len(heads) for span in heads[0]["drift"]}
    spans = ", ".join(f"{span.replace('-', ' → ')}: {mean:.3f}" for span, mean in means.items())
    return say(lang, "drift", spans=spans) if means else ""


# ---- questions


def about_question(summary: dict[str, Any], rule: str, lang: str) -> list[str]:
    """The findings of attention and intervention for one rule, and whether they agree.

    Parameters
    ----------
    summary : dict
        As returned by `gluonattn.pronunciation.summary.summarise`.
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    asked = summary["questions"][rule]
    if not asked["roles"]:
        return [say(lang, "too_few")]
    first = say(lang, "asked_plain" if rule == PLAIN else "asked_tense", words=asked["words"], kept=asked["kept"],
                 right=percent(asked["right"]))
    lines = [first, _say_where(asked, rule, lang), _say_what(asked, rule, lang), _say_agreement(asked, lang)]
    if rule in (SINO, PLAIN) and len(asked["labial"]) == 2:
        lines.append(_labials(asked, lang))
    return lines


def _say_where(asked: dict[str, Any], rule: str, lang: str) -> str:
    said = []
    for reading, name in reading_names(asked, lang).items():
        of = {role: found["attention"][reading] for role, found in asked["roles"].items()}
        top = max(of, key=lambda role: of[role].mean)
        table = asked["tables"][reading]["words"]
        said.append(say(lang, "where_one", head=name, cause=role_name("cause", rule, lang), share=percent(of["cause"]),
                         top=role_name(top, rule, lang), most=percent(of[top]), all=sum(map(sum, table)), hit=sum(table[0])))
    return say(lang, "where", readings="; ".join(said))


def _say_what(asked: dict[str, Any], rule: str, lang: str) -> str:
    roles = {role: found["flips"] for role, found in asked["roles"].items() if found["flips"].mean == found["flips"].mean}
    others = sorted((role for role in roles if role != "cause"), key=lambda role: -roles[role].mean)[:3]
    listed = ", ".join(f"{role_name(role, rule, lang)} {percent(roles[role])}" for role in others)
    return say(lang, "what", cause=role_name("cause", rule, lang), flips=percent(roles["cause"]), others=listed)


def _say_agreement(asked: dict[str, Any], lang: str) -> str:
    said = []
    for reading, name in reading_names(asked, lang).items():
        strongest, others, paired = (asked["tables"][reading][key]
                                     for key in ("strongest_flips", "others_flip", "difference"))
        verdict = {0: "unclear", 1: "agrees", -1: "differs"}[paired.sign]
        said.append(say(lang, "agree_one", head=name, strongest=percent(strongest), others=percent(others),
                         verdict=say(lang, verdict)))
    return say(lang, "agree", readings="; ".join(said))


def _labials(asked: dict[str, Any], lang: str) -> str:
    """The vowel before the ㄹ, after a labial and after other consonants."""
    said = [say(lang, name, words=found["words"], attention=percent(found["attention"]["encoder chosen"]),
                 flips=percent(found["flips"])) for name, found in asked["labial"].items()]
    return say(lang, "labials", groups="; ".join(said))


def _list_heads(heads: Sequence[dict[str, Any]], figures: Callable[[dict[str, Any]], str], lang: str) -> str:
    said = "; ".join(f"{head_name(head, lang)} ({figures(head)})" for head in heads[:_MOST_NAMED])
    more = len(heads) - _MOST_NAMED
    return said + (say(lang, "more", count=more) if more > 0 else "")
