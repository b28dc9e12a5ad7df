"""The forward pass of both recipes, written once. Each cell's own operations are in `gluonattn.models.cells`.

`F` is a `gluonattn.models.backend.Backend`: `NumpyClassifier`, `GradientClassifier`, `TorchClassifier`, `OnnxGraph`.
This file must compute what `gluonattn.classifier.network` trains; tests compare
the two. Dropout acts only in a torch model in training mode.
"""

from __future__ import annotations

from typing import Any

from ...errors import choose
from ...models.backend import Array, Backend
from ...models.cells import CELLS

# Prefixes of the parameter names of the two directions, and the names that follow them.
DIRECTIONS = {
    "default": ("bigru.forward_gru.l0_", "bigru.backward_gru.l0_"),
    "post": ("bigru._unfused.0.l_cell.", "bigru._unfused.0.r_cell."),
}
# Defaults of the recipes' classes for entries that a checkpoint lacks. A test compares them with the classes.
DEFAULTS: dict[str, dict[str, Any]] = {
    "default": dict(classes=2, cell="mlp", embed_size=100, hidden_size=64, units=30, num_heads=4, dropout=0.4,
                    attention_dropout=0.0, subword_size=24, subword_buckets=0, ngrams=0, evidence=0, embed_dropout=None),
    "post": dict(classes=2, cell="mlp", length=30, embed_size=50, hidden_size=64, units=30, num_heads=4,
                 dropout=0.3, attention_dropout=0.2),
}
BAGS = ("subword_embedding", "ngram_scores", "ngram_squares")  # row 0 of these is padding and counts as zeros


def inputs_of(model: dict[str, Any]) -> tuple[str, ...]:
    """The names of a model's inputs, in the order of its arrays."""
    if model.get("evidence"):
        return ("ids", "valid_length", "evidence")
    return ("ids", "valid_length", *(("subwords", "ngrams") if model.get("subword_buckets") else ()))


def forward(F: Backend, recipe: str, model: dict[str, Any], ids: Array, valid_length: Array | None,
            *more: Array) -> tuple[Array, Array]:
    """Logits and attention weights of a batch.

    Parameters
    ----------
    F : Backend
    recipe : {"default", "post"}
    model : dict
        Keyword arguments of the recipe's class, as in a checkpoint's config.json.
    ids : int32, shape (B, T)
    valid_length : int32, shape (B,)
        Number of tokens of each text, at least 1. The rest is padding.
    *more
        As `inputs_of` names them: `evidence`, float32, shape (B, T, channels), 0 at padding; or `subwords`, int32,
        shape (B, T, K), and `ngrams`, int32, shape (B, N): n-grams of each token and of each text, padded with 0.

    Returns
    -------
    logits : shape (B, classes)
    weights : shape (B, heads, T, T)
        Rows and columns of padding are 0 (the post's recipe masks nothing).
    """
    mask = mask_of(F, recipe, ids, valid_length)
    words = words_of(F, model, ids, *more)
    states = states_of(F, recipe, model, words, valid_length)
    weights = weights_of(F, model, states, mask)
    logits = decide(F, recipe, model, states, weights, mask)
    return (logits + wide(F, more[1]) if model.get("ngrams") and len(more) > 1 else logits), weights


# The five steps. An explanation reads the values between them, or replaces them.


def mask_of(F: Backend, recipe: str, ids: Array, valid_length: Array | None) -> Array:
    """The mask (B, T), 1 at tokens. In the post's recipe, which masks nothing, it is 1 at padding too.

    Parameters
    ----------
    F : Backend
    recipe : {"default", "post"}
    ids : int32, shape (B, T)
    valid_length : int32, shape (B,)
    """
    return F.mask(ids, None if recipe == "post" else valid_length)


def words_of(F: Backend, model: dict[str, Any], ids: Array, *more: Array) -> Array:
    """The Bi-GRU's input for each word: its vector, then the mean vector of its n-grams or its evidence; (B, T, E).

    `more` are the other inputs of `forward`. Those of the whole text are not used here.

    Parameters
    ----------
    F : Backend
    model : dict
        Keyword arguments of the recipe's class.
    ids : int32, shape (B, T)
    *more
        As for `forward`.
    """
    given = dict(zip(inputs_of(model)[2:], more))
    subwords, evidence = given.get("subwords"), given.get("evidence")
    words = F.embed("embedding", ids)
    if subwords is not None:
        mean = F.bag("subword_embedding", subwords) / F.at_least(F.count(subwords), 1)
        words = F.concat([words, mean])
    rate = model.get("embed_dropout")
    words = F.dropout(words, model["dropout"] if rate is None else rate)
    return words if evidence is None else F.concat([words, evidence])


def states_of(F: Backend, recipe: str, model: dict[str, Any], words: Array, valid_length: Array | None) -> Array:
    """States of the Bi-GRU, (B, T, C) with C = 2H; in the default recipe 0 at padding.

    Parameters
    ----------
    F : Backend
    recipe : {"default", "post"}
    model : dict
        Keyword arguments of the recipe's class.
    words : array, shape (B, T, E)
    valid_length : int32, shape (B,)
    """
    valid_length = None if recipe == "post" else valid_length
    return F.recurrent(words, valid_length, DIRECTIONS[recipe])


def weights_of(F: Backend, model: dict[str, Any], states: Array, mask: Array) -> Array:
    """Attention weights (B, heads, T, T) of states (B, T, C).

    Parameters
    ----------
    F : Backend
    model : dict
        Keyword arguments of the recipe's class.
    states : array, shape (B, T, C)
    mask : array, shape (B, T)
    """
    cell = choose("attention cell", model["cell"], CELLS)
    pairs = F.expand(F.expand(mask, 2), 1) * F.expand(F.expand(mask, 1), 1)  # (B, 1, T, T)
    weights = cell.weights(F, model, states, pairs)
    return F.dropout(weights, 0.0 if cell.baseline else model["attention_dropout"])


def values_of(F: Backend, model: dict[str, Any], states: Array) -> Array:
    """The values that the weights mix: the states, or a cell's projections of them; (B, heads, T, C / heads).

    Parameters
    ----------
    F : Backend
    model : dict
        Keyword arguments of the recipe's class.
    states : array, shape (B, T, C)
    """
    return CELLS[model["cell"]].values(F, model, states)


def decide(F: Backend, recipe: str, model: dict[str, Any], states: Array, weights: Array, mask: Array) -> Array:
    """Logits (B, classes) from states and attention weights, without those of the n-grams.

    Parameters
    ----------
    F : Backend
    recipe : {"default", "post"}
    model : dict
        Keyword arguments of the recipe's class.
    states : array, shape (B, T, C)
    weights : array, shape (B, heads, T, T)
    mask : array, shape (B, T)
    """
    context = F.merge_heads(F.matmul(weights, values_of(F, model, states)))  # (B, T, C)
    if recipe == "post":
        return F.linear(F.flatten(context), "head.weight", "head.bias")
    features = F.concat([_mean(F, context, mask), F.largest(context, mask)])  # (B, 2C)
    return F.linear(F.dropout(features, model["dropout"]), "head.weight", "head.bias")


def wide(F: Backend, ngrams: Array) -> Array:
    """Logits (B, classes) that the n-grams of a text add.

    Parameters
    ----------
    F : Backend
    ngrams : int32, shape (B, N)
    """
    return F.bag("ngram_scores", ngrams) / F.sqrt(F.bag("ngram_squares", ngrams) + 1e-12)


def _mean(F: Backend, context: Array, mask: Array) -> Array:
    """Mean over valid positions: (B, T, C), (B, T) -> (B, C)."""
    total = F.flatten(F.matmul(F.expand(mask, 1), context))  # (B, C)
    return total / F.sum(mask)  # by (B, 1)


def shapes(recipe: str, model: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter by its name in the checkpoint.

    Parameters
    ----------
    recipe : {"default", "post"}
    model : dict
        Keyword arguments of the recipe's class.
    """
    embed, hidden = model["embed_size"], model["hidden_size"]
    width, classes = 2 * hidden, model["classes"]
    found: dict[str, tuple[int, ...]] = {"embedding.weight": (model["vocab_size"], embed)}
    pooled = 2 * width if recipe == "default" else model["length"] * width
    if model.get("subword_buckets"):
        found["subword_embedding.weight"] = (model["subword_buckets"], model["subword_size"])
        embed += model["subword_size"]
    embed += model.get("evidence", 0)
    if model.get("ngrams"):
        found["ngram_scores.weight"] = (model["ngrams"] + 1, classes)
        found["ngram_squares.weight"] = (model["ngrams"] + 1, 1)
    for prefix in DIRECTIONS[recipe]:
        found[f"{prefix}i2h_weight"], found[f"{prefix}h2h_weight"] = (3 * hidden, embed), (3 * hidden, hidden)
        found[f"{prefix}i2h_bias"] = found[f"{prefix}h2h_bias"] = (3 * hidden,)
    found.update({"head.weight": (classes, pooled), "head.bias": (classes,)})
    attention = CELLS[model["cell"]].parameters(model)
    return {**found, **{f"attention.{name}": shape for name, shape in attention.items()}}
