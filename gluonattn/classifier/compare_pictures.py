"""The pictures of a comparison: one marker and one colour for each series, readable in grey."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ..models.cells import CELLS
from ..views.fonts import families
from ..views.method_names import method_name
from .compare_text import TEXT
from .compare_words import kind_name

# Okabe and Ito's colours, which colour-blind readers can tell apart. Markers repeat the distinction.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#7F7F7F", "#8B4513")
_MARKERS = "osD^vPX<>"
_LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)), (0, (7, 3)), (0, (2, 4)))


def pictures(summary: dict[str, Any], lang: str = "en") -> dict[str, Any]:
    """Figures by name: accuracy, reliability, faithfulness, kinds.

    Parameters
    ----------
    summary : dict
    lang : {"en", "ko"}, default "en"
        Language of the axis labels.

    Returns
    -------
    dict of str to matplotlib.figure.Figure
        The figures are not shown. Close them after saving.
    """
    import matplotlib as mpl

    text = TEXT[lang]["pictures"]
    with mpl.rc_context({"font.family": families("".join(text.values()) + "가")}):
        return {"accuracy": _accuracy(summary, text), "reliability": _reliability(summary, text),
                "faithfulness": _faithfulness(summary, text, lang), "kinds": _kinds(summary, text, lang)}


def _axes(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    ax = Figure(figsize=(width, height), layout="constrained").subplots()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def _accuracy(summary: dict[str, Any], text: dict[str, Any]) -> Any:
    cells = summary["cells"]
    ax = _axes(7, 0.9 + 0.38 * len(cells))
    for row, own in enumerate(cells.values()):
        mean, low, high = (100 * x for x in own["accuracy"])
        ax.plot([low, high], [row, row], color="#0072B2", linewidth=2.5, solid_capstyle="butt")
        ax.plot(mean, row, "o", color="#0072B2", markersize=8)
        ax.plot([100 * a for a in own["accuracy_by_seed"]], [row + 0.2] * len(own["accuracy_by_seed"]), "|", color="#333")
    _rows(ax, cells)
    ax.set_xlabel(text["accuracy"])
    return ax.figure


def _reliability(summary: dict[str, Any], text: dict[str, Any]) -> Any:
    ax = _axes(5.5, 4.6)
    ax.plot([0, 1], [0, 1], color="#bbb", linewidth=1)
    for i, (cell, own) in enumerate(summary["cells"].items()):
        curve = [part for part in own["reliability"] if part["texts"] >= 20]
        ax.plot([part["confidence"] for part in curve], [part["accuracy"] for part in curve], linestyle=_LINES[i % 9],
                color=_COLOURS[i % 9], marker=_MARKERS[i % 9], markersize=4, linewidth=1.3,
                label=f"{cell} (ECE {own['ece']:.3f})")
    lowest = 1 / max(2, len(summary["sentences"][0]["labels"]) if summary["sentences"] else 2)
    ax.set(xlim=(lowest, 1.005), ylim=(lowest - 0.02, 1.01), xlabel=text["confidence"],
           ylabel=text["right"])
    ax.legend(fontsize=8, frameon=False, loc="upper left")
    return ax.figure


def _faithfulness(summary: dict[str, Any], text: dict[str, Any], lang: str) -> Any:
    cells = summary["cells"]
    methods = list(next(iter(cells.values()))["methods"])
    ax = _axes(8.2, 1.4 + 0.62 * len(cells))
    for i, method in enumerate(methods):
        for row, own in enumerate(cells.values()):
            mean, low, high = own["methods"][method]["normalised_aopc"]
            y = row + (i - (len(methods) - 1) / 2) * 0.1
            ax.plot([low, high], [y, y], color=_COLOURS[i % 9], linewidth=1.2)
            ax.plot(mean, y, _MARKERS[i % 9], color=_COLOURS[i % 9], markersize=5,
                    label=method_name(method, lang, short=True) if row == 0 else None)
    _rows(ax, cells)
    ax.axvline(0, color="#bbb", linewidth=0.8, zorder=0)
    ax.set_xlabel(text["faithfulness"])
    ax.legend(fontsize=8, frameon=False, ncols=1, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax.figure


def _kinds(summary: dict[str, Any], text: dict[str, Any], lang: str) -> Any:
    learned = {cell: own for cell, own in summary["cells"].items() if not CELLS[cell].baseline} or summary["cells"]
    kinds = list(next(iter(learned.values()))["kinds"])
    ax = _axes(8.2, 1.2 + 0.5 * len(kinds))
    for i, (cell, own) in enumerate(learned.items()):
        for row, kind in enumerate(kinds):
            mean, low, high = (100 * x for x in own["kinds"][kind]["more"])
            y = row + (i - (len(learned) - 1) / 2) * 0.12
            ax.plot([low, high], [y, y], color=_COLOURS[i % 9], linewidth=1.2)
            ax.plot(mean, y, _MARKERS[i % 9], color=_COLOURS[i % 9], markersize=5, label=cell if row == 0 else None)
    _rows(ax, [kind_name(kind, lang) for kind in kinds])
    ax.axvline(0, color="#888", linewidth=0.8, zorder=0)
    ax.set_xlabel(text["kinds"])
    ax.legend(fontsize=8, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax.figure


def _rows(ax: Any, names: Collection[str]) -> None:
    ax.set_yticks(np.arange(len(names)), list(names))
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.grid(axis="x", color="#eee")
    ax.set_axisbelow(True)
