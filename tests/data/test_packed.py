"""Texts packed for training and bulk prediction: the same numbers as one by one, and word dropout."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.examples import Encoder
from gluonattn.data.ngrams import known_ngrams, text_ngrams
from gluonattn.data.packed import pack
from gluonattn.data.padding import pad_batch
from gluonattn.data.vocabulary import Vocabulary, build_vocabulary
from gluonattn.text.tokens import Tokens

VOCABULARY = Vocabulary(build_vocabulary([["영화", "좋다"], ["영화", "별로"]], 1).to_json())
UNKNOWN, PADDING = VOCABULARY.unknown, VOCABULARY.padding
KNOWN = text_ngrams("좋다 별로 영화 꿀잼", ["좋다", "별로", "영화"])
TEXTS = st.lists(st.lists(st.sampled_from(["영화", "좋다", "별로", "꿀잼", "ㅋㅋ", "."]), min_size=1, max_size=7),
                 min_size=1, max_size=8)


@given(TEXTS, st.integers(1, 9), st.sampled_from([0, 64]), st.booleans(), st.data())
def test_a_batch_is_what_examples_are_padded_to(texts, longest, buckets, ngrams, data):
    order = data.draw(st.permutations(range(len(texts))))
    positions = data.draw(st.lists(st.sampled_from(range(len(texts))), min_size=1, unique=True))
    known = KNOWN if ngrams else None
    found = known_ngrams(["".join(texts[i]) for i in order], [texts[i] for i in order], KNOWN) if ngrams else None
    packed = pack(Tokens.gather([texts]), order, VOCABULARY, longest, subword_buckets=buckets, ngrams=found)
    encode = Encoder(VOCABULARY, longest, buckets, known)
    expected = pad_batch([encode("".join(texts[order[i]]), texts[order[i]]) for i in positions], PADDING)
    found = packed.batch(positions)
    assert len(found) == len(expected) == 2 + bool(buckets) + ngrams
    for mine, theirs in zip(found, expected):
        np.testing.assert_array_equal(mine, theirs)
        assert mine.dtype == np.int32
    for mine, theirs in zip(packed.take(slice(1, None)).batch([0]) if len(texts) > 1 else (), packed.batch([1])
                            if len(texts) > 1 else ()):
        np.testing.assert_array_equal(mine, theirs)


def test_a_fixed_length_pads_every_batch_alike():
    packed = pack(Tokens.gather([[["영화"], ["좋다"] * 9]]), [0, 1], VOCABULARY, 4, fixed=4)
    ids, valid_length = packed.batch([0, 1])
    assert ids.tolist() == [[*VOCABULARY[["영화"]], PADDING, PADDING, PADDING], VOCABULARY[["좋다"]] * 4]
    assert valid_length.tolist() == [1, 4]


@given(TEXTS, st.floats(0, 0.9), st.integers(0, 99))
def test_a_dropped_word_is_lost_whole_and_nothing_else_changes(texts, share, seed):
    packed = pack(Tokens.gather([texts]), range(len(texts)), VOCABULARY, 9, subword_buckets=64)
    kept = packed.words.copy()
    everything = range(len(texts))
    (ids, lengths, subwords), (before, same, grams) = (
        packed.batch(everything, share, np.random.default_rng(seed)), packed.batch(everything))
    gone = (ids != before) | ((ids == UNKNOWN) & ~subwords.any(2))
    assert lengths.tolist() == same.tolist() and (ids[gone] == UNKNOWN).all()
    assert not subwords[gone].any()
    width = subwords.shape[2]
    assert (subwords[~gone] == grams[~gone][:, :width]).all() and not grams[~gone][:, width:].any()
    assert share or not gone.any()
    assert (packed.words == kept).all()


def test_word_dropout_drops_its_share_of_words():
    packed = pack(Tokens.gather([[["영화"] * 20] * 1000]), range(1000), VOCABULARY, 20)
    ids, _ = packed.batch(range(1000), 0.3, np.random.default_rng(0))
    assert (ids == UNKNOWN).mean() == pytest.approx(0.3, abs=0.02)
