"""Attention of Hugging Face models, with tokens placed on the raw text.

transformers computes attention by a function that it looks up by name; under the default names no weights
come out at all. While capturing, the name is "eager", and what is looked up records the queries, keys,
mask and weights of the model's own eager function on their way.
"""

from __future__ import annotations

import inspect
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ..errors import CaptureError, DependencyError
from ..record import AttentionRecord, Token
from .calls import Call, Pass, joined, kind_of_path
from .placing import is_special, place, place_bytes, spelled
from .recorder import Recorder, whole_rows
from .torch import need_torch, passes, to_numpy

CURE = ("Load the model with attn_implementation=\"eager\", or capture it with gluonattn.capture.torch and "
        "attention=[its attention class]; where only a part of the model was run, ask for its kind: "
        "records(..., kind=...)")


@contextmanager
def capture(model, *, vectors: bool = False) -> Iterator[HuggingFaceRecorder]:
    """Record the attention of a transformers model while the body runs it, or its ``generate()``.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Encoder, decoder or encoder-decoder.
    vectors : bool, default False
        Also take queries, keys and values per head: after rotary embedding, grouped heads repeated.

    Yields
    ------
    HuggingFaceRecorder

    Raises
    ------
    CaptureError
        If `model` is no transformers model.
    """
    need_torch()
    try:
        from transformers import PreTrainedModel
        from transformers.modeling_utils import AttentionInterface
    except ImportError:
        raise DependencyError(
            'capturing from Hugging Face models needs transformers 4.50 or newer: pip install "gluonattn[huggingface]".'
        ) from None
    if not isinstance(model, PreTrainedModel):
        raise CaptureError(
            f"expected a transformers model, got {type(model).__name__}: gluonattn.capture.torch captures any torch model.")
    paths = {id(module): path for path, module in model.named_modules()}
    recorder = HuggingFaceRecorder("huggingface", {}, cure=CURE, source={"model": _name(model)})
    seen: dict[str, type] = {}
    with ExitStack() as undo:
        undo.callback(_restore, _implementations(model))
        _quietly_eager(model)
        known = AttentionInterface._global_mapping
        before = known.get("eager")
        undo.callback(lambda: known.pop("eager") if before is None else known.update(eager=before))
        known["eager"] = _recording(recorder, paths, seen, vectors, before)
        for part in (m for m in model.modules() if isinstance(m, PreTrainedModel)):
            watch = _inputs(recorder, _side(model, paths[id(part)]), inspect.signature(part.forward))
            undo.callback(part.register_forward_pre_hook(watch, with_kwargs=True).remove)
        undo.enter_context(passes(model, recorder))
        try:
            yield recorder
        finally:
            recorder.expected = _expected(model, paths, seen)


class HuggingFaceRecorder(Recorder):
    """A recorder that knows the ids the model saw."""

    def records(  # type: ignore[override]
        self,
        texts: str | Sequence[str],
        tokenizer,
        *,
        target_texts: str | Sequence[str] | None = None,
        target_tokenizer=None,
        kind: str | None = None,
    ) -> list[AttentionRecord]:
        """One record for each sentence and kind of attention, all passes in order.

        Parameters
        ----------
        texts : str or sequence of str
            Raw texts, as many as sentences went through the model. For a decoder that generated, the prompts.
        tokenizer : transformers tokenizer
            The one that made the model's input; a fast one gives exact spans.
        target_texts : str or sequence of str, or None
            Raw texts of the decoder's side; None spells what the decoder was given, or generated.
        target_tokenizer
            Where the decoder's side has its own.
        kind : {"encoder", "decoder", "cross"} or None
            Only this kind.

        Raises
        ------
        CaptureError
            As `check` does, or if the texts do not fit what went through the model.
        """
        tokenizers = {"source": tokenizer, "target": target_tokenizer or tokenizer}
        batches = [(batch, row) for batch in joined(self.passes) for row in range(batch.size)]
        texts = [texts] if isinstance(texts, str) else list(texts)
        if len(texts) == len(batches):  # else _records says what is wrong
            texts = [_with_generated(text, tokenizer, *place) for text, place in zip(texts, batches)]
            if target_texts is None and any("target" in batch.ids for batch, _ in batches):
                target_texts = [_spell(tokenizers["target"], batch.ids["target"][row]) for batch, row in batches]

        def pieces(side: str, text: str, sentence: int, valid: np.ndarray) -> list[Token]:
            batch, row = batches[sentence]
            if side not in batch.ids:
                raise CaptureError(f"the model was given no {side} ids (embeddings instead?): capture it with "
                                   "gluonattn.capture.torch, whose records take tokens.")
            return hf_tokens(tokenizers[side], text, batch.ids[side][row][valid])

        return self._records(texts, target_texts, pieces, kind, {})


def hf_tokens(tokenizer, text: str, ids: np.ndarray) -> list[Token]:
    """The tokens that ids stand for, with spans into the raw text.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    text : str
    ids : int, shape (T,)
    """
    names = tokenizer.convert_ids_to_tokens([int(i) for i in ids])
    if getattr(tokenizer, "is_fast", False):
        encoded = tokenizer(text)
        offsets = encoded.encodings[0].offsets
        if list(encoded["input_ids"]) == [int(i) for i in ids]:
            special = set(tokenizer.all_special_ids)
            return _named(tokenizer, text, names, offsets, [int(i) in special for i in ids])
    return place_bytes(text, names) if byte_level(tokenizer) else place(text, names)


def byte_level(tokenizer) -> bool:
    """Whether a tokenizer's pieces spell bytes (GPT-2, RoBERTa, BART, Llama 3), not characters."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return "ByteLevel" in repr(backend.decoder)
    return hasattr(tokenizer, "byte_encoder")


def _named(tokenizer, text, names, offsets, special) -> list[Token]:
    spans = [(start, start) if hidden else (start, end) for (start, end), hidden in zip(offsets, special)]
    at, found = 0, []
    bytes_ = byte_level(tokenizer)
    shown = place_bytes(text, names) if bytes_ else []
    for i, (name, (start, end), hidden) in enumerate(zip(names, spans, special)):
        if hidden and end == start and is_special(name):
            start = end = at  # special tokens stand where they are, not at 0
        unknown = name == getattr(tokenizer, "unk_token", None)
        if unknown:
            start, end = offsets[i]
        while start < end - 1 and text[start].isspace():
            start += 1
        after = min((s for s, e in offsets[i + 1 :] if e > s and s >= end), default=len(text))
        while start < end < after and _belongs_to_the_letter_before(text[end]):
            end += 1  # where the model's normaliser composed letters, offsets name the first part only
        found.append(Token(shown[i].text if bytes_ and not hidden else name, start, end))
        at = max(at, end)
    return found


def _belongs_to_the_letter_before(character: str) -> bool:
    """Combining marks, and the vowels and finals of decomposed Hangul."""
    return unicodedata.category(character) in ("Mn", "Mc") or "\u1160" <= character <= "\u11ff"


def _name(model) -> str:
    return str(getattr(model.config, "_name_or_path", "") or type(model).__name__).rstrip("/").rpartition("/")[2]


def _configs(model) -> list[Any]:
    found = {id(m.config): m.config for m in model.modules() if hasattr(getattr(m, "config", None), "model_type")}
    for config in list(found.values()):
        for name in getattr(config, "sub_configs", {}):
            below = getattr(config, name, None)
            if below is not None:
                found[id(below)] = below
    return list(found.values())


def _implementations(model) -> list[tuple[Any, Any]]:
    return [(config, config.__dict__.get("_attn_implementation_internal", _NOTHING)) for config in _configs(model)]


_NOTHING = object()


def _restore(implementations: list[tuple[Any, Any]]) -> None:
    for config, value in implementations:
        if value is _NOTHING:
            config.__dict__.pop("_attn_implementation_internal", None)
        else:
            config._attn_implementation_internal = value


def _quietly_eager(model) -> None:
    for config in _configs(model):
        config._attn_implementation_internal = "eager"


def _side(model, path: str) -> str:
    both = getattr(model.config, "is_encoder_decoder", False)
    return "target" if both and "decoder" in path.split(".") else "source"


def _recording(recorder: HuggingFaceRecorder, paths: dict[int, str], seen: dict[str, type], vectors: bool, before):
    """The function looked up as "eager": the model's own, with its arguments and weights recorded."""

    def attend(module, query, key, value, attention_mask=None, *args, **kwargs):
        own = before or next((f for c in type(module).__mro__
                              if (f := getattr(sys.modules.get(c.__module__), "eager_attention_forward", None))), None)
        if own is None:
            raise CaptureError(f"{type(module).__module__} has no eager attention to take weights from. {CURE}")
        output, weights = own(module, query, key, value, attention_mask, *args, **kwargs)
        path = paths.get(id(module))
        if path is not None:  # another model may run in the body, too
            seen[path] = type(module)
            recorder.add(_call(module, path, query, key, value, attention_mask, output, weights, kwargs, vectors))
        return output, weights

    return attend


def _call(module, path, query, key, value, mask, output, weights, options, vectors: bool) -> Call:
    call = Call(path, _kind(module, path), None, "gave no weights")
    if weights is None or weights.dim() != 4:
        return call
    call.problem, call.weights = None, whole_rows(to_numpy(weights))
    extra = [options["position_bias"]] if options.get("position_bias") is not None else []
    added = [to_numpy(x) for x in ([mask] if mask is not None else []) + extra]
    call.bias = np.sum(np.broadcast_arrays(*added), 0) if added else None
    if vectors:
        groups = query.shape[1] // key.shape[1]
        call.queries = to_numpy(query)
        call.keys, call.values = (np.repeat(to_numpy(x), groups, 1) for x in (key, value))
        scaling = options.get("scaling")
        call.scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
        call.context = to_numpy(output).reshape(output.shape[0], output.shape[1], -1)
    return call


def _kind(module, path: str) -> str:
    kind = kind_of_path(path)
    return kind if kind == "cross" else "decoder" if kind == "decoder" or _causal(module) else "encoder"


def _causal(module) -> bool:
    return bool(getattr(module, "is_causal", False) or getattr(module, "is_decoder", False))


def _inputs(recorder: HuggingFaceRecorder, side: str, signature: inspect.Signature):
    """A hook that notes the ids and padding a part of the model is given."""

    def before(module, args, kwargs):
        given = signature.bind_partial(*args, **{k: v for k, v in kwargs.items() if k in signature.parameters}).arguments
        state = recorder.current()
        for name, where in (("input_ids", side), ("decoder_input_ids", "target")):
            ids = given.get(name)
            if ids is not None and where not in state.ids:
                state.ids[where] = ids.detach().cpu().numpy()
        for name, where in (("attention_mask", side), ("decoder_attention_mask", "target"),
                            ("encoder_attention_mask", "source")):
            mask = given.get(name)
            if getattr(mask, "ndim", 0) == 2 and where not in state.padding:
                state.padding[where] = mask.detach().cpu().numpy() == 0

    return before


def _expected(model, paths: dict[int, str], seen: dict[str, type]) -> dict[str, str]:
    """Every module of a class that computed attention; where none did, every class that sounds like it."""
    classes = set(seen.values())
    found = {}
    for module in model.modules():
        path = paths[id(module)]
        if type(module) in classes or (not classes and type(module).__name__.endswith("Attention")):
            found[path] = _kind(module, path)
    return found


def _with_generated(text: str, tokenizer, batch: Pass, row: int) -> str:
    """A decoder's text goes on with what it generated and read again (all but the last token)."""
    if not batch.steps or "target" in batch.ids or "source" not in batch.ids:
        return text
    return text + _spell(tokenizer, batch.ids["source"][row][-batch.steps:], after=text)


def _spell(tokenizer, ids, after: str = "") -> str:
    names = tokenizer.convert_ids_to_tokens([int(i) for i in ids])
    text = spelled(names, byte_level=byte_level(tokenizer))
    apart = after and not after[-1].isspace() and names and names[0][:1] in ("▁", "Ġ", " ")
    return f" {text}" if apart else text
