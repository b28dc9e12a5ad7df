"""Evidence: shares that add up to the linear logit, whatever the text, the tokenizer and what is left of it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gluonattn.data.evidence import ORDERS, Evidence, cut, find_places
from gluonattn.data.ngrams import ngram_numbers, text_ngrams
from gluonattn.data.spread import Spread
from gluonattn.text import tokenizer

TOKENIZERS = {name: tokenizer(name) for name in ("whitespace", "syllable", "jamo")}
WORDS = st.sampled_from(["최고", "값", "ㅋㅋㅋㅋㅋ", "İyi", "ΑΣ", "aAAA!!!!", "e\u0301", "\u200b좋다", "가나 다", "  ",
                         " ", "또또또또"])
TEXTS = st.lists(WORDS, min_size=1, max_size=8).map("".join).filter(TOKENIZERS["syllable"])
NAMES = st.sampled_from(list(TOKENIZERS))


def evidence_of(texts, tokens, columns: int = 1, seed: int = 0, part: float = 0.7) -> Evidence:
    """Random tables that know some of the n-grams of texts."""
    rng = np.random.default_rng(seed)
    known = np.unique(np.concatenate([text_ngrams(*pair) for pair in zip(texts, tokens)]))
    known = known[rng.random(len(known)) < part]
    scores, squares = rng.normal(size=(len(known) + 1, columns)), rng.random(len(known) + 1)
    scores[0] = squares[0] = 0
    return Evidence(known, scores.astype(np.float32), squares.astype(np.float32),
                    rng.uniform(0.5, 2, len(ORDERS) * columns).astype(np.float32))


def logit(evidence: Evidence, numbers) -> np.ndarray:
    """What the linear model says of a set of n-grams."""
    numbers = np.unique(numbers[numbers > 0])
    return evidence.scores[numbers].astype(float).sum(0) / np.sqrt(evidence.squares[numbers].astype(float).sum() + 1e-12)


def by_column(shares: np.ndarray, columns: int) -> np.ndarray:
    return shares.reshape(-1, columns).sum(axis=0)


@given(texts=st.lists(TEXTS, min_size=1, max_size=5), name=NAMES, columns=st.sampled_from([1, 3]), seed=st.integers(0, 99))
@example(texts=["ㅋㅋㅋㅋㅋㅋ ㅋ"], name="syllable", columns=1, seed=0)
@example(texts=["값 값"], name="jamo", columns=1, seed=1)
def test_the_shares_of_a_text_add_up_to_its_linear_logit(texts, name, columns, seed):
    split = TOKENIZERS[name]
    tokens = [split.words(text) for text in texts]
    evidence = evidence_of(texts, tokens, columns, seed)
    for text, own, shares in zip(texts, tokens, evidence.shares(texts, tokens, split)):
        assert shares.shape == (len(own), len(ORDERS) * columns)
        expected = logit(evidence, ngram_numbers(text_ngrams(text, own), evidence.known))
        np.testing.assert_allclose(by_column(shares, columns), expected, atol=1e-9)


@given(text=TEXTS, other=TEXTS, name=NAMES)
def test_company_changes_nothing(text, other, name):
    split = TOKENIZERS[name]
    texts = [other, text, other]
    tokens = [split.words(one) for one in texts]
    evidence = evidence_of(texts, tokens)
    alone = evidence.shares([text], tokens[1:2], split)[0]
    np.testing.assert_allclose(evidence.shares(texts, tokens, split)[1], alone, atol=1e-12)


def test_each_order_has_its_own_n_grams_and_a_token_what_its_characters_are_read_in():
    text, tokens = "가 나다", ["가", "나다"]
    grams = {order: text_ngrams(text, tokens if order > 3 else (), 4) for order in range(6)}
    evidence = evidence_of([text], [tokens], part=1.0)
    shares = evidence.shares([text], [tokens], TOKENIZERS["whitespace"])[0]
    assert not shares[:, 5].any()  # there are no three tokens
    whole = np.sqrt(evidence.squares[1:].astype(float).sum() + 1e-12)
    only = np.setdiff1d(grams[4], grams[0])  # the run of both tokens: one of three characters is 가
    score = evidence.scores[ngram_numbers(only, evidence.known), 0].astype(float)
    assert len(only) == 1
    np.testing.assert_allclose(shares[:, 4], score[0] / whole * np.array([1 / 3, 2 / 3]))


@given(text=TEXTS, name=NAMES, seed=st.integers(0, 99), data=st.data())
def test_without_tokens_the_shares_are_of_the_n_grams_that_are_left(text, name, seed, data):
    split = TOKENIZERS[name]
    tokens = split.words(text)
    evidence = evidence_of([text], [tokens], 2, seed)
    spread = Spread.of(find_places([text], [tokens], split, evidence.known))
    gone = np.array(data.draw(st.lists(st.lists(st.booleans(), min_size=len(tokens), max_size=len(tokens)), min_size=1,
                                       max_size=4)), bool)
    found = spread.without(evidence, np.concatenate([np.zeros((1, len(tokens)), bool), gone]))
    np.testing.assert_allclose(found[0], evidence.shares([text], [tokens], split)[0], atol=1e-9)
    for own, shares, lost in zip(gone, found[1:], spread.lost(gone)):
        assert not shares[own].any()
        np.testing.assert_allclose(by_column(shares, 2), logit(evidence, spread.places.numbers[~lost]), atol=1e-9)
        if not own.all():  # taken once and for all, it is the same
            again = spread.take(own).without(evidence, np.zeros((1, (~own).sum()), bool))[0]
            np.testing.assert_allclose(again, shares[~own], atol=1e-9)


def test_an_n_gram_goes_with_each_token_it_was_read_from():
    text, tokens = "가나 다", ["가나", "다"]
    evidence = evidence_of([text], [tokens], part=1.0)
    spread = Spread.of(find_places([text], [tokens], TOKENIZERS["whitespace"], evidence.known))
    left = spread.places.numbers[~spread.lost(np.array([[False, True]]))[0]]
    np.testing.assert_array_equal(np.unique(left), np.sort(ngram_numbers(text_ngrams("가나"), evidence.known)))


def test_a_text_is_cut_behind_its_last_token():
    texts, tokens = cut(["가 나  다 라", "가"], [["가", "나", "다", "라"], ["가"]], TOKENIZERS["whitespace"], 3)
    assert texts == ["가 나  다", "가"] and tokens == [["가", "나", "다"], ["가"]]


def test_a_text_of_no_known_n_gram_has_no_evidence():
    evidence = evidence_of(["가나"], [["가나"]], part=0.0)
    assert not evidence.read(["하하"], [["하하"]], TOKENIZERS["whitespace"])[0].any()


@pytest.mark.parametrize("name", ["mecab"])
def test_mecab_tokens_are_shared_as_any(name):
    split = tokenizer(name)
    texts = ["연기는 좋았는데 이야기가  아쉽다ㅋㅋㅋㅋㅋ", "이 영화 최고!!!!", "\u1112\u1161\u11ab글"]
    tokens = [split.words(text) for text in texts]
    evidence = evidence_of(texts, tokens)
    for text, own, shares in zip(texts, tokens, evidence.shares(texts, tokens, split)):
        np.testing.assert_allclose(shares.sum(), logit(evidence, ngram_numbers(text_ngrams(text, own), evidence.known))[0])
