"""The study and its page."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from gluonattn.errors import OptionError

from ..views.access import ask_chromium, widths_at
from ..views.conftest import browser  # noqa: F401 (a fixture)

pytestmark = pytest.mark.translation


@pytest.fixture(scope="module")
def study(toy_model):
    from gluonattn.translation.study import study_of

    return study_of(toy_model, sentences=8, seed=0)


@pytest.fixture(scope="module")
def drawn(study):
    """The study with the heads of one sentence: drawing takes longer than all else, and every sentence is drawn alike."""
    return {**study, "records": dict(list(study["records"].items())[:1])}


def test_every_epoch_and_head_is_measured(study):
    assert study["epochs"] == [0, 1, 3, 25]
    assert study["scores"][25]["bleu"].mean > study["scores"][0]["bleu"].mean
    for kind in ("encoder", "decoder", "cross"):
        assert study["ablation"][kind]["bleu"].shape == (1, 2)
        assert set(study["records"][next(iter(study["records"]))][kind]) == {0, 1, 3, 25}
    assert min(one.mean for kind in ("encoder", "decoder", "cross") for one in study["ablation"][kind]["bleu"].flat) < -5


def test_intervals_hold_their_means(study):
    for of in study["figures"].values():
        for figures in of.values():
            for values in figures.values():
                assert all(one.low <= one.mean <= one.high for one in values.flat)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_page_needs_nothing_else_and_says_everything(study, drawn, tmp_path, lang):
    from gluonattn.translation.report import TEXT, write_report

    shown = study if lang == "ko" else drawn
    files = write_report(shown, tmp_path / "page.html", lang=lang)
    page = files["html"].read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page and "nan" not in re.sub(r"base64,[^\"')]*", "", page).lower().split()
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page) and "<script" not in page
    for name in ("curves", "translations", "grids", "heads", "through", "layers", "alignment", "ablation", "limits"):
        assert f'<h2 id="{name}">' in page and f'href="#{name}"' in page
    for sentence in study["examples"]:
        assert sentence in page
    assert page.count("<img ") == 1 + 3 * len(shown["records"]) and 'alt=""' not in page
    assert not re.search(r"\{[a-z_]+\}", re.sub(r"<style>.*?</style>", "", page, flags=re.S))
    figures = json.loads(files["json"].read_text(encoding="utf-8"))
    assert figures["epochs"] == [0, 1, 3, 25] and len(figures["sentences"]) >= 3
    assert set(TEXT["ko"]) == set(TEXT["en"]) and set(TEXT["ko"]["said"]) == set(TEXT["en"]["said"])


@pytest.mark.browser
@pytest.mark.slow
def test_the_page_is_for_every_reader(study, tmp_path, browser):  # noqa: F811
    from gluonattn.translation.report import write_report

    pages = {lang: write_report(study, tmp_path / f"{lang}.html", lang=lang)["html"] for lang in ("ko", "en")}
    for scheme in ("light", "dark"):
        assert ask_chromium(browser, pages, scheme) == {"ko": [], "en": []}
    assert max(widths_at(browser, pages, 320).values()) <= 320


def test_an_even_head_has_not_specialised(study):
    from gluonattn.translation import report
    from gluonattn.translation.heads import EVEN

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "specialise", lambda *_: [EVEN])
        assert "None of 6 heads specialised." in report.in_brief(study, "en")


def test_texts_are_escaped(drawn):
    from gluonattn.translation.report import to_page

    evil = "<script>alert(1)</script>"
    heads = {evil: {"cross": next(iter(drawn["records"].values()))["cross"]}}
    changed = {**drawn, "examples": {evil: {0: evil}}, "about": {**drawn["about"], "model": evil}, "records": heads}
    page = to_page(changed)
    assert "<script>" not in page and page.count("&lt;script&gt;") >= 3


def test_too_few_sentences(toy_model):
    from gluonattn.translation.study import study_of

    with pytest.raises(OptionError, match="at least 2"):
        study_of(toy_model, sentences=1)


def test_the_same_seed_gives_the_same_figures(study, toy_model):
    from gluonattn.translation.study import study_of

    again = study_of(toy_model, sentences=8, seed=0)
    for kind in ("encoder", "decoder", "cross"):
        assert np.array_equal([list(one) for one in again["ablation"][kind]["bleu"].flat],
                              [list(one) for one in study["ablation"][kind]["bleu"].flat])
