"""A head's links and their error rate, on weights whose answer is known; eflomal where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.record import AttentionRecord, Token
from gluonattn.translation.alignment import Links, align_words, count_links, error_rate, head_links, words_of
from gluonattn.translation.pairs import SentencePair

from .conftest import toy_pairs


def crossed(weights: list[list[float]]) -> AttentionRecord:
    """"the cats" -> "les chats": "cat" and "s" are subwords of one word."""
    keys = (Token("the", 0, 3), Token("cat", 4, 7), Token("s", 7, 8), Token("</s>", 8, 8))
    queries = (Token("les", 0, 3), Token("chat", 4, 8), Token("s", 8, 9), Token("</s>", 9, 9))
    return AttentionRecord("the cats", queries, keys, np.array([[weights]], np.float32), "cross", target_text="les chats")


def test_words_gather_their_subwords():
    record = crossed([[0.9, 0.0, 0.0, 0.1], [0.4, 0.3, 0.3, 0.0], [0.4, 0.3, 0.3, 0.0], [0, 0, 0, 1]])
    assert head_links(record)[0, 0].tolist() == [0, 1]  # "cat" + "s" have 0.6, though "the" is the strongest subword


def test_a_word_that_looks_at_the_end_has_no_link():
    record = crossed([[0.1, 0.0, 0.0, 0.9], [0.0, 0.5, 0.5, 0.0], [0.0, 0.5, 0.5, 0.0], [0, 0, 0, 1]])
    assert head_links(record)[0, 0].tolist() == [-1, 1]


@pytest.mark.parametrize(("found", "expected"), [
    ([0, 1], 0.0), ([1, 0], 1.0), ([-1, 1], 1 - 2 / 3), ([0, 0], 1 - 2 / 4), ([-1, -1], 1.0)])
def test_error_rate_by_hand(found, expected):
    links = Links(frozenset({(0, 0), (1, 1)}), frozenset({(0, 0), (1, 1)}))
    counts = count_links(links, np.array([[found]]))
    assert error_rate(counts)[0, 0] == pytest.approx(expected)


def test_a_possible_link_is_no_error():
    links = Links(frozenset({(0, 0)}), frozenset({(0, 0), (1, 1)}))
    assert error_rate(count_links(links, np.array([[[0, 1]]])))[0, 0] == pytest.approx(0)


def test_punctuation_marks_are_words():
    text = "C'est ça, non ?"
    assert [text[start:end] for start, end in words_of(text)] == ["C", "'", "est", "ça", ",", "non", "?"]


def test_an_aligner_finds_the_words_of_the_small_language():
    pytest.importorskip("eflomal", reason='needs the extra: pip install "gluonattn[alignment]"')
    pairs = [SentencePair(*pair) for pair in toy_pairs()]
    links = align_words(pairs[:10], pairs * 5)
    found = [link.sure for link in links]
    assert np.mean([(1, 2) in one and (2, 1) in one for one in found]) > 0.8  # adjective and noun change places
