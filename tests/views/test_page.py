"""The page as a file: what is in it and what is not. test_page_browser.py opens it."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import shutil
import subprocess

import pytest

from gluonattn.classifier import compare_text
from gluonattn.errors import DataError, OptionError, RecordError
from gluonattn.pronunciation import report_text
from gluonattn.record import AttentionRecord, Prediction
from gluonattn.views import font_face
from gluonattn.views.page import ASSETS, ATTRIBUTION, SCRIPTS, notebook_html, save_page, to_html
from gluonattn.views.page_data import dumps, page_data

from .pages import HOSTILE, SENTENCE, cross, hostile, numbered, random_weights, record_of, spread


@pytest.fixture(scope="module")
def record():
    return record_of(SENTENCE, heads=2)


def elements(page: str, name: str) -> list[str]:
    return re.findall(rf"<{name}\b[^>]*>(.*?)</{name}>", page, re.DOTALL)


def data_of(page: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="gluonattn-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(found)


def policy_of(page: str) -> str:
    return html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])


def test_one_record_or_many_with_the_options_inside(record):
    data = data_of(to_html(record, lang="en", title="A title", layer=0, head=1))
    assert data["options"] == {"lang": "en", "title": "A title", "layer": 0, "head": 1}
    assert data["records"] == page_data([record])["records"]
    assert len(data_of(to_html([record, cross()]))["records"]) == 2
    assert len(data_of(to_html(iter([record, record])))["records"]) == 2


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_code_of_a_page_is_less_than_80_kilobytes(record, lang):
    page = to_html(record, lang=lang, font=False, title="")
    carried = {**page_data([record]), "options": {"lang": lang, "title": "", "layer": None, "head": None}}
    assert 20_000 < len(page.encode()) - len(dumps(carried).encode()) < 80_000


def test_512_tokens_and_one_head_stay_below_2_megabytes():
    page = to_html(numbered(512))
    assert len(page.encode()) < 2_000_000
    assert data_of(page)["records"][0]["weights"]["bits"] == 16


def test_144_heads_of_128_tokens_stay_below_3_megabytes():
    text, tokens = spread(["말"] * 128)
    record = AttentionRecord(text, tokens, tokens, random_weights((12, 12, 128, 128), sharpness=0.1))
    page = to_html(record, limit=2_800_000)
    assert len(page.encode()) < 3_000_000
    stored = data_of(page)["records"][0]["weights"]
    assert (stored["layers"], stored["heads"]) == (12, 12)
    assert stored["kept"] > 40 and stored["dropped"] < 0.05


def test_the_policy_allows_this_script_these_styles_and_no_request(record):
    page = to_html(record)
    policy = dict(part.strip().split(" ", 1) for part in policy_of(page).split(";"))

    def hashed(source):
        return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"

    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == hashed(script)
    assert policy["style-src"].split() == [hashed(s) for s in reversed(elements(page, "style"))]
    assert policy["img-src"] == "data: blob:" and policy["font-src"] == "data:"
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in policy_of(page)


def test_hostile_tokens_open_no_element_and_the_page_can_be_written():
    page = to_html(hostile(), title=HOSTILE[0] + "\ud800\0")
    assert page.encode("utf-8")
    assert len(re.findall("<script", page)) == len(re.findall("</script", page)) == 2
    assert "pwned=1</script" not in page and "<img" not in page and "<b " not in page
    assert not set("\0\ud800\u202e\u2028") & set(page)
    (title,) = elements(page, "title")
    assert html.unescape(title).startswith(HOSTILE[0])


def test_places_in_the_template_are_not_looked_for_in_what_is_put_in():
    text, tokens = spread(["{{script}}", "{{data}}", "\\1"])
    record = AttentionRecord(text, tokens, tokens, random_weights((1, 1, 3, 3)))
    page = to_html(record, title="{{style}}")
    assert data_of(page)["records"][0]["text"] == text
    assert elements(page, "title") == ["{{style}}"]


@pytest.mark.parametrize(
    "text, title", [(SENTENCE, SENTENCE), ("가 " * 80, ("가 " * 80)[:59] + "…"), ("가\n\x00나", "가 나")]
)
def test_the_title_is_the_beginning_of_the_text(text, title):
    assert elements(to_html(record_of(text, "whitespace")), "title") == [title]


def test_an_unknown_language_head_or_nothing_at_all(record):
    with pytest.raises(OptionError, match="unknown language 'fr': expected one of 'ko', 'en'"):
        to_html(record, lang="fr")
    with pytest.raises(RecordError, match="head 2 does not exist"):
        to_html(record, head=2)
    with pytest.raises(OptionError, match="at least one record"):
        to_html([])


# ---------------------------------------------------------------- the font


def font_of(page: str) -> bytes:
    return base64.b64decode(re.search(r"data:font/woff;base64,([^)]+)\)", page)[1])


def test_the_page_carries_the_glyphs_it_uses_and_no_others(record):
    from fontTools.ttLib import TTFont

    page = to_html(record)
    held = TTFont(io.BytesIO(font_of(page))).getBestCmap()
    labels = (ASSETS / "words.ko.js").read_text(encoding="utf-8")
    wanted = {ord(c) for c in SENTENCE + labels if "가" <= c <= "힣"}
    assert wanted <= set(held)
    assert ord("뷁") not in held
    assert len(font_of(page)) < 300 * len(held)


def test_decomposed_hangul_brings_the_composed_glyph():
    from fontTools.ttLib import TTFont

    page = to_html(record_of("\u1112\u1161\u11ab\u1100\u1173\u11af", "whitespace"), lang="en")
    assert {ord("한"), ord("글")} <= set(TTFont(io.BytesIO(font_of(page))).getBestCmap())


def test_the_font_can_be_left_out_and_may_be_missing(record, monkeypatch):
    assert "font/woff" not in to_html(record, font=False)
    monkeypatch.setattr(font_face, "nanum_gothic", lambda: None)
    assert "font/woff" not in to_html(record)


def test_cutting_the_font_prints_nothing(record, capfd, caplog):
    to_html(record_of("쀏뷁", "whitespace"))
    assert not caplog.records and capfd.readouterr() == ("", "")


# ---------------------------------------------------------------- files and notebooks


def test_a_saved_page_is_the_page_and_stands_alone(record, tmp_path):
    path = save_page([record], tmp_path / "p.html", lang="en")
    assert path.read_text(encoding="utf-8") == to_html([record], lang="en")
    assert path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in tmp_path.iterdir()] == ["p.html"]


def test_a_folder_that_is_not_there(record, tmp_path):
    with pytest.raises(DataError, match="cannot write the page.*Choose a folder"):
        save_page(record, tmp_path / "no" / "p.html")


def test_a_failed_write_leaves_the_old_page(record, tmp_path, monkeypatch):
    path = tmp_path / "p.html"
    path.write_text("old", encoding="utf-8")
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(DataError, match="No space left"):
        save_page(record, path)
    assert path.read_text(encoding="utf-8") == "old" and len(list(tmp_path.iterdir())) == 1


def test_a_notebook_gets_the_page_in_a_frame_that_may_do_nothing_else(record):
    frame = notebook_html(record, lang="en")
    found = re.fullmatch(r'<iframe sandbox="([^"]*)" srcdoc="([^"]*)"([^<>]*)></iframe>', frame)
    assert found[1] == "allow-scripts allow-downloads"
    assert html.unescape(found[2]) == to_html(record, lang="en")
    assert 600 < int(re.search(r'height="(\d+)"', found[3])[1]) <= 800
    assert re.fullmatch(r"<iframe [^<>]*></iframe>", notebook_html([hostile(), cross()]))


# ---------------------------------------------------------------- the scripts


def test_every_asset_is_used_and_none_names_another_host():
    names = {name.format(lang=lang) for name in (*SCRIPTS, *ATTRIBUTION) for lang in ("ko", "en")}
    pages = {"page.css", "page.html", "plain.records.html", "plain.maps.html", "plain.kept.html"}
    assert {p.name for p in ASSETS.iterdir()} == names | pages | {
        f"{view}.{kind}" for view in ("grid", "projection") for kind in ("css", "js")}
    for path in ASSETS.iterdir():
        source = path.read_text(encoding="utf-8")
        addresses = set(re.findall(r"https?://[^\"'\s]+", source))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name
        assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function", source)
        assert "\r" not in source  # HTML would read it as a line feed, and its hash would be another
        assert path.suffix != ".js" or "</script" not in source


def test_korean_and_english_say_the_same_things():
    keys = [
        re.findall(r"(?:^ {4}|, )(\w+): [\"`(\[]", (ASSETS / f"words.{lang}.js").read_text(encoding="utf-8"), re.M)
        for lang in ("ko", "en")
    ]
    assert set(keys[0]) == set(keys[1]) and len(keys[0]) > 50


@pytest.mark.skipif(not shutil.which("node"), reason="needs node: apt-get install nodejs")
def test_the_scripts_pass_their_own_tests():
    done = subprocess.run(
        ["node", "--test", "tests/views/js/"], cwd=ASSETS.parents[2], capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert re.search(r"# pass [1-9]", done.stdout)


def test_a_prediction_that_could_not_be_made():
    record = record_of("가", "whitespace", prediction=Prediction(None))
    assert data_of(to_html(record))["records"][0]["prediction"] == {"label": None, "probabilities": []}


def test_no_page_calls_a_strong_shade_dark_or_a_chosen_word_even():
    """On a dark page strong shades are light; 고른 is "even" as well as "chosen"."""
    said = {path.name: path.read_text(encoding="utf-8") for path in ASSETS.glob("*.js")}
    for report in (compare_text, report_text):
        said |= {f"{report.__name__} {lang}": str(text) for lang, text in report.TEXT.items()}
    wrong = re.compile("[Dd]arke[rn]|진할수록|진하고|고른")
    assert {name: wrong.findall(text) for name, text in said.items() if wrong.search(text)} == {}
