from __future__ import annotations

import os
import re
import subprocess
import sys
import warnings
import zlib
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import matplotlib.figure
import pytest
from matplotlib import font_manager

import gluonattn
from gluonattn.errors import DataError, OptionError
from gluonattn.views import fonts
from gluonattn.views.fonts import advance, families, named, save_figure, saving

HANGUL = "가지고 있는 이야기에 비해 수준떨어지는 뷁 ㅋㅋ ㅠㅠ"


def charmap(family):
    path = font_manager.findfont(font_manager.FontProperties(family=[family]), fallback_to_default=False)
    return font_manager.get_font(path).get_charmap()


@pytest.fixture
def text_axes():
    """Axes (of a figure pyplot does not know) with one line of Hangul."""
    ax = matplotlib.figure.Figure(figsize=(4, 1)).add_subplot()
    ax.set_axis_off()
    ax.text(0, 0.5, HANGUL, fontfamily=families())
    return ax


def test_the_first_family_holds_all_of_modern_hangul():
    drawn = charmap(families()[0])
    for first, last in (
        ("가", "힣"),
        ("ㄱ", "ㅣ"),
        ("\u1100", "\u1112"),
        ("\u1161", "\u1175"),
        ("\u11a8", "\u11c2"),
    ):
        assert all(c in drawn for c in range(ord(first), ord(last) + 1))


def test_families_change_no_setting_and_not_the_default_font():
    before, default = dict(matplotlib.rcParams), font_manager.findfont(font_manager.FontProperties())
    families()
    named("가🔥")
    assert dict(matplotlib.rcParams) == before
    assert font_manager.findfont(font_manager.FontProperties()) == default


def test_the_users_own_font_comes_first_if_it_has_hangul_and_still_helps_if_not():
    families()  # makes NanumGothic known, as if it were installed
    with matplotlib.rc_context({"font.family": ["NanumGothic"]}):
        assert families() == ["NanumGothic", "DejaVu Sans"]
    with matplotlib.rc_context({"font.family": ["STIXGeneral"]}):
        assert families() == ["NanumGothic", "STIXGeneral", "DejaVu Sans"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("재밌다ㅋㅋ", "재밌다ㅋㅋ"),
        ("ᄀ ᅡ $_\\", "ᄀ ᅡ $_\\"),
        ("😂", "😂"),
        ("최고🔥!", "최고:fire:!"),
        ("\U0010ffff", "\U0010ffff"),
        ("\x00\u202e\ud800", "\x00\u202e\ud800"),
        ("\u1112\u119e\u11ab글", "ㅎㆍㄴ글"),
        ("\u1112\u1161\u11ab", "한"),
        ("漢字", "漢字"),
        ("❤\ufe0f", "❤\ufe0f"),
        ("\U0002a700", ":cjk unified ideograph-2a700:"),
        ("", ""),
    ],
)
@pytest.mark.filterwarnings("ignore:no installed font")
def test_only_what_no_font_can_draw_goes_by_its_name(text, expected):
    assert named(text) == expected


def test_saving_keeps_text_as_text_and_puts_the_settings_back():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), saving():
        assert (matplotlib.rcParams["svg.fonttype"], matplotlib.rcParams["pdf.fonttype"]) == ("none", 42)
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before


def test_hangul_in_an_svg_is_text_in_a_font_that_has_it(text_axes, tmp_path):
    svg = save_figure(text_axes, tmp_path / "a.svg").read_text(encoding="utf-8")
    line = next(line for line in svg.splitlines() if HANGUL in line)
    assert "<text" in line and families()[0] in line


def test_hangul_in_a_pdf_is_embedded_truetype_with_a_way_back_to_unicode(text_axes, tmp_path):
    pdf = save_figure(text_axes, tmp_path / "a.pdf").read_bytes()
    assert b"/CIDFontType2" in pdf and b"/FontFile2" in pdf and b"/Type3" not in pdf
    streams = [
        zlib.decompress(s) for s in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.S) if s[:1] == b"x"
    ]
    # A reader of the file copies what the font's ToUnicode map says.
    copied = {
        chr(int(end_or_code, 16))
        for stream in streams
        if b"begincmap" in stream
        for block in re.findall(rb"beginbfrange(.*?)endbfrange", stream, re.S)
        for low, high, targets in re.findall(rb"<(\w+)> <(\w+)>\s*\[(.*?)\]", block, re.S)
        for end_or_code in re.findall(rb"<(\w+)>", targets)
    }
    assert set(HANGUL) - {" "} <= copied
    # ... and the page shows those codes as text, two bytes each.
    page = b"".join(s for s in streams if b"BT" in s and b"begincmap" not in s)
    assert re.search(rb"\bTf\b.*\bT[jJ]\b", page, re.S)


@pytest.mark.parametrize("ending, magic", [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_the_ending_picks_the_format(text_axes, tmp_path, ending, magic):
    path = save_figure(text_axes, str(tmp_path / f"a.{ending}"))
    assert isinstance(path, Path) and path.read_bytes().startswith(magic)


def test_saving_warns_of_no_missing_glyph(text_axes, tmp_path):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*missing from")
        for ending in ("png", "svg", "pdf"):
            save_figure(text_axes, tmp_path / f"a.{ending}")


def test_a_folder_that_is_not_there(text_axes, tmp_path):
    with pytest.raises(
        DataError, match=r"cannot write the picture to .*a\.png: No such file.*Choose a folder"
    ):
        save_figure(text_axes, tmp_path / "none" / "a.png")


DRAW = """
import sys, warnings
import matplotlib
matplotlib.use("agg")
from matplotlib import font_manager
fonts = font_manager.fontManager  # it looks in /usr/share/fonts whatever fontconfig says
fonts.ttflist = [font for font in fonts.ttflist if font.fname.startswith(matplotlib.get_data_path())]
import gluonattn as g
from gluonattn.views.fonts import families, save_figure
caught = []
# matplotlib 3.11 leaves the font files it reads to the garbage collector.
warnings.showwarning = lambda message, kind, *_, **__: None if kind is ResourceWarning else caught.append(str(message))
warnings.simplefilter("always")
text = "정말로 ㅋㅋ 최고 🔥 뷁"
tokens = g.tokenizer("syllable")(text)
n = len(tokens)
prediction = g.Prediction("긍정", {"긍정": 1.0})
record = g.AttentionRecord(text, tokens, tokens, [[[[1 / n] * n] * n]], prediction=prediction)
ax = g.heatmap(record)
for ending in ("png", "svg", "pdf"):
    save_figure(ax, "picture." + ending)
ax.figure.savefig("plain.png")
print("families", families())
print("caught", [c[:45] for c in caught if "font" in c.lower() or "glyph" in c.lower()])
"""


def draw_elsewhere(tmp_path, code=DRAW):
    """Draw on a machine whose fontconfig knows no font and whose matplotlib has no cache."""
    for name in ("config", "home", "fonts"):
        (tmp_path / name).mkdir()
    (tmp_path / "fonts.conf").write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{tmp_path}/fonts</dir><cachedir>{tmp_path}/cache</cachedir></fontconfig>"
    )
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(gluonattn.__file__).parents[1]),
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": str(tmp_path / "config"),
        "HOME": str(tmp_path / "home"),
        "XDG_DATA_HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "home"),
        "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"),
        "PYTHONIOENCODING": "utf-8",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done


def test_korean_shows_on_a_machine_without_any_font(tmp_path):
    done = draw_elsewhere(tmp_path)
    assert "families ['NanumGothic', 'DejaVu Sans']" in done.stdout
    assert "caught ['no installed font can draw 🔥 (emoji; U+1F525)']" in done.stdout
    assert "missing" not in done.stderr and "not found" not in done.stderr
    assert "정" in (tmp_path / "picture.svg").read_text(encoding="utf-8")


def test_without_the_bundled_font_one_warning_says_what_to_install(tmp_path):
    hidden = (
        "import importlib.util\nfind = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda n, *a: None if n == 'koreanize_matplotlib' else find(n, *a)\n"
    )
    code = hidden + (
        "import warnings\nfrom matplotlib.font_manager import fontManager\n"
        "fontManager.ttflist = [f for f in fontManager.ttflist if 'DejaVu' in f.name]\n"
        "from gluonattn.views.fonts import families\n"
        "with warnings.catch_warnings(record=True) as caught:\n    warnings.simplefilter('always')\n"
        "    families(); print(families(), [str(w.message) for w in caught if 'Hangul' in str(w.message)])\n"
    )
    done = draw_elsewhere(tmp_path, code)
    assert done.stdout.strip() == (
        "['DejaVu Sans'] ['no font with Hangul was found: Korean will show as boxes. "
        "Run pip install koreanize-matplotlib.']"
    )


@pytest.fixture
def nothing_told(monkeypatch):
    """As in a new process: no warning was given yet."""
    monkeypatch.setattr(fonts, "_told", set())


def test_what_no_font_has_is_told_once_for_each_kind(nothing_told):
    with pytest.warns(UserWarning, match="no installed font") as caught:
        named("좋다🔥🚀")
        named("🔥")
        named("\ua960\ud7b0")
    emoji, hangul = (str(warning.message) for warning in caught)
    assert "🔥 🚀 (emoji; U+1F525, U+1F680): shown by name" in emoji and "fonts-symbola" in emoji
    assert "old Hangul; U+A960, U+D7B0" in hangul and "fonts-noto-cjk" in hangul
    assert re.search(r"delete matplotlib's list of fonts, \S+fontlist-v\S+\.json", emoji)


def test_what_can_be_drawn_is_told_nothing(nothing_told, recwarn):
    named("재밌다ㅋㅋ 漢字 ᄀ \u1112\u119e\u11ab ❤ 😂 \x00")
    assert not recwarn.list


def test_the_font_list_only_grows_by_the_bundled_font():
    code = (
        "import matplotlib; matplotlib.use('agg')\nfrom matplotlib import font_manager as fm\n"
        "names = ['serif', 'sans-serif', 'monospace', 'cursive', 'DejaVu Sans']\n"
        "def seen(): return [fm.findfont(fm.FontProperties(family=[name])) for name in names], dict(matplotlib.rcParams)\n"
        "before, listed = seen(), list(fm.fontManager.ttflist)\n"
        "from gluonattn.views.fonts import families, named, advance\n"
        "families('가🔥'); named('가🔥'); advance('가')\n"
        "assert seen() == before\n"
        "now = fm.fontManager.ttflist\n"
        "added = len(now) - len(listed)\n"
        "assert now[added:] == listed\n"
        "print([f.name for f in now[:added]])\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(Path(gluonattn.__file__).parents[1])},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("['NanumGothic']", "[]")  # none where the user's own has Hangul


def subset_font(tmp_path, characters, name):
    """A font file with these characters only, under a name of its own."""
    subset = pytest.importorskip("fontTools.subset")
    from fontTools.ttLib import TTFont

    path = font_manager.findfont(font_manager.FontProperties(family=["DejaVu Sans"]))
    font = TTFont(path)
    table = font.getBestCmap()
    glyph = table[ord("A")]
    for cmap in font["cmap"].tables:
        if cmap.isUnicode() and cmap.format == 12:
            cmap.cmap.update({ord(c): glyph for c in characters})
    subsetter = subset.Subsetter(subset.Options(name_IDs=["*"]))
    subsetter.populate(text=characters)
    subsetter.subset(font)
    for record in font["name"].names:
        record.string = name
    font.save(tmp_path / f"{name}.ttf")
    return tmp_path / f"{name}.ttf"


def test_a_glyph_in_any_installed_font_is_used_rather_than_the_name(tmp_path, monkeypatch, nothing_told, recwarn):
    path = subset_font(tmp_path, "🔥\U0002a700", "OnlyFire")
    listed = list(font_manager.fontManager.ttflist)
    monkeypatch.setattr(font_manager.fontManager, "ttflist", listed)
    fonts._installed_with.cache_clear()
    try:
        font_manager.fontManager.addfont(str(path))
        assert named("불🔥\U0002a700") == "불🔥\U0002a700"
        assert families("불🔥")[-1] == "OnlyFire" and "OnlyFire" not in families("불")
        assert advance("🔥") == pytest.approx(advance("A", 1), rel=0.2)
        ax = matplotlib.figure.Figure(figsize=(2, 1)).add_subplot()
        ax.set_title("불🔥", fontfamily=families("불🔥"))
        save_figure(ax, tmp_path / "a.png")
        assert not [w for w in recwarn if "missing" in str(w.message) or "no installed" in str(w.message)]
    finally:
        fonts._installed_with.cache_clear()
        fonts._path.cache_clear()
        fonts._em.cache_clear()


@pytest.mark.parametrize("text", ["가지고 있는", "ㅋㅋㅠㅠ", "TV, 123!", "漢字😂"])
def test_the_advance_is_what_matplotlib_sets(text):
    figure = matplotlib.figure.Figure(figsize=(8, 2), dpi=72)
    figure.canvas.draw()
    drawn = figure.text(0, 0.5, text + "가", fontfamily=families(text), fontsize=100, parse_math=False)
    alone = figure.text(0, 0.5, "가", fontfamily=families(), fontsize=100)
    measured = drawn.get_window_extent().width - alone.get_window_extent().width
    assert advance(text, 100) == pytest.approx(measured, rel=0.03)


def test_files_appear_whole_or_not_at_all(text_axes, tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    save_figure(text_axes, path)
    before = path.read_bytes()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        save_figure(text_axes, path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_picture_is_the_same_file(text_axes, tmp_path, ending):
    one, two = (save_figure(text_axes, tmp_path / f"{n}.{ending}").read_bytes() for n in "ab")
    assert one == two


def test_an_svg_holds_the_glyphs_of_its_texts(text_axes, tmp_path):
    import base64
    import io

    from fontTools.ttLib import TTFont

    text_axes.text(0, 0.1, "<&> é", fontfamily=families())
    svg = save_figure(text_axes, tmp_path / "a.svg").read_text(encoding="utf-8")
    family, data = re.search(r'@font-face\{font-family:"(.*?)";src:url\(data:font/woff;base64,(.*?)\)', svg).groups()
    assert family == families()[0]
    embedded = TTFont(io.BytesIO(base64.b64decode(data)))
    assert set(HANGUL + "<&>") <= set(map(chr, embedded.getBestCmap()))
    assert len(svg) < 20_000  # its own glyphs only
    assert ElementTree.fromstring(svg) is not None


def test_the_bundled_font_is_taken_where_the_system_has_one_of_its_name(tmp_path):
    """As on most machines in Korea: pictures stay the same, and an SVG still holds its glyphs."""
    code = ("import shutil, sys, matplotlib; matplotlib.use('agg')\n"
            "from pathlib import Path\n"
            "from matplotlib import font_manager, pyplot\n"
            "from gluonattn.views import fonts\n"
            "own = Path(shutil.copy(fonts.nanum_gothic(), sys.argv[1]))\n"
            "font_manager.fontManager.addfont(str(own))\n"
            "axes = pyplot.subplots()[1]\n"
            "axes.text(0, 0, '가', fontfamily=fonts.families())\n"
            "print('@font-face' in fonts.save_figure(axes, own.parent / 'a.svg').read_text(encoding='utf-8'))\n")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize("name", ["picture", "picture.xyz", "picture.html"])
def test_an_ending_that_is_no_picture(text_axes, tmp_path, name):
    with pytest.raises(OptionError, match=f"'{name}': expected a name that ends in .*\\.png"):
        save_figure(text_axes, tmp_path / name)
    assert not list(tmp_path.iterdir())
