"""Every character of a text belongs to a subword, at its place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import CheckpointError, DataError

from .conftest import toy_pairs

pytestmark = pytest.mark.translation
TEXTS = [sentence for pair in toy_pairs() for sentence in pair] + ["나는 행복해.", "그 고양이는  잔다!"] * 3


@pytest.fixture(scope="module")
def subwords(require_translation):
    from gluonattn.translation.subwords import train_subwords

    return train_subwords(TEXTS, 120)


@settings(max_examples=300)
@given(text=st.one_of(st.text(st.sampled_from("the cat나는행복 해.\u00a0\u3000漢é\u0301▁"), max_size=30),
                      st.text(max_size=20)))
def test_tokens_stand_where_they_say_and_leave_nothing_out(subwords, text):
    ids, tokens = subwords.encode(text)
    assert len(ids) == len(tokens) and ids == subwords.ids([text])[0]
    covered = [i for token in tokens for i in range(token.start, token.end)]
    assert covered == sorted(set(covered)) and all(token.text == text[token.start : token.end] for token in tokens)
    assert not "".join(character for i, character in enumerate(text) if i not in set(covered)).strip()


@pytest.mark.parametrize("text", [*TEXTS[::9], "나는 행복해."])
def test_what_is_encoded_is_decoded(subwords, text):
    assert subwords.decode(subwords.encode(text)[0]) == text


def test_unknown_characters_are_named(subwords):
    assert subwords.unknown("the 漢 cat") == ["漢"] and subwords.unknown("the cat") == []


def test_training_is_the_same_twice(require_translation, subwords):
    from gluonattn.translation.subwords import train_subwords

    assert train_subwords(TEXTS, 120).ids(TEXTS) == subwords.ids(TEXTS)


def test_a_checkpoint_keeps_them(subwords):
    from gluonattn.translation.subwords import from_json

    assert from_json(subwords.to_json(), "vocab.json").ids(TEXTS) == subwords.ids(TEXTS)
    for broken in ("{}", "[1]", '{"sentencepiece": "AAAA"}', '{"sentencepiece": 3}', "no"):
        with pytest.raises(CheckpointError):
            from_json(broken, "vocab.json")


def test_too_few_subwords_for_the_characters(require_translation):
    from gluonattn.translation.subwords import train_subwords

    with pytest.raises(DataError, match="--subwords"):
        train_subwords(["가나다라마바사아자차카타파하"], 10)
