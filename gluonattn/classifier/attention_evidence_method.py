"""Attention times evidence: how much each token is looked at, by what it says by itself."""

from .account import evidence_for
from .attribution import Attribution, Method, received


def weigh_evidence(batch, targets):
    """The attention each token receives (`attribution.attention_received`) times its evidence (`account.evidence_for`).

    Of a model that reads no n-grams it is the attention alone, and notes say so (``evidence``: "none").
    """
    found = []
    for encoded, passed, target in zip(batch.encoded_texts, batch.passes, targets):
        weights, evidence = received(batch.steps, passed), evidence_for(batch.steps, encoded, target)
        scores = weights[: len(encoded.tokens)]
        found.append(Attribution(scores, {"evidence": "none"}) if evidence is None else Attribution(scores * evidence, {}))
    return found


METHOD = Method(weigh_evidence, "positive speaks for the class that is explained, negative against it",
                name="attention-evidence")
