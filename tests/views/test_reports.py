"""The reports of other rooms as pages, made by the commands: axe-core in two browsers, 320 pixels."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gluonattn.cli.app import main
from gluonattn.data.sources import locate

from ..needs import require_mxnet
from .access import ask_chromium, ask_firefox, widths_at

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def reports(tiny_pronouncer, tmp_path_factory) -> dict[str, Path]:
    """Reports of `compare`, `report corpus` and `pronunciation report` on the bundled samples, in both languages."""
    require_mxnet()
    out, made = tmp_path_factory.mktemp("reports"), {}
    for lang in ("ko", "en"):
        comparing = ["compare", "--data", "sample", "--cells", "mlp,none", "--seeds", "2", "--epochs", "1", "--workers", "1",
                     "--explained", "8", "--out", str(out / "compare"), "--lang", lang]
        reading = ["pronunciation", "report", str(tiny_pronouncer), "--words", "20", "--edited", "1", "--word", "독립",
                   "--out", str(out / f"pronunciation-{lang}.html"), "--lang", lang]
        driving = ["report", "corpus", str(locate("sample").test), "--min-count", "1", "--lang", lang, "--method",
                   "attention-gradient", "--out", str(out / f"corpus-{lang}.html")]
        for arguments in (comparing, reading, driving):
            with pytest.raises(SystemExit) as stopped:
                main(arguments)
            assert not stopped.value.code
        made[f"pronunciation {lang}"] = out / f"pronunciation-{lang}.html"
        made[f"corpus {lang}"] = out / f"corpus-{lang}.html"
        made[f"compare {lang}"] = (out / "compare/report.html").rename(out / f"compare-{lang}.html")
    return made


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_complain_of_in_chromium(browser, reports, scheme):
    assert {name: said for name, said in ask_chromium(browser, reports, scheme).items() if said} == {}


@pytest.mark.parametrize("dark", [0, 1])
def test_axe_has_nothing_to_complain_of_in_firefox(reports, dark):
    assert {name: said for name, said in ask_firefox(reports, dark).items() if said} == {}


def test_pictures_keep_letters_of_readable_size_on_a_phone(browser, reports):
    """Drawn with letters of 8 points at 150 dots an inch, a picture of 1,000 dots needs 540 pixels for letters of 9."""
    for name, path in reports.items():
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.goto(path.as_uri())
        shares = page.evaluate("[...document.images].map(i => i.getBoundingClientRect().width / i.naturalWidth)")
        page.close()
        assert bool(shares) is not name.startswith("corpus"), name  # its bars are no pictures
        assert min(shares, default=1) > 0.4, name


def test_numbers_have_a_true_minus_and_no_negative_zero(browser, reports):
    for name, path in reports.items():
        page = browser.new_page()
        page.goto(path.as_uri())
        said = page.locator("main").inner_text()
        page.close()
        assert re.findall(r"(?<![\w.–])-\d[\d.]*", said) == [] and re.findall(r"−0(?:\.0+)?(?![\d.])", said) == [], name


def test_nothing_is_wider_than_320_pixels(browser, reports):
    assert max(widths_at(browser, reports, 320).values()) <= 320
