"""The joint query-key map of a head, as a picture.

Stays whole: half of `projection` is options. The rest draws one picture, from its points to its title.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import choose
from ..record import AttentionRecord, place_in_model
from .fonts import families, named
from .heatmap import shown
from .joint import JointHead, joint_heads, reduced

if TYPE_CHECKING:
    from matplotlib.axes import Axes

QUERY, KEY = "#1d57a0", "#b35900"  # distinct for all colour-blind readers, and by shape in grey print
COLOURS = {"side": "query or key", "position": "position in the sentence", "norm": "length of the vector",
           "tag": "part of speech"}
# For the most frequent parts of speech, and for all others. A search found these colours: they have a contrast of 3 to 1
# on white and are distinct with every kind of colour blindness. Six is the maximum for that.
TAG_COLOURS = ("#6000f0", "#f01800", "#000018", "#c060f0", "#780078", "#900018")
OTHER = "#609090"


def projection(
    records: Sequence[AttentionRecord],
    *,
    layer: int = 0,
    head: int = 0,
    method: str = "pca",
    colour: str = "side",
    normalised: bool = True,
    joint: JointHead | None = None,
    ax: Axes | None = None,
    seed: int = 0,
    title: str | None = None,
) -> Axes:
    """Draw the queries and keys of one head together. Closer points have larger dot products.

    Parameters
    ----------
    records : sequence of AttentionRecord
        Records with Q and K, of hundreds of sentences and one model.
    layer, head : int, default 0
    method : {"pca", "tsne", "umap"}, default "pca"
    colour : {"side", "position", "norm", "tag"}, default "side"
        What the colour shows. Queries are always circles and keys triangles.
    normalised : bool, default True
        False draws queries and keys as the model computes them, for comparison.
    joint : JointHead or None
        A result of `joint_heads`, which is slow. None calls it for this layer and head.
    ax : matplotlib.axes.Axes or None
    seed : int, default 0
    title : str or None
        None names the head and its correlation.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    choose("colour", colour, COLOURS)
    one = joint or next(joint_heads(records, layer=layer, head=head, seed=seed))
    queries, keys = one.vectors(records, normalised=normalised)
    points = reduced(np.concatenate([queries, keys]), method, seed=seed)
    if ax is None:
        ax = plt.figure(figsize=(6, 5.4), layout="constrained").add_subplot()
    halves = points[: len(queries)], points[len(queries) :]
    sizes = max(4.0, min(30.0, 9000 / len(points)))
    shades = _shades(records, queries, keys, colour)
    for (xy, marker, name), shade in zip(((halves[0], "o", "query"), (halves[1], "^", "key")), shades):
        scale: dict[str, Any] = {"cmap": "viridis", "vmin": 0} if isinstance(shade, np.ndarray) else {}
        drawn = ax.scatter(xy[:, 0], xy[:, 1], s=sizes, marker=marker, linewidths=0, alpha=0.6, label=name, c=shade, **scale)
    if colour in ("position", "norm"):
        figure: Any = ax.figure
        figure.colorbar(drawn, ax=ax, shrink=0.7, label=COLOURS[colour])
    if colour == "tag":
        _tag_legend(ax, records)
    else:
        ax.legend(loc="best", fontsize=8, markerscale=1.5, framealpha=0.8)
    if title is None:
        found = one.after if normalised else one.before
        what = f"scale {one.scale:.3g}, keys moved" if normalised else "as in the model"
        layer, head = place_in_model(records[0], one.layer, one.head)
        title = f"layer {layer}, head {head}: {what}\ncorrelation of dot product and distance {found:.2f}"
    ax.set_title(title, fontsize=10, loc="left", fontfamily=families(title))
    ax.set_xticks([])
    ax.set_yticks([])
    ax.set_aspect("equal", adjustable="datalim")
    return ax


def before_and_after(records: Sequence[AttentionRecord], *, layer: int = 0, head: int = 0, method: str = "pca",
                     colour: str = "side", joint: JointHead | None = None, seed: int = 0) -> NDArray[Any]:
    """Draw `projection` twice, side by side: as the model computes it, and in the joint space.

    Parameters
    ----------
    records, layer, head, method, colour, joint, seed
        As for `projection`.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes, shape (2,)
    """
    import matplotlib.pyplot as plt

    axes = plt.figure(figsize=(11, 5.2), layout="constrained").subplots(1, 2)
    one = joint or next(joint_heads(records, layer=layer, head=head, seed=seed))
    for ax, normalised in zip(axes, (False, True)):
        projection(records, method=method, colour=colour, normalised=normalised, joint=one, ax=ax, seed=seed)
    result: NDArray[Any] = axes
    return result


def tags_of(records: Sequence[AttentionRecord]) -> list[str]:
    """The tags in the records, most frequent first."""
    from collections import Counter

    counts = Counter(t.tag for r in records for t in (*r.queries, *r.keys) if t.tag)
    return [tag for tag, _ in counts.most_common()]


def _shades(records: Sequence[AttentionRecord], queries: Any, keys: Any, colour: str) -> list[Any]:
    if colour == "side":
        return [QUERY, KEY]
    if colour == "norm":
        return [np.linalg.norm(side, axis=1) for side in (queries, keys)]
    if colour == "position":
        return [np.concatenate([np.arange(len(side)) for side in sides]).astype(float) for sides in (
            [r.queries for r in records], [r.keys for r in records])]
    table = _tag_colours(records)
    return [[table.get(t.tag, OTHER) for r in records for t in getattr(r, side)] for side in ("queries", "keys")]


def _tag_colours(records: Sequence[AttentionRecord]) -> dict[str, Any]:
    return dict(zip(tags_of(records), TAG_COLOURS))


def _tag_legend(ax: Axes, records: Sequence[AttentionRecord]) -> None:
    from matplotlib.lines import Line2D

    entries = [*_tag_colours(records).items(), ("other", OTHER)]
    handles = [Line2D([], [], marker="s", linestyle="", color=shade, label=shown(named(name), 24))
               for name, shade in entries]
    ax.legend(handles=handles, loc="best", fontsize=8, framealpha=0.8, title="● query  ▲ key", title_fontsize=8)
