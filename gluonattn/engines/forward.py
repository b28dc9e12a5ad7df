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
    if recipe == "post":
        return _post(F, model, ids)
    return _default(F, model, ids, valid_length, subwords, ngrams)


def _default(F, model, ids, valid_length, subwords, ngrams):
    mask = F.mask(ids, valid_length)  # (B, T)
    words = F.embed("embedding", ids)  # (B, T, E)
    if subwords is not None:
        mean = F.bag("subword_embedding", subwords) / F.at_least(F.count(subwords), 1)
        words = F.concat([words, mean])  # (B, T, E + S)
    words = F.dropout(words, model["dropout"])
    states = F.recurrent(words, valid_length, DIRECTIONS["default"])  # (B, T, 2H), 0 at padding
    context, weights = attend(F, model, states, mask)
    features = F.concat([_mean(F, context, mask), F.largest(context, mask)])  # (B, 4H)
    logits = F.linear(F.dropout(features, model["dropout"]), "head.weight", "head.bias")
    if ngrams is not None:
        logits = logits + F.bag("ngram_scores", ngrams) / F.sqrt(F.bag("ngram_squares", ngrams) + 1e-12)
    return logits, weights


def _post(F, model, ids):
    mask = F.mask(ids, None)  # padding takes part in everything
    words = F.dropout(F.embed("embedding", ids), model["dropout"])
    context, weights = attend(F, model, F.recurrent(words, None, DIRECTIONS["post"]), mask)
    return F.linear(F.flatten(context), "head.weight", "head.bias"), weights


def attend(F, model: dict, states, mask):
    """Self-attention: context (B, T, C) and weights (B, heads, T, T) of states (B, T, C)."""
    scores = choose("attention cell", model["cell"], SCORES)(F, model, states)  # (B, heads, T, T)
    pairs = F.expand(F.expand(mask, 2), 1) * F.expand(F.expand(mask, 1), 1)  # (B, 1, T, T)
    if model["cell"] == "none":
        weights = F.identity(mask) * pairs
    else:
        weights = F.softmax(scores, pairs)
    weights = F.dropout(weights, 0.0 if model["cell"] in ("none", "uniform") else model["attention_dropout"])
    if model["cell"] == "multi-head":
        values = _heads(F, model, states, "value")
    else:
        values = F.expand(states, 1)
    return F.merge_heads(F.matmul(weights, values)), weights


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
