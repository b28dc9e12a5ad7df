"""The attention matrix with tokens on both axes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..record import AttentionRecord, numbers_of
from .fonts import families, named
from .report_page import ink_on

if TYPE_CHECKING:
    from matplotlib.axes import Axes


_LONGEST_LABEL = 12
_LABEL_SIZE = 9.0  # points
_NUMBERS_UP_TO = 16  # maximum number of tokens on a side
_INK = (51, 51, 51)  # of numbers on cells where it is readable


def heatmap(
    record: AttentionRecord,
    *,
    layer: int | None = None,
    head: int | None = None,
    ax: Axes | None = None,
    colour_map: str = "Blues",
    highest: float | None = None,
    numbers: bool | None = None,
    title: str | None = None,
) -> Axes:
    """Draw the weights as a grid: queries as rows, keys as columns.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int or None
        None takes the mean.
    ax : matplotlib.axes.Axes or None
        None makes a figure with a size for the number of tokens.
    colour_map : str, default "Blues"
        A colour map whose lightness falls steadily can be read in grey print
        and with every kind of colour blindness.
    highest : float or None
        Weight drawn darkest. None is the largest of this record. Give the same
        value to pictures that are compared.
    numbers : bool or None
        Whether to print weights in the cells (per cent). None does so up to 16 tokens.
    title : str or None
        None names the prediction.

    Returns
    -------
    matplotlib.axes.Axes
    """
    weights = record.matrix(layer, head)
    rows, columns = weights.shape
    if numbers is None:
        numbers = max(rows, columns) <= _NUMBERS_UP_TO
    highest = float(weights.max()) if highest is None else highest
    names = [[shown(named(token.text)) for token in tokens] for tokens in (record.queries, record.keys)]
    font = families("".join(names[0] + names[1]))
    cell = 36.0 if numbers else 16.0  # points
    own = ax is None
    if ax is None:
        ax = _new_axes(rows, columns, cell, names)
    image = ax.imshow(weights, cmap=colour_map, vmin=0, vmax=highest or 1, aspect="equal")
    figure: Any = ax.figure
    bar = figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02, format=_percent)
    if not own:  # measured after the bar has its space
        cell = _cell(ax, max(rows, columns))
    size = min(_LABEL_SIZE, 0.7 * cell)
    _name_sides(ax, names, font, size, cell)
    _draw_lines(ax, rows, columns, min(1.0, cell / 12))
    if numbers:
        _print_numbers(ax, weights, image, min(0.85 * size, 0.5 * cell))
    _name_bar(bar, font)
    title = heading(record, layer, head) if title is None else title
    ax.set_title(title, fontfamily=families(title), fontsize=10, loc="left", pad=8)
    return ax


def shown(text: str, longest: int = _LONGEST_LABEL) -> str:
    """A token as a label: invisible characters made visible, long ones shortened.

    Parameters
    ----------
    text : str
    longest : int, default 12
        Maximum number of characters, including the sign for omitted ones.
    """
    label = visible(text)
    label = label if len(label) <= longest else label[: longest - 1] + "…"
    # Dollar signs would start formulas in matplotlib.
    return label.replace("$", r"\$")


def visible(text: str) -> str:
    """The text with control and other invisible characters as ``·``."""
    return "".join("·" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)


def heading(record: AttentionRecord, layer: int | None = None, head: int | None = None) -> str:
    """Title of a picture: the prediction, the cell, and what was averaged.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int or None
        The drawn layer and head. None is the mean.
    """
    parts = []
    if record.prediction and record.prediction.label is not None:
        label = record.label_name(record.prediction.label)
        parts.append(f"{shown(named(label), 40)}  {record.prediction.confidence:.1%}")
    if record.source.get("cell"):
        parts.append(f"{shown(str(record.source['cell']), 40)} cell")
    if record.layers > 1:
        parts.append("mean of layers" if layer is None else f"layer {numbers_of(record, 'layers')[layer]}")
    if record.heads > 1:
        parts.append("mean of heads" if head is None else f"head {numbers_of(record, 'heads')[head]}")
    if not record.normalised:
        parts.append(f"up to {record.source['dropped_mass']:.0%} of a row is not shown")
    return "  ·  ".join(parts)


def _new_axes(rows: int, columns: int, cell: float, names: Sequence[Sequence[str]]) -> Axes:
    """Axes of a new figure that leaves room for the longest labels."""
    import matplotlib.pyplot as plt

    left, above = (max(map(_width, side)) * _LABEL_SIZE for side in names)
    size = max(230, cell * columns + left + 110), max(190, cell * rows + above + 75)
    return plt.figure(figsize=(size[0] / 72, size[1] / 72), layout="constrained").add_subplot()


def _width(label: str) -> float:
    """Approximate width in ems, never too narrow."""
    return sum(1.0 if c.isupper() or unicodedata.east_asian_width(c) in "WFA" else 0.65 for c in label)


def _name_sides(ax: Axes, names: Sequence[Sequence[str]], font: Any, size: float, cell: float) -> None:
    """Write the tokens beside the rows and above the columns, and the names of both sides."""
    ax.xaxis.tick_top()  # before labelling: it swaps the label artists
    _label(ax.yaxis, names[0], font, size)
    _label(ax.xaxis, names[1], font, size)
    if max(map(_width, names[1])) * size > 0.9 * cell:  # horizontal labels would touch
        for label in ax.get_xticklabels():
            label.set(rotation=60, ha="left", va="bottom", rotation_mode="anchor")
    ax.xaxis.set_label_position("bottom")
    ax.set_xlabel("주목받는 말 (key)", fontfamily=font, fontsize=9)
    ax.set_ylabel("보는 말 (query)", fontfamily=font, fontsize=9)
    ax.tick_params(length=0)


def _name_bar(bar: Any, font: Any) -> None:
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    bar.set_label("어텐션 (weight, %)", fontfamily=font, fontsize=8)


def _draw_lines(ax: Axes, rows: int, columns: int, width: float) -> None:
    """Draw white lines between the cells, and remove the frame."""
    ax.set_xticks([x - 0.5 for x in range(1, columns)], minor=True)
    ax.set_yticks([y - 0.5 for y in range(1, rows)], minor=True)
    ax.grid(which="minor", color="white", linewidth=width)
    ax.tick_params(which="minor", length=0)
    spines: Any = ax.spines
    spines[:].set_visible(False)


def _label(axis: Any, names: Sequence[str], font: Any, size: float) -> None:
    axis.set_ticks(range(len(names)), names)
    for label in axis.get_ticklabels():
        label.set(fontfamily=font, fontsize=size)


def _cell(ax: Any, tokens: int) -> float:
    """Side of one cell of the caller's axes, in points."""
    box = ax.get_window_extent()
    return float(72 * min(box.width, box.height) / ax.figure.dpi / tokens)


def _print_numbers(ax: Axes, weights: Any, image: Any, size: float) -> None:
    for (row, column), weight in _cells(weights):
        shade = [round(255 * part) for part in image.cmap(image.norm(weight))[:3]]
        ink = [part / 255 for part in ink_on(shade, _INK)]
        ax.text(column, row, f"{100 * weight:.0f}", ha="center", va="center", fontsize=size, color=ink)


def _percent(weight: float, _: object) -> str:
    return f"{100 * weight:.3g}"


def _cells(weights: Any) -> Iterator[tuple[tuple[int, int], float]]:
    for row in range(weights.shape[0]):
        for column in range(weights.shape[1]):
            yield (row, column), float(weights[row, column])
