"""Align tokens whose text was rewritten with true spans in the raw text.

Taggers restore lemmas (비해 -> 비하 + 어), normalise (재밌닼 -> 재밌다) or drop
characters. Alignment runs twice: whole characters first, then, in the gaps
between them, single jamo.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from typing import Any

from ..record import Token

# A fused vowel represents two vowels of a lemma: 줘 = 주+어, 가져 = 가지+어, 봤 = 보+았, 해 ~ 하+이.
_VOWELS = {
    "ᅪ": "ᅩᅡ", "ᅫ": "ᅩᅡᅵ", "ᅬ": "ᅩᅵ", "ᅯ": "ᅮᅥ", "ᅰ": "ᅮᅥᅵ",
    "ᅱ": "ᅮᅵ", "ᅴ": "ᅳᅵ", "ᅢ": "ᅡᅵ", "ᅦ": "ᅥᅵ", "ᅧ": "ᅵᅥ", "ᅨ": "ᅵᅥᅵ", "ᅣ": "ᅵᅡ",
}
# A final consonant is the same sound as the initial of the same name (ㄴ of 간 = 가 + ㄴ).
_FINALS = {chr(0x11A8 + i): jamo for i, jamo in enumerate(
    ["ᄀ", "ᄁ", "ᄀᄉ", "ᄂ", "ᄂᄌ", "ᄂᄒ", "ᄃ", "ᄅ", "ᄅᄀ", "ᄅᄆ", "ᄅᄇ", "ᄅᄉ", "ᄅᄐ", "ᄅᄑ", "ᄅᄒ", "ᄆ",
     "ᄇ", "ᄇᄉ", "ᄉ", "ᄊ", "ᄋ", "ᄌ", "ᄎ", "ᄏ", "ᄐ", "ᄑ", "ᄒ"])}
_SILENT = "ᄋ"  # an initial ㅇ is silent


@lru_cache(maxsize=20_000)
def _spell_in_jamo(character: str) -> str:
    parts = unicodedata.normalize("NFKD", character)
    if len(parts) > 1:
        parts = parts.lstrip(_SILENT)
    return "".join(_VOWELS.get(p, _FINALS.get(p, p)) for p in parts) or character


def align(text: str, tokens: Iterable[tuple[str, str | None]]) -> list[Token]:
    """Place tokens, in reading order, on the raw text.

    Parameters
    ----------
    text : str
        The raw text.
    tokens : iterable of (surface, tag)
        What a tagger returned. Surfaces need not be substrings of `text`.

    Returns
    -------
    list of Token
        One for each input token, with ascending starts and non-empty spans
        inside the text, and an untagged token for each run of characters that
        the tagger dropped. Every non-space character is covered.
    """
    pairs = [(surface, tag) for surface, tag in tokens if surface and not surface.isspace()]
    exact = _place_substrings(text, pairs)
    if exact is None:
        exact = _place_rewritten(text, pairs)
    return cover(text, exact)


def cover(text: str, tokens: Sequence[Token]) -> list[Token]:
    """Add an untagged token for each run of non-space characters that no token covers.

    Parameters
    ----------
    text : str
    tokens : sequence of Token
        In reading order.
    """
    position = 0
    for token in tokens:  # most tokens follow each other directly or after spaces
        if text[position : token.start].strip():
            break
        position = max(position, token.end)
    else:
        if not text[position:].strip():
            return list(tokens)
    covered = bytearray(len(text))
    for token in tokens:
        covered[token.start : token.end] = b"\x01" * (token.end - token.start)
    if all(seen or character.isspace() for seen, character in zip(covered, text)):
        return list(tokens)
    added, start = [], None
    for i, character in enumerate(text + " "):
        loose = i < len(text) and not covered[i] and not character.isspace()
        if loose and start is None:
            start = i
        elif not loose and start is not None:
            added.append(Token(text[start:i], start, i))
            start = None
    return sorted([*tokens, *added], key=lambda token: token.start)


def _place_substrings(text: str, pairs: Any) -> list[Token] | None:
    """Exact spans if every surface occurs in the text in order, otherwise None."""
    placed, position = [], 0
    for surface, tag in pairs:
        start = text.find(surface, position)
        # A surface found beyond skipped characters may be a later twin of a
        # rewritten one: leave that to the full alignment.
        if start < 0 or text[position:start].strip():
            return None
        position = start + len(surface)
        placed.append(Token(surface, start, position, tag))
    return placed


def _place_rewritten(text: str, pairs: Any) -> list[Token]:
    raw = [i for i, character in enumerate(text) if not character.isspace()]
    if not raw:
        return []
    owner, characters = [], []
    for index, (surface, _) in enumerate(pairs):
        for character in surface:
            if not character.isspace():
                owner.append(index)
                characters.append(character)
    hits: list[list[int]] = [[] for _ in pairs]  # raw positions of each token
    raw_done = token_done = 0
    blocks = SequenceMatcher(None, [text[i] for i in raw], characters, False).get_matching_blocks()
    for raw_at, token_at, size in blocks:
        _align_gap(text, raw[raw_done:raw_at], owner[token_done:token_at],
                   characters[token_done:token_at], hits)
        for k in range(size):
            hits[owner[token_at + k]].append(raw[raw_at + k])
        raw_done, token_done = raw_at + size, token_at + size
    return _make_spans(text, pairs, hits, raw)


def _align_gap(text: str, gap: Any, owners: Any, characters: Any, hits: Any) -> None:
    """Align a differing stretch jamo by jamo. Every raw character is assigned to a token."""
    if not gap or not owners:
        return
    raw_jamo = [(i, jamo) for i in gap for jamo in _spell_in_jamo(text[i])]
    token_jamo = [(o, jamo) for o, c in zip(owners, characters) for jamo in _spell_in_jamo(c)]
    blocks = SequenceMatcher(
        None, [jamo for _, jamo in raw_jamo], [jamo for _, jamo in token_jamo], False
    ).get_matching_blocks()
    found: dict[int, list[int]] = {}
    for raw_at, token_at, size in blocks:
        for k in range(size):
            found.setdefault(raw_jamo[raw_at + k][0], []).append(token_jamo[token_at + k][0])
    last = owners[0]
    for i in gap:  # an unmatched character belongs to its left neighbour's token
        for o in found.get(i, [last]):
            hits[o].append(i)
        last = max(found.get(i, [last]))


def _make_spans(text: str, pairs: Any, hits: Any, raw: Any) -> list[Token]:
    placed: list[Token] = []
    following = raw[-1]
    fallback = []
    for places in reversed(hits):  # a token without a match gets the start of the next one
        following = min(places, default=following)
        fallback.append(following)
    fallback.reverse()
    for (surface, tag), places, after in zip(pairs, hits, fallback):
        if places:
            start, end = min(places), max(places) + 1
        else:  # completely fused (이 in 명작이다 -> 명작다): share the previous character
            start = placed[-1].end - 1 if placed else after
            end = start + 1
        if placed and start < placed[-1].start:
            start = placed[-1].start
            end = max(end, start + 1)
        placed.append(Token(surface, start, end, tag))
    return placed
