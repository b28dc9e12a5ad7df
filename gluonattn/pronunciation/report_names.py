"""Names of heads, letters, rules and figures in the report on pronunciation."""

from __future__ import annotations

from typing import Any

from ..statistics import Figure
from .pronounce import RULES
from .report_text import TEXT
from .study import PLAIN, SINO


def head_name(head: dict[str, Any], lang: str) -> str:
    """The name of a head on the page.

    Parameters
    ----------
    head : dict
        A head with its kind, layer and number.
    lang : {"ko", "en"}
    """
    return say(lang, "head", kind=TEXT[lang]["kinds"][head["kind"]], layer=head["layer"], head=head["head"])


def role_name(role: str, rule: str, lang: str) -> str:
    """The role of a letter for the sound in question. ㄹ has its own name if no rule makes it the cause.

    Parameters
    ----------
    role : str
        One of `gluonattn.pronunciation.intervention.ROLES`, or "own".
    rule : str
        A key of `RULES`, or "still".
    lang : {"ko", "en"}
    """
    result: str = TEXT[lang]["roles"]["l" if role == "cause" and rule in (SINO, PLAIN) else role]
    return result


def rule_name(rule: str, lang: str) -> str:
    """The name of a rule on the page, with its article.

    Parameters
    ----------
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    if rule == PLAIN:
        return say(lang, "plain")
    article = RULES[rule].article if lang == "ko" else RULES[rule].article.replace(" 다만", ", exception")
    return say(lang, "rule", korean=RULES[rule].korean, english=rule.replace("_", " "), article=article)


def reading_names(asked: dict[str, Any], lang: str) -> dict[str, str]:
    """Names of the measured heads. A chosen head is named by its layer and number.

    Parameters
    ----------
    asked : dict
        One question of the summary.
    lang : {"ko", "en"}
    """
    found = {}
    for reading, at in asked["readings"].items():
        kind = reading.split()[0]
        found[reading] = (head_name({"kind": kind, "layer": at[0], "head": at[1]}, lang) if at
                          else say(lang, "mean", kind=TEXT[lang]["kinds"][kind]))
    return found


def percent(found: Figure) -> str:
    """A fraction in per cent with its interval."""
    if found.mean != found.mean:
        return "–"
    mean, low, high = found.spell(0, factor=100)
    return f"{mean}% [{low}, {high}]"


def short(found: Figure) -> str:
    mean, low, high = found.spell(2)
    return f"{mean} [{low}, {high}]"


def say(lang: str, name: str, **figures: Any) -> str:
    """A sentence of the report.

    Parameters
    ----------
    lang : {"ko", "en"}
    name : str
        A key of ``TEXT[lang]["said"]``.
    **figures : object
        Values of the sentence's placeholders.
    """
    result: str = TEXT[lang]["said"][name].format(**figures)
    return result
