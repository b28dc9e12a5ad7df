"""What a page says first: whole sentences in Korean and English that follow from the figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gluonattn.record import Prediction
from gluonattn.views.answer import answer, contradicting, label_text, percent, signed, trust
from gluonattn.views.josa import josa

from .pages import SENTENCE, hostile, record_of
from .test_attribution import explained


def text(lines) -> str:
    return " ".join("".join(p if isinstance(p, str) else p[0] for p in line) for line in lines)


def with_honesty(record, **changed):
    about = record.source["explanation"]
    return replace(
        record, source={**record.source, "explanation": {**about, "honesty": {**about["honesty"], **changed}}}
    )


@pytest.mark.parametrize(
    "word, pair, form",
    [
        ("수준", "이/가", "이"),
        ("영화", "이/가", "가"),
        ("긍정", "으로/로", "으로"),
        ("별로", "으로/로", "로"),
        ("서울", "으로/로", "로"),
        ("서울", "이/가", "이"),
        ("0", "으로/로", "으로"),
        ("1", "으로/로", "로"),
        ("2", "으로/로", "로"),
        ("부정!", "으로/로", "으로"),
        ("pos", "이/가", "가"),
        ("neutral", "으로/로", "로"),
        ("ㅋㅋ", "이/가", "이"),
        ("ㅠㅠ", "이/가", "가"),
        ("★", "으로/로", "(으)로"),
        ("😭", "이/가", "이(가)"),
    ],
)
def test_the_particle_fits_the_sound(word, pair, form):
    assert josa(word, pair) == form


def test_the_answer_names_the_label_and_the_words_that_moved_it():
    record = explained()
    scores = record.attributions["leave-one-out"]
    first = text(answer(record, "ko")[:1])
    assert first.startswith("이 문장은 부정으로 판단했습니다(91.7%). 주로 ‘") and "때문입니다." in first
    best = int(np.argmax(scores))
    assert f"‘{record.keys[best].text}’({signed(scores[best])})" in first
    english = text(answer(record, "en")[:1])
    assert english.startswith("The model labels this sentence negative (부정), 91.7%. This is mostly because of “")


def test_what_chance_does_as_well_is_not_called_the_reason():
    lines = text(answer(explained(further=0.3), "ko"))
    assert "때문입니다" not in lines and "판단의 이유라고 하기는 어렵습니다" in lines
    assert "우연보다 낫지 않으니" in trust(explained(further=0.3), "ko")[0]
    assert "우연보다 낫지 않으니" not in trust(explained(), "ko")[0]


def test_a_strong_word_whose_removal_says_the_contrary_is_explained():
    record = explained()
    assert contradicting(record) == [] and "오히려" not in text(answer(record, "ko"))
    scores = record.attributions["leave-one-out"]
    best = int(np.argmax(np.abs(scores)))
    about = record.source["explanation"]
    drop = [list(row) for row in about["what_if"]["drop"]]
    drop[best] = [0.99, 0.01] if scores[best] > 0 else [0.5, 0.5]
    record = replace(
        record, source={**record.source, "explanation": {**about, "what_if": {**about["what_if"], "drop": drop}}}
    )
    (found,) = contradicting(record)
    assert found[0] == best
    said = text(answer(record, "ko"))
    assert (
        f"‘{record.keys[best].text}’의 점수는 {signed(scores[best])}인데 이 말만 빼면 확률이 91.7%에서" in said
        and "오히려" in said
    )
    assert "but when only this word is removed the probability" in text(answer(record, "en"))


@pytest.mark.parametrize(
    "further, ko, en",
    [
        (1.0, "빼 보았을 때보다 매번 더 크게", "in any of 100"),
        (0.97, "97번보다", "in 97 of 100"),
        (0.0, "매번 그만큼 또는 그보다 더 크게", "All 100 random draws changed it at least as much"),
    ],
)
def test_draws_are_counted_as_a_reader_would(further, ko, en):
    record = explained(further=further)
    assert ko in trust(record, "ko")[0] and en in trust(record, "en")[0]
    assert "100%보다" not in trust(record, "ko")[0] and "100% of the draws" not in trust(record, "en")[0]


def test_a_text_of_one_word_has_no_chance_to_be_compared_with():
    record = with_honesty(explained("최고", further=0.0), tokens=1)
    assert len(record.keys) == 1
    assert "우연과 견줄 수는 없습니다" in trust(record, "ko")[0] and "우연보다 낫지" not in trust(record, "ko")[0]


def test_records_without_a_prediction_a_label_or_an_attribution_say_less():
    assert answer(record_of(SENTENCE), "ko") == [] and trust(record_of(SENTENCE), "ko") == []
    assert text(answer(record_of(SENTENCE, prediction=Prediction(None, {"0": 0.5, "1": 0.5})), "en")) == (
        "The text has no visible character, so there is no decision."
    )
    plain = record_of(SENTENCE, prediction=Prediction("0", {"0": 0.917, "1": 0.083}))
    assert text(answer(plain, "ko")) == "이 문장은 0으로 판단했습니다(91.7%)."


def test_words_of_the_text_are_parts_of_their_own():
    record = hostile()
    record = replace(
        record, source=explained().source, attributions={"leave-one-out": np.linspace(-1, 1, len(record.keys))}
    )
    named = [part[0] for line in answer(record, "ko") for part in line if not isinstance(part, str)]
    assert named and set(named) <= {token.text for token in record.keys}


def test_figures_and_labels():
    assert [percent(x) for x in (0.961, 0.0042, 1, 0)] == ["96.1%", "0.42%", "100.0%", "0.0%"]
    assert [signed(x) for x in (0.843, -0.0752, 0.0088, -1.126)] == ["+0.84", "−0.075", "+0.0088", "−1.13"]
    assert (
        label_text("부정", "en") == "negative (부정)"
        and label_text("부정", "ko") == "부정"
        and label_text("x", "en") == "x"
    )
