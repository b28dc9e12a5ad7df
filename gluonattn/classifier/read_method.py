"""What is read at each token, in the network's own products."""

from ..threads import ONE_THREAD
from .account import read_of
from .attribution import Attribution, Method


def read_at(batch, targets):
    """What all queries read of each key, of the class's logit less the mean of the others' (`account.read_of`).

    With the head's bias (``bias``) and what goes past tokens (``elsewhere``: padding in the post's recipe, n-grams of older
    models) the scores sum to that difference. With the cell `pooling` they are the decision; with others each is counted
    given where attention looks and which token each pooled maximum comes from.
    """
    found = []
    with ONE_THREAD:
        for reading, target in zip(batch.readings, targets):
            read, size = read_of(batch.inside, reading, target), len(reading.tokens)
            scores = read.parts[:, :size, :size].sum(axis=(0, 1))
            beside = float((batch.inside.ngram_logits(reading) @ read.direction).sum())
            elsewhere = float(read.parts.sum() - scores.sum()) + beside
            found.append(Attribution(scores, {"bias": round(read.bias, 7), "elsewhere": round(elsewhere, 7)}))
    return found


METHOD = Method(read_at, "positive speaks for the class that is explained, negative against it", name="read")
