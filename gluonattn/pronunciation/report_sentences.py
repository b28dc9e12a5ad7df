"""A study of pronunciation in words (`pronunciation_text` has the wording): every sentence carries its figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..record import AttentionRecord
from ..statistics import Figure
from .pronounce import RULES
from .report_text import TEXT
from .study import PLAIN, SINO

_MOST_NAMED = 5


def head_name(head: dict[str, Any], lang: str) -> str:
    return _say(lang, "head", kind=TEXT[lang]["kinds"][head["kind"]], layer=head["layer"], head=head["head"])


def role_name(role: str, rule: str, lang: str) -> str:
    """What a letter is to the sound in question; for ㄹ no rule says that it is the cause where nothing changes.

    Parameters
    ----------
    role : str
        One of `gluonattn.pronunciation.intervention.ROLES`, or "own".
    rule : str
        A key of `RULES`, or "still".
    lang : {"ko", "en"}
    """
    return TEXT[lang]["roles"]["l" if role == "cause" and rule in (SINO, PLAIN) else role]


def rule_name(rule: str, lang: str) -> str:
    """What a rule is called on the page, with its article.

    Parameters
    ----------
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    if rule == PLAIN:
        return _say(lang, "plain")
    article = RULES[rule].article if lang == "ko" else RULES[rule].article.replace(" 다만", ", exception")
    return _say(lang, "rule", korean=RULES[rule].korean, english=rule.replace("_", " "), article=article)


def reading_names(asked: dict[str, Any], lang: str) -> dict[str, str]:
    """What the heads looked at are called: the chosen ones by their place.

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
                          else _say(lang, "mean", kind=TEXT[lang]["kinds"][kind]))
    return found


def in_brief(summary: dict[str, Any], lang: str) -> list[str]:
    """What stands first on the page: `about_heads`, and a sentence on each question.

    Parameters
    ----------
    summary : dict
        Of `gluonattn.pronunciation.summary.summarise`.
    lang : {"ko", "en"}
    """
    lines = about_heads(summary, lang)
    for rule, asked in summary["questions"].items():
        if asked["roles"]:
            roles, cause = asked["roles"], asked["roles"]["cause"]
            others = {role: found["flips"] for role, found in roles.items() if role not in ("cause", "own")}
            most = max(others, key=lambda role: others[role].mean)
            lines.append(_say(lang, "brief", rule=rule_name(rule, lang), cause=role_name("cause", rule, lang),
                              head=reading_names(asked, lang)["encoder chosen"], flips=percent(cause["flips"]),
                              encoder=percent(cause["attention"]["encoder chosen"]),
                              cross=percent(cause["attention"]["cross mean"]), right=percent(asked["right"]),
                              other=role_name(most, rule, lang), most=percent(others[most])))
    return lines


def describe_grid(name: str, records: dict[int, AttentionRecord], lang: str) -> str:
    """What a grid of heads shows, for who cannot see it: its strongest link at the last epoch."""
    record = records[max(records)]
    layer, head, query, key = np.unravel_index(int(record.weights.argmax()), record.weights.shape)
    return TEXT[lang]["grid_alt"].format(
        name=name, layers=record.weights.shape[0], heads=record.weights.shape[1],
        epochs=", ".join(map(str, sorted(records))),
        layer=layer, head=head, query=record.queries[query].text, key=record.keys[key].text,
        share=f"{100 * float(record.weights.max()):.0f}")


def describe_question(asked, rule: str, lang: str) -> str:
    """What the picture of a question shows: the letter most looked at, and the one whose replacing decides most."""
    roles = asked["roles"]
    reading = next(iter(asked["readings"]))
    looked = max(roles, key=lambda role: roles[role]["attention"][reading].mean)
    decides = max((role for role in roles if role != "own"), key=lambda role: roles[role]["flips"].mean)
    return TEXT[lang]["question_alt"].format(
        question=TEXT[lang]["questions"][rule], looked=role_name(looked, rule, lang),
        head=reading_names(asked, lang)[reading],
        share=f"{100 * roles[looked]['attention'][reading].mean:.0f}", decides=role_name(decides, rule, lang),
        flips=f"{100 * roles[decides]['flips'].mean:.0f}")


def headline(summary, lang: str) -> str:
    """The page in one sentence: how many heads follow the cause, and whether replacing it decides."""
    heads = summary["heads"]
    following = sum(head["strong"] for head in heads)
    said = TEXT[lang]["first_heads" if following else "first_no_heads"].format(count=following, all=len(heads))
    for rule, asked in summary["questions"].items():
        if asked["roles"] and rule != PLAIN:  # where no rule acts, no letter is the cause
            flips = f"{100 * asked['roles']['cause']['flips'].mean:.0f}"
            return said + TEXT[lang]["first_flips"].format(flips=flips, rule=rule_name(rule, lang))
    return said


# ---- heads


def about_heads(summary: dict[str, Any], lang: str) -> list[str]:
    """Which heads are diagonal, which follow the cause, which changed in training.

    Parameters
    ----------
    summary : dict
        Of `gluonattn.pronunciation.summary.summarise`.
    lang : {"ko", "en"}
    """
    about = summary["about"]
    words = _say(lang, "words", test=about["test_words"], caused=about["caused_words"], read=summary["words"],
                 sites=summary["kinds"]["cross"]["sites"])
    return [words, _diagonal(summary, lang), _following(summary, lang), _positional(summary, lang),
            _sharpened(summary, lang), _drift(summary, lang)]


def _diagonal(summary, lang: str) -> str:
    found = sorted((h for h in summary["heads"] if h["diagonal_head"]), key=lambda h: -h["diagonal"].mean)
    most = max(summary["heads"], key=lambda h: h["diagonal"].mean)

    def figures(head) -> str:
        return short(head["diagonal"])

    if not found:
        return _say(lang, "no_diagonal", named=_named([most], figures, lang))
    return _say(lang, "diagonal", count=len(found), named=_named(found, figures, lang))


def _following(summary, lang: str) -> str:
    every = [h for h in summary["heads"] if h["follows"]]
    strong = sorted((h for h in every if h["strong"]), key=lambda h: h["still"].mean - h["cause"].mean)

    def figures(head) -> str:
        return _say(lang, "follows", cause=short(head["cause"]), still=short(head["still"]),
                    untrained=head["untrained"].mean, chance=summary["kinds"][head["kind"]]["chance"].mean)

    first = (_say(lang, "following", count=len(strong), named=_named(strong, figures, lang)) if strong
             else _say(lang, "no_following"))
    weak = len(every) - len(strong)
    return first + (_say(lang, "weak", count=weak) if weak else "")


def _positional(summary, lang: str) -> str:
    said = []
    for kind in ("encoder", "cross"):
        own = summary["kinds"][kind]
        better = sum(h["kind"] == kind and h["beyond"]["positional"] for h in summary["heads"])
        said.append(_say(lang, "positional_kind", kind=TEXT[lang]["kinds"][kind], rate=short(own["positional"]),
                         step=f"{own['positional_step']:+d}", count=better))
    return _say(lang, "positional", kinds="; ".join(said))


def _sharpened(summary, lang: str) -> str:
    sharp = sorted((h for h in summary["heads"] if h["sharpened"]), key=lambda h: -h["entropy_fell"].mean)
    first = summary["epochs"][0]

    def figures(head) -> str:
        return f"{head['entropy_by_epoch'][first].mean:.2f} → {head['entropy'].mean:.2f}"

    return _say(lang, "sharpened", all=len(summary["heads"]), count=len(sharp), named=_named(sharp, figures, lang) or "–")


def _drift(summary, lang: str) -> str:
    heads = summary["heads"]
    means = {span: sum(head["drift"][span].mean for head in heads) / len(heads) for span in heads[0]["drift"]}
    spans = ", ".join(f"{span.replace('-', ' → ')}: {mean:.3f}" for span, mean in means.items())
    return _say(lang, "drift", spans=spans) if means else ""


# ---- questions


def about_question(summary: dict[str, Any], rule: str, lang: str) -> list[str]:
    """What attention and intervention say of one rule, and whether they say the same.

    Parameters
    ----------
    summary : dict
        Of `gluonattn.pronunciation.summary.summarise`.
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    asked = summary["questions"][rule]
    if not asked["roles"]:
        return [_say(lang, "too_few")]
    first = _say(lang, "asked_plain" if rule == PLAIN else "asked_tense", words=asked["words"], kept=asked["kept"],
                 right=percent(asked["right"]))
    lines = [first, _where(asked, rule, lang), _what(asked, rule, lang), _agree(asked, lang)]
    if rule in (SINO, PLAIN) and len(asked["labial"]) == 2:
        lines.append(_labials(asked, lang))
    return lines


def _where(asked, rule: str, lang: str) -> str:
    said = []
    for reading, name in reading_names(asked, lang).items():
        of = {role: found["attention"][reading] for role, found in asked["roles"].items()}
        top = max(of, key=lambda role: of[role].mean)
        table = asked["tables"][reading]["words"]
        said.append(_say(lang, "where_one", head=name, cause=role_name("cause", rule, lang), share=percent(of["cause"]),
                         top=role_name(top, rule, lang), most=percent(of[top]), all=sum(map(sum, table)), hit=sum(table[0])))
    return _say(lang, "where", readings="; ".join(said))


def _what(asked, rule: str, lang: str) -> str:
    roles = {role: found["flips"] for role, found in asked["roles"].items() if found["flips"].mean == found["flips"].mean}
    others = sorted((role for role in roles if role != "cause"), key=lambda role: -roles[role].mean)[:3]
    listed = ", ".join(f"{role_name(role, rule, lang)} {percent(roles[role])}" for role in others)
    return _say(lang, "what", cause=role_name("cause", rule, lang), flips=percent(roles["cause"]), others=listed)


def _agree(asked, lang: str) -> str:
    said = []
    for reading, name in reading_names(asked, lang).items():
        strongest, others, paired = (asked["tables"][reading][key]
                                     for key in ("strongest_flips", "others_flip", "difference"))
        verdict = {0: "unclear", 1: "agrees", -1: "differs"}[paired.sign]
        said.append(_say(lang, "agree_one", head=name, strongest=percent(strongest), others=percent(others),
                         verdict=_say(lang, verdict)))
    return _say(lang, "agree", readings="; ".join(said))


def _labials(asked, lang: str) -> str:
    """The vowel before the ㄹ, after a labial and after other consonants."""
    said = [_say(lang, name, words=found["words"], attention=percent(found["attention"]["encoder chosen"]),
                 flips=percent(found["flips"])) for name, found in asked["labial"].items()]
    return _say(lang, "labials", groups="; ".join(said))


# ---- figures


def percent(found: Figure) -> str:
    """A share in per cent with its interval."""
    if found.mean != found.mean:
        return "–"
    mean, low, high = found.spell(0, factor=100)
    return f"{mean}% [{low}, {high}]"


def short(found: Figure) -> str:
    mean, low, high = found.spell(2)
    return f"{mean} [{low}, {high}]"


def _named(heads, figures: Callable[[dict[str, Any]], str], lang: str) -> str:
    said = "; ".join(f"{head_name(head, lang)} ({figures(head)})" for head in heads[:_MOST_NAMED])
    more = len(heads) - _MOST_NAMED
    return said + (_say(lang, "more", count=more) if more > 0 else "")


def _say(lang: str, name: str, **figures) -> str:
    return TEXT[lang]["said"][name].format(**figures)
