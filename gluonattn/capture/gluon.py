"""Capture attention of GluonNLP models: BERT, the Transformer's encoder and decoder, and any attention cell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError
from ..runtime import mx, nlp
from .calls import Call, kind_of_path
from .gluon_tracing import Trace, same_positions, traced
from .origins import Attended
from .recorder import BYPASSED, Recorder
from .rows import whole_rows

CURE = ("Run the block itself inside `with capture(...)`; a SymbolBlock is one piece and shows nothing of its inside: "
        "capture the block it was exported from. Where only a part was run, ask for its kind: records(..., kind=...)")


@contextmanager
def capture(model: Any, *, vectors: bool = False) -> Iterator[Recorder]:
    """Record the attention of a Gluon block while the body runs it.

    Parameters
    ----------
    model : mxnet.gluon.Block
        `nlp.model.BERTModel`, a `TransformerEncoder` or `TransformerDecoder`, or anything that holds one of
        GluonNLP's attention cells. Hybridized blocks run imperatively meanwhile. Self- and cross attention are
        distinguished by the arrays from which queries and keys were made.
    vectors : bool, default False
        Also take queries, keys and values per head (of multi-head cells).

    Yields
    ------
    Recorder
        Give `Recorder.records` the tokens of what the model read.

    Raises
    ------
    CaptureError
        If the model has no attention cell.
    """
    blocks = dict(_named("", model, None))
    everything = dict(_every("", model))
    cells = {path: (block, kind) for path, (block, kind) in blocks.items() if kind is not None}
    if not cells:
        raise CaptureError(
            f"{type(model).__name__} holds none of GluonNLP's attention cells; its blocks are "
            f"{', '.join(sorted({type(block).__name__ for block, _ in blocks.values()}))}.")
    recorder = GluonRecorder("gluon", {path: kind if kind != "self" else kind_of_path(path)
                                       for path, (_, kind) in cells.items()}, cure=CURE,
                             source={"model": type(model).__name__})
    recorder.trace = trace = Trace(mx, recorder.unrecorded, set(cells))
    with ExitStack() as undo:
        for block, _ in blocks.values():
            if getattr(block, "_active", False):  # a compiled block does not call the hooks of its children
                block._active = False
                undo.callback(setattr, block, "_active", True)
        undo.callback(model.register_forward_pre_hook(lambda *_: recorder.begin()).detach)
        followed = traced(trace, everything)
        for path, (block, kind) in cells.items():
            undo.callback(block.register_forward_hook(_after(recorder, path, kind, vectors)).detach)
        undo.enter_context(followed)
        undo.callback(model.register_forward_hook(lambda *_: recorder.end()).detach)
        yield recorder


class GluonRecorder(Recorder):
    """A recorder with the origin of each array.

    Attributes
    ----------
    trace : Trace
    """

    trace: Trace

    def ran(self, layer: str) -> bool:
        return any(path in ("", layer) or layer.startswith(f"{path}.") for path in self.trace.ran)

    def unrecorded(self, attended: Attended) -> None:
        """Note attention of a block that no hook captured."""
        self.add(Call(attended.path, kind_of_path(attended.path), None, BYPASSED, rows=attended.rows,
                      columns=attended.columns))

    def cure(self, bypassed: Sequence[str], empty: Sequence[Call]) -> str:
        if any(call.problem == BYPASSED for call in empty):
            return ("Attention was computed there by operators of the block's own: put one of GluonNLP's attention cells in "
                    "their place, or leave it out by asking for another kind: records(..., kind=...)")
        return self._cure


def _every(path: str, block: Any) -> Iterator[tuple[str, Any]]:
    yield path, block
    for name, child in block._children.items():
        yield from _every(f"{path}.{name}" if path else name, child)


def _named(path: str, block: Any, parent: Any) -> Iterator[tuple[str, tuple[Any, str | None]]]:
    """Every block by its path, with the kind that the class suggests for attention cells."""
    transformer, cells, bert = nlp.model.transformer, nlp.model.attention_cell, nlp.model.bert
    kind = None
    if isinstance(block, (cells.AttentionCell, bert.DotProductSelfAttentionCell)):
        name = path.rpartition(".")[2]
        if isinstance(parent, transformer.TransformerDecoderCell):
            kind = "cross" if name == "attention_cell_inter" else "decoder"
        elif isinstance(parent, (transformer.TransformerEncoderCell, bert.BERTEncoderCell)):
            kind = "encoder"
        else:
            kind = "self"
    yield path, (block, kind)
    if isinstance(block, cells.MultiHeadAttentionCell):
        return  # its inner cell is not called as a block
    for name, child in block._children.items():
        yield from _named(f"{path}.{name}" if path else name, child, block)


def _after(recorder: GluonRecorder, path: str, kind: str, vectors: bool) -> Callable[..., None]:
    def after(block: Any, inputs: Any, output: Any) -> None:
        context, weights = output
        array = weights.astype("float32").asnumpy()
        call = Call(path, kind, whole_rows(array if array.ndim == 4 else array[:, None]),
                    training=bool(mx.autograd.is_training()))
        call.rows, call.columns = _sequences(recorder.trace, inputs, kind,
                                               isinstance(block, nlp.model.bert.DotProductSelfAttentionCell))
        with mx.autograd.pause():
            if isinstance(block, nlp.model.bert.DotProductSelfAttentionCell):
                _bert(call, block, inputs, context, vectors)
            else:
                _cell(call, block, inputs, context, vectors)
        recorder.add(call)

    return after


def _sequences(trace: Trace, inputs: Any, kind: str, own: bool) -> tuple[Any, Any]:
    """The origins of queries and keys. BERT's `own` cell has one input for both."""
    query, key = inputs[0], inputs[0] if own else inputs[1]
    rows, columns = trace.origins.of(query), trace.origins.of(key)
    if same_positions(query, key):
        return rows, rows
    if rows == columns and kind == "cross":  # a decoder whose target and memory are the same array
        return rows, rows.after("as memory")
    return rows, columns


def _cell(call: Call, block: Any, inputs: Any, context: Any, vectors: bool) -> None:
    query, key, value, mask = (*inputs, None, None)[:4]
    if mask is not None:
        may = mask.asnumpy() > 0  # (B, Tq, Tk)
        call.bias = np.where(may, 0.0, -np.inf)[:, None]
        call.padding = ~may.any(1)
    base: Any = getattr(block, "_base_cell", None)
    plain = isinstance(base, nlp.model.attention_cell.DotProductAttentionCell) and not base._normalized
    if vectors and plain:
        value = key if value is None else value
        heads = block._num_heads
        call.queries, call.keys, call.values = (
            _heads(project(x).asnumpy(), heads) for project, x in
            ((block.proj_query, query), (block.proj_key, key), (block.proj_value, value)))
        call.scale = call.queries.shape[-1] ** -0.5 if base._scaled else 1.0
        call.context = context.asnumpy()


def _bert(call: Call, block: Any, inputs: Any, context: Any, vectors: bool) -> None:
    hidden, valid = (*inputs, None)[:2]  # (T, B, C), (B, T) or None
    if valid is not None:
        lengths = valid.asnumpy()
        may = np.arange(call.weights.shape[3]) < lengths[..., None]  # type: ignore[union-attr]  # (B, Tq, Tk)
        call.bias = np.where(may, 0.0, -np.inf)[:, None]
        call.padding = ~may.any(1)
    if vectors:
        made = [mx.nd.FullyConnected(hidden, weight.data(hidden.context), bias.data(hidden.context),
                                     num_hidden=block.units, flatten=False).asnumpy().swapaxes(0, 1)
                for weight, bias in ((block.query_weight, block.query_bias), (block.key_weight, block.key_bias),
                                     (block.value_weight, block.value_bias))]
        call.queries, call.keys, call.values = (_heads(x, block._num_heads) for x in made)
        call.scale = call.queries.shape[-1] ** -0.5
        call.context = context.asnumpy().swapaxes(0, 1)


def _heads(x: NDArray[Any], heads: int) -> NDArray[Any]:
    """(B, T, H * d) to (B, H, T, d)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)
