"""The reports of other rooms as pages, made by the commands: axe-core in two browsers, 320 pixels."""

from __future__ import annotations

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


def test_nothing_is_wider_than_320_pixels(browser, reports):
    assert max(widths_at(browser, reports, 320).values()) <= 320
