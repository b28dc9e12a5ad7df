"""Draw Hangul in matplotlib, without fonts or settings from the user."""

from __future__ import annotations

import io
import logging
import os
import re
import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import DataError, OptionError
from ..files import replace_file
from .font_face import nanum_gothic
from .svg import embed_font

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Fonts of other systems, best first, for installations without NanumGothic.
_ELSEWHERE = ["NanumGothic", "Noto Sans KR", "Noto Sans CJK KR", "Apple SD Gothic Neo", "Malgun Gothic"]
_CURES = {
    "old Hangul": "Noto Sans CJK KR (apt-get install fonts-noto-cjk)",
    "hanja": "Noto Sans CJK KR (apt-get install fonts-noto-cjk; the rarest: fonts-hanazono)",
    "emoji": "Symbola (apt-get install fonts-symbola; matplotlib cannot draw coloured emoji)",
}
_told: set[str] = set()  # kinds of characters that were warned about
# A syllable without a code point: leading consonant, vowel, final consonant.
_OLD_SYLLABLE = re.compile("[\u1100-\u115f\ua960-\ua97c][\u1160-\u11a7\ud7b0-\ud7c6]"
                           "[\u11a8-\u11ff\ud7cb-\ud7fb]?")


def families(text: str = "") -> list[str]:
    """Font families to draw with, best first.

    The user's own font if it has Hangul, else NanumGothic. Then matplotlib's
    own. Then, for characters of `text` that these lack (old Hangul, rare
    hanja, symbols), any installed font with them.

    Parameters
    ----------
    text : str, default ""
        What will be drawn.

    Returns
    -------
    list of str
        Installed families only.
    """
    known = _first_choice()
    found = (_installed_with(c) for c in dict.fromkeys(text) if not _in_any(known, c))
    return [*dict.fromkeys([*known, *(name for name in found if name)])]


def named(text: str) -> str:
    """Replace characters that no installed font can draw by names.

    Emoji and similar characters become their Unicode name (🔥 is :fire:).
    Letters of old Hangul become the same letters side by side, because
    matplotlib does not join them into a syllable. Decomposed Hangul is
    composed. One warning for each kind of character says which font has it.
    """
    known = _first_choice()
    text = unicodedata.normalize("NFC", text)
    text = _OLD_SYLLABLE.sub(lambda syllable: "".join(map(standing_letter, syllable[0])), text)
    missing = {c for c in text if c.isprintable() and not _in_any(known, c) and not _installed_with(c)}
    _tell([c for c in text if c in missing])
    names = {c: f":{unicodedata.name(c, f'U+{ord(c):04X}').lower()}:" for c in missing}
    return "".join(names.get(c, c) for c in text)


def advance(text: str, size: float = 1.0) -> float:
    """Width of a text on one line, as matplotlib draws it with `families`.

    Parameters
    ----------
    text : str
    size : float, default 1.0
        Font size in points. The width is in the same unit.
    """
    known = tuple(_first_choice())
    return size * sum(_em(c, known) for c in text)


@contextmanager
def saving() -> Iterator[Any]:
    """matplotlib settings with which text in SVG and PDF stays text, and equal pictures give equal files."""
    import matplotlib

    log = logging.getLogger("fontTools.subset")  # it logs every table that it drops
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context({"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "gluonattn"}):
            yield
    finally:
        log.setLevel(level)


def save_figure(ax: Axes, path: Path, *, dpi: int = 150) -> Path:
    """Save the figure of `ax`; the ending of `path` selects PNG, SVG or PDF.

    Text in SVG and PDF stays selectable Hangul. The bundled font is embedded
    in both, so that readers need no font. The file gets its name only when it
    is complete.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    path : path
    dpi : int, default 150
        Resolution of a PNG, in dots per inch.

    Raises
    ------
    OptionError
        If the ending is not of a picture format.
    DataError
        If the file cannot be written.
    """
    path = Path(path)
    kind = path.suffix[1:].lower()
    figure: Any = ax.figure
    known = figure.canvas.get_supported_filetypes()
    if kind not in known:
        raise OptionError(
            f"cannot tell the format of the picture from {path.name!r}: expected a name that ends in "
            f"{', '.join(f'.{name}' for name in sorted(known))}; .png, .svg and .pdf are tested."
        )
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    picture = io.BytesIO()
    with saving():
        figure.savefig(picture, format=kind, dpi=dpi, bbox_inches="tight", metadata=undated)
    content = picture.getvalue()
    first = _first_choice()[0]
    if kind == "svg" and "koreanize_matplotlib" in _path(first):  # other fonts' licences may forbid it
        content = embed_font(content.decode("utf-8"), _path(first), first).encode("utf-8")
    try:
        replace_file(path, content)
    except OSError as error:
        raise DataError(
            f"cannot write the picture to {path}: {error.strerror}. "
            "Choose a folder that exists, is writable and has space."
        ) from None
    return path


def _first_choice() -> list[str]:
    from matplotlib import font_manager, rcParams

    mine = font_manager.findfont(font_manager.FontProperties(family=rcParams["font.family"]))
    chosen = [font_manager.get_font(mine).family_name]
    if not _has(mine, "가"):
        bundled = _bundled()
        chosen = [bundled, *chosen] if bundled else [*_installed_hangul(), *chosen]
    return [*dict.fromkeys([*chosen, "DejaVu Sans"])]


@cache
def _bundled() -> str | None:
    """Register the bundled NanumGothic with matplotlib and return its family."""
    from matplotlib import font_manager

    path = nanum_gothic()
    if path is None:
        return None
    font_manager.fontManager.addfont(str(path))
    fonts = font_manager.fontManager.ttflist
    fonts.insert(0, fonts.pop())  # before a NanumGothic of the system: matplotlib takes the first of equal fonts
    return font_manager.get_font(str(path)).family_name


@cache
def _installed_hangul() -> tuple[str, ...]:
    from matplotlib import font_manager

    found = {f.name for f in font_manager.fontManager.ttflist if _has(f.fname, "가")}
    if not found:
        warnings.warn(
            "no font with Hangul was found: Korean will show as boxes. Run pip install "
            "koreanize-matplotlib.", stacklevel=4)
    rank = {name: place for place, name in enumerate(_ELSEWHERE)}
    return tuple(sorted(found, key=lambda n: (rank.get(n, len(rank)), n))[:1])


@lru_cache(maxsize=4096)
def _installed_with(character: str) -> str | None:
    """The family of an installed font that can draw the character."""
    from matplotlib import font_manager

    if not character.isprintable():
        return None
    rank = {name: place for place, name in enumerate(_ELSEWHERE)}
    fonts = font_manager.fontManager.ttflist
    for font in sorted(fonts, key=lambda f: (rank.get(f.name, len(rank)), f.style != "normal", f.name)):
        if "lastresort" in font.name.lower().replace(" ", ""):  # it has boxes for everything
            continue
        # A family is requested by name, so the font found by that name must also have the character.
        if _has(font.fname, character) and _has(_path(font.name), character):
            return font.name
    return None


def _in_any(names: Any, character: str) -> bool:
    return any(_has(_path(name), character) for name in names)


@cache
def _path(family: str) -> str:
    from matplotlib import font_manager

    return font_manager.findfont(font_manager.FontProperties(family=[family], weight="normal"))


@lru_cache(maxsize=16384)
def _has(path: str, character: str) -> bool:
    """Whether the font has an outline for the character (coloured bitmaps cannot be drawn)."""
    from matplotlib import font_manager

    try:
        font = font_manager.get_font(path)
        if not font.get_char_index(ord(character)):
            return False
        font.set_size(12, 72)
        font.load_char(ord(character))
        return len(font.get_path()[0]) > 0 or _blank(character)
    except (OSError, RuntimeError):
        return False


def _blank(character: str) -> bool:
    """Spaces, fillers and variation selectors, which have no outline in any font."""
    filler = "FILLER" in unicodedata.name(character, "")
    return filler or not character.isprintable() or unicodedata.category(character) in ("Zs", "Mn")


@lru_cache(maxsize=16384)
def _em(character: str, known: tuple[str, ...]) -> float:
    """Advance width of a character, as a fraction of the font size."""
    from matplotlib import font_manager

    name = next((name for name in known if _has(_path(name), character)), None)
    path = _path(name or _installed_with(character) or known[0])
    font = font_manager.get_font(path)
    font.set_size(100, 72)
    try:
        return font.load_char(ord(character)).linearHoriAdvance / 65536 / 100
    except RuntimeError:  # no font has it; matplotlib 3.11 and later draw a wide box with its number
        font.set_text(character)
        return font.get_width_height()[0] / 64 / 100


def standing_letter(character: str) -> str:
    """Return the standalone form of a conjoining letter: ㆍ for U+119E. Without such a form (U+D7D5), the letter itself."""
    name = re.sub("CHOSEONG|JUNGSEONG|JONGSEONG", "LETTER", unicodedata.name(character, ""))
    try:
        return unicodedata.lookup(name) if name.startswith("HANGUL LETTER") else character
    except KeyError:  # not every old letter has one
        return character


def _kind(character: str) -> str:
    name = unicodedata.name(character, "UNNAMED")
    if name.startswith("HANGUL"):
        return "old Hangul"
    if name.startswith("CJK"):
        return "hanja"
    if unicodedata.category(character) in ("So", "Sk"):
        return "emoji"
    return name.partition(" ")[0].capitalize()


def _tell(missing: list[str]) -> None:
    """Warn about characters that were replaced by names, once for each kind."""
    for kind in dict.fromkeys(map(_kind, missing)):
        if kind in _told:
            continue
        _told.add(kind)
        these = [c for c in dict.fromkeys(missing) if _kind(c) == kind][:5]
        warnings.warn(
            f"no installed font can draw {' '.join(these)} ({kind}; "
            f"{', '.join(f'U+{ord(c):04X}' for c in these)}): shown by name. To see {kind}, install "
            f"{_CURES.get(kind, 'a font that has it, such as a Noto font')} and delete matplotlib's list of fonts, "
            f"{_list_of_fonts()}.", stacklevel=4)


def _list_of_fonts() -> str:
    import matplotlib
    from matplotlib.font_manager import FontManager

    return os.path.join(matplotlib.get_cachedir(), f"fontlist-v{FontManager.__version__}.json")
