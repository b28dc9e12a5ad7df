"""Hugging Face models by name or folder: from texts to records in one step."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from typing import Any

from ..errors import CaptureError, DependencyError
from ..plain import read_texts
from ..record import AttentionRecord
from .calls import Checked
from .hooks import need_torch

_BATCH = 16


def load_pretrained(name: str | os.PathLike[str]) -> tuple[Any, Any]:
    """A model and its tokenizer, with the class that its configuration asks for.

    Raises
    ------
    CaptureError
        If there is no such model, or it cannot be loaded.
    """
    need_torch("capturing from Hugging Face models", "huggingface")
    try:
        import transformers
    except ImportError:
        raise DependencyError("capturing from Hugging Face models needs transformers, which is not installed: "
                              'pip install "gluonattn[huggingface]".') from None
    logging: Any = transformers.utils.logging
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(name)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        decoder = any("CausalLM" in a or "LMHead" in a for a in getattr(config, "architectures", None) or ())
        kind = ("AutoModelForSeq2SeqLM" if config.is_encoder_decoder else
                "AutoModelForCausalLM" if decoder else "AutoModel")
        return getattr(transformers, kind).from_pretrained(name).eval(), tokenizer
    except (OSError, ValueError, KeyError, ImportError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CaptureError(
            f"cannot load a model from {name}: {first} Give a folder that save_pretrained wrote (config.json, weights, "
            "tokenizer files), or a name while the network is there.") from None


def pretrained_records(
    name: str | os.PathLike[str],
    texts: Iterable[str],
    *,
    target_texts: Iterable[str] | None = None,
    generate: int = 0,
    vectors: bool = False,
    kind: str | None = None,
    max_length: int = 512,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[list[AttentionRecord], list[Checked]]:
    """Records of texts that a pretrained model reads, and how far its layers are from their own formula.

    Parameters
    ----------
    name : path or str
        Folder, or a name to download.
    texts : iterable of str
    target_texts : iterable of str or None
        What an encoder-decoder's decoder is given; None lets it generate.
    generate : int, default 0
        Tokens to generate (greedily); 0 is none for a decoder, 20 for an encoder-decoder.
    vectors : bool, default False
    kind : str or None
    max_length : int, default 512
        Tokens read of a text.
    progress : callable of (texts done, texts in all)

    Returns
    -------
    records : list of AttentionRecord
    checks : list of Checked

    Raises
    ------
    CaptureError
        If the model cannot be loaded or does not run on texts alone, or if a text has no token.
    """
    texts = read_texts(texts, "pretrained_records")
    target_texts = None if target_texts is None else read_texts(target_texts, "pretrained_records")
    model, tokenizer = load_pretrained(name)
    from .huggingface import capture  # behind what says that torch is missing

    both = model.config.is_encoder_decoder
    max_length = min(max_length, _positions(model, tokenizer))
    steps = generate or (20 if both and target_texts is None else 0)
    _refuse_empty(tokenizer, [*texts, *(target_texts or [])], max_length)
    found: list[AttentionRecord] = []
    worst: dict[str, Checked] = {}
    for start in range(0, len(texts), _BATCH):
        part = texts[start : start + _BATCH]
        targets = None if target_texts is None else target_texts[start : start + _BATCH]
        with capture(model, vectors=True) as recorder:
            _run(name, model, tokenizer, part, steps, targets if both else None, max_length)
        records = recorder.records(part, tokenizer, target_texts=None if steps else targets, kind=kind)
        found += records if vectors else [_without_vectors(record) for record in records]
        for one in recorder.verify():
            worst[one.layer] = max(one, worst.get(one.layer, one), key=lambda c: c.weights_error)
        progress(min(start + _BATCH, len(texts)), len(texts))
    return found, list(worst.values())


def _run(name: str | os.PathLike[str], model: Any, tokenizer: Any, texts: list[str], steps: int, targets: list[str] | None,
         max_length: int) -> None:
    import torch

    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "left" if steps and not model.config.is_encoder_decoder else "right"
    inputs = tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=max_length)
    known = set(inspect.signature(model.forward).parameters)
    given = {k: v for k, v in inputs.items() if k in known}
    try:
        if steps:
            given.pop("token_type_ids", None)
            model.generate(**given, max_new_tokens=steps, do_sample=False, num_beams=1, num_return_sequences=1)
            return
        if targets is not None:
            wanted = tokenizer(targets, return_tensors="pt", padding=True, truncation=True, max_length=max_length)
            given = {**given, "decoder_input_ids": wanted["input_ids"], "decoder_attention_mask": wanted["attention_mask"]}
        with torch.no_grad():
            model(**given)
    except (TypeError, ValueError, AttributeError, IndexError, RuntimeError) as error:
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CaptureError(
            f"{name} ({type(model).__name__}) does not run on texts alone: {first} Run it yourself inside `with "
            "gluonattn.capture.huggingface.capture(model) as recorder:` with all that it needs.") from None


def _positions(model: Any, tokenizer: Any) -> int:
    """Tokens that a model has positions for."""
    config = model.config
    known = [getattr(config, n, None) for n in ("max_position_embeddings", "n_positions", "max_source_positions")]
    found = [n for n in (*known, tokenizer.model_max_length) if isinstance(n, int) and n > 0]
    offset = 2 if config.model_type in ("roberta", "xlm-roberta", "camembert") else 0  # positions start behind the padding's
    return min(found, default=512) - offset


def _refuse_empty(tokenizer: Any, texts: list[str], max_length: int) -> None:
    """Texts that the tokenizer makes nothing of leave a row of padding alone."""
    for text in texts:
        if not tokenizer(text, truncation=True, max_length=max_length)["input_ids"]:
            raise CaptureError(f"the text {text!r:.60} has no token for this model's tokenizer, so there is nothing that "
                               "could attend or be attended to: leave it out.")


def _without_vectors(record: AttentionRecord) -> AttentionRecord:
    from dataclasses import replace

    return replace(record, queries_vectors=None, keys_vectors=None, values=None)
