"""The report on a speaker whose heads and decisions are known, from the study to the page."""

from __future__ import annotations

import json
import re
import shutil

import matplotlib
import numpy as np
import pytest

from gluonattn.cli.app import main
from gluonattn.errors import DataError, OptionError
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.pronunciation.report import to_page, write_report
from gluonattn.pronunciation.report_sentences import about_question, headline, in_brief, rule_name
from gluonattn.pronunciation.report_text import TEXT
from gluonattn.pronunciation.study import OBSTRUENT, PLAIN, SINO, study
from gluonattn.pronunciation.summary import summarise
from gluonattn.pronunciation.words import words_with
from gluonattn.statistics import figure

from .speaking import RuleSpeaker

OBSTRUENTS = ["국밥", "학교", "먹고", "책상", "국수", "작다", "박수", "낙지", "입장", "잡지", "독서", "각자", "악기", "목수",
              "식당", "접시"]
OTHERS = ["국물", "먹는", "한국어", "말도", "길도", "안된다", "월드", "골드", "필드", "홀더", "칼슘", "넬슨", "살도", "물도"]


@pytest.fixture(scope="module")
def found():
    matplotlib.use("agg")
    test = [pronounce(word) for word in [*OBSTRUENTS, *OTHERS, *words_with(SINO)[:20]]]
    valid = [pronounce(word) for word in [*OBSTRUENTS[:4], *words_with(SINO)[20:24]]]
    steps = []
    models = {0: RuleSpeaker(("even",) * 4, lexical=False), 3: RuleSpeaker()}
    done = study(models, valid, test, edited=16, examples=["국물"], progress=lambda *at: steps.append(at),
                 about={"model": "<b>rule</b>"})
    assert steps[-1][0] == steps[-1][1] and [a for a, _ in steps] == sorted(a for a, _ in steps)
    return done


@pytest.fixture(scope="module")
def summary(found):
    return summarise(found)


def heads_of(summary, kind):
    return [head for head in summary["heads"] if head["kind"] == kind]


def test_the_head_that_follows_the_cause_is_found_and_the_positional_one_is_not(summary):
    for kind in ("encoder", "cross"):
        cause, even, own, following = heads_of(summary, kind)
        assert cause["strong"] and cause["cause_by_epoch"][0] == cause["untrained"]
        assert not (even["follows"] or own["follows"] or following["follows"])
        assert own["diagonal_head"] and not following["diagonal_head"]
        assert own["sharpened"] and not even["sharpened"]


def test_heads_are_chosen_on_validation_words(summary):
    assert summary["questions"][OBSTRUENT]["readings"]["cross chosen"] == [0, 0]
    assert summary["questions"][SINO]["readings"]["encoder chosen"] == [0, 0]


def test_attention_and_intervention_agree_where_they_should(summary):
    asked = summary["questions"][OBSTRUENT]
    assert asked["words"] == asked["kept"] and asked["right"].mean == 1
    assert asked["roles"]["cause"]["flips"].mean == 1 and asked["roles"]["next vowel"]["flips"].mean == 0
    tables = asked["tables"]["cross chosen"]
    assert tables["words"] == [[asked["kept"], 0], [0, 0]]
    (top, stays), (others, rest) = tables["letters"]
    assert (top, stays, others) == (asked["kept"], 0, 0) and rest > 0
    assert tables["strongest_flips"].mean == 1 and tables["others_flip"].mean == 0
    assert asked["tau"]["cross"][0, 0].mean == pytest.approx(1)
    # Who has a list needs every letter of the word (or makes another listed word), and its head looks at one.
    assert summary["questions"][SINO]["roles"]["previous onset"]["flips"].mean > 0.5
    assert summary["questions"][SINO]["tables"]["cross chosen"]["others_flip"].mean > 0.5
    assert summary["questions"][PLAIN]["right"].mean == 1


@pytest.mark.parametrize("strongest, others, verdict", [
    ([0.3, 0.7] * 20, [0.2, 0.6] * 20, "agrees"), ([0.2, 0.6] * 20, [0.3, 0.7] * 20, "differs"),
    ([1.0, 0.0] * 20, [0.0, 1.0] * 20, "unclear")])
def test_whether_both_point_at_one_letter_is_told_word_by_word(summary, strongest, others, verdict):
    """Words differ more than letters of a word: the intervals of the two rates overlap."""
    rates = {"strongest_flips": figure(strongest), "others_flip": figure(others),
             "difference": figure(np.subtract(strongest, others))}
    asked = summary["questions"][OBSTRUENT]
    asked = {**asked, "tables": {name: {**one, **rates} for name, one in asked["tables"].items()}}
    lines = about_question({**summary, "questions": {OBSTRUENT: asked}}, OBSTRUENT, "en")
    assert sum(TEXT["en"]["said"][verdict] in line for line in lines) == 1


def test_every_sentence_carries_its_number(summary):
    for lang in TEXT:
        lines = in_brief(summary, lang) + [line for rule in summary["questions"]
                                              for line in about_question(summary, rule, lang)]
        assert len(lines) > 15 and all(re.search(r"\d", line) for line in lines)
        assert not re.search(r"\{|\bnan\b", " ".join(lines))
    cause = heads_of(summary, "cross")[0]["cause"]
    assert f"{cause.mean:.2f} [{cause.low:.2f}, {cause.high:.2f}]" in " ".join(in_brief(summary, "ko"))


def test_both_languages_say_the_same_things():
    def shape(value):
        return {key: shape(one) for key, one in value.items()} if isinstance(value, dict) else type(value)

    assert shape(TEXT["ko"]) == shape(TEXT["en"])
    for name, said in TEXT["ko"]["said"].items():
        if name != "rule":  # Korean and English have their own names of a rule
            assert set(re.findall(r"\{(\w+)", said)) == set(re.findall(r"\{(\w+)", TEXT["en"]["said"][name])), name


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_page_stands_alone_and_escapes(found, summary, lang, tmp_path):
    files = write_report(summary, found.examples, tmp_path / "out" / "page.html", lang=lang)
    page = files["html"].read_text(encoding="utf-8")
    assert f'<html lang="{lang}">' in page and TEXT[lang]["title"] in page
    assert "<b>rule</b>" not in page and "&lt;b&gt;rule" in page
    assert "<script" not in page and not re.search(r'(src|href)="(?!data:|#)', page)
    assert page.count("<img") == 3 + 3, "one grid of each kind, and a picture of each question"
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(re.findall(r'id="(\w+)"', page))
    assert " style=" not in page and len(page) < 3_000_000
    if lang == "en":
        text = re.sub(r"<style.*?</style>|<[^>]*>", " ", page, flags=re.S)
        assert not re.search("어텐션|헤드|원인", text)
    figures = json.loads(files["json"].read_text(encoding="utf-8"))
    assert figures["kinds"]["cross"]["chance"][0] == pytest.approx(summary["kinds"]["cross"]["chance"].mean)


def test_what_cannot_be_studied_or_written_is_said(found, summary, tmp_path):
    with pytest.raises(DataError, match="no[nt]e"):
        study({0: RuleSpeaker()}, [], [pronounce("나무")])
    with pytest.raises(OptionError, match="at least 1; got 0 and 120"):
        study({0: RuleSpeaker()}, [], [pronounce("국물")], words=0)
    with pytest.raises(OptionError, match="language"):
        write_report(summary, found.examples, tmp_path, lang="fr")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write the report"):
        write_report(summary, {}, tmp_path / "file" / "page.html")


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_first_sentence_names_the_rule_its_figure_is_of(summary, lang):
    asked = summary["questions"]
    assert rule_name(OBSTRUENT, lang) in headline(summary, lang)
    for left, named in (((SINO, PLAIN), SINO), ((PLAIN,), None)):
        said = headline({**summary, "questions": {rule: asked[rule] for rule in left}}, lang)
        for rule in (OBSTRUENT, SINO, PLAIN):
            assert (rule_name(rule, lang) in said) == (rule == named)


def test_words_are_escaped_wherever_they_stand(summary):
    asked = {**summary["questions"][OBSTRUENT], "wrong": ["<i>"]}
    page = to_page({**summary, "questions": {OBSTRUENT: asked}}, {})
    assert "<i>" not in page and "&lt;i&gt;" in page


def test_the_command_reads_a_trained_model_at_every_snapshot(tiny_pronouncer, tmp_path, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["report", "pronunciation", str(tiny_pronouncer), "--out", str(tmp_path), "--lang", "en", "--words", "20",
              "--edited", "1", "--word", "독립"])
    assert not exit.value.code and "report.html" in capsys.readouterr().out
    figures = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert figures["epochs"][0] == 0 and len(figures["epochs"]) > 1 and figures["about"]["data"] == "sample"
    assert {head["kind"] for head in figures["heads"]} == {"encoder", "decoder", "cross"}
    for head in figures["heads"]:
        assert 0 <= head["entropy"][0] <= 1 and 0 <= head["cause"][0] <= 1
    assert "독립 [동닙]" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_another_kind_of_model_or_report_is_refused(tmp_path, capsys):
    for subject, said in (("pronunciation", "checkpoint"), ("pronounciation", "Did you mean 'pronunciation'")):
        with pytest.raises(SystemExit) as exit:
            main(["report", subject, str(tmp_path / "nothing")])
        assert exit.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.browser
@pytest.mark.parametrize("width, scheme", [(1200, "light"), (360, "dark")])
def test_the_page_in_a_browser(found, summary, tmp_path, width, scheme):
    from playwright.sync_api import sync_playwright

    path = write_report(summary, found.examples, tmp_path / "page.html")["html"]
    wrong = []
    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
        page.on("console", lambda message: wrong.append(message.text))
        page.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") == width
        hangul = "filter(one => one.family.includes('Hangul')).map(one => one.status)"
        carried = f"document.fonts.ready.then(fonts => [...fonts].{hangul})"
        assert page.evaluate(carried) == ["loaded"]
        browser.close()
    assert wrong == []
