"""The importance of each head: a grid of layers and heads with the change of the answer and its interval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import RecordError
from ..statistics import Figure
from .fonts import families
from .report_page import Html, escaped, page, shaded, table, with_interval

LANGUAGES = {"ko": "ko", "en": "en"}
_TEXT = {
    "en": {"title": "Which heads {name} depends on", "layer": "layer", "head": "head {head}",
           "label": "probability lost without the head (points)",
           "how": "Each cell is one head. It shows the mean probability that the decision loses without this head, over "
                  "{texts} texts, in points, with its 95% bootstrap interval over texts. Below is the number of decisions "
                  "that change. Shaded heads have an interval that excludes 0. A negative number means that the decision "
                  "gains probability.",
           "flipped": "{count} decisions change"},
    "ko": {"title": "{name} 모델은 어느 헤드가 필요한가", "layer": "층", "head": "헤드 {head}",
           "label": "헤드를 뺐을 때 줄어든 확률(%p)",
           "how": "칸 하나가 헤드 하나입니다. 그 헤드를 뺐을 때 판단의 확률이 글 {texts}개에서 평균 몇 %p 줄어드는지를 "
                  "95% 부트스트랩 구간과 함께 보여 줍니다. 그 아래는 판단이 바뀐 글의 수입니다. 구간에 0이 들지 않는 "
                  "헤드에만 색이 있습니다. 음수이면 헤드를 뺐을 때 확률이 오릅니다.",
           "flipped": "판단 {count}개가 바뀜"},
}


def draw_changes(figures: Sequence[Sequence[Figure]], *, ax: Any = None, title: str | None = None,
                 lang: str = "en") -> Any:
    """Draw the change of the answer without each head: layers as rows, heads as columns, each cell with its interval.

    Parameters
    ----------
    figures : sequence of sequence of Figure, (layers, heads)
        The probability lost without each head.
    ax : matplotlib.axes.Axes or None
        None makes a figure with a size for the number of heads.
    title : str or None
    lang : {"en", "ko"}, default "en"

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    RecordError
        If there is no head.
    """
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    means, text = _means(figures), _TEXT[lang]
    layers, heads = means.shape
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.figure(figsize=(1.6 + 1.15 * heads, 1.2 + 0.62 * layers), layout="constrained").add_subplot()
    most = float(np.abs(means).max()) or 1.0
    colours = LinearSegmentedColormap.from_list("lost", ["#c8690a", "#ffffff", "#1d57a0"])
    image = ax.imshow(means, cmap=colours, norm=Normalize(-most, most), aspect="auto")
    for layer, head in np.ndindex(layers, heads):
        mean, low, high = (part.replace("-", "−") for part in figures[layer][head].spell(1, factor=100, sign="+"))
        ax.text(head, layer, f"{mean}\n[{low}, {high}]", ha="center", va="center", fontsize=8,
                fontweight="bold" if figures[layer][head].sign else "normal",
                color="white" if abs(means[layer, head]) > 0.6 * most else "#1b1f24")
    family = families("".join((title or "", text["layer"], text["label"])))
    ax.set_xticks(range(heads), [text["head"].format(head=head) for head in range(heads)], fontfamily=family)
    ax.set_yticks(range(layers), [f"{text['layer']} {layer}" for layer in range(layers)], fontfamily=family)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if title:
        ax.set_title(title, fontfamily=family)
    bar = ax.figure.colorbar(image, ax=ax, format=lambda x, _: f"{100 * x:.3g}")
    bar.set_label(text["label"], fontfamily=family)
    return ax


def changes_page(figures: Sequence[Sequence[Figure]], flipped: NDArray[Any], *, name: str, texts: int, lang: str = "ko"
                 ) -> str:
    """The same grid as one HTML file that opens offline.

    Parameters
    ----------
    figures : sequence of sequence of Figure, (layers, heads)
        The probability lost without each head.
    flipped : numpy.ndarray of int, shape (layers, heads)
        Number of texts whose decision changes without each head.
    name : str
        Name of the model.
    texts : int
        Number of texts.
    lang : {"ko", "en"}, default "ko"

    Raises
    ------
    RecordError
        If there is no head.
    """
    means, text = _means(figures), _TEXT[lang]
    title, most = text["title"].format(name=name), float(np.abs(means).max())
    rows = []
    for layer, row in enumerate(figures):
        cells = []
        for head, own in enumerate(row):
            said = Html(f"{with_interval(own, 1, percent=True, sign='+')}<br>"
                        f"<small>{escaped(text['flipped'].format(count=int(flipped[layer, head])))}</small>")
            cells.append(shaded(abs(own.mean) if own.sign else 0.0, said, most=most))
        rows.append([f"{text['layer']} {layer}", *cells])
    grid = table(["", *(text["head"].format(head=head) for head in range(means.shape[1]))], rows, label=text["label"])
    return page(title, f"<h1>{escaped(title)}</h1>\n<p>{escaped(text['how'].format(texts=f'{texts:,}'))}</p>\n{grid}",
                lang=lang)


def _means(figures: Sequence[Sequence[Figure]]) -> NDArray[Any]:
    if not len(figures) or not len(figures[0]):
        raise RecordError("a grid of heads needs at least one layer with one head; got none.")
    return np.array([[own.mean for own in row] for row in figures])
