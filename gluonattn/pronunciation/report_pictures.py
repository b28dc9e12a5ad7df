"""The pictures of a report on pronunciation: heads through the epochs, and attention beside intervention."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..record import AttentionRecord
from ..views.fonts import families
from ..views.grid import epochs
from .causes import changed_sites, locate_sites
from .pronounce import pronounce
from .report_names import reading_names, role_name

# Okabe and Ito's colours, which colour-blind readers can distinguish. Markers differ too.
_SERIES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"))
_WORDS = {
    "ko": {"epoch": "{}에폭", "untrained": "학습 전", "scale": "어텐션 (%), 제곱근 눈금", "head": "{layer}층 {head}번",
           "attention": "글자 하나가 받는 어텐션 (%)", "even": "모든 글자를 똑같이 볼 때",
           "flips": "글자를 바꾸면 결정이 바뀐 비율 (%)"},
    "en": {"epoch": "epoch {}", "untrained": "untrained", "scale": "attention (%), square-root scale",
           "head": "layer {layer} head {head}", "attention": "attention on one letter (%)", "even": "an even share",
           "flips": "decisions changed by replacing it (%)"},
}


def grid_of(word: str, records: Mapping[int, AttentionRecord], lang: str, highest: float) -> Any:
    """Draw every head of one kind at every epoch, with the causes outlined. Return a matplotlib Figure.

    Parameters
    ----------
    word : str
    records : mapping of int to AttentionRecord
        Records of one kind by epoch.
    lang : {"ko", "en"}
    highest : float
        The weight at the dark end of the colour scale.
    """
    words, said = _WORDS[lang], pronounce(word)
    record = next(iter(records.values()))
    marks = [(look.row, key) for look in locate_sites(said, record, changed_sites(said)) if look for key in look.cause]
    named = {words["epoch"].format(epoch) if epoch else words["untrained"]: records[epoch] for epoch in sorted(records)}
    return epochs(named, marks=marks, highest=highest, label=words["scale"], head_name=words["head"]).figure


def side_by_side(asked: dict[str, Any], rule: str, lang: str) -> Any:
    """Draw attention on each role of letter beside the effect of replacing it. Return a matplotlib Figure.

    Parameters
    ----------
    asked : dict
        One question of `gluonattn.pronunciation.summary.question`.
    rule : str
        A key of `RULES`.
    lang : {"ko", "en"}
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    words, names, roles = _WORDS[lang], reading_names(asked, lang), list(asked["roles"])
    labels = [role_name(role, rule, lang) for role in roles]
    with mpl.rc_context({"font.family": families("".join(labels) + words["flips"])}):
        drawn = Figure(figsize=(9.2, 1.7 + 0.42 * len(roles)), layout="constrained")
        left, right = drawn.subplots(1, 2, sharey=True, gridspec_kw={"width_ratios": [3, 2]})
        for (reading, name), (colour, marker), shift in zip(names.items(), _SERIES, (-0.2, 0, 0.2)):
            for row, role in enumerate(roles):
                _dot(left, asked["roles"][role]["attention"][reading], row + shift, colour, marker, "" if row else name)
        for row, role in enumerate(roles):
            even = 100 * asked["roles"][role]["even"]
            left.plot([even, even], [row - 0.35, row + 0.35], color="#888", linewidth=1, linestyle=":",
                      label=None if row else words["even"])
            if role != "own":
                _dot(right, asked["roles"][role]["flips"], row, "#000000", "o")
        left.set_yticks(np.arange(len(roles)), labels)
        left.set_ylim(len(roles) - 0.5, -0.5)
        left.set_xlabel(words["attention"])
        right.set_xlabel(words["flips"])
        for ax in (left, right):
            ax.spines[["top", "right"]].set_visible(False)
            ax.set_xlim(-3, 103)
            ax.grid(axis="x", color="#eee")
            ax.set_axisbelow(True)
        drawn.legend(loc="outside upper center", ncols=4, fontsize=8, frameon=False)
    return drawn


def _dot(ax: Any, figure: Any, y: float, colour: str, marker: str, label: str = "") -> None:
    mean, low, high = (100 * x for x in figure)
    ax.plot([low, high], [y, y], color=colour, linewidth=1.5)
    ax.plot(mean, y, marker, color=colour, markersize=5.5, label=label or None)
