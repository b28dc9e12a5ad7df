"""The attention matrix with tokens on both axes."""

from __future__ import annotations

import unicodedata

from ..record import AttentionRecord
from .fonts import families

_LONGEST_LABEL = 12
_NUMBERS_UP_TO = 16  # tokens on a side


def heatmap(
    record: AttentionRecord,
    *,
    layer: int | None = None,
    head: int | None = None,
    ax=None,
    colour_map: str = "Blues",
    highest: float | None = None,
    numbers: bool | None = None,
    title: str | None = None,
):
    """Draw who looks at whom: queries down, keys across.

    Parameters
    ----------
    record : AttentionRecord
    layer, head : int or None
        None takes the mean.
    ax : matplotlib.axes.Axes or None
        None makes a figure whose size suits the number of tokens.
    colour_map : str, default "Blues"
        A map whose lightness falls steadily reads in grey print and with every
        kind of colour blindness.
    highest : float or None
        Weight drawn darkest; None is the largest of this record. Give the same
        value to pictures that are compared.
    numbers : bool or None
        Print weights in the cells (hundredths); None does so up to 16 tokens.
    title : str or None
        None names the prediction.

    Returns
    -------
    matplotlib.axes.Axes
    """
    import matplotlib.pyplot as plt

    weights = record.matrix(layer, head)
    rows, columns = weights.shape
    if numbers is None:
        numbers = max(rows, columns) <= _NUMBERS_UP_TO
    highest = float(weights.max()) if highest is None else highest
    font = families()
    own = ax is None
    if own:
        cell = 0.5 if numbers else 0.3  # inches
        size = (max(3.2, cell * columns + 1.9), max(2.6, cell * rows + 1.4))
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()

    image = ax.imshow(weights, cmap=colour_map, vmin=0, vmax=highest or 1, aspect="equal")
    size = _label_size(ax, max(rows, columns)) if not own else 9.0
    ax.xaxis.tick_top()  # before labelling: it swaps the label artists
    _label(ax.xaxis, record.keys, font, size)
    _label(ax.yaxis, record.queries, font, size)
    for label in ax.get_xticklabels():
        label.set(rotation=60, ha="left", va="bottom", rotation_mode="anchor")
    ax.xaxis.set_label_position("bottom")
    ax.set_xlabel("보이는 말 (key)", fontfamily=font, fontsize=9)
    ax.set_ylabel("보는 말 (query)", fontfamily=font, fontsize=9)
    ax.tick_params(length=0)
    ax.set_xticks([x - 0.5 for x in range(1, columns)], minor=True)
    ax.set_yticks([y - 0.5 for y in range(1, rows)], minor=True)
    ax.grid(which="minor", color="white", linewidth=0.6)
    ax.tick_params(which="minor", length=0)
    ax.spines[:].set_visible(False)
    if numbers:
        _print_numbers(ax, weights, highest, size * 0.85)
    bar = ax.figure.colorbar(image, ax=ax, shrink=0.7, pad=0.02)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8, length=2)
    bar.set_label("attention weight", fontsize=8)
    heading = _title(record, layer, head) if title is None else title
    ax.set_title(heading, fontfamily=font, fontsize=10, loc="left", pad=8)
    return ax


def shown(text: str, longest: int = _LONGEST_LABEL) -> str:
    """A token as a label: invisible characters made visible, long ones shortened."""
    visible = "".join(
        "·" if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text
    )
    # Dollar signs would start matplotlib's own formulas.
    visible = visible if len(visible) <= longest else visible[: longest - 1] + "…"
    return visible.replace("$", r"\$")


def _label(axis, tokens, font, size) -> None:
    axis.set_ticks(range(len(tokens)), [shown(token.text) for token in tokens])
    for label in axis.get_ticklabels():
        label.set(fontfamily=font, fontsize=size)


def _label_size(ax, tokens: int) -> float:
    """Points that fit one cell of the caller's axes."""
    box = ax.get_window_extent().transformed(ax.figure.dpi_scale_trans.inverted())
    return max(4.0, min(10.0, 0.7 * 72 * min(box.width, box.height) / tokens))


def _print_numbers(ax, weights, highest, size) -> None:
    for (row, column), weight in _cells(weights):
        dark = highest and weight / highest > 0.55
        ax.text(column, row, f"{100 * weight:.0f}", ha="center", va="center", fontsize=size,
                color="white" if dark else "#333333")


def _cells(weights):
    for row in range(weights.shape[0]):
        for column in range(weights.shape[1]):
            yield (row, column), float(weights[row, column])


def _title(record, layer, head) -> str:
    parts = []
    if record.prediction and record.prediction.label is not None:
        parts.append(f"{record.prediction.label}  {record.prediction.confidence:.1%}")
    if record.source.get("cell"):
        parts.append(f"{record.source['cell']} cell")
    if record.layers > 1:
        parts.append("mean of layers" if layer is None else f"layer {layer}")
    if record.heads > 1:
        parts.append("mean of heads" if head is None else f"head {head}")
    if not record.normalised:
        parts.append(f"rows lost up to {record.source.get('dropped_mass', 0):.0%}")
    return "  ·  ".join(parts)
