"""Hangul in matplotlib without a font set up by the user, and without touching their settings."""

from __future__ import annotations

import importlib.util
import unicodedata
import warnings
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path

from ..errors import DataError

# Where NanumGothic did not come with the package: the fonts other systems have, best first.
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


def named(text: str) -> str:
    """The text with what no font here can draw (most emoji) by its Unicode name: 🔥 as :fire:."""
    from matplotlib import font_manager

    fonts = (font_manager.FontProperties(family=[name]) for name in families())
    known = [_characters(font_manager.findfont(font)) for font in fonts]
    return "".join(
        c if not c.isprintable() or any(ord(c) in font for font in known)
        else f":{unicodedata.name(c, f'U+{ord(c):04X}').lower()}:"
        for c in text
    )


@contextmanager
def saving():
    """matplotlib settings under which text in SVG and PDF stays text."""
    import matplotlib

    with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):
        yield


def save_figure(ax, path, *, dpi: int = 150) -> Path:
    """Save the figure of `ax`; the ending of `path` picks PNG, SVG or PDF.

    Text in SVG and PDF stays selectable Hangul.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    try:
        with saving():
            ax.figure.savefig(path, dpi=dpi, bbox_inches="tight")
    except OSError as error:
        raise DataError(
            f"cannot write the picture to {path}: {error.strerror}. "
            "Choose a folder that exists, is writable and has space."
        ) from None
    return Path(path)


@cache
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


@cache
def _installed_hangul() -> tuple[str, ...]:
    from matplotlib import font_manager

    found = [f for f in font_manager.fontManager.ttflist if _has_hangul(f.fname)]
    if not found:
        warnings.warn(
            "no font with Hangul was found: Korean will show as boxes. Run pip install "
            "koreanize-matplotlib.", stacklevel=4)
    rank = {name: place for place, name in enumerate(_ELSEWHERE)}
    preferred = sorted({f.name for f in found}, key=lambda n: (rank.get(n, len(rank)), n))
    return tuple(preferred[:1])


@lru_cache(maxsize=8)
def _characters(path: str) -> frozenset[int]:
    from matplotlib import font_manager

    return frozenset(font_manager.get_font(path).get_charmap())


@cache
def _has_hangul(path: str) -> bool:
    from matplotlib import font_manager

    try:
        return ord("가") in font_manager.get_font(path).get_charmap()
    except (OSError, RuntimeError):
        return False
