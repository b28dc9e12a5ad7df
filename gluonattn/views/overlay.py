"""Attention drawn over the text as it was typed. Arcs show which tokens attend to which.

Stays whole: `overlay` is mostly its options and their documentation. The rest checks, computes and draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import OptionError, choose
from ..metrics import received, strongest_pairs
from ..record import AttentionRecord, position
from .fonts import advance, families, named
from .heatmap import heading
from .pen import INK, PALE, SHADE, UNSEEN, Pen, draw_arc, draw_head, draw_legend
from .scene import LETTERS, PAD, SIZE, SMALL, UNDERLINE, Entry, Scene, lay_out, two_texts, underline_levels
from .text_layout import CHIP_SIZE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Look = tuple[int, int, float]  # a query, a key, and the weight

_LINE = 6.5  # inches: a column of A4
_STRONGEST = 12  # number of arcs that a reader can follow
_MOST = 2000  # more arcs make files of many megabytes and show nothing more
_FAINTEST = 0.03  # fraction of the widest arc; thinner arcs are invisible

_MODES = {"strongest": _STRONGEST, "query": _MOST, "all": _MOST}
_LEVELS = {"token": False, "eojeol": True}


def overlay(
    record: AttentionRecord,
    *,
    layer: int | None = None,
    head: int | None = None,
    query: int | None = None,
    pairs: int | None = None,
    mode: str | None = None,
    level: str = "token",
    ax: Axes | None = None,
    colour: str = "#08519c",
    highest: float | None = None,
    width: float | None = None,
    legend: bool = True,
    title: str | None = None,
) -> Axes:
    """Draw the text as it was typed, with arcs from attending tokens to the tokens they attend to.

    On a line, an arc above the text leads to a later word and an arc below it
    to an earlier word. Between lines, arcs use the gaps and margins. An arc's
    head is at the key; its width and opacity follow the weight. Shading shows
    the attention that each token receives on average, or from the one query.
    Separate underlines mark the tokens. A token's attention to itself has no
    arc. Words without a token are grey: the model did not read them.

    A cross record has two texts: the attending one above, the other below.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int or None
        None takes the mean.
    query : int or None
        Draw only the arcs of this query, which gets a frame.
    pairs : int or None
        Maximum number of arcs, the strongest first. None is 12 in mode
        "strongest", or the number of queries if that is smaller, so that each
        arc can be followed, and 2,000 otherwise. Arcs under 3 % of the
        strongest are left out. The legend states the number of arcs.
    mode : {"strongest", "query", "all"} or None
        None is "query" if a `query` is given, else "strongest".
    level : {"token", "eojeol"}, default "token"
        "eojeol" merges the tokens of a word and keeps their total weight.
        `query` then counts words.
    ax : matplotlib.axes.Axes or None
        None makes a figure with a size for the text. Given axes keep their
        size, and the picture is scaled to fit.
    colour : str, default "#08519c"
        Colour of the arcs. Dark blue on amber shading can be distinguished in
        grey print and with every kind of colour blindness.
    highest : float or None
        Weight drawn widest, and received attention shaded darkest. None takes
        the largest of each in the picture. Give the same value to pictures
        that are compared.
    width : float or None
        Width of the lines in inches. None is 6.5, or the axes' width.
    legend : bool, default True
    title : str or None
        None names the prediction.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    OptionError
        If an option is unknown or out of range.
    RecordError
        If the layer, head or query does not exist.
    """
    mode = mode or ("strongest" if query is None else "query")
    most = choose("mode", mode, _MODES)
    if mode == "query" and query is None:
        raise OptionError("mode 'query' needs the query to draw: give query=0 for the first token.")
    for name, value in (("pairs", pairs), ("highest", highest), ("width", width)):
        if value is not None and not value > 0:
            raise OptionError(f"{name} must be more than 0; got {value!r}. Leave it out for the default.")
    if choose("level", level, _LEVELS):
        record = record.merge("eojeol")
    weights = record.matrix(layer, head)
    if query is not None:
        query = position("query", query, len(record.queries))
    if mode == "strongest":
        most = min(most, len(record.queries))
    looks, possible = _looks(record, weights, query, pairs or most)
    seen_by = weights if query is None else weights[[query]]
    shares = received(seen_by)
    widest = highest or max((w for *_, w in looks), default=0.0) or 1.0
    deepest = highest or float(shares.max()) or 1.0
    entries = _entries(record, looks, possible, widest, deepest, float(seen_by.sum())) if legend else []

    title = heading(record, layer, head) if title is None else title
    if ax is None:
        scale = 1.0
        scene = lay_out(record, looks, entries, width=72 * (width or _LINE), by_query=query is not None)
        ax = _new_axes(scene, title)
    else:
        scene, scale = _fitting(ax, record, looks, entries, width, query is not None)
    pen = Pen(ax, scene.origin, scale)
    _draw_shades(pen, scene, shares / deepest)
    _draw_texts(pen, scene, underlined=level == "token")
    if query is not None:
        _draw_frame(pen, scene, query, colour)
    _draw_arcs(pen, scene, looks, widest, colour)
    draw_legend(pen, scene, colour)
    ax.set(xticks=[], yticks=[], facecolor="white")
    ax.spines[:].set_visible(False)
    ax.set_title(title, fontfamily=families(title), fontsize=10, loc="left", pad=4, x=pen.inset)
    return ax


def _looks(record: AttentionRecord, weights: Any, query: int | None, most: int) -> tuple[list[Look], int]:
    """Return the pairs to draw, strongest first, and the number of all pairs."""
    scores = np.array(weights, dtype=np.float64)
    if not two_texts(record):
        if record.queries == record.keys:
            np.fill_diagonal(scores, -1.0)
        else:  # a selection: a token has different positions on the two sides
            scores[np.array([[q == k for k in record.keys] for q in record.queries])] = -1.0
    if query is not None:
        scores[np.arange(len(scores)) != query] = -1.0
    found = strongest_pairs(scores, most, diagonal=True)
    least = _FAINTEST * found[0][2] if found else 0.0
    return [look for look in found if look[2] > 0 and look[2] >= least], int((scores >= 0).sum())


def _entries(record: AttentionRecord, looks: Sequence[Look], possible: int, widest: float, deepest: float,
             mass: float) -> list[Entry]:
    entries = [Entry("shade", f"받은 어텐션 (received), 최대 {deepest:.1%}")]
    if looks:
        share = sum(w for *_, w in looks) / mass
        ways = [Entry("above", "뒷말을 봄 (looks ahead)"), Entry("below", "앞말을 봄 (looks back)")]
        if two_texts(record):
            ways = [Entry("across", "위에서 아래를 봄 (looks down)")]
        entries = [*ways, Entry("width", f"어텐션 (weight), 최대 {widest:.1%}"), *entries, Entry(
            "", f"{possible:,}쌍 중 {len(looks):,}쌍, 어텐션의 {share:.0%} (pairs drawn)")]
    return entries


def _new_axes(scene: Scene, title: str) -> Axes:
    import matplotlib.pyplot as plt

    above = 22.0 if title else 0.0
    wide = max(scene.size[0], advance(named(title), 10) + 2 * PAD)
    high = scene.size[1] + above
    figure = plt.figure(figsize=(wide / 72, high / 72))
    return figure.add_axes((0, 0, 1, scene.size[1] / high))


def _fitting(ax: Any, record: AttentionRecord, looks: Sequence[Look], entries: Sequence[Entry], width: float | None,
             by_query: bool) -> tuple[Scene, float]:
    """Return the scene that fits axes of a given size, and its scale."""
    engine = ax.figure.get_layout_engine()
    if engine is not None:  # it determines the axes' size
        engine.execute(ax.figure)
    box = ax.get_window_extent()
    wide, high = (72 * side / ax.figure.dpi for side in (box.width, box.height))
    scale = 1.0
    while True:
        line = 72 * width if width else wide / scale - 2 * PAD
        scene = lay_out(record, looks, entries, width=line, by_query=by_query)
        room = min(wide / scene.size[0], high / scene.size[1])
        if room >= scale or scale < 0.2:
            return scene, min(scale, room)
        scale *= 0.93


def _draw_shades(pen: Pen, scene: Scene, depths: Any) -> None:
    side = scene.sides[-1]
    for token, depth in zip(scene.keys, depths):
        for line, left, right in side.layout.places[token]:
            top = scene.ground.tops[side.first + line]
            pen.box(left, top, right, top + LETTERS, facecolor=SHADE, edgecolor="none",
                    alpha=float(np.clip(depth, 0, 1)), zorder=1)


def _draw_texts(pen: Pen, scene: Scene, *, underlined: bool) -> None:
    for side in scene.sides:
        tops = scene.ground.tops[side.first:]
        if side.name:
            pen.text(-scene.ground.left - PAD, tops[0] + 0.96 * SIZE, side.name, SMALL, ha="right", color=UNSEEN)
        for word in side.layout.words:
            pen.text(word.place.left, tops[word.place.line] + 0.96 * SIZE, word.text, SIZE,
                     color=INK if side.seen(word) else UNSEEN, zorder=5)
        for token, level in enumerate(underline_levels(side.tokens)):
            for line, left, right in side.layout.places[token]:
                if token in side.layout.chips:
                    pen.box(left, tops[line] + 1, right, tops[line] + LETTERS - 1, facecolor="none",
                            edgecolor=PALE, line=0.7, zorder=3)
                    pen.text((left + right) / 2, tops[line] + 0.9 * SIZE, side.layout.chips[token],
                             CHIP_SIZE * SIZE, ha="center", color=INK, zorder=5)
                elif underlined:
                    y = tops[line] + LETTERS + UNDERLINE * (level + 0.5)
                    pen.path([(left + 0.8, y), (right - 0.8, y)], line=0.9, edgecolor=PALE, facecolor="none",
                             zorder=3)


def _draw_frame(pen: Pen, scene: Scene, query: int, colour: str) -> None:
    side = scene.sides[0]
    for line, left, right in side.layout.places[scene.queries[query]]:
        top = scene.ground.tops[side.first + line]
        pen.box(left, top, right, top + LETTERS, facecolor="none", edgecolor=colour, line=1.2, zorder=4)


def _draw_arcs(pen: Pen, scene: Scene, looks: Sequence[Look], widest: float, colour: str) -> None:
    heads = {}
    for (q, k, weight), way in sorted(zip(looks, scene.ways), key=lambda arc: arc[0][2]):
        share = min(weight / widest, 1.0)
        draw_arc(pen, way.vertices, way.codes, share, colour, gid=f"look-{q}-{k}")
        heads[way.vertices[-1], way.from_above] = share  # the strongest is last
    for (tip, from_above), share in heads.items():
        draw_head(pen, tip, from_above, share, colour)
