"""Set a raw text in lines, with the position of each token.

Nothing is drawn here. Widths are measured, lines are broken at eojeol, and
every token gets its place. All lengths are in points.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ..record import Token
from .fonts import advance, named
from .heatmap import visible

CHIP_SIZE = 0.7  # font size of the name of a token without characters, as a fraction
_CHIP_PAD = 3.0
_LONGEST_CHIP = 16
# A visible character: a syllable typed as conjoining letters, or a letter with its accents.
_CLUSTER = re.compile("[\u1100-\u115f\ua960-\ua97c]?[\u1160-\u11ff\ud7b0-\ud7fb]+|.[\u0300-\u036f\ufe00-\ufe0f]*",
                      re.DOTALL)


class Place(NamedTuple):
    """A stretch of one line: a token, or a piece of a token that a line break divides."""

    line: int
    left: float
    right: float


class Word(NamedTuple):
    """A run of characters without a space, as it is drawn, and its raw characters."""

    place: Place
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Layout:
    """A text set in lines.

    Attributes
    ----------
    words : list of Word
        Words in reading order.
    places : list of list of Place
        Places by token. Several if a line breaks inside the token.
    chips : dict of int to str
        Names drawn for tokens with an empty span, by token.
    lines : int
    width : float
        Width of the widest line, without the spaces at its end.
    """

    words: list[Word]
    places: list[list[Place]]
    chips: dict[int, str]
    lines: int
    width: float


class _Item(NamedTuple):
    """A unit that is never broken: a character, or the chip of a token."""

    start: int
    end: int
    text: str
    width: float
    token: int | None = None


def set_text(text: str, tokens: Sequence[Token], *, size: float, width: float) -> Layout:
    """Set a text in lines and find the tokens on them.

    Parameters
    ----------
    text : str
        Drawn as typed. Invisible characters are made visible, and a line break in
        the text breaks the line.
    tokens : sequence of Token
        A token with an empty span is a chip with its name, at its position,
        or after the word that it would split.
    size : float
        Font size.
    width : float
        Maximum width of lines, which break between words. A wider word is
        broken between two tokens, a wider token anywhere.
    """
    chips = {i: _chip(t.text) for i, t in enumerate(tokens) if t.start == t.end}
    items = _items(text, tokens, chips, size)
    starts = {t.start for t in tokens}
    words: list[Word] = []
    set_at: list[tuple[_Item, Place]] = []
    line, x = 0, 0.0
    for kind, together in itertools.groupby(items, key=_kind):
        run = list(together)
        pieces = [run] if kind == "space" else _pieces(run, width, starts)
        for piece in pieces:
            wide = sum(item.width for item in piece)
            if kind != "space" and x > 0 and x + wide > width:  # spaces hang at the end of a line
                line, x = line + 1, 0.0
            left = x
            for item in piece:
                set_at.append((item, Place(line, x, x + item.width)))
                x += item.width
                if item.text == "\n":
                    line, x = line + 1, 0.0
            if kind == "word":
                drawn = "".join(item.text for item in piece)
                words.append(Word(Place(line, left, x), drawn, piece[0].start, piece[-1].end))
    return Layout(words, _places(text, tokens, set_at), chips,
                  lines=1 + max((place.line for _, place in set_at), default=0),
                  width=max((place.right for item, place in set_at if not item.text.isspace()), default=0.0))


def _items(text: str, tokens: Any, chips: Any, size: Any) -> list[_Item]:
    inside = {i for i in range(1, len(text)) if not text[i - 1].isspace() and not text[i].isspace()}
    waiting = [(tokens[i].start, i) for i in chips]
    while any(at in inside for at, _ in waiting):
        waiting = [(at + (at in inside), i) for at, i in waiting]
    waiting.sort(reverse=True)
    items = []
    for cluster in [*_CLUSTER.finditer(text), None]:
        at = cluster.start() if cluster else len(text)
        while waiting and waiting[-1][0] <= at:
            token = waiting.pop()[1]
            room = advance(chips[token], CHIP_SIZE * size) + 4 * _CHIP_PAD
            items.append(_Item(at, at, chips[token], room, token))
        if cluster:
            drawn = "\n" if cluster[0] == "\n" else visible(named(cluster[0]))
            wide = 0.0 if drawn == "\n" else advance(drawn, size)
            items.append(_Item(*cluster.span(), drawn, wide))
    return items


def _chip(name: str) -> str:
    name = visible(named(name))
    return name if len(name) <= _LONGEST_CHIP else name[: _LONGEST_CHIP - 1] + "…"


def _kind(item: _Item) -> int | str:
    if item.token is not None:
        return item.token
    return "space" if item.text.isspace() else "word"


def _pieces(run: list[_Item], width: float, starts: set[int]) -> list[list[_Item]]:
    """Cut a word into pieces that each fit a line, if possible before the beginning of a token."""
    pieces: list[list[_Item]] = []
    piece: list[_Item] = []
    for item in run:
        if piece and sum(i.width for i in piece) + item.width > width:
            begins = (i for i in range(len(piece), 0, -1) if [*piece, item][i].start in starts)
            cut = next(begins, len(piece))
            pieces.append(piece[:cut])
            piece = piece[cut:]
        piece.append(item)
    return [*pieces, piece]


def _places(text: str, tokens: Any, set_at: Any) -> list[list[Place]]:
    at_character: dict[int, Place] = {}
    at_token = {}
    for item, place in set_at:
        if item.token is not None:
            at_token[item.token] = Place(place.line, place.left + _CHIP_PAD, place.right - _CHIP_PAD)
        at_character.update(dict.fromkeys(range(item.start, item.end), place))
    found = []
    for i, token in enumerate(tokens):
        if i in at_token:
            found.append([at_token[i]])
            continue
        visible = [c for c in range(token.start, token.end) if not text[c].isspace()]
        covered = [at_character[c] for c in visible or range(token.start, token.end)]
        by_line = [list(places) for _, places in itertools.groupby(covered, key=lambda place: place.line)]
        found.append([Place(p[0].line, min(q.left for q in p), max(q.right for q in p)) for p in by_line])
    return found
