"""Drawing tools of an overlay: text and paths in points, arcs with heads, the legend."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .fonts import families
from .scene import PAD, SMALL, SYMBOL, Scene

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, PALE = "#1a1a1a", "#8a8a8a"
UNSEEN = "#767676"  # 4.5:1 on white
SHADE = "#ffc94d"  # 11:1 under the ink, a light grey in print
_WIDEST = 3.2  # points


class Pen:
    """Draw in points from the beginning of the lines, so that text and arcs stay together in any axes.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    origin : float
        Points from the axes' left edge to the beginning of the lines.
    scale : float
        Scale of everything that is drawn.
    """

    def __init__(self, ax: Axes, origin: float, scale: float) -> None:
        from matplotlib.transforms import Affine2D, ScaledTranslation

        self.ax, self.scale = ax, scale
        figure: Any = ax.figure
        points = Affine2D().translate(origin, PAD).scale(scale / 72, -scale / 72)
        # Left edge of the picture, as a fraction of the axes' width.
        self.inset = scale * PAD / 72 * figure.dpi / ax.get_window_extent().width
        across: Any = ax.transAxes
        self.place = points + figure.dpi_scale_trans + ScaledTranslation(0, 1, across)

    def path(self, vertices: Any, codes: Any = None, *, line: float = 0.0, **style: Any) -> None:
        """Draw a path.

        Parameters
        ----------
        vertices : sequence of (x, y)
        codes : sequence of int or None
            As for `matplotlib.path.Path`; None connects the vertices with straight lines.
        line : float, default 0.0
            Line width.
        **style
            For `matplotlib.patches.PathPatch`.
        """
        from matplotlib.patches import PathPatch
        from matplotlib.path import Path

        self.ax.add_artist(PathPatch(Path(vertices, codes), transform=self.place, linewidth=self.scale * line,
                                     clip_on=False, **{"facecolor": "none", "edgecolor": "none", **style}))

    def box(self, left: Any, top: Any, right: Any, bottom: Any, **style: Any) -> None:
        """Draw a box.

        Parameters
        ----------
        left, top, right, bottom : float
        **style
            As for `path`.
        """
        corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
        self.path(corners, [1, 2, 2, 2, 79], **style)

    def text(self, x: Any, y: Any, text: str, size: Any, **style: Any) -> None:
        """Draw a text on its base line. Dollar signs are drawn as such and start no formula.

        Parameters
        ----------
        x, y : float
        text : str
        size : float
            Font size.
        **style
            For `matplotlib.text.Text`.
        """
        from .letters import Letters

        self.ax.add_artist(Letters(
            x, y, text, transform=self.place, fontsize=self.scale * size, fontweight="normal", fontstyle="normal",
            fontfamily=families(text), parse_math=False, clip_on=False, **style))


def draw_arc(pen: Pen, vertices: Any, codes: Any, share: float, colour: str, **style: Any) -> None:
    """Draw an arc whose width and opacity follow its weight.

    Parameters
    ----------
    pen : Pen
    vertices, codes
        As for `Pen.path`.
    share : float
        The weight as a fraction of the widest arc's weight.
    colour : str
    **style
        As for `Pen.path`.
    """
    pen.path(vertices, codes, line=_WIDEST * share, edgecolor=colour, alpha=_opacity(share),
             capstyle="butt", joinstyle="round", zorder=2, **style)


def draw_head(pen: Pen, tip: Any, down: bool, share: float, colour: str) -> None:
    """Draw the head of arcs that end at a place.

    Parameters
    ----------
    pen : Pen
    tip : (x, y)
        The place.
    down : bool
        Whether the arcs come from above.
    share : float
        As for `draw_arc`.
    colour : str
    """
    x, y = tip
    way = 1 if down else -1
    half, back = 1.0 + 3.0 * share**0.5, y - 4.5 * way
    pen.path([(x, y + 2.8 * way), (x - half, back), (x + half, back), (x, y)], [1, 2, 2, 79],
             facecolor=colour, alpha=_opacity(share), zorder=2.5)


def draw_legend(pen: Pen, scene: Scene, colour: str) -> None:
    """Draw the legend of shades, arcs and grey words.

    Parameters
    ----------
    pen : Pen
    scene : Scene
        The scene with the legend.
    colour : str
        Colour of the arcs.
    """
    for x, y, entry in scene.legend:
        x, middle = x + PAD - scene.origin, y - 0.36 * SMALL
        if entry.symbol == "shade":
            pen.box(x, middle - 5, x + 20, middle + 5, facecolor=SHADE)
        elif entry.symbol == "width":
            draw_arc(pen, [(x, middle), (x + 20, middle)], None, 1.0, colour)
        elif entry.symbol == "unseen":
            pen.text(x, y, "가나", 1.25 * SMALL, color=UNSEEN)
        elif entry.symbol:
            _draw_example(pen, x, middle, entry.symbol, colour)
        pen.text(x + (SYMBOL if entry.symbol else 0.0), y, entry.text, SMALL, color=INK)


def _draw_example(pen: Any, x: Any, middle: Any, symbol: Any, colour: str) -> None:
    """Draw two small words with an arc between them: to the right, to the left, or down."""
    if symbol == "across":
        for y in (middle - 6, middle + 6):
            pen.path([(x + 4, y), (x + 16, y)], line=2.0, edgecolor=PALE)
        draw_arc(pen, [(x + 10, middle - 4.5), (x + 10, middle + 1)], None, 0.45, colour)
        draw_head(pen, (x + 10, middle + 2), True, 0.45, colour)
        return
    up = symbol == "above"
    way = 1 if up else -1
    text, rim, peak = middle + 6 * way, middle + 3 * way, middle - 9 * way
    for left in (x, x + 13):
        pen.path([(left, text), (left + 8, text)], line=2.0, edgecolor=PALE)
    start, end = (x + 4, x + 17) if up else (x + 17, x + 4)
    draw_arc(pen, [(start, rim), (start, peak), (end, peak), (end, rim)], [1, 4, 4, 4], 0.45, colour)
    draw_head(pen, (end, rim), up, 0.45, colour)


def _opacity(share: float) -> float:
    return 0.1 + 0.8 * share
