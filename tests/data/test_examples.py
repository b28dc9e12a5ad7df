"""Texts as numbers: ids, n-grams of words and of the text, word dropout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.batches import Batchify
from gluonattn.data.examples import Encoder, Example, drop_words
from gluonattn.data.ngrams import known_ngrams, text_ngrams, word_ngrams
from gluonattn.data.vocabulary import UNKNOWN, build_vocabulary
from gluonattn.runtime import mx

KNOWN = text_ngrams("좋다 별로 영화 꿀잼", ["좋다", "별로", "영화"])
VOCABULARY = build_vocabulary([["영화", "좋다"], ["영화", "별로"]], 1)


def test_known_words_get_their_ids_and_others_the_unknown_one():
    example = Encoder(VOCABULARY)("좋다 처음보는말 영화", ["좋다", "처음보는말", "영화"])
    assert example.ids.dtype == np.int32
    assert [VOCABULARY.idx_to_token[i] for i in example.ids] == ["좋다", UNKNOWN, "영화"]
    assert example.subwords is None and example.ngrams is None


@pytest.mark.parametrize(("longest", "kept"), [(None, 3), (5, 3), (2, 2)])
def test_the_end_of_a_long_text_is_cut_but_not_its_ngrams(longest, kept):
    tokens, text = ["좋다", "별로", "영화"], "좋다 별로 영화"
    whole = Encoder(VOCABULARY, None, 64, KNOWN)(text, tokens)
    example = Encoder(VOCABULARY, longest, 64, KNOWN)(text, tokens)
    assert example.ids.tolist() == whole.ids[:kept].tolist()
    assert len(example.subwords) == kept
    assert example.ngrams.tolist() == whole.ngrams.tolist()


def test_no_tokens_make_an_empty_array():
    ids = Encoder(VOCABULARY)("", []).ids
    assert ids.shape == (0,) and ids.dtype == np.int32


def test_an_unknown_word_keeps_its_own_ngrams():
    example = Encoder(VOCABULARY, None, 1024, KNOWN)("꿀잼", ["꿀잼"])
    assert example.subwords[0].tolist() == word_ngrams("꿀잼", 1024).tolist()
    assert example.ngrams.tolist() == known_ngrams(text_ngrams("꿀잼"), KNOWN).tolist()
    assert len(example.ngrams)


def test_batches_pad_ngrams_with_zero_at_the_right_places():
    encode = Encoder(VOCABULARY, None, 1000, KNOWN)
    examples = [encode("영화", ["영화"]), encode("좋다 별로 영화", ["좋다", "별로", "영화"])]
    ids, valid_length, subwords, ngrams = (a.asnumpy() for a in Batchify(1, mx.cpu())(examples))
    assert ids.shape == (2, 3) and valid_length.tolist() == [1, 3]
    for row, example in enumerate(examples):
        for place in range(3):
            expected = example.subwords[place].tolist() if place < valid_length[row] else []
            assert [n for n in subwords[row, place] if n] == expected
        assert [n for n in ngrams[row] if n] == example.ngrams.tolist()


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.floats(0, 0.9), st.integers(0, 99))
def test_word_dropout_replaces_by_unk_and_nothing_else(lengths, share, seed):
    batch = [Example(np.arange(5, 5 + n, dtype="int32"), [np.array([7], np.int32)] * n,
                     np.arange(1, n + 1, dtype="int32")) for n in lengths]
    dropped = drop_words(batch, share, 0, np.random.default_rng(seed))
    assert [len(d.ids) for d in dropped] == lengths and all(d.ids.dtype == np.int32 for d in dropped)
    for before, after in zip(batch, dropped):
        gone = after.ids == 0
        assert (gone | (after.ids == before.ids)).all()
        assert [len(s) == 0 for s in after.subwords] == gone.tolist()  # a lost word is lost whole
        assert share or not gone.any()
        assert (before.ids == np.arange(5, 5 + len(before.ids))).all()  # the review itself stays


def test_word_dropout_drops_its_share_of_words():
    batch = [Example(np.ones(20, np.int32))] * 1000
    dropped = drop_words(batch, 0.3, 0, np.random.default_rng(0))
    assert np.mean([(d.ids == 0).mean() for d in dropped]) == pytest.approx(0.3, abs=0.02)


def test_without_ngrams_there_are_none_to_drop():
    dropped = drop_words([Example(np.ones(3, np.int32))], 0.5, 0, np.random.default_rng(0))
    assert dropped[0].subwords is None and dropped[0].ngrams is None


def test_a_batch_without_a_single_ngram_still_has_a_column():
    nothing = np.zeros(0, np.int32)
    arrays = Batchify(1, mx.cpu())([Example(np.ones(2, np.int32), [nothing] * 2, nothing)])
    assert [a.shape for a in arrays[2:]] == [(1, 2, 1), (1, 1)]
    assert not arrays[2].asnumpy().any() and not arrays[3].asnumpy().any()
