"""The forward pass of both recipes and all attention cells, written once.

`F` is a back end: an object with the operations used here (`NumpyClassifier`,
`TorchClassifier`, `OnnxGraph`), holding the weights by their names in the
checkpoint. Its values add, subtract, multiply and divide as numpy's arrays do.
What this file says must be what `gluonattn.models.classifier` trains; the tests
hold the two together. Dropout acts in a torch model in training mode only.
"""

from __future__ import annotations

from typing import Any

from ..errors import choose

# Where the parameters of the two directions stand, and what follows these prefixes.
DIRECTIONS = {
    "default": ("bigru.forward_gru.l0_", "bigru.backward_gru.l0_"),
    "post": ("bigru._unfused.0.l_cell.", "bigru._unfused.0.r_cell."),
}
# What the recipes' classes take where a checkpoint does not say; a test holds them together.
DEFAULTS: dict[str, dict] = {
    "default": dict(classes=2, cell="mlp", embed_size=100, hidden_size=64, units=30, num_heads=4, dropout=0.4,
                    attention_dropout=0.0, subword_size=24, subword_buckets=0, ngrams=0),
    "post": dict(classes=2, cell="mlp", length=30, embed_size=50, hidden_size=64, units=30, num_heads=4,
                 dropout=0.3, attention_dropout=0.2),
}
BAGS = ("subword_embedding", "ngram_scores", "ngram_squares")  # their row 0 is padding and counts as zeros


def forward(F, recipe: str, model: dict, ids, valid_length, subwords=None, ngrams=None):
    """Logits and attention weights of a batch.

    Parameters
    ----------
    F : back end
    recipe : {"default", "post"}
    model : dict
        Keyword arguments of the recipe's class, as in a checkpoint's config.json.
    ids : int32, shape (B, T)
    valid_length : int32, shape (B,)
        Tokens of each text, at least 1; what stands behind them is padding.
    subwords : int32, shape (B, T, K), or None
        N-grams of each token, padded with 0; None where the model reads none.
    ngrams : int32, shape (B, N), or None
        N-grams of each text, likewise.

    Returns
    -------
    logits : shape (B, classes)
    weights : shape (B, heads, T, T)
        Rows and columns of padding are 0 (the post's recipe masks nothing).
    """
    mask = mask_of(F, recipe, ids, valid_length)
    words = words_of(F, model, ids, subwords)
    states = states_of(F, recipe, model, words, valid_length)
    weights = weights_of(F, model, states, mask)
    logits = decide(F, recipe, model, states, weights, mask)
    return (logits if ngrams is None else logits + wide(F, ngrams)), weights


# The five steps between which an explanation looks in, or puts something else in.


def mask_of(F, recipe: str, ids, valid_length):
    """Where tokens stand: (B, T); with the post's recipe padding takes part in everything."""
    return F.mask(ids, None if recipe == "post" else valid_length)


def words_of(F, model: dict, ids, subwords=None):
    """Vectors of the words, (B, T, E), or (B, T, E + S) with the mean of their n-grams' vectors."""
    words = F.embed("embedding", ids)
    if subwords is None:
        return words
    mean = F.bag("subword_embedding", subwords) / F.at_least(F.count(subwords), 1)
    return F.concat([words, mean])


def states_of(F, recipe: str, model: dict, words, valid_length):
    """States of the Bi-GRU, (B, T, C) with C = 2H; in the default recipe 0 at padding."""
    valid_length = None if recipe == "post" else valid_length
    return F.recurrent(F.dropout(words, model["dropout"]), valid_length, DIRECTIONS[recipe])


def weights_of(F, model: dict, states, mask):
    """Attention weights (B, heads, T, T) of states (B, T, C)."""
    scores = choose("attention cell", model["cell"], SCORES)(F, model, states)  # (B, heads, T, T)
    pairs = F.expand(F.expand(mask, 2), 1) * F.expand(F.expand(mask, 1), 1)  # (B, 1, T, T)
    weights = F.identity(mask) * pairs if model["cell"] == "none" else F.softmax(scores, pairs)
    return F.dropout(weights, 0.0 if model["cell"] in ("none", "uniform") else model["attention_dropout"])


def values_of(F, model: dict, states):
    """What the weights read: the states, or for multi-head their projections; (B, heads, T, C / heads)."""
    return _heads(F, model, states, "value") if model["cell"] == "multi-head" else F.expand(states, 1)


def decide(F, recipe: str, model: dict, states, weights, mask):
    """Logits (B, classes) of states read by attention weights, without those of the n-grams."""
    context = F.merge_heads(F.matmul(weights, values_of(F, model, states)))  # (B, T, C)
    if recipe == "post":
        return F.linear(F.flatten(context), "head.weight", "head.bias")
    features = F.concat([_mean(F, context, mask), F.largest(context, mask)])  # (B, 2C)
    return F.linear(F.dropout(features, model["dropout"]), "head.weight", "head.bias")


def wide(F, ngrams):
    """Logits (B, classes) the n-grams of a text add."""
    return F.bag("ngram_scores", ngrams) / F.sqrt(F.bag("ngram_squares", ngrams) + 1e-12)


def _mlp(F, model, states):
    query = F.linear(states, "attention._query_mid_layer.weight", "attention._query_mid_layer.bias")
    key = F.linear(states, "attention._key_mid_layer.weight")
    return F.expand(F.additive(query, key, F.weight("attention._attention_score.weight")), 1)


def _mlp_normalized(F, model, states):
    query = F.linear(states, "attention._query_mid_layer.weight", "attention._query_mid_layer.bias")
    key = F.linear(states, "attention._key_mid_layer.weight")
    v = F.weight("attention._attention_score.v")  # (1, units)
    v = v / F.sqrt(F.sum(v * v)) * F.weight("attention._attention_score.g")
    return F.expand(F.additive(query, key, v), 1)


def _dot(F, model, states):
    states = F.expand(states, 1)  # (B, 1, T, C)
    return F.matmul(states, F.swap(states))


def _scaled_dot(F, model, states):
    return _dot(F, model, states) / (2 * model["hidden_size"]) ** 0.5


def _general(F, model, states):
    query = F.expand(F.linear(states, "attention._proj_query.weight"), 1)
    return F.matmul(query, F.swap(F.expand(states, 1)))


def _cosine(F, model, states):
    states = states / (F.sqrt(F.sum(states * states)) + 1e-6)
    return _dot(F, model, states)


def _multi_head(F, model, states):
    query, key = _heads(F, model, states, "query"), _heads(F, model, states, "key")
    return F.matmul(query, F.swap(key)) / (2 * model["hidden_size"] / model["num_heads"]) ** 0.5


def _heads(F, model, states, part):
    """Projected states, (B, heads, T, C / heads)."""
    projected = F.linear(states, f"attention.proj_{part}.weight", f"attention.proj_{part}.bias")
    return F.split_heads(projected, model["num_heads"])


def _uniform(F, model, states):
    return _dot(F, model, states) * 0.0  # equal scores


def _no_scores(F, model, states):
    return None


SCORES: dict[str, Any] = {
    "mlp": _mlp, "mlp-normalized": _mlp_normalized, "dot": _dot, "scaled-dot": _scaled_dot,
    "general": _general, "cosine": _cosine, "multi-head": _multi_head, "none": _no_scores,
    "uniform": _uniform,
}


def _mean(F, context, mask):
    """Mean over valid positions: (B, T, C), (B, T) -> (B, C)."""
    total = F.flatten(F.matmul(F.expand(mask, 1), context))  # (B, C)
    return total / F.sum(mask)  # by (B, 1)


def shapes(recipe: str, model: dict) -> dict[str, tuple[int, ...]]:
    """Shape of every parameter by its name in the checkpoint."""
    embed, hidden = model["embed_size"], model["hidden_size"]
    width, units, classes = 2 * hidden, model["units"], model["classes"]
    found: dict[str, tuple[int, ...]] = {"embedding.weight": (model["vocab_size"], embed)}
    pooled = 2 * width if recipe == "default" else model["length"] * width
    if model.get("subword_buckets"):
        found["subword_embedding.weight"] = (model["subword_buckets"], model["subword_size"])
        embed += model["subword_size"]
    if model.get("ngrams"):
        found["ngram_scores.weight"] = (model["ngrams"] + 1, classes)
        found["ngram_squares.weight"] = (model["ngrams"] + 1, 1)
    for prefix in DIRECTIONS[recipe]:
        found[f"{prefix}i2h_weight"], found[f"{prefix}h2h_weight"] = (3 * hidden, embed), (3 * hidden, hidden)
        found[f"{prefix}i2h_bias"] = found[f"{prefix}h2h_bias"] = (3 * hidden,)
    found.update({"head.weight": (classes, pooled), "head.bias": (classes,)})
    attention: dict[str, tuple[int, ...]] = {}
    if model["cell"] in ("mlp", "mlp-normalized"):
        attention = {"_query_mid_layer.weight": (units, width), "_query_mid_layer.bias": (units,),
                     "_key_mid_layer.weight": (units, width), "_attention_score.weight": (1, units)}
    if model["cell"] == "mlp-normalized":
        del attention["_attention_score.weight"]
        attention.update({"_attention_score.g": (1,), "_attention_score.v": (1, units)})
    if model["cell"] == "general":
        attention = {"_proj_query.weight": (width, width)}
    if model["cell"] == "multi-head":
        for part in ("query", "key", "value"):
            attention[f"proj_{part}.weight"], attention[f"proj_{part}.bias"] = (width, width), (width,)
    return {**found, **{f"attention.{name}": shape for name, shape in attention.items()}}
