"""Attention of Hugging Face models, with tokens placed on the raw text.

transformers computes attention by a function that it looks up by name; under the default names no weights
come out at all. While capturing, the name is "eager", and what is looked up records the queries, keys,
mask and weights of the model's own eager function on their way.
"""

from __future__ import annotations

import functools
import inspect
import itertools
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from ..errors import CaptureError, DependencyError
from ..plain import read_texts
from ..record import AttentionRecord
from .calls import Call, Generation, Pass, joined, kind_of_path
from .kinds import settled
from .origins import Origin
from .pieces import byte_level, continuation, hf_tokens
from .placing import spelled
from .recorder import BYPASSED, Recorder, whole_rows
from .torch import TorchRecorder, need_torch, passes, to_numpy

CURE = ("Run the model itself inside `with capture(...)`, capture only the part that runs, or ask only for the kinds that "
        "ran: records(..., kind=...)")
UNSEEN = Origin("what could not be followed")
# Inputs that have one position for each token or patch, with the mask that belongs to each.
CONTENTS = {"attention_mask": ("input_ids", "inputs_embeds", "encoder_outputs"),
            "decoder_attention_mask": ("decoder_input_ids", "decoder_inputs_embeds"),
            "encoder_attention_mask": ("encoder_hidden_states",)}


@contextmanager
def capture(model, *, vectors: bool = False) -> Iterator[HuggingFaceRecorder]:
    """Record the attention of a transformers model while the body runs it, or its ``generate()``.

    Parameters
    ----------
    model : transformers.PreTrainedModel, or torch.nn.Module that holds one
        Encoder, decoder or encoder-decoder, or one's own classifier around one. Self- and cross attention are told
        apart by the tensors that queries and keys were made of.
    vectors : bool, default False
        Also take queries, keys and values per head: after rotary embedding, grouped heads repeated.

    Yields
    ------
    HuggingFaceRecorder

    Raises
    ------
    CaptureError
        If `model` is no transformers model, nor holds one.
    """
    need_torch("capturing from Hugging Face models", "huggingface")
    try:
        from transformers import PreTrainedModel
        from transformers.modeling_utils import AttentionInterface
    except ImportError:
        raise DependencyError(
            'capturing from Hugging Face models needs transformers 4.50 or newer: pip install "gluonattn[huggingface]".'
        ) from None
    if not holds_transformers(model):
        raise CaptureError(
            f"expected a transformers model, got {type(model).__name__}, which holds none: gluonattn.capture.torch captures "
            "nn.MultiheadAttention and hand-written attention.")
    from .tracing import Trace, traced

    modules = dict(model.named_modules())
    paths = {id(module): path for path, module in modules.items()}
    recorder = HuggingFaceRecorder("huggingface", {}, cure=CURE, source={"model": _name(model)})
    recorder.trace = Trace(recorder.unrecorded, set())
    recorder.modules = modules
    recorder.implementation = next((how for config, how in _implementations(model) if isinstance(how, str)), "eager")
    with ExitStack() as undo:
        undo.callback(_restore, _implementations(model))
        _quietly_eager(model)
        known = AttentionInterface._global_mapping
        before = known.get("eager")
        undo.callback(lambda: known.pop("eager") if before is None else known.update(eager=before))
        known["eager"] = _recording(recorder, paths, vectors, before)
        undo.enter_context(traced(model, recorder.trace))
        for part in (m for m in modules.values() if isinstance(m, PreTrainedModel)):
            watch = _inputs(recorder, inspect.signature(part.forward))
            undo.callback(part.register_forward_pre_hook(watch, with_kwargs=True).remove)
            if callable(getattr(part, "generate", None)):
                undo.enter_context(_generating(recorder, part))
        undo.enter_context(passes(model, recorder))
        try:
            yield recorder
        finally:
            if recorder.passes:
                recorder.settle_silent()
            recorder.expected = _expected(modules, {c.layer for p in recorder.passes for c in p.calls
                                                    if c.weights is not None})


def holds_transformers(model) -> bool:
    """Whether a module is, holds or is a part of a transformers model."""
    return any(type(m).__module__.startswith("transformers.") and hasattr(m, "config") for m in model.modules())


class HuggingFaceRecorder(TorchRecorder):
    """A recorder that knows the ids the model saw.

    Attributes
    ----------
    implementation : str
        How the model computes attention when it is not captured.
    """

    implementation: str = "eager"

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
        batches = [(batch, row) for batch in joined(settled(self.passes)) for row in range(batch.size)]
        self._refuse_what_has_no_tokens(kind)
        self._refuse_what_was_not_kept([batch for batch, row in batches if row == 0])
        texts = read_texts(texts, "records")
        if len(texts) == len(batches):  # else _records says what is wrong
            texts = [_with_generated(text, tokenizer, *place) for text, place in zip(texts, batches)]
            if target_texts is None and any("target" in batch.ids for batch, _ in batches):
                target_texts = [_spell(tokenizers["target"], batch.ids["target"][row]) if "target" in batch.ids else ""
                                for batch, row in batches]

        def pieces(side: str, text: str, sentence: int, valid: np.ndarray) -> Sequence:
            batch, row = batches[sentence]
            if side not in batch.ids:
                raise CaptureError(self._no_ids(batch, side))
            return hf_tokens(tokenizers[side], text, batch.ids[side][row][valid])

        return self._records(texts, target_texts, pieces, kind, {})

    def hint(self, path: str) -> str:
        return _kind(self.modules[path], path)

    def how_to_name(self, layers: Sequence[str], ask: bool) -> str:
        """All attention classes of the model: its other part has to be taken the same way."""
        others = sorted({c.layer for p in self.passes for c in p.calls if c.weights is not None})
        told = super().how_to_name([*layers, *others], ask)
        return told + (', loaded with attn_implementation="eager"' if self.implementation != "eager" else "")

    def settle_silent(self) -> None:
        """Name what is called an attention, ran, and was neither recorded nor seen: it makes no weights."""
        seen = {c.layer for p in self.passes for c in p.calls}
        for path in sorted(self.trace.entered):
            inside = path == "" or any(one == path or one.startswith(f"{path}.") or path.startswith(f"{one}.")
                                       for one in seen)
            within = any(other != path and other.startswith(f"{path}.") and _sounds(self.modules[other])
                         for other in self.trace.entered)
            if _sounds(self.modules[path]) and not inside and not within:
                self.passes[-1].calls.append(Call(path, self.hint(path), None, BYPASSED, rows=UNSEEN, columns=UNSEEN))

    def _refuse_what_has_no_tokens(self, kind: str | None) -> None:
        """A text and a picture that no cross attention joins are not two sentences."""
        parts = [p for p in settled(self.passes) if any(c.weights is not None and kind in (None, c.kind) for c in p.calls)]
        if any(p.ids for p in parts):
            for part in parts:
                if not part.ids:
                    raise CaptureError(self._no_ids(part, "source"))

    def _refuse_what_was_not_kept(self, batches: Sequence[Pass]) -> None:
        """Steps that read other tokens than those that were generated are no text."""
        for batch in batches:
            made = batch.generation.ids if batch.generation and batch.generation.beams == 1 else None
            read = batch.ids.get("target", batch.ids.get("source"))
            if made is None or read is None or len(made) != len(read):
                continue  # embeddings, or counts that do not fit, which are told of elsewhere
            if read.shape[1] > made.shape[1] or (made[:, :read.shape[1]] != read).any():
                raise CaptureError(
                    "generate() read tokens that are not among those it returned, as it does with drafts that it throws "
                    "away (assistant_model, prompt_lookup_num_tokens) and with a second prompt (guidance_scale): generate "
                    "without capturing, then run the model once on the ids that came out, inside `with capture(...)`.")

    def _no_ids(self, batch: Pass, side: str) -> str:
        """Nothing says which tokens a sequence has: it is a picture's, a sound's, or embeddings came instead."""
        sequence = next(s for s, its in batch.sides.items() if its == side)
        layers = [c.layer for c in batch.calls if sequence in (c.rows, c.columns)]
        kinds = sorted({c.kind for c in batch.calls if sequence not in (c.rows, c.columns)})
        read = {c.layer for other in settled(self.passes) if other.ids for c in other.calls}
        part = self._part_of(read, without=layers)
        cures = ([f"capture the part that reads text: capture(model.{part})"] if part else []) + (
            [f"ask for what reads text alone: records(..., kind={kinds[0]!r})"] if kinds else [])
        names = sorted({type(self.modules[c.layer]).__name__ for p in self.passes for c in p.calls if c.weights is not None})
        eager = ' and attn_implementation="eager"' if self.implementation != "eager" else ""
        own = f"To name its positions yourself, use gluonattn.capture.torch with attention={names}{eager}"
        return (f"{layers[0]} attends over {sequence}, for which the model was given no {side} ids (a picture, a sound, or "
                "embeddings), so it has no tokens. " + (f"To have the rest, {' or '.join(cures)}. " if cures else "")
                + f"{own}.")

    def _part_of(self, layers, without) -> str:
        """The smallest part that holds some layers and none of others."""
        steps = [layer.split(".") for layer in sorted(layers)]
        if not steps:
            return ""
        shared = [s for s, *_ in itertools.takewhile(lambda at: len(set(at)) == 1, zip(*steps))]
        for end in range(1, len(shared) + 1):
            path = ".".join(shared[:end])
            if not any(layer.startswith(f"{path}.") for layer in without) and holds_transformers(self.modules[path]):
                return path
        return ""


def _name(model) -> str:
    config = getattr(model, "config", None)
    return str(getattr(config, "_name_or_path", "") or type(model).__name__).rstrip("/").rpartition("/")[2]


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


@contextmanager
def _generating(recorder: Recorder, part) -> Iterator[None]:
    """Tell the recorder when ``generate()`` runs, and with how many beams."""
    own = part.__dict__.get("generate", _NOTHING)
    generate = part.generate

    @functools.wraps(generate)
    def told(*args, **kwargs):
        before = recorder.generation
        config = kwargs.get("generation_config") or getattr(part, "generation_config", None)

        def option(name: str) -> int:
            value = kwargs.get(name)
            return int((getattr(config, name, None) if value is None else value) or 1)

        recorder.generation = Generation(option("num_beams"), option("num_return_sequences"),
                                         _prompt_padding(config, args, kwargs))
        try:
            made = generate(*args, **kwargs)
            ids = getattr(made, "sequences", made)
            if getattr(ids, "ndim", 0) == 2:
                recorder.generation.ids = ids.detach().cpu().numpy()
            return made
        finally:
            recorder.generation = before

    part.__dict__["generate"] = told
    try:
        yield
    finally:
        part.__dict__.pop("generate", None) if own is _NOTHING else part.__dict__.update(generate=own)


def _prompt_padding(config, args, kwargs) -> np.ndarray | None:
    """What is padding in what generate() was given: as the mask says, else by the id of padding, as it would itself."""
    mask = kwargs.get("attention_mask")
    if getattr(mask, "ndim", 0) == 2:
        return mask.detach().cpu().numpy() == 0
    ids = next((x for x in (*args[:1], kwargs.get("inputs"), kwargs.get("input_ids")) if getattr(x, "ndim", 0) == 2), None)
    mark = kwargs.get("pad_token_id", getattr(config, "pad_token_id", None))
    end = kwargs.get("eos_token_id", getattr(config, "eos_token_id", None))
    if ids is None or ids.is_floating_point() or mark is None or mark in (end if isinstance(end, list) else [end]):
        return None
    return ids.detach().cpu().numpy() == int(mark)


def _recording(recorder: HuggingFaceRecorder, paths: dict[int, str], vectors: bool, before):
    """The function looked up as "eager": the model's own, with its arguments and weights recorded."""

    def attend(module, query, key, value, attention_mask=None, *args, **kwargs):
        own = before or next((f for c in type(module).__mro__
                              if (f := getattr(sys.modules.get(c.__module__), "eager_attention_forward", None))), None)
        if own is None:
            raise CaptureError(f"{type(module).__module__} has no eager attention to take weights from. {CURE}")
        path = paths.get(id(module))
        if path is None:  # another model may run in the body, too
            return own(module, query, key, value, attention_mask, *args, **kwargs)
        with recorder.trace.recorded():
            output, weights = own(module, query, key, value, attention_mask, *args, **kwargs)
        call = _call(module, path, query, key, value, attention_mask, output, weights, kwargs, vectors)
        origins = recorder.trace.origins
        call.rows, call.columns = origins.of(query), origins.of(key)
        recorder.add(call)
        return output, weights

    return attend


def _call(module, path, query, key, value, mask, output, weights, options, vectors: bool) -> Call:
    call = Call(path, _kind(module, path), None, "gave no weights", training=module.training)
    if weights is None or weights.dim() != 4:
        return call
    call.problem, call.weights = None, whole_rows(to_numpy(weights))
    extra = [options["position_bias"]] if options.get("position_bias") is not None else []
    added = [_bias(x) for x in ([mask] if mask is not None else []) + extra]
    call.bias = np.sum(np.broadcast_arrays(*added), 0) if added else None
    if options.get("s_aux") is not None or getattr(module, "sinks", None) is not None:
        # The rest of each row goes to a sink, which is no token.
        rest = np.clip(1 - call.weights.sum(-1, keepdims=True), 0, None)
        call.weights = np.concatenate([call.weights, rest], -1)
        call.outside = ("[sink]",)
        if call.bias is not None:
            call.bias = np.pad(call.bias, ((0, 0), (0, 0), (0, 0), (0, 1)))
    elif vectors:
        groups = query.shape[1] // key.shape[1]
        call.queries = to_numpy(query)
        call.keys, call.values = (np.repeat(to_numpy(x), groups, 1) for x in (key, value))
        scaling = options.get("scaling")
        call.scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
        call.softcap = options.get("softcap")
        call.context = to_numpy(output).reshape(output.shape[0], output.shape[1], -1)
    return call


def _bias(mask) -> np.ndarray:
    """A mask as numbers added to scores; boolean False may not be looked at."""
    array = mask.detach().cpu()
    return to_numpy(mask) if array.dtype.is_floating_point else np.where(array.numpy() > 0, 0.0, -np.inf)


def _kind(module, path: str) -> str:
    """What the class of a layer says of self-attention; the tensors say what is cross attention."""
    return "decoder" if _causal(module) else "encoder"


def _causal(module) -> bool:
    return bool(getattr(module, "is_causal", False) or getattr(module, "is_decoder", False))


def _inputs(recorder: HuggingFaceRecorder, signature: inspect.Signature):
    """A hook that notes the ids and padding a part of the model is given."""

    def before(module, args, kwargs):
        given = signature.bind_partial(*args, **{k: v for k, v in kwargs.items() if k in signature.parameters}).arguments
        state, origins = recorder.current(), recorder.trace.origins
        for name in ("input_ids", "decoder_input_ids"):
            ids = given.get(name)
            if ids is not None and origins.of(ids) not in state.ids:
                origins.is_tokens(origins.of(ids))
                state.ids[origins.of(ids)] = ids.detach().cpu().numpy()
        for name, contents in CONTENTS.items():
            mask = given.get(name)
            content = next((_first(given[c]) for c in contents if given.get(c) is not None), None)
            if getattr(mask, "ndim", 0) == 2 and content is not None and origins.of(content) not in state.padding:
                state.padding[origins.of(content)] = mask.detach().cpu().numpy() == 0

    return before


def _sounds(module) -> bool:
    return type(module).__name__.endswith("Attention")


def _first(content):
    """The tensor of an input: an encoder's output may come in a tuple or a dictionary."""
    if hasattr(content, "detach"):
        return content
    values = list(content.values()) if hasattr(content, "values") else content
    return values[0] if isinstance(values, (tuple, list)) and values and hasattr(values[0], "detach") else None


def _expected(modules: dict[str, Any], captured: set[str]) -> dict[str, str]:
    """Every module of a class that handed out its weights."""
    classes = {type(modules[path]) for path in captured}
    return {path: kind_of_path(path) if kind_of_path(path) != "self" else _kind(module, path)
            for path, module in modules.items() if type(module) in classes}


def _with_generated(text: str, tokenizer, batch: Pass, row: int) -> str:
    """A decoder's text goes on with what it generated and read again (all but the last token)."""
    if not batch.steps or "target" in batch.ids or "source" not in batch.ids:
        return text
    return text + _spell(tokenizer, batch.ids["source"][row][-batch.steps:], after=text)


def _spell(tokenizer, ids, after: str = "") -> str:
    names = tokenizer.convert_ids_to_tokens([int(i) for i in ids])
    mark = continuation(tokenizer)
    text = spelled(names, byte_level=byte_level(tokenizer), continuation=mark)
    first = next((n for n in names if spelled([n], byte_level=byte_level(tokenizer), continuation=mark)), "")
    apart = first[:1] in ("▁", "Ġ", " ") or (mark is not None and first and not first.startswith(mark))
    return f" {text}" if after and not after[-1].isspace() and apart else text
