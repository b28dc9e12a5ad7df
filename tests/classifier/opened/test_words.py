"""Words, their pieces, and their places in the raw text."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gluonattn.classifier.opened.words import WordReader
from gluonattn.errors import OptionError, TextError

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]
LETTERS = st.sampled_from("가나다좋재밌ㅋㅠa!,.? \u3000\t\n한글é\u200b\U0001f600")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(LETTERS, max_size=24), st.sampled_from(["wordpiece", "bytes", "unigram"]),
       st.sampled_from(["eojeol", "words"]))
def test_every_piece_is_of_one_word_and_every_word_stands_in_the_raw_text(tokenizers, text, spelled, units):
    reader = WordReader(tokenizers[spelled], None, units=units)
    try:
        encoded = reader.read(text)
    except TextError:
        assert not text.strip() or not any(c.isalnum() or c in "!,.?" for c in text)
        return
    assert encoded.ids.tolist() == tokenizers[spelled](text)["input_ids"]
    inner = encoded.owner >= 0
    assert (np.diff(encoded.owner[inner]) >= 0).all() and set(encoded.owner[inner]) == set(range(len(encoded.tokens)))
    for token in encoded.tokens:
        assert 0 <= token.start <= token.end <= len(text)
        assert token.start == token.end or text[token.start:token.end] == token.text
    if units == "eojeol" and spelled == "bytes":
        assert len(encoded.tokens) <= len(text.split()) + 2
    assert encoded.sum_words(np.ones(len(encoded.ids))).sum() == inner.sum()


@pytest.mark.parametrize("spelled", ["wordpiece", "bytes", "unigram"])
def test_a_word_has_all_its_pieces_however_many(spelled, tokenizers):
    encoded = WordReader(tokenizers[spelled], None).read(" 재밌다  수준떨어지는 영화,")
    assert [(t.text, t.start) for t in encoded.tokens] == [("재밌다", 1), ("수준떨어지는", 6), ("영화,", 13)]
    gone = np.array([False, True, False])
    left = encoded.take(gone)
    assert set(encoded.owner[left]) - {-1} == {0, 2} and (encoded.owner < 0).sum() == (encoded.owner[left] < 0).sum()


def test_reading_without_words_keeps_ids_and_numbers_words_anew(tokenizers):
    reader = WordReader(tokenizers["wordpiece"], None)
    encoded = reader.read("재밌다 수준떨어지는 영화 좋다")
    left = reader.encoded_without(encoded, [0, 2])
    assert [t.text for t in left.tokens] == ["수준떨어지는", "좋다"] and left.text == encoded.text
    assert left.ids.tolist() == encoded.ids[encoded.take(np.array([True, False, True, False]))].tolist()
    assert left.owner.max() == 1 and left.seed == encoded.seed


def test_what_cannot_be_read_says_why(tokenizers):
    reader = WordReader(tokenizers["wordpiece"], None)
    for text in ("", " \n\u3000", "\u200b"):
        with pytest.raises(TextError, match="nothing to explain"):
            reader.read(text)
    with pytest.raises(TextError, match="expected a text"):
        reader.read(7)  # type: ignore[arg-type]
    with pytest.raises(TextError, match="half a character"):
        reader.read("좋다 \ud800")
    with pytest.raises(OptionError, match="unit"):
        WordReader(tokenizers["wordpiece"], None, units="sentences")
