"""The pictures of a report on translation: the curves of training, and heads through the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..record import AttentionRecord
from ..views.fonts import families
from ..views.grid import epochs

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito's


def curves(history: Sequence[Mapping[str, Any]], losses: Sequence[tuple[int, float]], words: Mapping[str, str]) -> Any:
    """Draw loss by step and epoch, and BLEU by epoch. Return a matplotlib Figure.

    Parameters
    ----------
    history : sequence of dict
        The history in the checkpoint.
    losses : sequence of (int, float)
        Step and loss. Empty draws only the epochs.
    words : mapping of str to str
        Names of the axes and curves.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.family": families("".join(words.values()))}):
        drawn = Figure(figsize=(9.6, 3.2), layout="constrained")
        left, right = drawn.subplots(1, 2)
        epochs_done = [epoch["epoch"] for epoch in history]
        if losses:
            steps, values = np.array(losses).T
            a_step = epochs_done[-1] / steps[-1]
            left.plot(steps * a_step, values, color=_BLUE, alpha=0.25, linewidth=0.6)
        left.plot(epochs_done, [epoch["train_loss"] for epoch in history], color=_BLUE, marker="o", markersize=3,
                  label=words["train"])
        left.plot(epochs_done, [epoch["valid_loss"] for epoch in history], color=_ORANGE, marker="s", markersize=3,
                  linestyle="--", label=words["valid"])
        left.set_ylabel(words["loss"])
        left.legend(frameon=False)
        right.plot(epochs_done, [epoch.get("valid_bleu", np.nan) for epoch in history], color=_BLUE, marker="o",
                   markersize=3)
        right.set_ylabel(words["bleu"])
        right.set_ylim(bottom=0)
        for ax in (left, right):
            ax.set_xlabel(words["epoch"])
            ax.spines[["top", "right"]].set_visible(False)
            ax.xaxis.get_major_locator().set_params(integer=True)
    return drawn


def grid(records: Mapping[int, AttentionRecord], text: Mapping[str, Any], highest: float) -> Any:
    """Draw every head of one kind at every epoch. Return a matplotlib Figure.

    Parameters
    ----------
    records : mapping of int to AttentionRecord
        Records of one kind by epoch.
    text : mapping
        The texts of the report.
    highest : float
        The weight at the dark end of the colour scale.
    """
    named = {text["epoch_name"].format(epoch) if epoch else text["untrained"]: records[epoch] for epoch in sorted(records)}
    return epochs(named, highest=highest, label=text["scale"], head_name=text["head_name"]).figure
