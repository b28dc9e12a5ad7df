"""Teachers for distillation: predictions of other models, or a table of soft labels, as training targets.

Distillation (Hinton, Vinyals and Dean 2015): the probabilities of a better model, or the mean of several, have more
information about a text than one label, and any number of texts can be labelled so. Here they are the only target of an
unlabelled text, and a part of the target of a labelled one. Validation texts are not used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contents import digest, dump_tensors, parse_tensors
from ..data.extra import Extra
from ..data.reviews import Reviews
from ..data.seen import estimate_seen_fraction
from ..data.soft_labels import read_soft_labels
from ..errors import CheckpointError, DataError, OptionError
from ..files import cannot_write, replace_file
from ..models.checkpoint import CONFIG, read_config
from ..plain import bare_key
from ..runtime import first_device
from .config import check_classifier
from .pretraining import read_unlabelled
from .settings import ClassifierSettings, is_table

_CHUNK = 8192  # texts in a chunk


class Teachers(NamedTuple):
    """The teachers, and the unlabelled texts that they label.

    Attributes
    ----------
    models : list of pathlib.Path
        Checkpoints.
    said : list of (dict of str to int, numpy.ndarray)
        For each table, the row of each text by `gluonattn.plain.bare_key`, and the rows of probabilities.
    texts : list of str
        Texts that only teachers label.
    fingerprint : str
        Fingerprint of all this.
    """

    models: list[Path]
    said: list[tuple[dict[str, int], NDArray[Any]]]
    texts: list[str]
    fingerprint: str


def read_teachers(settings: ClassifierSettings, labels: Sequence[str], labelled: Reviews, extra: Sequence[str],
                  valid: Sequence[str], say: Callable[[str], None]) -> Teachers | None:
    """Read and check the files that ``--teachers`` and ``--teach`` name. No teacher runs yet. None without teachers.

    Parameters
    ----------
    settings : ClassifierSettings
    labels : sequence of str
    labelled : Reviews
        The labelled reviews, including validation.
    extra : sequence of str
        Texts of ``--extra``.
    valid : sequence of str
        Validation texts. If a teacher was trained on them, a warning is reported.
    say : callable

    Raises
    ------
    CheckpointError, DataError, OptionError
        If a teacher or the texts cannot be read, or a teacher has other labels.
    """
    if settings.teachers is None:
        return None
    names = [name.strip() for name in settings.teachers.split(",") if name.strip()]
    if not names:
        raise OptionError("--teachers names none: give checkpoint folders or tables of soft labels, separated by commas.")
    tables = [name for name in names if is_table(name)]
    models = [Path(name) for name in names if not is_table(name)]
    if settings.teach and not models:
        raise OptionError("--teach has texts that models label, and --teachers names none: give a checkpoint folder there, "
                          "or leave --teach out.")
    parts: list[Any] = [_fingerprint_of(model, labels, valid, say) for model in models]
    known = {bare_key(text) for text in (*labelled.texts, *extra)}
    texts: list[str] = []
    if settings.teach:
        texts, left_out = read_unlabelled(settings.teach, settings.teach_text, [*labelled.texts, *extra], "--teach")
        say(f"{len(texts):,} texts from {settings.teach} for the teachers to label; left out: {left_out:,} that are among "
            "the others")
        known.update(map(bare_key, texts))
    said: list[tuple[dict[str, int], NDArray[Any]]] = []
    for name in tables:
        own, targets = read_soft_labels(Path(name), labels)
        rows = {bare_key(text): i for i, text in enumerate(own)}
        new = [text for text in own if bare_key(text) not in known]
        say(f"{len(own):,} texts with soft labels from {name}, {len(new):,} of them beside the others")
        texts, said = texts + new, [*said, (rows, targets)]
        known.update(map(bare_key, new))
        parts.append(digest(Path(name).read_bytes()))
    content = hashlib.sha256(json.dumps(parts).encode())
    for text in texts:
        content.update(f"{text}\n".encode("utf-8", "surrogatepass"))
    return Teachers(models, said, texts, content.hexdigest())


def _fingerprint_of(model: Path, labels: Sequence[str], valid: Sequence[str], say: Callable[[str], None]) -> Any:
    """Fingerprint of a teacher. CheckpointError or DataError if it cannot be a teacher here."""
    config = read_config(model)
    check_classifier(config, model / CONFIG)
    if sorted(config["labels"]) != sorted(labels):
        raise DataError(f"--teachers {model}: it knows the labels {', '.join(map(repr, config['labels']))}, and the labels "
                        f"here are {', '.join(map(repr, labels))}. Give teachers of the same labels.")
    seen = estimate_seen_fraction(model, valid, config.get("fingerprint"))
    if seen and seen[0] > 0.1:  # a few short texts are in every file
        say(f"teacher {model} was trained on about {seen[0]:.0%} of the validation texts. It is not asked about them, but "
            "the validation accuracy may come out a little too good: trust another file's")
    return config["sha256"]


def taught_file(out: Path) -> Path:
    """The file in which a run keeps its teachers' predictions until it is finished."""
    return out.with_name(out.name + ".taught")


def ask_teachers(teachers: Teachers, settings: ClassifierSettings, labels: Sequence[str], texts: Sequence[str], out: Path,
                 fingerprint: str, say: Callable[[str], None]) -> NDArray[Any]:
    """Compute the mean of the teachers' predictions. It is kept beside the checkpoint, so that none is computed twice.

    Parameters
    ----------
    teachers : Teachers
    settings : ClassifierSettings
    labels : sequence of str
    texts : sequence of str
    out : pathlib.Path
        The checkpoint folder.
    fingerprint : str
        Fingerprint of the run.
    say : callable

    Returns
    -------
    numpy.ndarray, float32, shape (texts, labels)
        NaN for texts without a prediction.
    """
    path, key = taught_file(out), {"fingerprint": fingerprint}
    try:
        tensors, notes = parse_tensors(path.read_bytes(), path, CheckpointError)
        if notes == key and tensors["targets"].shape == (len(texts), len(labels)):
            return tensors["targets"]
    except (OSError, CheckpointError, KeyError):
        pass  # computed again
    total, count = np.zeros((len(texts), len(labels))), np.zeros((len(texts), 1))
    keys = [bare_key(text) for text in texts] if teachers.said else []
    for rows, targets in teachers.said:
        found = np.array([rows.get(key, -1) for key in keys])
        total[found >= 0] += targets[found[found >= 0]]
        count[found >= 0] += 1
    for number, folder in enumerate(teachers.models, 1):
        say(f"teacher {number} of {len(teachers.models)}, {folder}: labels {len(texts):,} texts")
        answers = _ask(folder, first_device(settings.device), labels, texts)
        known = ~np.isnan(answers[:, :1])
        total += np.where(known, answers, 0)
        count += known
    with np.errstate(invalid="ignore"):
        means = (total / count).astype(np.float32)
    try:
        replace_file(path, dump_tensors({"targets": means}, key))
    except OSError as error:
        raise CheckpointError(cannot_write(path, error.strerror)) from None
    return means


def _ask(folder: Path, device: str, labels: Sequence[str], texts: Sequence[str]) -> NDArray[Any]:
    from .predictor import load

    model = load(folder, device)
    found = np.full((len(texts), len(labels)), np.nan)
    for first in range(0, len(texts), _CHUNK):
        for i, prediction in enumerate(model.predict(texts[first : first + _CHUNK]), first):
            if prediction.probabilities:
                found[i] = [prediction.probabilities[label] for label in labels]
    return found


def teach(teachers: Teachers, settings: ClassifierSettings, labels: Sequence[str], texts: Sequence[str],
          targets: NDArray[Any], train: Sequence[int], out: Path, fingerprint: str, say: Callable[[str], None]) -> Extra:
    """Compute the targets of all texts from their labels and the teachers' predictions.

    Parameters
    ----------
    teachers, settings, labels, out, fingerprint, say
        As for `ask_teachers`.
    texts : sequence of str
        The labelled texts, then those of ``--extra``.
    targets : numpy.ndarray, float32, shape (texts, labels)
        Targets from their own labels.
    train : sequence of int
        Positions of the training texts among them.

    Returns
    -------
    Extra
        The texts that only teachers label, and targets of `texts` and of these.
    """
    asked = [texts[i] for i in train] + teachers.texts
    answers = ask_teachers(teachers, settings, labels, asked, out, fingerprint, say)
    own, new = answers[: len(train)], answers[len(train) :]
    mixed = targets.copy()
    share = settings.teach_share
    with_answer = ~np.isnan(own[:, 0])
    which = np.asarray(train)[with_answer]
    mixed[which] = (1 - share) * targets[which] + share * own[with_answer]
    answered = ~np.isnan(new[:, 0])
    return Extra([text for text, kept in zip(teachers.texts, answered) if kept], np.concatenate([mixed, new[answered]]), {})
