"""Draw the attention of a picture's patches over the picture, as AttentionViz does for a Vision Transformer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..record import AttentionRecord, numbers_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_SIDE = 3.2  # width of a picture in inches
_SMALL = 0.9  # width of a picture in the grid, in inches
_GAMMA = 0.5


def patch_weights(record: AttentionRecord, *, layer: int | None = None, head: int | None = None,
                  query: int | tuple[int, int] | None = None) -> NDArray[Any]:
    """Return the weights from a query to the patches of a picture.

    Parameters
    ----------
    record : AttentionRecord
        A record from `Recorder.records_by_position`. Its source has the numbers of rows and columns of patches.
    layer, head : int or None
        None takes the mean.
    query : int, or (row, column) of a patch, or None
        Position of the attending token. None is the first token (``[CLS]``, if the model has one), or the mean over all
        tokens if no token precedes the patches.

    Returns
    -------
    numpy.ndarray, shape (rows, columns)
        Weights to tokens before the patches are left out, so the sum is 1 or less.

    Raises
    ------
    RecordError
        If the record is not of a picture, or the query does not exist.
    """
    rows, columns = grid_of(record)
    weights = record.matrix(layer, head)
    front = weights.shape[1] - rows * columns
    if isinstance(query, tuple):
        if not (0 <= query[0] < rows and 0 <= query[1] < columns):
            raise RecordError(f"patch {query} is not among {rows} x {columns} patches.")
        names = [token.text for token in record.queries]
        name = f"{query[0]},{query[1]}"
        query = names.index(name) if name in names else front + query[0] * columns + query[1]
    if query is not None and not -len(weights) <= query < len(weights):
        raise RecordError(f"query {query} is not among the {len(weights)} queries.")
    row = weights[query] if query is not None else weights[0] if front else weights.mean(0)
    result: NDArray[Any] = row[front:].reshape(rows, columns)
    return result


def grid_of(record: AttentionRecord) -> tuple[int, int]:
    """Numbers of rows and columns of the patches.

    Raises
    ------
    RecordError
        If the record is not of a picture.
    """
    grid = record.source.get("grid")
    outside = sum(token.text == "[sink]" for token in record.keys)
    if not grid or len(record.keys) - outside < grid[0] * grid[1]:
        raise RecordError("this record is not of a picture: expected source['grid'], rows and columns of patches, as "
                          "recorder.records_by_position() returns them for a model that cuts pictures into patches.")
    return int(grid[0]), int(grid[1])


def patch_overlay(record: AttentionRecord, picture: Any, *, layer: int | None = None, head: int | None = None,
                  query: int | tuple[int, int] | None = None, ax: Axes | None = None, colour_map: str = "inferno",
                  opacity: float = 0.6, title: str | None = None) -> Axes:
    """Draw the attention of a patch over the picture.

    Parameters
    ----------
    record : AttentionRecord
    picture : array, shape (height, width, 3) or (3, height, width) or (height, width)
        Numbers from 0 to 1 or 0 to 255, or a PIL image. A model's normalised input is stretched to that range.
    layer, head : int or None
        None takes the mean.
    query : int, or (row, column) of a patch, or None
        As for `patch_weights`.
    ax : matplotlib.axes.Axes or None
    colour_map : str, default "inferno"
    opacity : float, default 0.6
        Opacity of the colours.
    title : str or None

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RecordError
        If the record is not of a picture, or `picture` is not an image.
    """
    weights, pixels = patch_weights(record, layer=layer, head=head, query=query), _pixels(picture)
    if ax is None:
        ax = _figure(_SIDE * pixels.shape[1] / pixels.shape[0], _SIDE).add_subplot()
    _paint(ax, pixels, weights, colour_map, opacity, float(weights.max()) or 1)
    if isinstance(query, tuple):
        _frame(ax, pixels, weights.shape, query)
    if title:
        ax.set_title(title, fontsize=9)
    return ax


def patch_grid(record: AttentionRecord, picture: Any, *, query: int | tuple[int, int] | None = None,
               colour_map: str = "inferno",
               opacity: float = 0.7, title: str | None = None) -> NDArray[Any]:
    """Draw every head of every layer over the picture: layers as rows, heads as columns, each on its own scale.

    Parameters
    ----------
    record : AttentionRecord
    picture : array or PIL image
        As for `patch_overlay`.
    query : int, or (row, column) of a patch, or None
        As for `patch_weights`.
    colour_map : str, default "inferno"
    opacity : float, default 0.7
    title : str or None

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes, shape (layers, heads)

    Raises
    ------
    RecordError
        If the record is not of a picture, or `picture` is not an image.
    """
    grid_of(record)
    pixels = _pixels(picture)
    width = _SMALL * pixels.shape[1] / pixels.shape[0]
    figure = _figure(width * record.heads + 0.5, _SMALL * record.layers + 0.5)
    axes = figure.subplots(record.layers, record.heads, squeeze=False)
    for layer in range(record.layers):
        for head in range(record.heads):
            ax = axes[layer, head]
            weights = patch_weights(record, layer=layer, head=head, query=query)
            _paint(ax, pixels, weights, colour_map, opacity, float(weights.max()) or 1)
            if layer == 0:
                ax.set_title(str(numbers_of(record, "heads")[head]), fontsize=7, pad=2)
            if head == 0:
                ax.set_ylabel(str(numbers_of(record, "layers")[layer]), fontsize=7, rotation=0, labelpad=6, va="center")
    if title:
        figure.suptitle(title, fontsize=9)
    return axes


def _figure(width: float, height: float) -> Figure:
    from matplotlib import pyplot

    return pyplot.figure(figsize=(width, height), layout="constrained")


def _paint(ax: Axes, pixels: NDArray[Any], weights: NDArray[Any], colour_map: str, opacity: float,
           highest: float) -> None:
    from matplotlib.colors import PowerNorm

    height, width = pixels.shape[:2]
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    ax.imshow(pixels, cmap="gray", extent=extent)
    ax.imshow(weights, cmap=colour_map, norm=PowerNorm(_GAMMA, 0, highest, clip=True), alpha=opacity, extent=extent,
              interpolation="nearest")
    ax.set(xticks=[], yticks=[])


def _frame(ax: Axes, pixels: NDArray[Any], shape: tuple[int, ...], patch: tuple[int, int]) -> None:
    """Mark the attending patch."""
    from matplotlib.patches import Rectangle

    height, width = pixels.shape[0] / shape[0], pixels.shape[1] / shape[1]
    ax.add_patch(Rectangle((patch[1] * width - 0.5, patch[0] * height - 0.5), width, height, fill=False, edgecolor="white",
                           linewidth=1.5))


def _pixels(picture: Any) -> NDArray[Any]:
    """Convert a picture to (height, width) or (height, width, 3), from 0 to 1."""
    pixels = np.asarray(picture.detach().cpu() if hasattr(picture, "detach") else picture, dtype=np.float64)
    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3, 4):
        pixels = np.moveaxis(pixels, 0, -1)
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    if pixels.ndim not in (2, 3) or not pixels.size or not np.isfinite(pixels).all():
        raise RecordError(f"a picture is (height, width, 3), (3, height, width) or (height, width), all finite; got shape "
                          f"{pixels.shape}.")
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 255:  # normalised, as the input of a model
        return (pixels - low) / ((high - low) or 1)
    return pixels / 255 if high > 1 else pixels
