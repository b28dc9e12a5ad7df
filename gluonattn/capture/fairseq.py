"""Capture every head of the attention of fairseq 0.12 models.

Three obstacles are switched off during capture and restored afterwards. A loaded encoder layer takes a fused
path that calls no hooks (`ever_training` prevents it). Attention modules call torch's function, which returns
averaged weights (`skip_embed_dim_check` keeps them on their own code). Layers do not forward the request for
weights of all heads (a hook adds it).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CaptureError, DependencyError
from ..record import AttentionRecord
from .calls import Call
from .hooks import blocked, heads_of, hidden_keys, need_torch, passes, to_numpy
from .kinds import settled
from .recorder import Recorder
from .rows import whole_rows
from .steps import joined

CURE = ("Run the model itself inside `with capture(...)`, not a scripted copy; where only a part was run, ask for its "
        "kind: records(..., kind=...)")
SWITCHES = {"ever_training": True, "skip_embed_dim_check": True}


@contextmanager
def capture(model: Any, *, vectors: bool = False) -> Iterator[FairseqRecorder]:
    """Record the attention of a fairseq model while the body runs it.

    Parameters
    ----------
    model : torch.nn.Module
        A model with `fairseq.modules.MultiheadAttention`. Encoder, decoder and cross attention are distinguished.
    vectors : bool, default False
        Also take queries, keys and values per head (not in incremental decoding).

    Yields
    ------
    FairseqRecorder

    Raises
    ------
    CaptureError
        If the model has no such module.
    DependencyError
        If fairseq cannot be imported.
    """
    need_torch()
    attention = _attention_class()
    modules = dict(model.named_modules())
    found = {path: m for path, m in modules.items() if isinstance(m, attention)}
    if not found:
        raise CaptureError(
            f"{type(model).__name__} holds no fairseq MultiheadAttention: gluonattn.capture.torch captures other torch "
            f"models. Its classes are {', '.join(sorted({type(m).__name__ for m in modules.values()}))}.")
    recorder = FairseqRecorder("fairseq", {path: _kind(path, m) for path, m in found.items()}, cure=CURE,
                               source={"model": type(model).__name__})
    with ExitStack() as undo:
        for module in modules.values():
            for name, value in SWITCHES.items():
                if name in module.__dict__:
                    undo.callback(setattr, module, name, module.__dict__[name])
                    setattr(module, name, value)
        for path, module in found.items():
            before, after, parts = _hooks(recorder, path, _kind(path, module), vectors)
            undo.callback(module.register_forward_pre_hook(before, with_kwargs=True).remove)
            undo.callback(module.register_forward_hook(after, with_kwargs=True).remove)
            for name, note in parts.items():
                undo.callback(getattr(module, name).register_forward_hook(note).remove)
        for name, side in (("encoder", "source"), ("decoder", "target")):
            part = getattr(model, name, None)
            if part is not None:
                watch = _ids(recorder, side, inspect.signature(part.forward))
                undo.callback(part.register_forward_pre_hook(watch, with_kwargs=True).remove)
        undo.enter_context(passes(model, recorder))
        yield recorder


class FairseqRecorder(Recorder):
    """A recorder with the ids that the model read."""

    def records(  # type: ignore[override]
        self,
        texts: str | Sequence[str],
        dictionary: Any,
        *,
        target_texts: str | Sequence[str] | None = None,
        target_dictionary: Any = None,
        kind: str | None = None,
    ) -> list[AttentionRecord]:
        """One record for each sentence and kind of attention, all passes in order.

        Parameters
        ----------
        texts : str or sequence of str
            Raw texts, one for each sentence that the model read.
        dictionary : fairseq.data.Dictionary
            The dictionary of the encoder's side. Its padding symbol marks padding on either side of a sentence.
        target_texts : str or sequence of str, or None
            Raw texts of the decoder's side; needed for decoder and cross attention.
        target_dictionary : fairseq.data.Dictionary or None
            None is the same as `dictionary`.
        kind : {"encoder", "decoder", "cross"} or None
            Only this kind.

        Raises
        ------
        CaptureError
            As `check` does, or if the texts do not match what the model read.
        """
        dictionaries = {"source": dictionary, "target": target_dictionary or dictionary}
        for each in self.passes:
            for side, ids in each.ids.items():
                each.padding[side] = ids == dictionaries[str(side)].pad()
        batches = [(batch, row) for batch in joined(settled(self.passes)) for row in range(batch.size)]

        def pieces(side: str, text: str, sentence: int, valid: NDArray[Any]) -> list[str]:
            batch, row = batches[sentence]
            if side not in batch.ids:
                raise CaptureError(f"the model was given no {side} ids: run it with src_tokens and prev_output_tokens.")
            return [dictionaries[side][int(i)] for i in batch.ids[side][row][valid]]

        return self._records(texts, target_texts, pieces, kind, {})


def _attention_class() -> type[Any]:
    try:
        from fairseq.modules import MultiheadAttention
    except Exception as error:  # its import raises ValueError on Python 3.11 and later
        raise DependencyError(
            f"fairseq cannot be imported ({error}): it needs Python 3.10 and pip older than 24.1; "
            "scripts/check_fairseq.sh makes such an environment.") from None
    result: type[Any] = MultiheadAttention
    return result


def _kind(path: str, module: Any) -> str:
    if module.encoder_decoder_attention:
        return "cross"
    return "decoder" if "decoder" in path.split(".") else "encoder" if "encoder" in path.split(".") else "self"


def _hooks(recorder: Recorder, path: str, kind: str,
           vectors: bool) -> tuple[Callable[..., Any], Callable[..., Any], dict[Any, Callable[..., None]]]:
    """Request every head, record the projections, and return to callers what they requested."""
    asked: list[dict[str, Any]] = []
    noted: dict[str, Any] = {}

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[()], dict[str, Any]] | None:
        bound = inspect.signature(module.forward).bind(*args, **kwargs)
        bound.apply_defaults()
        given = dict(bound.arguments)
        asked.append(dict(given))
        noted.clear()
        return (), {**given, "need_weights": True, "need_head_weights": True}

    def after(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> tuple[Any, Any]:
        given = asked.pop()
        result, weights = output
        recorder.add(_call(path, kind, module, given, weights, noted))
        if not (given["need_weights"] or given["need_head_weights"]):
            return result, None
        return result, weights if given["need_head_weights"] else weights.mean(0)

    def note(name: str) -> Callable[..., None]:
        # Copied immediately: fairseq scales the projected queries in place.
        return lambda module, inputs, output: noted.update({name: to_numpy(inputs[0] if name == "context" else output)})

    parts = {"q_proj": "queries", "k_proj": "keys", "v_proj": "values", "out_proj": "context"} if vectors else {}
    return before, after, {module: note(name) for module, name in parts.items()}


def _call(path: str, kind: str, module: Any, given: dict[str, Any], weights: Any, noted: dict[str, Any]) -> Call:
    if weights is None or weights.dim() != 4:
        return Call(path, kind, None, "gave no weights" if weights is None else "gave weights averaged over its heads")
    array = whole_rows(to_numpy(weights).swapaxes(0, 1))  # (heads, B, Tq, Tk) to (B, heads, Tq, Tk)
    batch, heads = array.shape[:2]
    call = Call(path, kind, array)
    if given["incremental_state"] is not None:
        return call
    padding, mask = given["key_padding_mask"], given["attn_mask"]
    call.padding = hidden_keys(padding)
    biases = [blocked(mask, heads, batch)] if mask is not None else []
    if padding is not None and padding.dim():
        biases.append(blocked(padding, 1, batch).reshape(batch, 1, 1, -1))
    call.bias = np.sum(np.broadcast_arrays(*biases), 0) if biases else None
    extra = module.bias_k is not None or module.add_zero_attn
    call.outside = tuple([*(["[bias]"] if module.bias_k is not None else []),
                          *(["[zero]"] if module.add_zero_attn else [])])
    if len(noted) == 4 and not extra:
        import torch

        call.queries, call.keys, call.values = (
            heads_of(torch.from_numpy(noted[name]), heads, batch_first=False) for name in ("queries", "keys", "values"))
        call.scale = float(module.scaling)
        call.context = noted["context"].swapaxes(0, 1)
    return call


def _ids(recorder: Recorder, side: str, signature: inspect.Signature) -> Callable[..., None]:
    name = "src_tokens" if side == "source" else "prev_output_tokens"

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        given = signature.bind_partial(*args, **kwargs).arguments
        ids = given.get(name)
        if ids is not None:
            recorder.current().ids[side] = ids.detach().cpu().numpy()

    return before
