"""Checkpoints of every kind with random weights, made without MXNet."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.engines.choice import ENGINES
from gluonattn.classifier.engines.forward import shapes
from gluonattn.models.cells import CELLS
from gluonattn.models.checkpoint import KNOWN_NGRAMS, Checkpoint

WORDS = 50
WIDTH = 12  # of the states; embeddings and units are narrower
SETTINGS = dict(vocab_size=WORDS, classes=3, embed_size=9, hidden_size=6, num_heads=2, units=5, dropout=0.4,
                attention_dropout=0.2)
GRAMS = dict(subword_buckets=31, ngrams=36, subword_size=4)
EVIDENCE = dict(evidence=18, embed_dropout=0.6)
# (recipe, cell, n-grams: False, True or "evidence")
KINDS = [(recipe, cell, grams) for cell in CELLS
         for recipe, grams in (("default", False), ("default", True), ("default", "evidence"), ("post", False))]
MARKED = ("onnx", "torch")  # what they need is not installed with the package
OTHERS = [pytest.param(name, marks=getattr(pytest.mark, name)) if name in MARKED else name
          for name in ENGINES if name != "numpy"]


def checkpoint_of(recipe: str, cell: str, grams, length: int = 30, spread: float = 0.5) -> Checkpoint:
    model = {**SETTINGS, "cell": cell, **(EVIDENCE if grams == "evidence" else GRAMS if grams else {})}
    if recipe == "post":
        model["length"] = length
    rng = np.random.default_rng(sum(map(ord, recipe + cell)) + (2 if grams == "evidence" else grams))
    weights = {name: rng.normal(0, spread, shape).astype(np.float32)
               for name, shape in shapes(recipe, model).items()}
    if grams is True:
        weights["ngram_squares.weight"] = np.abs(weights["ngram_squares.weight"]) + 0.1
        weights[KNOWN_NGRAMS] = np.arange(GRAMS["ngrams"], dtype=np.uint32)
    return Checkpoint({"recipe": recipe, "model": model}, "", weights, [])


def batch_of(lengths, grams, seed: int = 0, padded_to: int | None = None) -> list[np.ndarray]:
    """Random inputs; padding holds arbitrary ids, which must not matter."""
    rng = np.random.default_rng(seed)
    size, longest = len(lengths), padded_to or max(lengths)
    arrays = [rng.integers(0, WORDS, (size, longest)), np.array(lengths)]
    if grams == "evidence":
        there = np.arange(longest) < np.reshape(lengths, (-1, 1))
        evidence = rng.normal(size=(size, longest, EVIDENCE["evidence"])) * there[:, :, None]
        return [*(array.astype(np.int32) for array in arrays), evidence.astype(np.float32)]
    if grams:
        arrays += [rng.integers(0, 31, (size, longest, 1 + seed % 4)),
                   rng.integers(0, 37, (size, 1 + seed % 23)) * rng.integers(0, 2, (size, 1))]
    return [array.astype(np.int32) for array in arrays]


def need(name: str) -> None:
    """Skip where an engine is not installed."""
    missing = ENGINES[name].missing()
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}: pip install \"gluonattn[{ENGINES[name].extra}]\"")
