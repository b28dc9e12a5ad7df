"""Open a transformers folder, a transformers model or any torch module as a classifier that can be explained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...capture.hooks import need_torch
from ...contents import parse_json
from ...errors import CheckpointError, DependencyError, OptionError
from .classifier import OpenedClassifier
from .network import WHAT, Network
from .words import WordReader

CONFIG = "config.json"
_POSITIONS = ("max_position_embeddings", "n_positions", "max_source_positions")
_SPARE = 0.02  # tolerance, because embedding tables are often rounded up
_ALWAYS_SPARE = 128  # rows


def open_classifier(model: Any, tokenizer: Any = None, labels: Sequence[str] | None = None, *, max_length: int | None = None,
                    units: str = "eojeol", device: str = "auto") -> OpenedClassifier:
    """Open a classifier that another program trained. It predicts and explains like a loaded checkpoint.

    Parameters
    ----------
    model : path, transformers model or torch.nn.Module
        A folder with a model ``...ForSequenceClassification`` that ``save_pretrained`` wrote, such a model, or any
        module whose forward pass takes ids (texts, pieces) and returns logits (texts, classes). It stays unchanged.
    tokenizer : transformers tokenizer, tokenizers.Tokenizer or None
        None takes the folder's own.
    labels : sequence of str or None
        In the order of the classes; None takes those of the model's configuration.
    max_length : int or None
        Number of pieces of a text that are read. With None, a text with more pieces than the model has positions is refused.
    units : {"eojeol", "words"}, default "eojeol"
        Units of explanations: words separated by white space, or the tokenizer's own words before it splits these.
    device : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
        Device of a folder's model. "auto" is the first usable GPU, otherwise the CPU. A module stays on its device.

    Returns
    -------
    OpenedClassifier

    Raises
    ------
    DependencyError
        If torch or transformers is not installed.
    CheckpointError
        If the folder cannot be read, or its model is not a classifier.
    OptionError
        If the model does not return logits of two classes or more, has no labels, or does not fit the tokenizer.
    """
    torch = need_torch(WHAT, "huggingface")
    transformers = need_transformers()
    folder = Path(model) if isinstance(model, (str, os.PathLike)) else None
    if folder is not None:
        model, own = _load(transformers, folder, tokenizer is None)
        tokenizer = own if tokenizer is None else tokenizer
        model = model.to(_device(torch, device))
    elif not isinstance(model, torch.nn.Module):
        raise OptionError(f"expected a folder or a torch module, got {type(model).__name__}.")
    elif device != "auto":
        raise OptionError(f"device={device!r} is for a folder: a module computes where it is. Move it with model.to().")
    tokenizer = _tokenizer(transformers, tokenizer)
    config = getattr(model, "config", None)
    _require_fitting(model, config, tokenizer)
    limit = _positions(model, config, tokenizer)
    reader = WordReader(tokenizer, limit, _length(max_length, limit), units)
    network = Network(model)
    trial = reader.read("1")
    network.try_on((trial.ids, trial.types))
    if getattr(config, "problem_type", None) == "multi_label_classification":
        raise OptionError(f"{type(model).__name__} gives several labels to a text (problem_type multi_label_classification)"
                          ": wrap it in a module that returns the two logits of one label, torch.stack([0 * x, x], -1).")
    return OpenedClassifier(network, reader, _labels(model, config, labels, network.classes), {}, _name(model, config),
                            {"torch": torch.__version__, "transformers": transformers.__version__}, folder)


def need_transformers() -> Any:
    """The transformers module. DependencyError if it is not installed."""
    try:
        import transformers
    except ImportError:
        raise DependencyError(f'{WHAT} needs transformers, which is not installed: pip install "gluonattn[huggingface]".'
                              ) from None
    return transformers


def is_transformers_folder(folder: Path) -> bool:
    """Whether a folder's config.json was written by transformers. Nothing else is read."""
    try:
        config = parse_json((folder / CONFIG).read_bytes(), CONFIG, CheckpointError)
    except (OSError, CheckpointError):
        return False
    return isinstance(config, dict) and bool({"model_type", "architectures"} & config.keys())


def _load(transformers: Any, folder: Path, with_tokenizer: bool) -> tuple[Any, Any]:
    """Load a folder's classifier and its tokenizer."""
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"{folder} is no folder of a transformers model (it has no {CONFIG}): give one that "
                              "save_pretrained wrote.")
    level, bars = transformers.logging.get_verbosity(), transformers.utils.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    try:
        config = transformers.AutoConfig.from_pretrained(folder)
        named = [str(name) for name in getattr(config, "architectures", None) or ()]
        if not any("SequenceClassification" in name for name in named):
            raise CheckpointError(
                f"{folder} holds {' and '.join(named) or 'a model of unknown class'}, which is no text classifier: fine-"
                "tune it first (AutoModelForSequenceClassification), or give the folder of the fine-tuned model.")
        model, about = transformers.AutoModelForSequenceClassification.from_pretrained(folder, output_loading_info=True)
        if about["missing_keys"]:
            raise CheckpointError(f"{folder} lacks weights of its model ({sorted(about['missing_keys'])[0]} for one), which "
                                  "would be random: copy the whole folder again.")
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder) if with_tokenizer else None
        files = {"tokenizer.json", *getattr(tokenizer, "vocab_files_names", {}).values()}
        # Without a tokenizer, transformers would make an empty one.
        if len(files) > 1 and not any((folder / name).is_file() for name in files):
            raise CheckpointError(f"{folder} has no tokenizer (none of {', '.join(sorted(files))}): save it there with "
                                  "tokenizer.save_pretrained(folder), as the model was.")
    except CheckpointError:
        raise
    except Exception as error:  # transformers raises many kinds of errors, also those of safetensors and tokenizers
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CheckpointError(f"cannot open {folder}: {first} Give a folder with all that save_pretrained writes: {CONFIG}, "
                              "weights, and the tokenizer's files.") from None
    finally:
        transformers.logging.set_verbosity(level)
        if bars:
            transformers.utils.logging.enable_progress_bar()
    return model, tokenizer


def _device(torch: Any, name: str) -> str:
    kind, _, number = name.partition(":")
    if kind == "cpu" and not number:
        return "cpu"
    if kind == "auto" and not number:
        return "cuda" if torch.cuda.is_available() else "cpu"
    if kind != "gpu" or not (number or "0").isdecimal():
        raise OptionError(f"unknown device {name!r}: expected auto, cpu, gpu or gpu:N.")
    if int(number or 0) >= torch.cuda.device_count():
        raise OptionError(f"device {name} is not available: torch sees {torch.cuda.device_count()} GPUs. Use auto or cpu.")
    return f"cuda:{number or 0}"


def _tokenizer(transformers: Any, tokenizer: Any) -> Any:
    if isinstance(tokenizer, transformers.PreTrainedTokenizerBase):
        return tokenizer
    if tokenizer is None:
        raise OptionError("a module needs the tokenizer its ids come from: open_classifier(model, tokenizer).")
    if type(tokenizer).__module__.partition(".")[0] == "tokenizers":
        return transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    raise OptionError(f"expected a tokenizer of transformers or tokenizers, got {type(tokenizer).__name__}: wrap its "
                      "vocabulary in tokenizers.Tokenizer, which also has offsets.")


def _require_fitting(model: Any, config: Any, tokenizer: Any) -> None:
    """Raise OptionError if the tokenizer belongs to another model."""
    known, name = len(tokenizer), type(model).__name__
    rows = getattr(config, "vocab_size", None)
    cure = "give the tokenizer that was saved with the model."
    if not isinstance(rows, int):  # a custom module: only ids beyond every embedding table are an error
        import torch

        tables = [m.num_embeddings for m in model.modules() if isinstance(m, torch.nn.Embedding)]
        if tables and known > max(tables):
            raise OptionError(f"the tokenizer knows {known:,} pieces and the largest torch.nn.Embedding of {name} has "
                              f"{max(tables):,} rows, so it belongs to another model: {cure}")
        return
    if known > rows or rows - known > max(_ALWAYS_SPARE, _SPARE * rows):
        raise OptionError(
            f"the tokenizer knows {known:,} pieces and {name} has vectors of {rows:,}, so it belongs to another model: "
            f"{cure} If it is the right one, model.resize_token_embeddings(len(tokenizer)) makes the two fit.")
    for special in ("pad", "cls", "sep"):
        given, own = getattr(tokenizer, f"{special}_token_id", None), getattr(config, f"{special}_token_id", None)
        if None not in (given, own) and given != own:
            raise OptionError(
                f"the {special} token is {given} to the tokenizer and {own} to {name}, so the tokenizer belongs to another "
                f"model: {cure} If it is the right one, set model.config.{special}_token_id = {given}.")


def _positions(model: Any, config: Any, tokenizer: Any) -> int | None:
    """Number of a model's positions; None if it has no limit."""
    found = [n for name in _POSITIONS if isinstance(n := getattr(config, name, None), int) and n > 0][:1]
    for path, module in model.named_modules():
        if path.endswith("position_embeddings") and getattr(module, "num_embeddings", 0):
            # RoBERTa's positions begin after that of padding.
            found.append(module.num_embeddings - (0 if module.padding_idx is None else module.padding_idx + 1))
    if tokenizer.model_max_length < 1_000_000:  # transformers uses a very large number for no limit
        found.append(tokenizer.model_max_length)
    return min(found, default=None)


def _length(wanted: Any, limit: int | None) -> int | None:
    if wanted is None:
        return None
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1 or (limit is not None and wanted > limit):
        raise OptionError(f"max_length must be a whole number from 1 to {limit or 'as many pieces as memory holds'}; got "
                          f"{wanted!r:.40}.")
    return int(wanted)


def _labels(model: Any, config: Any, labels: Sequence[str] | None, classes: int) -> list[str]:
    if labels is None:
        known = getattr(config, "id2label", None)
        if not isinstance(known, dict) or sorted(known) != list(range(classes)):
            raise OptionError(f"{type(model).__name__} has no labels for its {classes} classes: give them, in the order of "
                              'the classes: labels=["negative", "positive"], say.')
        labels = [known[i] for i in range(classes)]
    if isinstance(labels, str) or not all(isinstance(one, str) and one.strip() for one in labels):
        raise OptionError(f"labels must be a list of names, one a class; got {labels!r:.80}.")
    if len(labels) != classes or len(set(labels)) != classes:
        raise OptionError(f"{type(model).__name__} has {classes} classes; got {len(set(labels))} different labels: "
                          f"{', '.join(map(repr, labels)):.80}. Give one for each class, in their order.")
    return list(labels)


def _name(model: Any, config: Any) -> str:
    return str(getattr(config, "_name_or_path", "") or type(model).__name__).rstrip("/").rpartition("/")[2]
