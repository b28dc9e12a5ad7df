"""Show a record in BertViz's own views."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from ..errors import DependencyError, OptionError, RecordError, choose
from ..record import AttentionRecord, Token
from .font_face import hangul_face

VIEWS = {"head": "head_view", "model": "model_view", "neuron": "neuron_view"}
_SIDES = ("encoder", "decoder", "cross")
_DIGITS = 4
LIBRARIES = ("d3/dist/d3.min.js", "jquery/dist/jquery.min.js", "requirejs/require.js")  # in node_modules
INSTALL = "npm install d3@5.7.0 jquery@2.1.0 requirejs@2.3.6"
_FONTS = "'gluonattn Hangul', 'Helvetica Neue', Helvetica, Arial, sans-serif"  # the Hangul font, then BertViz's own
_FROM_NETWORK = re.compile(r'<script src="[^"]*require[^"]*"></script>')
_DANGEROUS = "<>&"  # they could end a script


def to_bertviz(
    records: AttentionRecord | Sequence[AttentionRecord],
    *,
    view: str = "head",
    libraries: str | os.PathLike[str] | None = None,
    limit: int = 20_000_000,
) -> str:
    """BertViz's page for a record, or for the encoder, decoder and cross records of one sentence.

    BertViz's pages take their scripts (d3, jQuery, require.js) from the network, unless `libraries` is given. Their size
    grows with layers x heads x tokens^2. `gluonattn.views.grid_page` needs no network and little space.

    Parameters
    ----------
    records : AttentionRecord or sequence of AttentionRecord
        Several records must be of different kinds, from an encoder-decoder model.
    view : {"head", "model", "neuron"}, default "head"
        "neuron" needs one record with queries and keys.
    libraries : path or None
        The folder ``node_modules`` that ``npm install d3@5.7.0 jquery@2.1.0 requirejs@2.3.6`` made. The page then
        contains these libraries (340 kB) and needs no network.
    limit : int, default 20_000_000
        Maximum size of the page in bytes.

    Returns
    -------
    str
        HTML with escaped tokens.

    Raises
    ------
    DependencyError
        If BertViz is not installed.
    RecordError
        If the records do not belong together, or lack vectors.
    OptionError
        If the view is unknown, the page would be too large, or a library is not in its folder.
    """
    choose("BertViz view", view, VIEWS)
    records = [records] if isinstance(records, AttentionRecord) else list(records)
    _check(records, view)
    carried = None if libraries is None else _scripts(Path(libraries))
    _require_room(records, view, limit)
    stand_ins = _choose_stand_ins(records)
    page = _made(records, view, stand_ins)
    for character, stand_in in stand_ins.items():
        page = page.replace(_escape(stand_in), _escape(character))
    if carried is not None:
        page, found = _FROM_NETWORK.subn(lambda _: carried, page)
        if found != 1:
            raise OptionError("this version of BertViz loads its scripts in another way: leave out libraries.")
    names = "".join(token.text for r in records for token in (*r.queries, *r.keys))
    style = f"<style>{hangul_face(names)}\nbody > div {{font-family: {_FONTS} !important}}</style>"
    return f'<!doctype html>\n<meta charset="utf-8">\n<title>BertViz</title>\n{style}\n{page}'


def _choose_stand_ins(records: list[AttentionRecord]) -> dict[str, str]:
    """Characters in place of dangerous ones until BertViz has made its JSON, where they become escapes.

    No token has them, or spells one as an escape: it would be shown as another token.
    """
    texts = "\n".join(token.text for record in records for token in (*record.queries, *record.keys))
    every = map(chr, (*range(0xE000, 0xF900), *range(0xA0, 0xD800)))
    free = (one for one in every if one not in texts and _escape(one) not in texts)
    return {character: next(free) for character in _DANGEROUS}


def _escape(character: str) -> str:
    return f"\\u{ord(character):04x}"


def _made(records: list[AttentionRecord], view: str, stand_ins: dict[str, str]) -> str:
    """Make the page with BertViz."""
    try:
        import bertviz
        import torch
        from bertviz import neuron_view
    except ImportError as error:
        raise DependencyError(f'BertViz cannot be imported ({error}): pip install "gluonattn[bertviz]".') from None
    if view == "neuron":
        return _neuron(neuron_view, records[0], stand_ins)
    make = bertviz.head_view if view == "head" else bertviz.model_view
    result: str = make(**_arguments(torch, records, stand_ins), prettify_tokens=False, html_action="return").data
    return result


def _scripts(folder: Path) -> str:
    """The libraries as inline scripts, under the names that BertViz asks require.js for."""
    try:
        texts = [(folder / name).read_text(encoding="utf-8") for name in LIBRARIES]
    except OSError as error:
        raise OptionError(
            f"cannot read {error.filename}: libraries is the folder node_modules that `{INSTALL}` makes.") from None
    # d3 and jQuery come before require.js, so that they define globals and use no loader.
    texts.append('define("d3", [], () => window.d3); define("jquery", [], () => window.jQuery);')
    return "\n".join("<script>" + text.replace("</script", "<\\/script") + "</script>" for text in texts)


def _require_room(records: list[AttentionRecord], view: str, limit: int) -> None:
    """Raise OptionError if the page would be too large."""
    size = sum(int(r.weights.size) * (_DIGITS + 4) for r in records)
    if view == "neuron":
        size += 16 * int(records[0].queries_vectors.size)  # type: ignore[union-attr]
    if size > limit:
        raise OptionError(
            f"BertViz's page would take about {size / 1e6:.0f} MB: raise limit, record.select fewer tokens, or use "
            "gluonattn.views.grid_page.")


def _check(records: list[AttentionRecord], view: str) -> None:
    if not records:
        raise RecordError("BertViz needs at least one record; got none.")
    kinds = [r.kind for r in records]
    unlike = len(set(kinds)) == len(kinds) and set(kinds) <= set(_SIDES)
    if len(records) > 1 and (not unlike or view == "neuron"):
        raise RecordError(f"BertViz shows one record, or one each of {', '.join(_SIDES)} (head and model view); "
                          f"got {', '.join(kinds)} for the {view} view.")
    first = records[0]
    if view == "neuron" and (first.queries_vectors is None or first.keys_vectors is None or first.kind == "cross"):
        raise RecordError("the neuron view needs self-attention with queries and keys: capture(model, vectors=True).")


def _arguments(torch: Any, records: list[AttentionRecord], stand_ins: dict[str, str]) -> dict[str, Any]:
    def layers(record: AttentionRecord) -> list[Any]:
        return [torch.from_numpy(layer[None]) for layer in np.round(record.weights.astype(np.float64), _DIGITS)]

    if len(records) == 1 and records[0].kind != "cross":
        return {"attention": layers(records[0]), "tokens": _names(records[0].queries, stand_ins)}
    found: dict[str, Any] = {}
    for record in records:
        found[f"{record.kind}_attention"] = layers(record)
        if record.kind in ("encoder", "cross"):
            found["encoder_tokens"] = _names(record.keys, stand_ins)
        if record.kind in ("decoder", "cross"):
            found["decoder_tokens"] = _names(record.queries, stand_ins)
    return found


def _neuron(neuron_view: Any, record: AttentionRecord, stand_ins: dict[str, str]) -> str:
    """Make the neuron view from the record's data. BertViz itself computes this view only for its own models."""
    names = _names(record.queries, stand_ins)
    data = {"all": {
        "attn": np.round(record.weights.astype(np.float64), _DIGITS).tolist(), "left_text": names, "right_text": names,
        "queries": np.round(record.queries_vectors.astype(np.float64), _DIGITS).tolist(),  # type: ignore[union-attr]
        "keys": np.round(record.keys_vectors.astype(np.float64), _DIGITS).tolist(),  # type: ignore[union-attr]
    }}
    kind = "gpt2" if record.kind == "decoder" else "bert"
    with mock.patch.object(neuron_view, "get_attention", return_value=data):
        page = neuron_view.show(None, kind, None, "-", display_mode="light", layer=0, head=0, html_action="return")
    return str(page.data)


def _names(tokens: Sequence[Token], stand_ins: dict[str, str]) -> list[str]:
    return ["".join(stand_ins.get(c, c) for c in token.text) for token in tokens]
