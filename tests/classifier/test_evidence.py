"""The n-gram model behind evidence: no text takes tables that saw it, or a text equal to it."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.evidence import evidence_of, fit_tables, share_out, spread_of
from gluonattn.classifier.linear import FOLDS
from gluonattn.data.ngrams import ngram_numbers, text_ngrams
from gluonattn.text import tokenizer

from ..tolerance import tolerance

SPLIT = tokenizer("whitespace")


def drawn(count: int, words: int = 400, seed: int = 0, classes: int = 2):
    """Texts of words drawn by lot, with labels drawn by lot."""
    rng = np.random.default_rng(seed)
    texts = [" ".join(f"{chr(0xAC00 + i)}{chr(0xB000 + i)}" for i in rng.choice(words, 8)) for _ in range(count)]
    return texts, [text.split() for text in texts], np.eye(classes, dtype=np.float32)[rng.integers(classes, size=count)]


def logits(tables, table: int, texts, tokens) -> np.ndarray:
    rows = [ngram_numbers(text_ngrams(*pair), tables.known) for pair in zip(texts, tokens)]
    return np.array([tables.scores[table, row].astype(float).sum(0) / np.sqrt(tables.squares[table, row].sum() + 1e-12)
                     for row in rows])


def test_the_tables_of_a_text_have_not_seen_it():
    """With labels by lot, tables that saw a text know its label by heart, and others know nothing."""
    texts, tokens, targets = drawn(500)
    tables = fit_tables(texts, tokens, targets, 1)
    shares = share_out(tables, tables.unseen, texts, tokens, SPLIT, 48)
    own = np.add.reduceat(shares.sum(axis=1), np.arange(500) * 8)
    positive = targets[:, 1] > 0
    assert 0.35 < ((own > 0) == positive).mean() < 0.65
    seen = logits(tables, FOLDS, texts, tokens)[:, 0]
    assert ((seen > 0) == positive).mean() > 0.95


def test_texts_that_differ_in_spaces_and_quotes_alone_stand_in_one_fold():
    texts, _, targets = drawn(60)
    texts = [*texts, *(f'"{text}"' for text in texts), *(text.replace(" ", "  ") for text in texts)]
    tables = fit_tables(texts, [SPLIT.words(text) for text in texts], np.tile(targets, (3, 1)), 1)
    assert (tables.unseen[:60] == tables.unseen[60:120]).all() and (tables.unseen[:60] == tables.unseen[120:]).all()
    assert len(np.unique(tables.unseen)) == FOLDS


@pytest.mark.parametrize("classes", [2, 3])
def test_shares_add_up_to_the_logits_of_the_tables_each_text_takes(classes):
    texts, tokens, targets = drawn(200, words=30, classes=classes)
    tables = fit_tables(texts, tokens, targets, 2)
    which = np.where(np.arange(200) % 3, tables.unseen, FOLDS)
    shares = share_out(tables, which, texts, tokens, SPLIT, 48)
    columns = 1 if classes == 2 else classes
    for i in range(0, 200, 17):
        own = shares[i * 8 : i * 8 + 8].astype(float).reshape(-1, columns).sum(axis=0)
        expected = logits(tables, which[i], texts[i : i + 1], tokens[i : i + 1])[0]
        np.testing.assert_allclose(own, expected, atol=tolerance(128))


def test_what_lies_behind_the_longest_text_is_not_read():
    texts, tokens, targets = drawn(100, words=30)
    tables = fit_tables(texts, tokens, targets, 2)
    shares = share_out(tables, tables.unseen, texts, tokens, SPLIT, 5).reshape(100, 8, -1)
    assert not shares[:, 5:].any() and shares[:, :5].any()
    short = [" ".join(own[:5]) for own in tokens]
    again = share_out(tables, tables.unseen, short, [own[:5] for own in tokens], SPLIT, 48).reshape(100, 5, -1)
    np.testing.assert_array_equal(shares[:, :5], again)


def test_the_spread_is_that_of_the_training_texts_and_never_0():
    shares = np.array([[1, 0], [3, 0], [100, 7]], np.float32)
    np.testing.assert_allclose(spread_of(shares, np.array([0, 2, 3]), [0]), [1, 1])
    texts, tokens, targets = drawn(100, words=30)
    tables = fit_tables(texts, tokens, targets, 2)
    evidence = evidence_of(tables, np.ones(6))
    assert evidence.spread.dtype == np.float32 and not evidence.scores[0].any() and not evidence.squares[0]


def test_the_same_seed_gives_the_same_tables():
    texts, tokens, targets = drawn(100, words=30)
    first, again, other = (fit_tables(texts, tokens, targets, 2, seed) for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, again))
    assert (first.unseen != other.unseen).any()
