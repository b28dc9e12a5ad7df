"""The linear branch: what it knows, what it scores, and that no text is scored by a fit that saw it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier.linear import FOLDS, fit_linear, frequent
from gluonattn.data.ngrams import ngram_numbers, text_ngrams


def texts_of(classes: int, count: int, seed: int = 0) -> tuple[list[np.ndarray], np.ndarray]:
    """Sets of n-grams, four in five of which speak for the text's class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=count)
    words = [np.unique(np.where(rng.random(12) < 0.8, 100 * label + rng.integers(20, size=12),
                                100 * rng.integers(classes, size=12) + rng.integers(20, size=12)))
             for label in labels]
    return [w.astype(np.uint32) for w in words], np.eye(classes, dtype=np.float32)[labels]


def logits_of(branch, found):
    """What the classifiers compute."""
    rows = ngram_numbers(found, branch.known)  # row 0, of unknown ones, is 0
    return branch.scores[rows].sum(0) / np.sqrt(branch.squares[rows].sum() + 1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_what_the_ngrams_say(classes):
    ngrams, targets = texts_of(classes, 600)
    branch = fit_linear(ngrams, targets, 600, 2)
    fresh, answers = texts_of(classes, 300, seed=1)
    found = np.array([logits_of(branch, one) for one in fresh])
    assert found.shape == (300, classes)
    assert (found.argmax(1) == answers.argmax(1)).mean() > 0.9
    assert (branch.offsets.argmax(1) == targets.argmax(1)).mean() > 0.9
    assert not branch.scores[0].any() and not branch.squares[0].any()
    assert branch.known.dtype == np.uint32 and (np.diff(branch.known.astype(np.int64)) > 0).all()


def test_no_text_is_scored_by_a_fit_that_saw_it():
    """With labels drawn by lot, such a fit would know them by heart."""
    rng = np.random.default_rng(0)
    ngrams = [np.sort(rng.choice(3000, 30, replace=False)).astype(np.uint32) for _ in range(400)]
    targets = np.eye(2, dtype=np.float32)[rng.integers(2, size=400)]
    branch = fit_linear(ngrams, targets, 400, 1)
    seen = np.array([logits_of(branch, one) for one in ngrams])
    assert (seen.argmax(1) == targets.argmax(1)).mean() > 0.95
    assert 0.35 < (branch.offsets.argmax(1) == targets.argmax(1)).mean() < 0.65


def test_texts_beyond_the_targets_and_unclear_ones_get_the_scores_of_the_whole_fit():
    ngrams, targets = texts_of(2, 500)
    targets[450:] = 0.5
    branch = fit_linear(ngrams + ngrams[:3], targets, 450, 2)
    for i in (460, 499, 500, 502):
        np.testing.assert_allclose(branch.offsets[i], logits_of(branch, (ngrams + ngrams[:3])[i]), atol=1e-4)
    assert np.abs(branch.offsets[0] - branch.offsets[500]).max() > 1e-3  # the same text: seen and unseen


def test_classes_weigh_the_same_whatever_their_share():
    ngrams, targets = texts_of(2, 3000)
    kept = [i for i in range(3000) if targets[i, 0] or i % 10 == 0]
    branch = fit_linear([ngrams[i] for i in kept], targets[kept], len(kept), 2)
    fresh, answers = texts_of(2, 400, seed=2)
    right = np.array([logits_of(branch, one) for one in fresh]).argmax(1) == answers.argmax(1)
    assert all(right[answers[:, c] == 1].mean() > 0.85 for c in (0, 1))


def test_the_same_seed_gives_the_same_branch():
    ngrams, targets = texts_of(2, 200)
    first, again, other = (fit_linear(ngrams, targets, 200, 2, seed) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, again))
    assert (first.offsets != other.offsets).any()


def test_progress_counts_the_fits():
    ngrams, targets = texts_of(2, 100)
    seen = []
    fit_linear(ngrams, targets, 100, 2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(i, FOLDS + 1) for i in range(1, FOLDS + 2)]


@settings(max_examples=50)
@given(st.lists(st.sets(st.integers(0, 40), min_size=1), min_size=1, max_size=30), st.integers(1, 5),
       st.integers(1, 20))
def test_the_frequent_ones_are_counted_right(texts, fewest, largest):
    found = frequent([np.array(sorted(t), np.uint32) for t in texts], fewest, largest)
    counts = {n: sum(n in t for t in texts) for n in range(41)}
    enough = sorted((n for n in counts if counts[n] >= fewest), key=lambda n: (-counts[n], n))[:largest]
    assert found.tolist() == sorted(enough)


def test_real_ngrams_of_words_go_through():
    texts = ["정말 재밌다", "진짜 재밌어요", "정말 별로다", "진짜 별로예요"] * 10
    targets = np.eye(2, dtype=np.float32)[[1, 1, 0, 0] * 10]
    branch = fit_linear([text_ngrams(t, t.split()) for t in texts], targets, 40, 2)
    assert logits_of(branch, text_ngrams("너무 재밌네", ["너무", "재밌네"])).argmax() == 1
    assert logits_of(branch, text_ngrams("너무 별로", ["너무", "별로"])).argmax() == 0
