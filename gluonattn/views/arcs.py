"""Routes of arcs between tokens on lines of text. The arcs never cross the text.

All arcs run in the gaps between lines and in the margins beside them. All
lengths are in points. x grows to the right from the beginning of the lines, y
downwards from the top of the picture.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

_SPACING = 4.5  # between lanes
_LANES = 10  # maximum in a gap or margin; more arcs share lanes
_STUB = 10.0  # from the text to the nearest lane, so that joints are visible
_CLEAR = 4.0  # between an arc's end and the text
_LEAST = 7.0  # between two lines without arcs


class End(NamedTuple):
    """Where an arc ends: the middle of a token."""

    line: int
    x: float


class Link(NamedTuple):
    """An arc to be drawn. Arcs of one bundle may share a lane."""

    query: End
    key: End
    bundle: Hashable


class Way(NamedTuple):
    """An arc's route: (operation, points) as for matplotlib's Path, and the side from which it arrives."""

    vertices: list[tuple[float, float]]
    codes: list[int]
    from_above: bool


@dataclass
class Ground:
    """The lines, and the space that arcs need between and beside them.

    Attributes
    ----------
    body : float
        Height of a line of text.
    tops : list of float
        y of each line's upper edge, then y of the lower end of everything.
    left, right : float
        Widths of the margins for arcs.
    """

    lines: int
    body: float
    width: float
    standing: list[float] = field(default_factory=list)  # height of the arcs above each line
    hanging: list[float] = field(default_factory=list)  # height of the arcs below each line
    lanes: dict[tuple[int, Hashable, str], int] = field(default_factory=dict)  # (gap, bundle, side) -> lane
    margins: dict[tuple[Hashable, str], int] = field(default_factory=dict)  # (bundle, side) -> lane
    tops: list[float] = field(default_factory=list)
    middles: list[float] = field(default_factory=list)  # upper y of the lanes of each gap
    left: float = 0.0
    right: float = 0.0


def ground(links: Sequence[Link], *, lines: int, body: float, width: float) -> Ground:
    """Compute the lines' positions with the space that these arcs need in every gap and margin.

    Parameters
    ----------
    links : sequence of Link
    lines : int
        Number of lines of text.
    body : float
        Height of a line with its underlines.
    width : float
        Width of the widest line.
    """
    made = Ground(lines, body, width, standing=[0.0] * lines, hanging=[0.0] * lines)
    wanted: dict[tuple[Any, ...], list[float]] = {}
    spans: dict[tuple[Any, ...], list[float]] = {}
    crossing = [0.0] * (lines + 1)  # height that arcs between neighbouring lines need in each gap
    for link in links:
        (a, x), (b, z) = link.query, link.key
        if a == b:
            heights = made.standing if z >= x else made.hanging
            heights[a] = max(heights[a], _height(z - x))
        elif abs(a - b) == 1:
            gap = max(a, b)
            crossing[gap] = max(crossing[gap], 24 + _height(z - x))
        else:
            side = _side(link, width)
            edge = 0.0 if side == "left" else width
            for gap, at in zip(_gaps(link), (x, z)):
                wanted.setdefault((gap, link.bundle, side), [edge]).append(at)
            spans.setdefault((link.bundle, side), []).extend((a, b))
    for gap in {gap for gap, _, _ in wanted}:
        here = {key: (min(xs), max(xs)) for key, xs in wanted.items() if key[0] == gap}
        made.lanes.update(_share(here))
    for side in ("left", "right"):
        made.margins.update(_share({k: (min(v), max(v)) for k, v in spans.items() if k[1] == side}))
        lanes = 1 + max((lane for (_, s), lane in made.margins.items() if s == side), default=-1)
        setattr(made, side, _STUB + lanes * _SPACING if lanes else 0.0)
    y = 0.0
    for gap in range(lines + 1):
        lanes = 1 + max((lane for (g, _, _), lane in made.lanes.items() if g == gap), default=-1)
        middle = max(2 * _STUB + (lanes - 1) * _SPACING if lanes else 0.0, crossing[gap])
        hanging = made.hanging[gap - 1] if gap else 0.0
        standing = made.standing[gap] if gap < lines else 0.0
        zones = [zone + _CLEAR for zone in (hanging, middle, standing) if zone]
        made.middles.append(y + hanging + _CLEAR * bool(hanging))
        y += max(sum(zones) + _CLEAR * bool(zones), _LEAST if 0 < gap < lines else 0.0)
        made.tops.append(y)
        y += body if gap < lines else 0.0
    return made


def way(link: Link, on: Ground) -> Way:
    """Return the route of one arc, from its query to its key.

    On one line the arc is above the text if the key comes later, and below it
    if the key comes earlier. Between neighbouring lines it crosses the gap.
    Between other lines it runs along the gaps and along a margin.

    Parameters
    ----------
    link : Link
        The arc's ends.
    on : Ground
        The positions of the lines of text.
    """
    (a, x), (b, z) = link.query, link.key
    if a == b:
        above = z >= x
        y = on.tops[a] - _CLEAR if above else on.tops[a] + on.body + _CLEAR
        far = y + (-4 / 3 if above else 4 / 3) * _height(z - x)  # a Bezier reaches 3/4 of its handles
        return Way([(x, y), (x, far), (z, far), (z, y)], [1, 4, 4, 4], above)
    down = b > a
    y = on.tops[a] + (on.body + _CLEAR if down else -_CLEAR)
    w = on.tops[b] + (-_CLEAR if down else on.body + _CLEAR)
    if abs(a - b) == 1:
        half = (y + w) / 2
        return Way([(x, y), (x, half), (z, half), (z, w)], [1, 4, 4, 4], down)
    side = _side(link, on.width)
    first, last = (
        on.middles[gap] + _STUB + _SPACING * on.lanes[gap, link.bundle, side] for gap in _gaps(link)
    )
    out = _STUB + _SPACING * on.margins[link.bundle, side]
    edge = -out if side == "left" else on.width + out
    vertices, codes = _rounded([(x, y), (x, first), (edge, first), (edge, last), (z, last), (z, w)])
    return Way(vertices, codes, down)


def _height(across: float) -> float:
    """The height of an arc. It grows more slowly than the width, so that a line's gap stays small."""
    return 3.0 + 2.6 * math.sqrt(abs(across))


def _gaps(link: Link) -> tuple[int, int]:
    """The gap into which an arc leaves and the gap from which it arrives. Gap i is above line i."""
    a, b = link.query.line, link.key.line
    return (a + 1, b) if b > a else (a, b + 1)


def _side(link: Link, width: float) -> str:
    return "left" if link.query.x + link.key.x < width else "right"


def _share(stretches: dict[tuple[Any, ...], tuple[float, float]]) -> dict[tuple[Any, ...], int]:
    """Choose a lane for every stretch, so that stretches in one lane do not overlap. The shortest are innermost."""
    taken: list[list[tuple[float, float]]] = []
    lanes: dict[tuple[Any, ...], int] = {}
    for key, (low, high) in sorted(stretches.items(), key=lambda s: (s[1][1] - s[1][0], s[1])):
        free = (n for n, lane in enumerate(taken) if all(high < a - 2 or b < low - 2 for a, b in lane))
        lane = next(free, len(taken)) if len(taken) < _LANES else next(free, len(lanes) % _LANES)
        if lane == len(taken):
            taken.append([])
        taken[lane].append((low, high))
        lanes[key] = lane
    return lanes


def _rounded(corners: Iterable[tuple[float, float]],
             radius: float = 4.0) -> tuple[list[tuple[float, float]], list[int]]:
    """A line through right-angled corners, which are rounded."""
    points = list(corners)
    vertices, codes = [points[0]], [1]
    for before, here, after in zip(points, points[1:], points[2:]):
        bend = min(radius, math.dist(before, here) / 2, math.dist(here, after) / 2)
        vertices += [_towards(here, before, bend), here, _towards(here, after, bend)]
        codes += [2, 3, 3]
    return [*vertices, points[-1]], [*codes, 2]


def _towards(here: tuple[float, float], there: tuple[float, float], by: float) -> tuple[float, float]:
    far = math.dist(here, there) or 1.0
    return here[0] + (there[0] - here[0]) * by / far, here[1] + (there[1] - here[1]) * by / far
