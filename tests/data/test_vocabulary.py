"""GluonNLP's Vocab over tokens: counts, order, special words, encoding."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.vocabulary import PADDING, UNKNOWN, Vocabulary, build_vocabulary
from gluonattn.errors import CheckpointError

TOKENS = [["영화", "좋다", "영화"], ["영화", "별로", "좋다"], ["배우", "영화", "좋다", "별로"]]


def words(vocabulary) -> list[str]:
    return [w for w in vocabulary.idx_to_token if w not in (PADDING, UNKNOWN)]


@pytest.mark.parametrize(("count", "kept"), [
    (1, ["영화", "좋다", "별로", "배우"]), (2, ["영화", "좋다", "별로"]), (3, ["영화", "좋다"]), (5, []),
])
def test_rare_words_are_left_out_and_the_frequent_come_first(count, kept):
    assert words(build_vocabulary(TOKENS, count)) == kept


def test_three_occurrences_are_needed_by_default():
    assert words(build_vocabulary(iter(TOKENS))) == ["영화", "좋다"]


def test_the_largest_size_does_not_count_special_words():
    vocabulary = build_vocabulary(TOKENS, 1, max_size=2)
    assert words(vocabulary) == ["영화", "좋다"] and len(vocabulary) == 4


def test_no_special_words_but_padding_and_unknown():
    assert sorted(build_vocabulary(TOKENS, 5).idx_to_token) == [PADDING, UNKNOWN]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from("가나다라마바사아"), max_size=6), max_size=12), st.randoms())
def test_the_order_of_the_texts_changes_no_id(tokens, random):
    """Words of the same count must not depend on which text came first."""
    shuffled = [sorted(t, key=lambda _: random.random()) for t in tokens]
    random.shuffle(shuffled)
    assert build_vocabulary(tokens, 1).idx_to_token == build_vocabulary(shuffled, 1).idx_to_token


@pytest.mark.parametrize("special", [PADDING, UNKNOWN])
def test_a_review_that_spells_a_special_word_adds_no_second_one(special):
    vocabulary = build_vocabulary([["영화", special, special]], 1)
    assert vocabulary.idx_to_token.count(special) == 1 and words(vocabulary) == ["영화"]


def test_a_saved_vocabulary_is_read_without_gluonnlp():
    built = build_vocabulary([["영화", "좋다"], ["영화", "\udfff"]], 1)
    read = Vocabulary(built.to_json())
    assert read.idx_to_token == built.idx_to_token and len(read) == len(built)
    tokens = ["영화", "없는 말", PADDING, UNKNOWN, "\udfff"]
    assert read[tokens] == built[tokens] and read[[]] == []
    assert [t in read for t in tokens] == [t in built for t in tokens]
    assert (read.padding, read.unknown) == (built.padding, built.unknown)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"idx_to_token": ["a"], "token_to_idx": {"a": 0}}'])
def test_what_is_not_a_vocabulary_is_refused(content):
    with pytest.raises(CheckpointError, match="vocab.json is not a GluonNLP Vocab"):
        Vocabulary(content)


some_tokens = st.one_of(st.sampled_from(["가", "나", PADDING, UNKNOWN]), st.text(max_size=3))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(some_tokens), max_size=8), st.integers(1, 3), st.one_of(st.none(), st.integers(1, 4)))
def test_words_and_numbers_are_those_of_gluonnlps_vocab(tokens, count, size):
    from gluonattn.runtime import nlp

    counted = nlp.data.count_tokens([token for text in tokens for token in text])
    wanted = nlp.Vocab(counted, min_freq=count, max_size=size, unknown_token=UNKNOWN, padding_token=PADDING, bos_token=None,
                       eos_token=None)
    built = build_vocabulary(tokens, count, size)
    assert built.to_json() == wanted.to_json()
    assert nlp.Vocab.from_json(built.to_json()).idx_to_token == built.idx_to_token
