"""Sentences as numbers, and the loss."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.runtime import mx
from gluonattn.translation.pairs import SentencePair
from gluonattn.translation.subwords import BEGIN, END, PADDING
from gluonattn.translation.task import SubwordCrossEntropy, TranslationTask, encode

from .closeness import close_logits


class _Letters:
    """Stands for subwords: one a letter."""

    def ids(self, texts):
        return [[4 + ord(letter) - ord("a") for letter in text] for text in texts]


def test_pairs_as_numbers():
    pairs = [SentencePair("abc", "d"), SentencePair("ab", "cde"), SentencePair("abcdef", "a")]
    part, too_long = encode(pairs, _Letters(), 6)
    assert too_long == 1
    source, lengths, target = part.texts.batch([0, 1])
    assert source.tolist() == [[4, 5, 6, END], [4, 5, END, PADDING]] and lengths.tolist() == [4, 3]
    assert target.tolist() == [[BEGIN, 7, PADDING, PADDING], [BEGIN, 6, 7, 8]]
    assert part.targets.tolist() == [[7, END, -1, -1], [6, 7, 8, END]]
    assert part.texts.lengths.tolist() == [4, 4]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_over_a_batch_is_the_mean_over_its_subwords(smoothing):
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(3, 4, 7)).astype(np.float32)
    targets = np.array([[1, 2, -1, -1, -1], [3, -1, -1, -1, -1], [0, 6, 5, 4, -1]], np.float32)
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    each = [-(1 - smoothing) * log_p[i, j, int(targets[i, j])] - smoothing * log_p[i, j].mean()
            for i, j in zip(*np.nonzero(targets >= 0))]
    found = SubwordCrossEntropy(smoothing)(mx.nd.array(logits), mx.nd.array(targets)).asnumpy()
    close_logits(found.mean(), np.mean(each))


def test_what_is_correct_is_the_fraction_of_subwords():
    logits = mx.nd.one_hot(mx.nd.array([[1, 2, 0], [3, 3, 3]]), 5)
    targets = mx.nd.array([[1, 2, -1, -1], [3, 0, 3, -1]])
    found = TranslationTask.correct(None, mx.nd, logits, targets).asnumpy()
    close_logits(found, [1, 2 / 3])
