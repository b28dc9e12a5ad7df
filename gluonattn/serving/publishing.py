"""Publish the interactive page as a folder for any web host. The model runs in the browser, without a server.

The forward pass is sent as a list of steps (`graph`), so a new attention cell needs no code here. The operations,
tokenizers and n-gram evidence are implemented a second time in `assets/`. A test compares both implementations. The loops
that take the most time are in `assets/kernel.ts`; `scripts/build_kernel.sh` compiles it to WebAssembly.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..classifier.config import load_classifier
from ..classifier.engines.choice import prepare
from ..classifier.predictor import shipped
from ..classifier.text_model import LONGEST
from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, DataError, OptionError
from ..files import new_folder
from ..models.checkpoint import EVIDENCE, Checkpoint
from ..views.answer import WORDS, label_text, points
from ..views.method_names import method_name
from ..views.page import ATTRIBUTION, SCRIPTS, assemble
from .graph import graph_of
from .page_files import ASSETS, LANGUAGES, live_page, page_files

TOKENIZERS = ("syllable", "whitespace", "jamo")  # also implemented in assets/encoding.js
METHOD = "leave-one-out"
KERNEL = "kernel.wasm"
MODEL_SCRIPTS = ("kernel.js", "tensors.js", "encoding.js", "evidence.js", "browser-model.js")
_MANY = {"ko": "말이 많아 하나씩 빼 보지 않았습니다.", "en": "There are too many words to remove them one by one."}
_PAGES = {"ko": "index.html", "en": "en.html"}
_POLICY = ("default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; "
           "font-src 'self'; img-src data: blob:; base-uri 'none'; form-action 'none'")
_RECORDS, _TITLE = "gluonattn-records", "gluonattn-title"  # placeholders in the page that users can save


def publish(folder: str | os.PathLike[str] | None, out: str | os.PathLike[str]) -> dict[str, int]:
    """Write a static folder with a page in which a model runs in the browser.

    Parameters
    ----------
    folder : path or None
        Checkpoint folder. None is the bundled model.
    out : path
        Folder to create. It gets its name only when it is complete.

    Returns
    -------
    dict of str to int
        Size of each file in bytes, by its name.

    Raises
    ------
    OptionError
        If the model cannot run in a browser: for its tokenizer, the post's recipe, or n-grams beside the attention.
    DataError
        If `out` exists already, or cannot be written.
    CheckpointError
        If the folder cannot be read.
    """
    source, target = Path(folder or shipped()), Path(out)
    checkpoint = load_classifier(source)
    _require_publishable(checkpoint, source)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise DataError(f"{target} already exists and is not empty: give --out a new folder, or remove this one.")
    files = site_files(checkpoint, source.resolve().name if folder else "nsmc")
    try:
        with new_folder(target) as made:
            for name, content in files.items():
                (made / name).write_bytes(content)
            if target.exists():
                target.rmdir()
            os.replace(made, target)
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}. Choose a folder that is writable and has "
                        "space.") from None
    return {name: len(content) for name, content in files.items()}


def _require_publishable(checkpoint: Checkpoint, folder: Path) -> None:
    config = checkpoint.config
    cure = "train a model that runs in a browser: gluonattn train --data nsmc --tokenizer syllable --evidence --out runs/web"
    if config["tokenizer"] not in TOKENIZERS:
        raise OptionError(f"{folder} splits texts with {config['tokenizer']}, which does not run in a browser: expected one "
                          f"of {', '.join(TOKENIZERS)}; {cure}")
    if config["recipe"] != "default" or config["model"].get("subword_buckets"):
        kind = "the post's recipe" if config["recipe"] == "post" else "the older kind, with n-grams beside the attention"
        raise OptionError(f"{folder} is a model of {kind}, which does not run in a browser; {cure}")


def site_files(checkpoint: Checkpoint, name: str) -> dict[str, bytes]:
    """The content of every file of the folder.

    Parameters
    ----------
    checkpoint : Checkpoint
    name : str
        Name of the model on the page.
    """
    about, numbers = _model_files(checkpoint, name)
    files = {file: content for file, (content, _) in page_files(*MODEL_SCRIPTS, "answering.js").items()}
    files["model.json"] = json.dumps(about, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    files["model.bin"] = numbers
    files[KERNEL] = (ASSETS / KERNEL).read_bytes()
    for lang, file in _PAGES.items():
        files[file] = live_page(lang, folder="", pages=_PAGES, policy=_POLICY).encode()
        files[f"kept.{lang}.html"] = _page_to_keep(lang).encode()
    return dict(sorted(files.items()))


def _model_files(checkpoint: Checkpoint, name: str) -> tuple[dict[str, Any], bytes]:
    """The content of model.json and of model.bin."""
    _, model, weights = prepare(checkpoint)
    config, vocabulary = checkpoint.config, Vocabulary(checkpoint.vocabulary)
    arrays = {**weights, **({one: checkpoint.weights[one] for one in EVIDENCE} if model["evidence"] else {})}
    table, numbers = _pack(arrays)
    names = config.get("label_names", {})
    labels = [(label, names.get(label, label)) for label in config["labels"]]
    about = {
        "name": name, "cell": model["cell"], "tokenizer": config["tokenizer"], "longest": LONGEST,
        "vocabulary": vocabulary.idx_to_token, "unknown": vocabulary.unknown, "evidence": bool(model["evidence"]),
        "labels": [{"id": label, "name": shown, "title": {lang: label_text(shown, lang) for lang in LANGUAGES}}
                   for label, shown in labels],
        "words": {lang: _words(lang, [shown for _, shown in labels], config.get("explanation", {})) for lang in LANGUAGES},
        "graph": graph_of(model), "tensors": table, "bytes": len(numbers),
    }
    return about, numbers


def _pack(arrays: Mapping[str, NDArray[Any]]) -> tuple[dict[str, dict[str, Any]], bytes]:
    """Concatenate arrays, with 16 bits for each number if that is lossless. Also return where each array begins."""
    table: dict[str, dict[str, Any]] = {}
    parts, at = [], 0
    for name, values in arrays.items():
        if values.dtype.kind == "f":
            with np.errstate(over="ignore"):
                halves = values.astype(np.float16)
            values = halves if np.array_equal(halves.astype(values.dtype), values) else values.astype(np.float32)
        elif values.dtype != np.uint32:
            raise CheckpointError(f"{name} has type {values.dtype}, expected floats or uint32: copy the whole folder again.")
        content = np.ascontiguousarray(values, values.dtype.newbyteorder("<")).tobytes()
        content += b"\0" * (-len(content) % 4)  # a browser can only read aligned words
        table[name] = {"kind": values.dtype.name, "shape": list(values.shape), "at": at}
        parts.append(content)
        at += len(content)
    return table, b"".join(parts)


def _words(lang: str, labels: list[str], validation: Mapping[str, Any]) -> dict[str, Any]:
    """The sentences of `gluonattn.views.answer`, with {placeholders} that the browser fills in."""
    words = WORDS[lang]
    titles = [label_text(label, lang) for label in labels]
    named = [(f"{{w{i}}}", 1.0, f"{{s{i}}}") for i in range(3)]
    far = 100  # stands for a number that the browser computes
    known = validation.get("comprehensiveness", {})
    validated = (words.validated(points(known[METHOD][0]), points(known["random"][0]))
                 if METHOD in known and "random" in known else "")
    return {
        "verdict": [words.verdict(title, "{share}") for title in titles],
        "because": {n: words.because(named[:n], "") for n in (1, 2, 3)},
        "against": {n: words.against(named[:n]) for n in (1, 2)},
        "deletion": [words.deletion(far, title, "{before}", "{after}", "{random}").replace(str(far), "{n}")
                     for title in titles],
        "draws": {how: words.draws(further, far + 1).replace(str(far + 1), "{draws}").replace(str(far), "{further}")
                  for how, further in (("every", far + 1), ("none", 0), ("some", far))},
        "only": words.only_word, "many": _MANY[lang],
        "doubt": words.doubt, "validated": validated, "method": method_name(METHOD, lang),
    }


def _page_to_keep(lang: str) -> str:
    """The offline page with placeholders for its records and its title. The browser fills them in."""
    scripts = (*SCRIPTS[:-1], *ATTRIBUTION, SCRIPTS[-1])
    return assemble(_RECORDS, lang=lang, heading=_TITLE, font=False, plain={}, scripts=scripts, fallback="plain.kept.html")
