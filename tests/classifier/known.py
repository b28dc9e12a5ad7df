"""Predictors made by hand, some of which have importances that can be written down. No MXNet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gluonattn.classifier.engines.forward import DEFAULTS, shapes
from gluonattn.classifier.forward_steps import ForwardSteps
from gluonattn.classifier.predictor import Predictor
from gluonattn.data.ngrams import text_ngrams
from gluonattn.models.checkpoint import EVIDENCE, KNOWN_NGRAMS, Checkpoint

WORDS = {"최고": 2.0, "좋다": 1.0, "영화": 0.1, "그냥": -0.2, "별로": -1.2, "최악": -2.5, "또": 0.3}
TEXTS = ["최고 영화", "그냥 별로 영화 최악", "또 좋다 또 최고 영화 그냥", "별로", "처음 보는 좋다"]
KNOWN = np.unique(np.concatenate([text_ngrams(text, text.split()) for text in (*TEXTS, "가나 다", "최고 영화 또")]))
GRAMS = dict(subword_buckets=31, ngrams=len(KNOWN), subword_size=3)
SCALE = 6.0


def predictor_of(model: dict, change=None, recipe: str = "default", seed: int = 0) -> Predictor:
    """Random weights, then changed in place by ``change(weights)``."""
    vocabulary = ["<unk>", "<pad>", *WORDS]
    content = {"idx_to_token": vocabulary, "token_to_idx": {w: i for i, w in enumerate(vocabulary)},
               "unknown_token": "<unk>", "padding_token": "<pad>"}
    small = dict(vocab_size=len(vocabulary), embed_size=5, hidden_size=4, units=3, num_heads=2)
    full = {**DEFAULTS[recipe], **small, **model}
    if recipe == "post":
        full["length"] = 8
    rng = np.random.default_rng(seed)
    weights = {name: rng.normal(0, 0.8, shape).astype(np.float32) for name, shape in shapes(recipe, full).items()}
    if full.get("ngrams"):
        weights[KNOWN_NGRAMS] = KNOWN
        weights["ngram_squares.weight"] = np.abs(weights["ngram_squares.weight"])
    if full.get("evidence"):
        columns = full["evidence"] // 6
        tables = (KNOWN, rng.normal(0, 0.8, (len(KNOWN) + 1, columns)), rng.uniform(0.1, 1, len(KNOWN) + 1),
                  rng.uniform(0.2, 0.6, full["evidence"]))
        tables[1][0], tables[2][0] = 0, 0
        weights.update((name, table if table.dtype == np.uint32 else table.astype(np.float32))
                       for name, table in zip(EVIDENCE, tables))
    if change:
        change(weights)
    config = {"recipe": recipe, "model": full, "tokenizer": "whitespace", "labels": [str(i) for i in range(full["classes"])],
              "max_length": full.get("length", 48), "versions": {}}
    return Predictor(Checkpoint(config, json.dumps(content), weights, []), Path("made/by-hand"), "cpu", "numpy")


def random_model(cell: str = "mlp", grams=False, recipe: str = "default", seed: int = 0) -> ForwardSteps:
    """Without n-grams, with (True), or with "evidence"."""
    reads = {"evidence": 6} if grams == "evidence" else GRAMS if grams else {}
    return ForwardSteps(predictor_of({"cell": cell, **reads}, recipe=recipe, seed=seed))


def bag_of_words(cell: str = "none") -> ForwardSteps:
    """log-odds of "1" = SCALE x mean of tanh(value of each word); an unknown word has the value 0.

    The GRU forgets everything at each step, and the head reads the mean only.
    """

    def change(weights):
        for name, values in weights.items():
            if name.startswith(("bigru", "head")):
                values[:] = 0
        weights["embedding.weight"][:, 0] = [0, 0, *WORDS.values()]
        for way in ("forward", "backward"):
            weights[f"bigru.{way}_gru.l0_i2h_weight"][2, 0] = 1  # the new state
            weights[f"bigru.{way}_gru.l0_i2h_bias"][1] = -100  # the update gate: nothing is kept
        weights["head.weight"][1, 0] = SCALE

    return ForwardSteps(predictor_of({"cell": cell, "embed_size": 1, "hidden_size": 1}, change))


def values(steps: ForwardSteps, text: str) -> np.ndarray:
    """tanh of each word's value."""
    return np.tanh([WORDS.get(token.text, 0.0) for token in steps.read(text).tokens])


def blind_to_attention(sharp: float = 1.0) -> ForwardSteps:
    """A model with attention weights (sharper with `sharp`) whose decision reads n-grams alone."""

    def change(weights):
        weights["head.weight"][:] = 0
        weights["attention._attention_score.weight"] *= sharp

    return ForwardSteps(predictor_of({"cell": "mlp", "units": 8, **GRAMS}, change))
