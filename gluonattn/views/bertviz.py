"""A record in BertViz's own views, for those who know them."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import numpy as np

from ..errors import DependencyError, OptionError, RecordError, choose
from ..record import AttentionRecord, Token

VIEWS = {"head": "head_view", "model": "model_view", "neuron": "neuron_view"}
_SIDES = ("encoder", "decoder", "cross")
_DIGITS = 4
# Stand-ins (private use) for what could end a script; they become JSON escapes once the page is made.
_STAND_INS = {"<": "\ue000", ">": "\ue001", "&": "\ue002"}


def to_bertviz(
    records: AttentionRecord | Sequence[AttentionRecord], *, view: str = "head", limit: int = 20_000_000
) -> str:
    """BertViz's page for a record, or for the encoder, decoder and cross records of one sentence.

    BertViz's pages take their scripts (jQuery, d3, require.js) from the network and grow with
    layers x heads x tokens^2: `gluonattn.views.grid_page` needs neither network nor space.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
        Several: of different kinds, from an encoder-decoder model.
    view : {"head", "model", "neuron"}, default "head"
        "neuron" needs one record with queries and keys.
    limit : int, default 20_000_000
        Bytes above which nothing is made.

    Returns
    -------
    str
        HTML; tokens are escaped.

    Raises
    ------
    DependencyError
        If BertViz is not installed.
    RecordError
        If the records do not belong together, or lack vectors.
    OptionError
        If the view is unknown or the page would be too large.
    """
    choose("BertViz view", view, VIEWS)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    _check(records, view)
    size = sum(int(r.weights.size) * (_DIGITS + 4) for r in records)
    if view == "neuron":
        size += 16 * int(records[0].queries_vectors.size)  # type: ignore[union-attr]
    if size > limit:
        raise OptionError(
            f"BertViz's page would take about {size / 1e6:.0f} MB: raise limit, record.select fewer tokens, or use "
            "gluonattn.views.grid_page.")
    try:
        import bertviz
        import torch
        from bertviz import neuron_view
    except ImportError as error:
        raise DependencyError(f'BertViz cannot be imported ({error}): pip install "gluonattn[bertviz]".') from None
    if view == "neuron":
        page = _neuron(neuron_view, records[0])
    else:
        make = bertviz.head_view if view == "head" else bertviz.model_view
        page = make(**_arguments(torch, records), prettify_tokens=False, html_action="return").data
    for character, stand_in in _STAND_INS.items():
        page = page.replace(f"\\u{ord(stand_in):04x}", f"\\u{ord(character):04x}")
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>BertViz</title>\n{page}'


def _check(records: list[AttentionRecord], view: str) -> None:
    if not records:
        raise RecordError("BertViz needs a record; got none.")
    kinds = [r.kind for r in records]
    unlike = len(set(kinds)) == len(kinds) and set(kinds) <= set(_SIDES)
    if len(records) > 1 and (not unlike or view == "neuron"):
        raise RecordError(f"BertViz shows one record, or one each of {', '.join(_SIDES)} (head and model view); "
                          f"got {', '.join(kinds)} for the {view} view.")
    first = records[0]
    if view == "neuron" and (first.queries_vectors is None or first.keys_vectors is None or first.kind == "cross"):
        raise RecordError("the neuron view needs self-attention with queries and keys: capture(model, vectors=True).")


def _arguments(torch, records: list[AttentionRecord]) -> dict:
    def layers(record):
        return [torch.from_numpy(layer[None]) for layer in np.round(record.weights.astype(np.float64), _DIGITS)]

    if len(records) == 1 and records[0].kind != "cross":
        return {"attention": layers(records[0]), "tokens": _names(records[0].queries)}
    found: dict = {}
    for record in records:
        found[f"{record.kind}_attention"] = layers(record)
        if record.kind in ("encoder", "cross"):
            found["encoder_tokens"] = _names(record.keys)
        if record.kind in ("decoder", "cross"):
            found["decoder_tokens"] = _names(record.queries)
    return found


def _neuron(neuron_view, record: AttentionRecord) -> str:
    """BertViz computes this view's data from its own models only: it is given the record's instead."""
    names = _names(record.queries)
    data = {"all": {
        "attn": np.round(record.weights.astype(np.float64), _DIGITS).tolist(), "left_text": names, "right_text": names,
        "queries": np.round(record.queries_vectors.astype(np.float64), _DIGITS).tolist(),  # type: ignore[union-attr]
        "keys": np.round(record.keys_vectors.astype(np.float64), _DIGITS).tolist(),  # type: ignore[union-attr]
    }}
    kind = "gpt2" if record.kind == "decoder" else "bert"
    with mock.patch.object(neuron_view, "get_attention", return_value=data):
        return neuron_view.show(None, kind, None, "-", display_mode="light", layer=0, head=0, html_action="return").data


def _names(tokens: Sequence[Token]) -> list[str]:
    return ["".join(_STAND_INS.get(c, c) for c in token.text) for token in tokens]
