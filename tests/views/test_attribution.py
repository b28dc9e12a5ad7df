"""The attribution beside the attention: what the page and the terminal say of it, and what a press asks."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from gluonattn.record import Prediction
from gluonattn.views.grid_page import grid_page
from gluonattn.views.page import ATTRIBUTION, SCRIPTS, _code, to_html
from gluonattn.views.page_data import dumps, page_data
from gluonattn.views.terminal import honesty, to_terminal

from ..tolerance import tolerance
from .pages import SENTENCE, hostile, record_of


def explained(text=SENTENCE, further=0.97, signed=True, **parts):
    record = record_of(text, prediction=Prediction("0", {"0": 0.917, "1": 0.083}))
    size = len(record.keys)
    rng = np.random.default_rng(0)
    drop = rng.uniform(0.3, 0.95, size)
    about = {
        "method": "leave-one-out", "target": 0,
        "sign": "positive speaks for the predicted class" if signed else "never negative",
        "honesty": {"tokens": 3, "before": 0.917, "after": 0.595, "random": 0.907, "low": 0.84, "high": 0.94,
                    "further": further},
        "validation": {"leave-one-out": [0.31, 0.27, 0.35], "random": [0.07, 0.04, 0.09]},
        "what_if": {"drop": np.stack([drop, 1 - drop], 1).round(4).tolist(),
                    "unseen": [[0.9, 0.1]] * size, "uniform": [0.8, 0.2]},
    }
    scores = 0.917 - drop if signed else np.abs(0.917 - drop)
    return record_of(text, prediction=record.prediction, source={"explanation": about, "label_names": {"0": "부정"}},
                     attributions={"leave-one-out": scores}, **parts)


def test_the_page_carries_scores_and_answers_of_the_predicted_label():
    record = explained()
    own = page_data([record])["records"][0]["attribution"]
    np.testing.assert_allclose(own["scores"], record.attributions["leave-one-out"], rtol=0.01)
    assert own["before"] == 0.917 and own["signed"] and own["others"] == {} and own["notAsked"] is None
    assert "59.5%" in own["trust"][0] and "31.0%p" in own["trust"][0] and "7.0%p" in own["trust"][0]
    assert own["asked"]["drop"] == [row[0] for row in record.source["explanation"]["what_if"]["drop"]]
    assert own["asked"]["uniform"] == 0.8


def test_a_merged_record_keeps_its_scores_and_loses_the_answers():
    own = page_data([explained().merge()])["records"][0]["attribution"]
    assert own["asked"] is None and "하나씩 빼 보지는 않았습니다" in own["notAsked"]
    assert len(own["scores"]) == len(explained().merge().keys)


def switchable():
    record = explained()
    about = record.source["explanation"]
    other = {"other_classes": {"1": (-record.attributions["leave-one-out"]).tolist()}}
    return replace(record, source={**record.source, "explanation": {**about, **other}})


def test_the_page_carries_the_other_classes_until_the_words_are_others():
    record = switchable()
    [other] = page_data([record])["records"][0]["attribution"]["classes"]
    np.testing.assert_allclose(other["scores"], -record.attributions["leave-one-out"], rtol=0.01)
    assert (other["label"], other["before"]) == ("1", 0.083)
    assert other["asked"]["drop"] == [row[1] for row in record.source["explanation"]["what_if"]["drop"]]
    assert page_data([record.merge()])["records"][0]["attribution"]["classes"] == []


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_page_carries_the_code_only_where_a_record_has_an_attribution(lang):
    plain, full = to_html(record_of(SENTENCE), lang=lang), to_html([record_of(SENTENCE), explained()], lang=lang,
                                                                  font=False)
    assert "askHint" not in plain and "askHint" in full
    code = len(full.encode()) - len(dumps(page_data([record_of(SENTENCE), explained()])).encode())
    assert code < 94_000


def test_the_sizes_of_pages_code_are_as_documented():
    def kilobytes(scripts, styles=("page.css",)):
        return max(sum(len(part.encode()) for part in _code(lang, scripts, styles)) for lang in ("ko", "en")) / 1000

    sizes = [kilobytes(SCRIPTS), kilobytes((*SCRIPTS, *ATTRIBUTION)),
             kilobytes((*SCRIPTS[:-1], "grid.js"), ("page.css", "grid.css"))]
    said = [int(number) for made in (to_html, grid_page) for number in re.findall(r"(\d+) kB", made.__doc__)]
    assert said == pytest.approx(sizes, abs=1)


def test_the_terminal_names_the_strongest_scores_and_is_honest():
    record = explained()
    lines = to_terminal(record, colours="none", width=200).splitlines()
    scores = record.attributions["leave-one-out"]
    shown = re.findall(r"^ +(\S+) ([+-][\d.]+) ━+$", "\n".join(lines), re.M)
    order = np.argsort(-np.abs(scores), kind="stable")[:5]
    assert shown == [(record.keys[i].text, f"{scores[i]:+.3f}") for i in order]
    assert ("  without the top 3 words 부정 goes from 91.7% to 59.5%, without 3 random ones to 90.7% on average. "
            "This change is larger than in 97 of 100 random draws.") in lines
    assert lines[-1] == "  on validation the words lower the probability by 0.310, random words by 0.070"


def accounted(size=None):
    """A record with an account whose parts add up."""
    record = explained()
    size, rng = size or len(record.keys), np.random.default_rng(1)
    words, evidence, read = rng.normal(size=size).round(7), rng.normal(size=(size, 6)).round(7), rng.normal(size=size)
    difference = 0.5 + words.sum() + evidence.sum()
    read += (difference - 0.25 - read.sum()) / size
    account = {"difference": difference, "bias": 0.25, "padding": 0.0, "nothing": 0.5, "words": words.tolist(),
               "evidence": evidence.tolist(), "beside": [0.0] * size, "read_at": read.tolist()}
    about = {**record.source["explanation"], "account": account}
    return replace(record, source={**record.source, "explanation": about}), account


def test_the_page_carries_an_account_that_adds_up():
    record, account = accounted()
    own = page_data([record])["records"][0]["attribution"]["account"]
    assert own["nothing"] + sum(own["words"]) + sum(own["evidence"]) + sum(own["beside"]) == pytest.approx(
        account["difference"], abs=tolerance(128))
    assert own["bias"] + own["padding"] + sum(own["read"]) + sum(own["beside"]) == pytest.approx(
        account["difference"], abs=tolerance(128))
    assert page_data([record.merge()])["records"][0]["attribution"]["account"] is None  # of other tokens


def test_the_terminal_shows_the_account_and_its_rows_add_up():
    record, account = accounted()
    lines = to_terminal(record, colours="none", width=200).splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("account of 부정"))
    assert lines[first + 1].split() == ["word", "n-grams", "read"]
    rows = [[float(number) for number in line.split()[:3]] for line in lines[first + 2 : -2]]
    assert len(rows) == 6 and lines[-3].endswith("others)")
    words, ngrams, read = np.sum(rows, axis=0)
    assert 0.5 + words + ngrams == pytest.approx(account["difference"], abs=1e-4)
    assert 0.25 + read == pytest.approx(account["difference"], abs=1e-4)
    assert f"sum to {account['difference']:+.5f}" in lines[-1]
    assert "account of" not in to_terminal(record.merge(), colours="none")


def test_what_was_approximated_is_said():
    record = explained()
    about = {**record.source["explanation"], "approximated": {"steps": 32, "missing": 0.1, "of": 2.0}}
    record = replace(record, source={**record.source, "explanation": about})
    assert "approximated: after 32 steps of integration the sum differs by 0.1 from 2 in log-odds" in honesty(record)
    assert "32단계로 어림한 값" in page_data([record])["records"][0]["attribution"]["trust"][0]


def test_the_explained_class_is_named_where_it_is_not_the_predicted_one():
    record = explained()
    about = {**record.source["explanation"], "target": 1, "label": "1"}
    record = replace(record, source={"explanation": about, "label_names": {"0": "부정", "1": "긍정"}})
    assert "+ speaks for 긍정, - against" in to_terminal(record, colours="none")
    assert "words 긍정 goes from" in honesty(record)
    own = page_data([record])["records"][0]["attribution"]
    assert own["label"] == "긍정" and own["asked"]["drop"] == [row[1] for row in about["what_if"]["drop"]]


def test_what_chance_does_as_well_is_said():
    assert "These words are not a reliable reason." in honesty(explained(further=0.3))
    assert "not a reliable reason" not in honesty(explained(further=0.6)) and honesty(record_of(SENTENCE)) == ""


@pytest.mark.browser
class TestInABrowser:
    def test_a_press_tells_what_the_model_would_say_without_the_word(self, visit):
        record = explained()
        page = visit(to_html(record))
        block = page.locator(".attribution")
        assert "부정 확률이 91.7%에서 59.5%로" in block.inner_text() and "97번보다" in block.inner_text()
        scores = record.attributions["leave-one-out"]
        for i in (0, 9):
            page.click(f".attribution .token[data-token='{i}']")
            p = record.source["explanation"]["what_if"]["drop"][i][0]
            said = block.locator(".answer").inner_text()
            assert record.keys[i].text in said and f"빼면 91.7% → {100 * p:.1f}%" in said
            assert "아무도 보지 않으면 91.7% → 90.0%" in said
        page.click(".attribution .token[data-token='9']")
        assert "말을 누르면" in block.locator(".answer").inner_text()
        minus = block.locator(".token.minus")
        assert minus.count() == int((scores < 0).sum())
        page.click(".attribution button.small")
        assert "91.7% → 80.0%" in block.locator(".answer").inner_text()

    def test_another_class_can_be_chosen_and_has_answers_of_its_own(self, visit):
        page = visit(to_html([switchable(), explained()]))
        block = page.locator(".attribution")
        before = block.locator(".token.minus").count()
        page.select_option("select[data-name=towards]", "1")
        assert block.locator(".token.minus").count() == block.locator(".token").count() - before
        assert "파란 +는 1 쪽으로" in block.inner_text() and "97번보다" not in block.inner_text()
        page.click(".attribution .token[data-token='0']")
        p = switchable().source["explanation"]["what_if"]["drop"][0][1]
        assert f"빼면 8.3% → {100 * p:.1f}%" in block.locator(".answer").inner_text()
        page.locator(".index button").nth(1).click()
        assert page.locator("select[data-name=towards]").count() == 0 and "97번보다" in block.inner_text()

    def test_attention_and_attribution_do_not_disturb_each_other(self, visit):
        page = visit(to_html([explained(), record_of(SENTENCE)], lang="en"))
        page.click(".attribution .token[data-token='2']")
        assert page.locator(".stage.overlay .token[aria-pressed=true]").count() == 0
        page.hover(".stage.overlay .token[data-token='2']")
        assert page.locator(".link").count() > 0
        page.locator(".index button").nth(1).click()
        assert page.locator(".attribution").count() == 0

    def test_a_method_without_a_sign_says_so(self, visit):
        page = visit(to_html(explained(signed=False), lang="en"))
        assert "does not distinguish for and against" in page.locator(".attribution").inner_text()
        assert page.locator(".attribution .token.minus").count() == 0

    @pytest.mark.parametrize("lang", ["ko", "en"])
    def test_the_account_stands_in_numbers_that_add_up(self, visit, lang):
        record, account = accounted()
        page = visit(to_html(record, lang=lang))
        page.click("details.account summary")
        rows = page.locator("details.account tbody tr").all_inner_texts()
        numbers = [[float(cell.replace("−", "-")) for cell in row.split("\t")[1:]] for row in rows]
        assert len(rows) == len(record.keys) + 1
        np.testing.assert_allclose(np.sum(numbers[:-1], axis=0), numbers[-1], atol=2e-4)
        words, ngrams, read = numbers[-1]
        assert 0.5 + words + ngrams == pytest.approx(account["difference"], abs=1e-4)
        assert 0.25 + read == pytest.approx(account["difference"], abs=1e-4)

    def test_hostile_words_stay_words(self, visit):
        record = hostile()
        scores = {"leave-one-out": np.linspace(-1, 1, len(record.keys))}
        record = replace(record, source=explained().source, attributions=scores)
        page = visit(to_html(record))
        assert page.locator(".attribution .token").count() >= len(record.keys) - 1
        assert not page.evaluate("window.pwned")
