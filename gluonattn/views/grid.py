"""All layers and heads side by side, on one colour scale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from unicodedata import east_asian_width

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import AttentionRecord, Token, numbers_of, place_in_model
from ..record.modes import subtract_weights
from .fonts import families, named
from .heatmap import heading, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GAP = 0.12  # between heads, as a fraction of a head
_HEAD = 62.0  # size of one head in points
_CELL = 14.0  # size of one weight in points, if tokens are named
_LONGEST = 24  # characters of a token's label
_BETWEEN_TICKS = 0.09  # fraction of the length of a colour scale
_GAMMA = 0.5  # most weights are near 0, where the square root gives more colours


def grid(
    record: AttentionRecord,
    *,
    ax: Axes | None = None,
    colour_map: str = "Blues",
    highest: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw every head of every layer: layers down, heads across, one colour scale for all.

    Parameters
    ----------
    record : AttentionRecord
        `record.modes` makes records for the other modes.
    ax : matplotlib.axes.Axes or None
        None makes a figure with a size for the number of heads.
    colour_map : str, default "Blues"
    highest : float or None
        Weight drawn darkest. None is the largest of this record.
    title : str or None

    Returns
    -------
    matplotlib.axes.Axes
    """
    from matplotlib.colors import PowerNorm

    highest = float(record.weights.max()) if highest is None else highest
    norm = PowerNorm(_GAMMA, 0, highest or 1, clip=True)
    title = _title(record) if title is None else title
    return _draw(record, record.weights, ax, colour_map, norm, "weight (%), square-root scale", title)


def epochs(
    records: Mapping[str, AttentionRecord],
    *,
    ax: Axes | None = None,
    marks: Iterable[tuple[int, int]] = (),
    colour_map: str = "Blues",
    highest: float | None = None,
    label: str = "attention weight (%), square-root scale",
    head_name: str = "layer {layer}, head {head}",
) -> Axes:
    """Draw how every head changed in training: a row for each head, a column for each epoch, one colour scale for all.

    Parameters
    ----------
    records : mapping of str to AttentionRecord
        The record of the same text at each epoch, in order, by the name of the epoch.
    ax : matplotlib.axes.Axes or None
        None makes a figure with a size for the tokens.
    marks : iterable of (query, key)
        Cells to outline in every head, for example the place of a cause.
    colour_map : str, default "Blues"
    highest : float or None
        Weight drawn darkest. None is the largest of all epochs.
    label : str
        Label of the colour scale.
    head_name : str
        Name of a row, with {layer} and {head}.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RecordError
        If there is no record, or the records have different tokens, layers or heads.
    """
    from matplotlib.colors import PowerNorm

    names, every = list(records), _alike(list(records.values()))
    first = every[0]
    layers, heads, queries, keys = first.weights.shape
    down, across = queries + 1, keys + 1  # with the gap between heads
    mosaic = np.full((layers * heads * down - 1, len(every) * across - 1), np.nan)
    top = max(float(record.weights.max()) for record in every) if highest is None else highest
    ax, marks = _axes_for(mosaic) if ax is None else ax, list(marks)
    for row, (layer, head) in enumerate(np.ndindex(layers, heads)):
        y, name = row * down, dict(zip(("layer", "head"), place_in_model(first, layer, head)))
        ax.text(-0.02, y + (queries - 1) / 2, head_name.format(**name), rotation=90, fontsize=11,
                ha="right", va="center", transform=_beside(ax, 10 + _widest(first.queries)), fontfamily=families(head_name))
        for column, record in enumerate(every):
            mosaic[y : y + queries, column * across : column * across + keys] = record.weights[layer, head]
            _outline(ax, [(y + query, column * across + key) for query, key in marks])
    image = ax.imshow(mosaic, cmap=colour_map, norm=PowerNorm(_GAMMA, 0, top or 1, clip=True), aspect="auto",
                      interpolation="nearest")
    _name_tokens(ax, first, across=len(every), down=layers * heads)
    _name_columns(ax, names, across, _widest(first.keys))
    ax.spines[:].set_visible(False)
    _bar(ax, image, label, size=11)
    return ax


def _alike(records: list[AttentionRecord]) -> list[AttentionRecord]:
    """Return the records if there are any and all have the same tokens, layers and heads. Raises RecordError otherwise."""
    if not records:
        raise RecordError("a picture of epochs needs at least one record; got none.")
    for record in records[1:]:
        subtract_weights(records[0], record)  # raises if they do not match
    return records


def _axes_for(mosaic: NDArray[Any]) -> Axes:
    import matplotlib.pyplot as plt

    size = 150 + _CELL * mosaic.shape[1], 60 + _CELL * mosaic.shape[0]
    return plt.figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained").add_subplot()


def _name_columns(ax: Axes, names: list[str], across: int, widest: float) -> None:
    from matplotlib.transforms import ScaledTranslation

    above, rise = (-0.5, widest + 8) if widest > _CELL else (-2.2, 0)  # above vertical tokens
    figure: Any = ax.figure
    place = ax.transData + ScaledTranslation(0, rise / 72, figure.dpi_scale_trans)
    for column, name in enumerate(shown(named(name), 40) for name in names):
        ax.text(column * across + across / 2 - 1, above, name, fontsize=12, ha="center", va="bottom", transform=place,
                fontfamily=families(name))


def _widest(tokens: Iterable[Token]) -> float:
    """Approximate width of the longest token's label in points, without marks such as ``</s>``."""
    return max((sum(11 if east_asian_width(letter) in "WF" else 6.5 for letter in _label(token))
                for token in tokens if token.end > token.start), default=0.0)


def _label(token: Token) -> str:
    return shown(named(token.text), _LONGEST)


def _outline(ax: Axes, cells: Iterable[tuple[int, int]]) -> None:
    """Draw frames around cells (row, column) of a picture."""
    from matplotlib.patches import Rectangle

    for row, column in cells:
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor="#c8690a", linewidth=1.4))


def _name_tokens(ax: Axes, record: AttentionRecord, *, across: int, down: int) -> None:
    """Write the tokens above each column of heads and beside each row. Heads are one cell apart."""
    keys, queries = ([_label(token) for token in side] for side in (record.keys, record.queries))
    family = families("".join((*queries, *keys)))
    ax.set_xticks([c * (len(keys) + 1) + k for c in range(across) for k in range(len(keys))], keys * across,
                  fontfamily=family)
    ax.set_yticks([r * (len(queries) + 1) + q for r in range(down) for q in range(len(queries))], queries * down,
                  fontfamily=family)
    ax.xaxis.tick_top()
    ax.tick_params(length=0, labelsize=11, pad=1)
    if _widest(record.keys) > _CELL:  # horizontal labels would overlap
        ax.tick_params(axis="x", rotation=90)


def _beside(ax: Axes, points: float = 24) -> Any:
    """A transform for text left of the labels: x in points outwards from the axes' left edge, y in data."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure: Any = ax.figure
    shift = ScaledTranslation(-max(24, points) / 72, 0, figure.dpi_scale_trans)
    return blended_transform_factory(ax.transAxes, ax.transData) + shift


def _bar(ax: Axes, image: Any, label: str, size: float = 8) -> None:
    figure: Any = ax.figure
    bar = figure.colorbar(image, ax=ax, shrink=0.8, pad=0.02, aspect=40, format=lambda w, _: f"{100 * w:.3g}")
    bar.set_ticks(_apart(bar.get_ticks(), image.norm))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=size, length=2)
    bar.set_label(label, fontsize=size, fontfamily=families(label))


def _apart(ticks: NDArray[Any], norm: Any) -> list[float]:
    """Select ticks whose labels do not touch. On a square-root scale, large numbers are close together."""
    kept: list[float] = []
    for tick in sorted(tick for tick in ticks if norm.vmin <= tick <= norm.vmax):
        if not kept or norm(tick) - norm(kept[-1]) >= _BETWEEN_TICKS:
            kept.append(float(tick))
    return kept


def difference(
    record_a: AttentionRecord, record_b: AttentionRecord, *, ax: Axes | None = None, highest: float | None = None,
    title: str | None = None,
) -> Axes:
    """Draw `record_b` minus `record_a`, head by head: blue where b has more weight, orange where a has more.

    Parameters
    ----------
    record_a, record_b : AttentionRecord
        Two records with the same tokens, layers and heads: two epochs, two seeds, before and after fine-tuning.
    ax : matplotlib.axes.Axes or None
    highest : float or None
        Difference drawn darkest. None is the largest.
    title : str or None

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RecordError
        If the records have different tokens, layers or heads.
    """
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    change = subtract_weights(record_a, record_b)
    top = (float(np.abs(change).max()) if highest is None else highest) or 1
    # The page's colours. Blue and orange are distinct with red-green blindness.
    colours = LinearSegmentedColormap.from_list("minus_plus", ["#a34a00", "#eeb171", "#ffffff", "#8db8e6", "#1d57a0"])
    ax = _draw(record_a, change, ax, colours, Normalize(-top, top, clip=True), "difference (points)",
               "second − first" if title is None else title)
    # Below the grid, because the colour scale of a small grid is shorter than this line.
    ax.text(0, -0.03, "blue +: more in second;  orange −: more in first", transform=ax.transAxes, fontsize=8, va="top")
    return ax


def _draw(record: AttentionRecord, weights: NDArray[Any], ax: Axes | None, colours: Any, norm: Any, label: str, title: str
          ) -> Axes:
    import matplotlib.pyplot as plt

    layers, heads, queries, keys = weights.shape
    down, across = max(1, round(_GAP * queries)), max(1, round(_GAP * keys))
    mosaic = np.full((layers * (queries + down) - down, heads * (keys + across) - across), np.nan)
    for layer in range(layers):
        for head in range(heads):
            top, left = layer * (queries + down), head * (keys + across)
            mosaic[top : top + queries, left : left + keys] = weights[layer, head]
    if ax is None:
        shape = queries / keys
        size = max(260, 62 + heads * _HEAD * 1.1 + 90), max(150, 70 + layers * _HEAD * 1.1 * min(2, max(0.5, shape)))
        ax = plt.figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained").add_subplot()
    image = ax.imshow(mosaic, cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
    ax.set_xticks([h * (keys + across) + (keys - 1) / 2 for h in range(heads)], map(str, numbers_of(record, "heads")))
    ax.set_yticks([y * (queries + down) + (queries - 1) / 2 for y in range(layers)], map(str, numbers_of(record, "layers")))
    ax.xaxis.tick_top()
    ax.xaxis.set_label_position("top")
    ax.set_xlabel("head", fontsize=9)
    ax.set_ylabel("layer", fontsize=9)
    ax.tick_params(length=0, labelsize=8)
    ax.spines[:].set_visible(False)
    ax.set_facecolor("#d5dae0")
    _bar(ax, image, label)
    ax.set_title(title, fontfamily=families(title), fontsize=10, loc="left")
    return ax


def _title(record: AttentionRecord) -> str:
    parts = [str(record.source[name]) for name in ("model", "mode") if record.source.get(name)]
    parts += [record.kind, heading(record, 0, 0).partition("layer")[0].strip(" ·")]
    if record.source.get("uniform"):
        parts.append(f"uniform weights in {len(record.source['uniform'])} layers")
    return "  ·  ".join(p for p in parts if p)
