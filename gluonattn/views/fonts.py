"""Hangul in matplotlib without a font set up by the user, and without touching their settings."""

from __future__ import annotations

import importlib.util
import warnings
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

# What a viewer of an SVG may have instead of the font it was drawn with.
_ELSEWHERE = ["NanumGothic", "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic"]


def families() -> list[str]:
    """Font families to draw with, best first: the user's own if it has Hangul, else NanumGothic.

    Returns
    -------
    list of str
        Installed families only; the last one is matplotlib's own.
    """
    from matplotlib import font_manager, rcParams

    mine = font_manager.findfont(font_manager.FontProperties(family=rcParams["font.family"]))
    chosen = [font_manager.get_font(mine).family_name]
    if not _has_hangul(mine):
        bundled = _bundled()
        chosen = [bundled, *chosen] if bundled else [*_installed_hangul(), *chosen]
    return [*dict.fromkeys([*chosen, "DejaVu Sans"])]


@contextmanager
def saving():
    """matplotlib settings under which text in SVG and PDF stays text."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        yield


def save_figure(ax, path, *, dpi: int = 150) -> Path:
    """Save the figure of `ax`; the ending of `path` picks PNG, SVG or PDF.

    Text in SVG and PDF stays selectable Hangul.
    """
    with saving(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*missing from font.*")
        ax.figure.savefig(path, dpi=dpi, bbox_inches="tight")
    return Path(path)


@lru_cache(maxsize=None)
def _bundled() -> str | None:
    """Register the NanumGothic that the koreanize-matplotlib wheel carries.

    The package itself is not imported: importing it changes global settings.
    """
    from matplotlib import font_manager

    spec = importlib.util.find_spec("koreanize_matplotlib")
    if spec is None or not spec.submodule_search_locations:
        return None
    for folder in spec.submodule_search_locations:
        for path in sorted(Path(folder).rglob("NanumGothic.ttf")):
            font_manager.fontManager.addfont(str(path))
            return font_manager.get_font(str(path)).family_name
    return None


@lru_cache(maxsize=None)
def _installed_hangul() -> tuple[str, ...]:
    from matplotlib import font_manager

    found = [f for f in font_manager.fontManager.ttflist if _has_hangul(f.fname)]
    if not found:
        warnings.warn(
            "no font with Hangul was found: Korean will show as boxes. Run pip install "
            "koreanize-matplotlib.", stacklevel=4)
    preferred = sorted({f.name for f in found}, key=lambda n: (n not in _ELSEWHERE, n))
    return tuple(preferred[:1])


@lru_cache(maxsize=None)
def _has_hangul(path: str) -> bool:
    from matplotlib import font_manager

    try:
        return ord("가") in font_manager.get_font(path).get_charmap()
    except (OSError, RuntimeError):
        return False
