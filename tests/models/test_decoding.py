"""Decoding: the cache changes nothing, and the search finds what is there."""

from itertools import product

import numpy as np
import pytest

from gluonattn.models.decoding import StepDecoder, decode
from gluonattn.runtime import mx

from ..tolerance import tolerance
from .test_transformer import LETTERS, SOURCES, SUMS, ids, make, run

BEGIN, END = 2, 3


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


def score(model, source, length, letters, forbidden=()):
    """Log probability of letters and the end, by a whole pass of the decoder."""
    target = np.array([[BEGIN, *letters]], np.float32)
    logits, _ = run(model, source[None, :length], target, [length])
    logits[..., list(forbidden)] = -1e18
    return log_softmax(logits[0])[np.arange(len(letters) + 1), [*letters, END]].sum()


@pytest.mark.parametrize("hybridized", [False, True])
def test_a_step_with_the_cache_is_a_row_of_the_whole_pass(hybridized):
    model, source, target = make(), ids(3, 7), ids(3, 6)
    logits, _ = run(model, source, target)
    if hybridized:
        model.hybridize()
        run(model, source, target)
    step = StepDecoder(model)
    states = step.start(mx.nd.array(source), mx.nd.array(SOURCES))
    for position in range(6):
        found, states = step(mx.nd.array(target[:, position]), states)
        np.testing.assert_allclose(found.asnumpy(), logits[:, position], atol=tolerance(*SUMS, scale=logits))


def test_a_beam_of_one_takes_the_most_probable_letter_of_every_step():
    model, source = make(), ids(3, 7)
    said, scores = decode(model, mx.nd.array(source), mx.nd.array(SOURCES), BEGIN, END, max_length=8)
    for row, length, (letters,), (found,) in zip(source, SOURCES, said, scores):
        wanted = [BEGIN]
        while len(wanted) < 8 and wanted[-1] != END:
            logits, _ = run(model, row[None, :length], np.array([wanted], np.float32), [length])
            wanted.append(int(logits[0, -1].argmax()))
        ended = wanted[-1] == END
        assert letters.tolist() == (wanted[1:-1] if ended else wanted[1:])
        if ended:
            assert found == pytest.approx(score(model, row, length, letters), abs=tolerance(*SUMS, scale=found))


def test_a_wide_beam_finds_the_most_probable_of_all_sequences():
    model, source = make(), ids(3, 7)
    forbidden = [0, 1, BEGIN, *range(7, LETTERS)]  # leaves three letters and the end
    said, scores = decode(model, mx.nd.array(source), mx.nd.array(SOURCES), BEGIN, END, 64, max_length=5,
                          forbidden=forbidden)
    for row, length, letters, found in zip(source, SOURCES, said, scores):
        everything = {one: score(model, row, length, one, forbidden)
                      for size in range(4) for one in product((4, 5, 6), repeat=size)}
        best = max(everything, key=everything.get)
        ended = [i for i, one in enumerate(letters) if len(one) < 4]  # those of four were cut before an end
        assert tuple(letters[ended[0]]) == best
        assert found[ended[0]] == pytest.approx(everything[best], abs=tolerance(*SUMS, scale=found))
        assert (np.diff(found) <= 0).all()


def test_what_is_never_to_be_said_is_not_said():
    model, source = make(), ids(3, 7)
    free = decode(model, mx.nd.array(source), mx.nd.array(SOURCES), BEGIN, END, max_length=6)[0]
    used = sorted({int(i) for (letters,) in free for i in letters})
    said = decode(model, mx.nd.array(source), mx.nd.array(SOURCES), BEGIN, END, max_length=6, forbidden=used)[0]
    assert used and not {int(i) for (letters,) in said for i in letters} & set(used)
