"""Follow ``generate()``: its arguments, and when it runs."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .calls import Generation
from .recorder import Recorder

_NOTHING = object()


@contextmanager
def generating(recorder: Recorder, part: Any) -> Iterator[None]:
    """Report to the recorder when ``generate()`` runs, and with how many beams.

    Parameters
    ----------
    recorder : Recorder
    part : transformers.PreTrainedModel
        A model with ``generate()``.
    """
    own = part.__dict__.get("generate", _NOTHING)
    generate = part.generate

    @functools.wraps(generate)
    def told(*args: Any, **kwargs: Any) -> Any:
        before = recorder.generation
        config = kwargs.get("generation_config") or getattr(part, "generation_config", None)

        def option(name: str) -> int:
            value = kwargs.get(name)
            return int((getattr(config, name, None) if value is None else value) or 1)

        alpha, sampled = (kwargs.get(name, getattr(config, name, None)) for name in ("penalty_alpha", "do_sample"))
        contrastive = bool(alpha) and not sampled and option("num_beams") == 1
        recorder.generation = Generation(option("num_beams"), option("num_return_sequences"),
                                         _prompt_padding(config, args, kwargs), contrastive=contrastive)
        plain = recorder.generation.beams > 1 and not (kwargs.get("return_dict_in_generate") or getattr(
            config, "return_dict_in_generate", False))
        if recorder.generation.beams > 1:  # the beams of each step are available only then
            kwargs = {**kwargs, "return_dict_in_generate": True, "output_scores": True}
        try:
            made = generate(*args, **kwargs)
            ids = getattr(made, "sequences", made)
            if getattr(ids, "ndim", 0) == 2:
                recorder.generation.ids = ids.detach().cpu().numpy()
                recorder.generation.ended = _ended(part, config, args, kwargs, recorder.generation.ids)
            if getattr(made, "beam_indices", None) is not None:
                recorder.generation.rows = made.beam_indices.detach().cpu().numpy()
            return ids if plain else made
        finally:
            recorder.generation = before

    part.__dict__["generate"] = told
    try:
        yield
    finally:
        part.__dict__.pop("generate", None) if own is _NOTHING else part.__dict__.update(generate=own)


def _ids(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The ids that generate() continues: (B, T), or None."""
    given = (*args[:1], kwargs.get("inputs"), kwargs.get("input_ids"))
    return next((one for one in given if getattr(one, "ndim", 0) == 2), None)


def _ended(part: Any, config: Any, args: tuple[Any, ...], kwargs: dict[str, Any],
           ids: NDArray[Any]) -> NDArray[Any] | None:
    """(B, T), True from the first generated end token on; None if no sentence generated one."""
    marks: Any = kwargs.get("eos_token_id", getattr(config, "eos_token_id", None))
    marks = marks.tolist() if hasattr(marks, "tolist") else marks
    if marks is None:
        return None
    given = _ids(args, kwargs)
    encoder = getattr(part.config, "is_encoder_decoder", False)
    before = 1 if encoder or given is None else given.shape[1]
    ends = np.isin(ids, marks)
    ends[:, :before] = False
    ended = np.maximum.accumulate(ends, 1)
    return ended if ended[:, :-1].any() else None


def _prompt_padding(config: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> NDArray[Any] | None:
    """The padding in the input of generate(): by the mask, otherwise by the id of padding, as in generate() itself."""
    mask: Any = kwargs.get("attention_mask")
    if getattr(mask, "ndim", 0) == 2:
        result: NDArray[Any] | None = mask.detach().cpu().numpy() == 0
        return result
    ids = _ids(args, kwargs)
    mark = kwargs.get("pad_token_id", getattr(config, "pad_token_id", None))
    end = kwargs.get("eos_token_id", getattr(config, "eos_token_id", None))
    if ids is None or ids.is_floating_point() or mark is None or mark in (end if isinstance(end, list) else [end]):
        return None
    result = ids.detach().cpu().numpy() == int(mark)
    return result


