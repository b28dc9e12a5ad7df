"""The Bi-GRU + self-attention classifiers: the default recipe and the post's.

Both are called as ``classifier(ids, valid_length) -> (logits, weights)`` with
ids (B, T) and valid_length (B,), both float32 or int32; logits (B, classes) and
weights (B, heads, T, T). A classifier with evidence takes it as a third input:
``classifier(ids, valid_length, evidence)``. One with a linear branch, the older
design, takes ``(ids, valid_length, subwords, ngrams)``.
"""

from __future__ import annotations

from typing import Any

from ..errors import OptionError, choose
from ..models.cells import CELLS, attention_cell
from ..models.gru import BiGRU
from ..runtime import mx

nn = mx.gluon.nn


class AttentionClassifier(mx.gluon.HybridBlock):
    """Embedding -> Bi-GRU -> self-attention -> mean and max pooling -> Dense.

    Padding is masked everywhere, so a sentence gets the same result alone and
    in any batch. The head sees only attention contexts: words reach the
    decision through the attention weights. With evidence
    (`gluonattn.data.evidence`), the Bi-GRU reads each token's evidence beside
    its embedding. With n-grams, a word's embedding is concatenated with the mean
    of its n-grams' vectors, and a linear branch over the n-grams of the text adds
    its logits beside the attention ("wide and deep": Cheng et al. 2016). That
    branch is fitted beforehand (`gluonattn.classifier.linear`). While the network
    trains, it gets no n-grams, and the loop adds the branch's logits.

    Parameters
    ----------
    vocab_size : int
    classes : int, default 2
    cell : str, default "mlp"
        Name in `gluonattn.models.cells.CELLS`.
    embed_size : int, default 100
    hidden_size : int, default 64
        Units of each GRU direction.
    units : int, default 30
        Hidden units of the MLP cells.
    num_heads : int, default 4
        Heads of the multi-head cell.
    dropout : float, default 0.4
        On embeddings and on the pooled features.
    attention_dropout : float, default 0.0
        On the attention weights.
    subword_size : int, default 24
        Width of the vectors of a word's n-grams.
    subword_buckets : int, default 0
        Rows of the table of these vectors; 0 uses none.
    ngrams : int, default 0
        Number of n-grams in the linear branch; 0 uses none.
    evidence : int, default 0
        Channels of evidence of each token; 0 uses none. It excludes n-grams.
    embed_dropout : float or None
        Rate on embeddings, if it differs from `dropout`.
    **kwargs
        Of MXNet's HybridBlock.

    Notes
    -----
    `subwords` is (B, T, K) and `ngrams` (B, N), numbers as in
    `gluonattn.data.ngrams`, padded with 0. A model takes those for which it has
    tables. `evidence` is (B, T, channels), 0 at padding, without dropout. In
    training, dropout masks of the shapes of `masks` can be given, which replace
    MXNet's dropout: drawing it in MXNet takes a fifth of a step.
    """

    in_numpy = False  # pooling, set by `numpy_ops.compute_in_numpy`

    def __init__(self, vocab_size: int, classes: int = 2, cell: str = "mlp", embed_size: int = 100,
                 hidden_size: int = 64, units: int = 30, num_heads: int = 4, dropout: float = 0.4,
                 attention_dropout: float = 0.0, subword_size: int = 24, subword_buckets: int = 0, ngrams: int = 0,
                 evidence: int = 0, embed_dropout: float | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if evidence and (ngrams or subword_buckets):
            raise OptionError("a model reads either evidence or n-grams in a separate branch, not both.")
        if ngrams and not subword_buckets:
            raise OptionError(f"a model with a linear branch reads n-grams of words too: {ngrams} ngrams and "
                              "no subword_buckets.")
        self._heads = choose("attention cell", cell, CELLS).heads(num_heads)
        self._width = width = embed_size + (subword_size if subword_buckets else 0)
        self._reads = ("evidence",) if evidence else ("subwords", "ngrams")
        with self.name_scope():
            self.embedding = nn.Embedding(vocab_size, embed_size, sparse_grad=True)
            if subword_buckets:
                self.subword_embedding = nn.Embedding(subword_buckets, subword_size, sparse_grad=True,
                                                      weight_initializer=mx.init.Normal(0.1))
            if ngrams:
                self.ngram_scores = _constant_table(ngrams + 1, classes)
                self.ngram_squares = _constant_table(ngrams + 1, 1)
            self.embedding_dropout = nn.Dropout(dropout if embed_dropout is None else embed_dropout)
            self.bigru = BiGRU(hidden_size, input_size=width + evidence)
            self.attention = attention_cell(cell, hidden_size=2 * hidden_size, units=units,
                                            num_heads=num_heads, dropout=attention_dropout)
            self.head_dropout = nn.Dropout(dropout)
            self.head = nn.Dense(classes, in_units=4 * hidden_size)

    @property
    def inputs(self) -> int:
        """Number of inputs before the masks."""
        return 2 + len(self._reads)

    def masks(self, batch: int, length: int) -> tuple[Any, ...]:
        """Shape and rate of the dropout masks for a batch: on words, and on pooled features.

        Parameters
        ----------
        batch, length : int
            Number of texts, and of tokens in the longest one.
        """
        return (((batch, length, self._width), self.embedding_dropout._rate),
                ((batch, self.head._in_units), self.head_dropout._rate))

    def hybrid_forward(self, F: Any, ids: Any, valid_length: Any, *more: Any) -> Any:
        given = dict(zip((*self._reads, "kept_words", "kept_features"), more))
        subwords, ngrams, evidence = (given.get(name) for name in ("subwords", "ngrams", "evidence"))
        kept_words, kept_features = given.get("kept_words"), given.get("kept_features")
        valid_length = F.cast(valid_length, "float32")
        mask = F.SequenceMask(F.ones_like(F.cast(ids, "float32")), sequence_length=valid_length,
                              use_sequence_length=True, axis=1)  # (B, T)
        words = self.embedding(ids)  # (B, T, E)
        if subwords is not None:
            parts = F.reshape(self.subword_embedding(subwords), (-3, 0, 0))  # (B * T, K, S)
            total, count = _bag(F, parts, F.reshape(subwords, (-3, 0)))
            words = _beside(F, words, F.broadcast_div(total, count + (count == 0)))
        words = self.embedding_dropout(words) if kept_words is None else words * kept_words
        if evidence is not None:
            words = _beside(F, words, F.reshape(evidence, (-3, 0)))  # (B, T, E + channels)
        states = self.bigru(words, valid_length)  # (B, T, 2H)
        pairs = F.broadcast_mul(F.expand_dims(mask, 2), F.expand_dims(mask, 1))  # (B, T, T)
        context, weights = self.attention(states, states, states, pairs)  # (B, T, 2H)
        if self.in_numpy:
            features = F.Custom(context, mask, op_type="gluonattn_pool")  # (B, 4H)
        else:
            features = F.concat(_mean(F, context, mask), _largest(F, context, valid_length), dim=1)
        logits = self.head(self.head_dropout(features) if kept_features is None else features * kept_features)
        if ngrams is not None:
            total, _ = _bag(F, self.ngram_scores(ngrams), ngrams)  # (B, classes)
            square, _ = _bag(F, self.ngram_squares(ngrams), ngrams)  # (B, 1)
            logits = logits + F.broadcast_div(total, F.sqrt(square + 1e-12))
        return logits, weights if self._heads > 1 else F.expand_dims(weights, 1)


class PostClassifier(mx.gluon.HybridBlock):
    """The model of the GluonNLP attention post, exactly as published.

    It has a fixed length, an embedding of 50, a Bi-GRU of 64, an MLP cell of 30
    units without a mask, and one Dense over the flattened context. Padding is
    not masked anywhere.

    Parameters
    ----------
    vocab_size : int
    classes : int, default 2
    cell : str, default "mlp"
    length : int, default 30
        Number of tokens. Shorter texts are padded, longer ones truncated.
    embed_size : int, default 50
    hidden_size : int, default 64
    units : int, default 30
    num_heads : int, default 4
    dropout : float, default 0.3
        On embeddings.
    attention_dropout : float, default 0.2
    **kwargs
        Of MXNet's HybridBlock.
    """

    def __init__(self, vocab_size: int, classes: int = 2, cell: str = "mlp", length: int = 30, embed_size: int = 50,
                 hidden_size: int = 64, units: int = 30, num_heads: int = 4, dropout: float = 0.3,
                 attention_dropout: float = 0.2, **kwargs: Any):
        super().__init__(**kwargs)
        self._heads = choose("attention cell", cell, CELLS).heads(num_heads)
        with self.name_scope():
            self.embedding = nn.Embedding(vocab_size, embed_size)
            self.embedding_dropout = nn.Dropout(dropout)
            self.bigru = mx.gluon.rnn.GRU(hidden_size, bidirectional=True, input_size=embed_size)
            self.attention = attention_cell(cell, hidden_size=2 * hidden_size, units=units,
                                            num_heads=num_heads, dropout=attention_dropout)
            self.head = nn.Dense(classes, in_units=length * 2 * hidden_size)

    def hybrid_forward(self, F: Any, ids: Any, valid_length: Any) -> Any:
        steps = F.transpose(self.embedding_dropout(self.embedding(ids)), axes=(1, 0, 2))  # (T, B, E)
        states = F.transpose(self.bigru(steps), axes=(1, 0, 2))  # (B, T, 2H)
        context, weights = self.attention(states, states)
        # valid_length is not used. Adding 0 times it keeps it an input, as in the default recipe.
        nothing = F.expand_dims(0 * F.cast(valid_length, "float32"), 1)
        logits = F.broadcast_add(self.head(context), nothing)
        return logits, weights if self._heads > 1 else F.expand_dims(weights, 1)


RECIPES = {"default": AttentionClassifier, "post": PostClassifier}


def build(recipe: str, **settings: Any) -> Any:
    """Make a recipe's classifier. Its parameters are not initialised yet.

    Parameters
    ----------
    recipe : {"default", "post"}
    **settings
        Keyword arguments of the recipe's class.

    Raises
    ------
    OptionError
        If the recipe or the cell is unknown.
    """
    return choose("recipe", recipe, RECIPES)(**settings)


def _constant_table(rows: int, columns: int) -> Any:
    table = nn.Embedding(rows, columns, weight_initializer=mx.init.Zero())
    table.collect_params().setattr("grad_req", "null")
    return table


def _beside(F: Any, words: Any, more: Any) -> Any:
    """(B, T, E) and (B * T, S) -> (B, T, E + S). MXNet concatenates matrices many times faster than three axes."""
    flat = F.concat(F.reshape(words, (-3, 0)), more, dim=1)
    return F.reshape_like(flat, words, lhs_begin=0, lhs_end=1, rhs_begin=0, rhs_end=2)


def _bag(F: Any, vectors: Any, numbers: Any) -> Any:
    """Sum of the vectors (N, K, D) whose number (N, K) is not 0, and their count: (N, D), (N, 1)."""
    real = F.cast(numbers > 0, "float32")
    total = F.reshape(F.batch_dot(F.expand_dims(real, 1), vectors), (0, -1))
    return total, F.sum(real, axis=1, keepdims=True)


def _mean(F: Any, context: Any, mask: Any) -> Any:
    """Mean over valid positions; context (B, T, C), mask (B, T) -> (B, C).

    It is a product with the mask, because MXNet's `sum` over a middle axis takes five times as long.
    """
    total = F.batch_dot(F.expand_dims(mask, 1), context)  # (B, 1, C)
    return F.broadcast_div(F.reshape(total, shape=(0, -1)), F.sum(mask, axis=1, keepdims=True))


def _largest(F: Any, context: Any, valid_length: Any) -> Any:
    """Maximum over valid positions; context (B, T, C), valid_length (B,) -> (B, C).

    It uses argmax and pick, because MXNet's `max` takes three times as long, mostly in the backward pass.
    """
    context = F.SequenceMask(context, sequence_length=valid_length, use_sequence_length=True,
                             axis=1, value=-1e9)
    return F.pick(context, F.argmax(context, axis=1), axis=1)


__all__ = ["RECIPES", "AttentionClassifier", "PostClassifier", "build"]
