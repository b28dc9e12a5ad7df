"""Part `checkpoints`: mutated files are refused with a message, or are read with unchanged answers; no code runs.

With "fit", every digest is recomputed to match, as an attacker would do. Such a file may contain another model, but it must
not cause a traceback, a crash, more than 2 GB of memory, the execution of code, or probabilities that do not sum to 1.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _mutations import ODD, fit, mutate

SECONDS, START, SHRINK = 60.0, 120.0, 15.0
SHORT = 60  # cases of the short form
KINDS = ["model", "model", "model", "record", "resume", "snapshot", "tokens", "seen", "fitted", "crawl"]
MODEL_FILES = ["config.json", "vocab.json", "model.safetensors", "history.json", "trained_on.json"]
TEXTS = ["정말 좋은 영화", "돈 아깝다 별로", "가나다"]
_CODE = {"os.system", "subprocess.Popen", "os.exec", "os.posix_spawn", "os.fork", "socket.connect", "pickle.find_class"}
_MOST = 2 << 30
_watching = [False]


def missing() -> str | None:
    return None


def draw(random: Random) -> Any:
    way = random.choice(["bytes", "bytes", "json", "json", "json", "tensors", "bomb"])
    return {
        "kind": random.choice(KINDS),
        "file": random.random(),
        "way": way,
        "fit": random.random() < 0.6,
        "edits": [
            [random.random(), random.random(), random.choice(["change", "cut", "insert", "remove", "zero"])]
            for _ in range(random.choice((1, 1, 1, 2, 5)))
        ],
        "value": random.randrange(len(ODD)),
        "where": random.random(),
    }


def _hook(event: str, arguments: Any) -> None:
    if _watching[0] and event in _CODE:
        raise Fault(f"code runs: {event}", arguments)


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    from gluonattn.views import page

    page.hangul_face = lambda text: ""  # a font is made of characters, whatever file they come from: nine tenths of a page
    originals = _make(folder / "originals")
    sys.addaudithook(_hook)
    _open_model(originals["model"])  # what is loaded only once is loaded now
    answers = {kind: _READERS[kind](path) for kind, path in originals.items()}
    yield lambda case: _check(case, originals, answers)


def _make(folder: Path) -> dict[str, Path]:
    """One of each kind, small: a model of random numbers, and what is written beside models."""
    import numpy as np

    import gluonattn
    from gluonattn.classifier.engines.forward import shapes
    from gluonattn.classifier.fitted import FittedAttention
    from gluonattn.contents import dump_tensors
    from gluonattn.data.seen import write_seen
    from gluonattn.models.checkpoint import Checkpoint, save_checkpoint
    from gluonattn.models.snapshots import save_snapshot
    from gluonattn.text.tokens import Tokens

    folder.mkdir()
    given = gluonattn.load(engine="numpy")
    words = ["<unk>", "<pad>", "영화", "좋", "은", "정말", "돈", "아깝", "다", "별로"]
    vocabulary = json.loads(given.checkpoint.vocabulary)
    whole = (
        vocabulary
        if isinstance(vocabulary, list)
        else {**vocabulary, "idx_to_token": words, "token_to_idx": {word: i for i, word in enumerate(words)}}
    )
    model = {
        "classes": 2,
        "cell": "mlp",
        "embed_size": 6,
        "hidden_size": 4,
        "units": 3,
        "num_heads": 1,
        "dropout": 0.4,
        "attention_dropout": 0.0,
        "subword_size": 4,
        "subword_buckets": 0,
        "ngrams": 0,
        "evidence": 0,
        "embed_dropout": None,
        "vocab_size": len(words) if not isinstance(whole, list) else len(whole),
    }
    random = np.random.default_rng(0)
    weights = {name: random.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes("default", model).items()}
    config = {
        "recipe": "default",
        "model": model,
        "tokenizer": "whitespace",
        "labels": ["0", "1"],
        "max_length": 48,
        "versions": {},
        "label_names": {"0": "부정", "1": "긍정"},
        "fingerprint": "0" * 64,
        "epoch": 1,
        "training": {"seed": 0},
    }
    place = save_checkpoint(
        folder / "model", Checkpoint(config, json.dumps(whole), weights, [{"epoch": 1, "valid_loss": 0.5}])
    )
    write_seen(place, ["좋다", "별로"], "0" * 64)
    header = {
        "epoch": 1,
        "batch": 0,
        "totals": {"loss": 0.5, "correct": 3, "reviews": 4, "seconds": 1.0},
        "history": [{"epoch": 1, "valid_loss": 0.5}],
        "updates": 7,
        "counts": {"0": 7},
    }
    (folder / "model.resume").write_bytes(
        dump_tensors(weights, {"format": "1", "fingerprint": "run", "header": json.dumps(header)})
    )
    (folder / "tokens").write_bytes(Tokens.gather([["좋", "다"], ["다"], []]).to_bytes())
    (folder / "snapshots").mkdir()
    rows = "".join(f"{1 + i % 10}\t영화 {i} {i * 7919 % 1000}\n" for i in range(60))
    (folder / "crawl.tsv.gz").write_bytes(gzip.compress(f"rating\tdocument\n{rows}".encode(), mtime=0))
    FittedAttention(((0.5, 0.5),), 10, 4, 0.9, 0.1, 3).save(folder / "attention.json")
    return {
        "model": place,
        "record": gluonattn.load(place, engine="numpy").explain(TEXTS[0]).save(folder / "record.npz"),
        "resume": folder / "model.resume",
        "snapshot": save_snapshot(folder / "snapshots", 1, weights, "run"),
        "tokens": folder / "tokens",
        "seen": place / "trained_on.json",
        "fitted": folder / "attention.json",
        "crawl": folder / "crawl.tsv.gz",
    }


# ---- read: each gives something that can be compared, or raises an error of the package


def _open_model(path: Path) -> Any:
    import numpy as np

    import gluonattn

    model = gluonattn.load(path, engine="numpy")
    answers = model.predict(TEXTS)
    for answer in answers:
        values = np.array(list(answer.probabilities.values()))
        if answer.label is not None and not (np.isfinite(values).all() and abs(values.sum() - 1) < 1e-4):
            raise Fault("a changed model answers with no distribution", answer)
    model.explain(TEXTS[0], method="account")
    return [(answer.label, sorted(answer.probabilities.items())) for answer in answers]


def _open_record(path: Path) -> Any:
    from gluonattn.record import load_record
    from gluonattn.views.page import to_html
    from gluonattn.views.terminal import to_terminal

    record = load_record(path)
    return hashlib.sha256((to_html(record) + to_terminal(record)).encode()).hexdigest()


def _open_resume(path: Path) -> Any:
    from gluonattn.training.resume import read_resume_file

    tensors, header = read_resume_file(path, "run")
    return sorted((name, values.tobytes()) for name, values in tensors.items()), str(header)


def _open_snapshot(path: Path) -> Any:
    from gluonattn.models.snapshots import load_snapshot

    return sorted((name, values.tobytes()) for name, values in load_snapshot(path.parents[1], 1, "run").items())


def _open_tokens(path: Path) -> Any:
    from gluonattn.text.tokens import Tokens

    found = Tokens.from_bytes(path.read_bytes())  # None: it is computed again
    return None if found is None else list(found)


def _open_seen(path: Path) -> Any:
    from gluonattn.data.seen import estimate_seen_fraction

    return estimate_seen_fraction(path.parent, TEXTS, "0" * 64)


def _open_fitted(path: Path) -> Any:
    from gluonattn.classifier.fitted import load_fitted

    return load_fitted(path)


def _open_crawl(path: Path) -> Any:
    from gluonattn.data.crawl import read_crawl

    return read_crawl(path)


_READERS = {
    "crawl": _open_crawl,
    "model": _open_model,
    "record": _open_record,
    "resume": _open_resume,
    "snapshot": _open_snapshot,
    "tokens": _open_tokens,
    "seen": _open_seen,
    "fitted": _open_fitted,
}
_MAY_DIFFER = {"tokens", "seen", "fitted"}  # computed again where changed, or without a digest (of heads)


def _check(case: Any, originals: dict[str, Path], answers: dict[str, Any]) -> dict[str, int]:
    kind, path = case["kind"], originals[case["kind"]]
    target = path / MODEL_FILES[int(case["file"] * len(MODEL_FILES))] if kind == "model" else path
    # One file is changed in place and put back: copying the folder took two thirds of a case.
    kept = {one: one.read_bytes() for one in {target, path / "config.json"} if one.is_file()}
    try:
        target.write_bytes(mutate(case, kept[target], target.suffix))
        if case["fit"]:
            fit(path, target)
        return _read_changed(case, path, target, answers[kind])
    finally:
        for one, content in kept.items():
            one.write_bytes(content)


def _read_changed(case: Any, path: Path, target: Path, answer: Any) -> dict[str, int]:
    from gluonattn.errors import GluonAttnError

    kind = case["kind"]
    Path("/proc/self/clear_refs").write_text("5")
    _watching[0] = True
    try:
        found = _READERS[kind](path)
    except GluonAttnError as error:
        if not str(error).strip():
            raise Fault("an error without a word", type(error)) from error
        return {"refused": 1}
    finally:
        _watching[0] = False
        if (peak := _peak()) > _MOST:
            raise Fault(f"more than 2 GB of memory ({kind})", f"{peak >> 20} MB")
    if found != answer and not case["fit"] and kind not in _MAY_DIFFER and case["way"] != "bomb":
        raise Fault(f"a changed {kind} is another one in silence", f"{target.name}: {str(found)[:500]}")
    return {"read": 1}


def _peak() -> int:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10
