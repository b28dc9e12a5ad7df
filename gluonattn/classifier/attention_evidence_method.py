"""Attention times evidence: the attention that a token receives, times the score of its n-grams."""

from __future__ import annotations

from collections.abc import Sequence

from .account import evidence_for
from .attribution import Attribution, Method, received
from .batch import Batch


def weigh_evidence(batch: Batch, targets: Sequence[int]) -> list[Attribution]:
    """The attention each token receives (`attribution.attention_received`) times its evidence (`account.evidence_for`).

    If the model reads no n-grams, the score is the attention alone, and the notes have ``evidence``: "none".

    Parameters
    ----------
    batch : Batch
        The texts and their forward passes.
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


METHOD = Method(weigh_evidence, "positive speaks for the explained class, negative against it",
                name="attention-evidence")
