"""The positions of everything in an overlay: texts, underlines, arcs, legend. Nothing is drawn here.

All lengths are in points from the upper left of the first line of text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..record import AttentionRecord, Token
from .arcs import End, Ground, Link, Way, ground, way
from .fonts import advance
from .text_layout import Layout, Word, set_text

SIZE = 14.0  # font size of the text
LETTERS = 1.22 * SIZE  # height of a line without its underlines
UNDERLINE = 2.4  # between the underlines of tokens that overlap
SMALL = 8.0  # size of legend and side names
PAD = 10.0  # around everything
SYMBOL = 26.0  # width of a legend's symbol with the space after it

Look = tuple[int, int, float]  # query, key, weight


class Side(NamedTuple):
    """A text, the tokens on it, and its first line in the picture."""

    name: str
    text: str
    tokens: tuple[Token, ...]
    layout: Layout
    first: int

    def seen(self, word: Word) -> bool:
        """Whether a token covers a part of the word."""
        return any(token.start < word.end and word.start < token.end for token in self.tokens)


class Entry(NamedTuple):
    """A line of the legend: its symbol and its text."""

    symbol: str
    text: str


class Scene(NamedTuple):
    """An overlay, ready to be drawn.

    Attributes
    ----------
    sides : list of Side
        The attending text, then the other. Only one if they are the same.
    queries, keys : list of int
        Position of each query and key among the tokens of its side.
    ways : list of Way
        One for each drawn pair.
    ground : Ground
    legend : list of (x, y, Entry)
    origin, size : float, (float, float)
        x of the beginning of lines, from the left of the picture. Width and height of the picture.
    """

    sides: list[Side]
    queries: list[int]
    keys: list[int]
    ways: list[Way]
    ground: Ground
    legend: list[tuple[float, float, Entry]]
    origin: float
    size: tuple[float, float]


def two_texts(record: AttentionRecord) -> bool:
    return record.kind == "cross"


def lay_out(
    record: AttentionRecord, looks: Sequence[Look], entries: Sequence[Entry], *, width: float,
    by_query: bool = False,
) -> Scene:
    """Place the texts of a record, the arcs of some pairs, and a legend.

    Parameters
    ----------
    record : AttentionRecord
    looks : sequence of (query index, key index, weight)
    entries : sequence of Entry
    width : float
        Maximum width of lines of text.
    by_query : bool, default False
        Whether arcs that share a query run in one lane, instead of arcs that share a key.
    """
    names = ("보는 글 (query)", "보이는 글 (key)") if two_texts(record) else ("",)
    column = max(advance(name, SMALL) for name in names)
    column += PAD if column else 0.0
    sides: list[Side] = []
    for name, (text, tokens) in zip(names, _texts(record)):
        layout = set_text(text, tokens, size=SIZE, width=max(width - column, 4 * SIZE))
        sides.append(Side(name, text, tokens, layout, sum(side.layout.lines for side in sides)))
    queries = _among(record.queries, sides[0].tokens)
    keys = _among(record.keys, sides[-1].tokens)
    ends = [_ends(side) for side in (sides[0], sides[-1])]
    links = [Link(ends[0][queries[q]], ends[1][keys[k]], q if by_query else k) for q, k, _ in looks]
    deepest = max(level for side in sides for level in underline_levels(side.tokens))
    made = ground(links, lines=sum(side.layout.lines for side in sides),
                  body=LETTERS + UNDERLINE * (deepest + 1), width=max(s.layout.width for s in sides))
    wide = made.left + column + made.width + made.right
    if entries and not all(side.seen(word) for side in sides for word in side.layout.words):
        entries = [*entries, Entry("unseen", "모델이 읽지 않음 (not seen)")]
    placed, (legend_wide, bottom) = _legend(entries, max(width, wide), made.tops[-1] + 14)
    return Scene(sides, queries, keys, [way(link, made) for link in links], made, placed,
                 PAD + column + made.left, (max(wide, legend_wide) + 2 * PAD, bottom + 1.5 * PAD))


def underline_levels(tokens: Sequence[Token]) -> list[int]:
    """For each token, the number of overlapping tokens' underlines above its own."""
    taken: list[list[tuple[int, int]]] = []
    levels = []
    for token in tokens:
        free = (n for n, spans in enumerate(taken)
                if all(token.end <= a or b <= token.start for a, b in spans))
        level = next(free, len(taken))
        if level == len(taken):
            taken.append([])
        if token.start < token.end:
            taken[level].append((token.start, token.end))
        levels.append(level)
    return levels


def _texts(record: AttentionRecord) -> list[tuple[str, tuple[Token, ...]]]:
    if two_texts(record):
        return [(record.query_text, record.queries), (record.key_text, record.keys)]
    if record.queries == record.keys:
        return [(record.key_text, record.keys)]
    # A selection: the tokens of both sides are on the same text.
    return [(record.key_text, tuple(dict.fromkeys([*record.queries, *record.keys])))]


def _among(tokens: Any, all_of_them: Any) -> list[int]:
    if tokens == all_of_them:  # also if a token occurs twice
        return list(range(len(tokens)))
    return [all_of_them.index(token) for token in tokens]


def _ends(side: Side) -> list[End]:
    """The end of each token's arcs: the middle of its widest piece."""
    widest = [max(places, key=lambda p: p.right - p.left) for places in side.layout.places]
    middles = [(p.line, round((p.left + p.right) / 2, 1)) for p in widest]
    ends, met = [], dict.fromkeys(middles, 0)
    for place, middle in zip(widest, middles):
        met[middle] += 1  # the tokens of one syllable are side by side
        share = met[middle] / (middles.count(middle) + 1)
        ends.append(End(side.first + place.line, place.left + share * (place.right - place.left)))
    return ends


def _legend(entries: Any, width: float, top: float) -> tuple[list[tuple[float, float, Any]], tuple[float, float]]:
    """Place the legend's entries in rows of at most this width. Return them with their width and lower end."""
    placed, x, y, wide = [], 0.0, top + SMALL, 0.0
    for entry in entries:
        room = (SYMBOL if entry.symbol else 0.0) + advance(entry.text, SMALL)
        if x and x + room > width:
            x, y = 0.0, y + 1.9 * SMALL
        placed.append((x, y, entry))
        wide = max(wide, x + room)
        x += room + 2 * SMALL
    return placed, (wide, y + 0.6 * SMALL if placed else top)
