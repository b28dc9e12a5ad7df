"""Write a record as Inseq's JSON, to compare or draw attributions with Inseq."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import RecordError
from ..record import AttentionRecord, Token

_MODULE = "inseq.data.attribution"
_NO_ID = -1  # a record has the text of its tokens, but not their ids in a vocabulary


def to_inseq(records: AttentionRecord | Sequence[AttentionRecord]) -> str:
    """Return the JSON that ``inseq.FeatureAttributionOutput.load`` reads, with the weights of every layer and head.

    Inseq has one sequence attribution for each sentence: of its source (cross attention) and of its target (attention of a
    text to itself). A cross record and the decoder record of the same sentence become one. Every other record becomes its
    own.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord

    Returns
    -------
    str
        JSON of a FeatureAttributionOutput (Inseq 0.6 or newer). Attributions are (keys, queries, layers, heads), float32.

    Raises
    ------
    RecordError
        If there is no record.

    References
    ----------
    Sarti et al. (2023), "Inseq: An Interpretability Toolkit for Sequence Generation Models", ACL demonstrations.
    """
    found = [records] if isinstance(records, AttentionRecord) else list(records)
    if not found:
        raise RecordError("to_inseq needs at least one record, got none: give what recorder.records(...) returned.")
    sentences = _sentences(found)
    source = found[0].source or {}
    info: dict[str, Any] = {
        "attribution_method": "attention", "attribute_target": True, "attribution_args": {}, "attributed_fn": None,
        "constrained_decoding": True, "include_eos_baseline": False, "model_class": source.get("framework"),
        "model_name": source.get("model"), "tokenizer_class": None, "tokenizer_name": None, "step_scores": [],
        "output_step_attributions": False, "input_texts": [one[0].text for one in sentences],
        "generated_texts": [_target_text(one[-1]) for one in sentences],
    }
    whole = _instance(_MODULE, "FeatureAttributionOutput", {
        "info": info, "sequence_attributions": [_sequence(one) for one in sentences], "step_attributions": None})
    return json.dumps(whole, ensure_ascii=False)


def _sentences(records: list[AttentionRecord]) -> list[list[AttentionRecord]]:
    """Group records by sentence, cross attention first. Its queries are the tokens of a decoder's record."""
    found: list[list[AttentionRecord]] = []
    waiting: dict[tuple[Any, ...], list[list[AttentionRecord]]] = {}
    for record in records:
        if record.kind in ("cross", "decoder"):
            other = "decoder" if record.kind == "cross" else "cross"
            key = (record.target_text, tuple(record.queries))
            if waiting.get((other, *key)):
                one = waiting[(other, *key)].pop(0)
                one.insert(0 if record.kind == "cross" else 1, record)
                continue
            found.append([record])
            waiting.setdefault((record.kind, *key), []).append(found[-1])
        else:
            found.append([record])
    return found


def _sequence(records: list[AttentionRecord]) -> dict[str, Any]:
    cross = records[0] if records[0].kind == "cross" else None
    own = records[-1] if records[-1].kind != "cross" else None
    last = records[-1]
    tokens = _tokens(last.queries)
    return _instance(_MODULE, "MultiDimensionalFeatureAttributionSequenceOutput", {
        "source": _tokens(last.keys if cross is None else cross.keys), "target": tokens,
        "source_attributions": None if cross is None else _encoded(cross),
        "target_attributions": None if own is None else _encoded(own),
        "step_scores": {}, "sequence_scores": {}, "attr_pos_start": 0, "attr_pos_end": len(tokens), "_num_dimensions": 2})


def _encoded(record: AttentionRecord) -> str:
    """(keys, queries, layers, heads) in float32, as Inseq packs a tensor."""
    from safetensors.numpy import save

    weights = np.ascontiguousarray(record.weights.transpose(3, 2, 0, 1), dtype=np.float32)
    return base64.b64encode(save({"attribution": weights})).decode("ascii")


def _tokens(tokens: Sequence[Token]) -> list[dict[str, Any]]:
    return [_instance("inseq.utils.typing", "TokenWithId", {"id": _NO_ID, "token": token.text}) for token in tokens]


def _instance(module: str, name: str, attributes: dict[str, Any]) -> dict[str, Any]:
    return {"__instance_type__": [module, name], "attributes": attributes}


def _target_text(record: AttentionRecord) -> str:
    return record.text if record.target_text is None else record.target_text
