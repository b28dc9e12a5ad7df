"""Texts as numbers: ids, n-grams of words and of the text."""

import numpy as np
import pytest

from gluonattn.data.examples import Encoder
from gluonattn.data.ngrams import known_ngrams, text_ngrams, word_ngrams
from gluonattn.data.vocabulary import UNKNOWN, build_vocabulary

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
    assert example.ngrams.tolist() == known_ngrams(["꿀잼"], [[]], KNOWN)[0].tolist()
    assert len(example.ngrams)
