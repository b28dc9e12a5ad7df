"""The kinds of words that attention goes to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..record import Token

# The first match counts. Tags are Sejong's (Mecab, Komoran, Kiwi, Kkma) or Okt's names.
_NEGATION = re.compile(r"안|않.*|못|못하.*|없.*|아니.*|아닌|말")
_CRYING = re.compile(r"[ㅋㅎㅠㅜ]+")
_EMOTICON = re.compile(r"[\u2600-\u27bf\U0001f300-\U0001faff]|\^+[_.\-oㅁㅅ]*\^*|[:;=]-?[)(DPp]+|;{2,}|ㅡ.?ㅡ|-_+-|♥|♡|★|☆")
KINDS = ("negation", "laughter and tears", "emoticons", "josa", "eomi", "adverbs", "nouns", "verbs and adjectives",
         "punctuation", "others")
_TAGS = (
    ("josa", re.compile(r"J|Josa")),
    ("eomi", re.compile(r"E|EP|Eomi|PreEomi")),
    ("adverbs", re.compile(r"MA|Adverb|MD?$")),
    ("nouns", re.compile(r"N|Noun|XR|SL|SH|Alpha")),
    ("verbs and adjectives", re.compile(r"V|XSV|XSA|Verb|Adjective")),
    ("punctuation", re.compile(r"S(?!N)|Punctuation")),
)
_NEGATIVE_TAGS = re.compile(r"MA|V|Verb|Adjective|Adverb|N|IC")


def kind_of(token: Token) -> str:
    """One of `KINDS`, by the token itself (negation, ㅋㅋ, emoticons), otherwise by the first part of its tag."""
    text, tag = token.text, token.tag or ""
    if _NEGATION.fullmatch(text) and (not tag or _is_negative(text, tag)):
        return "negation"
    if _CRYING.fullmatch(text):
        return "laughter and tears"
    if _EMOTICON.match(text):
        return "emoticons"
    first = tag.split("+")[0]
    return next((kind for kind, pattern in _TAGS if pattern.match(first)), "others")


def _is_negative(text: str, tag: str) -> bool:
    # 안 can also be a noun (inside), and 말 mostly is one (speech, horse): the tag decides.
    if text in ("안", "못"):
        return tag.startswith(("MA", "Adverb", "VerbPrefix", "XP"))
    if text == "말":
        return tag.startswith(("VX", "Verb"))
    return bool(_NEGATIVE_TAGS.match(tag))


def attention_by_kind(tokens: Sequence[Sequence[Token]], received: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The share of attention that each kind of word gets, and its share of the tokens.

    Parameters
    ----------
    tokens : sequence of sequence of Token
        The tokens of each text.
    received : sequence of sequence of float
        The attention that each token receives. It sums to 1 in each text.

    Returns
    -------
    dict
        By kind: "attention" and "tokens", numpy arrays of shape (texts,), the
        shares of each text.
    """
    found = {kind: {"attention": np.zeros(len(tokens)), "tokens": np.zeros(len(tokens))} for kind in KINDS}
    for i, (own, weights) in enumerate(zip(tokens, received)):
        for token, weight in zip(own, weights):
            part = found[kind_of(token)]
            part["attention"][i] += weight
            part["tokens"][i] += 1 / len(own)
    return found
