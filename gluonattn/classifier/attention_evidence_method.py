"""Attention times evidence: how much attention a token receives, times what it says by itself."""

from __future__ import annotations

from collections.abc import Sequence

from .account import evidence_for
from .attribution import Attribution, Method, received
from .batch import Batch


def weigh_evidence(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """The attention each token receives (`attribution.attention_received`) times its evidence (`account.evidence_for`).

    For a model that reads no n-grams it is the attention alone. The notes then say ``evidence``: "none".

    Parameters
    ----------
    batch : Batch
        Texts, read and passed through the model.
    targets : sequence of int
        The class to explain, one for each text.

    Returns
    -------
    list of Attribution
    """
    found = []
    for encoded, passed, target in zip(batch.encoded_texts, batch.passes, targets):
        weights, evidence = received(batch.steps, passed), evidence_for(batch.steps, encoded, target)
        scores = weights[: len(encoded.tokens)]
        found.append(Attribution(scores, {"evidence": "none"}) if evidence is None else Attribution(scores * evidence, {}))
    return found


METHOD = Method(weigh_evidence, "positive speaks for the class that is explained, negative against it",
                name="attention-evidence")
