"""Train attention cells alike and measure them alike. Finished parts are not computed again.

Stays whole: `compare` checks everything before the first model is trained; the rest is one loop. Half of it
is its docstring.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..contents import digest_json, parse_json, seal, unseal
from ..data.reviews import Reviews, read_reviews
from ..data.sources import locate
from ..errors import DataError, Interrupted, OptionError, TextError, choose, offer_extra
from ..files import replace_file
from ..models.cells import CELLS
from ..plain import is_blank, plain, read_texts
from .batch import pass_through
from .forward_steps import ForwardSteps
from .measure import measure
from .normalised import measure_normalised
from .predictor import load
from .settings import ClassifierSettings
from .training import train

if TYPE_CHECKING:
    from ..training.callbacks import Callback
    from .predictor import Predictor

SENTENCES = (
    "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집",
    "배우들 연기는 좋았는데 이야기가 아쉽다",
    "기대 안 했는데 생각보다 재미있어요ㅋㅋ",
    "이렇게 지루한 영화는 처음이다 ㅠㅠ",
    "최고의 영화라더니 돈이 아깝다",
)
BETWEEN_MODELS = {"normalised_aopc": "normalised", "raw_aopc": "raw"}  # figures of `measure_normalised`, by their names here
_HELD_OUT = 0.2  # held out as a test if there is no test file
_FORMAT = 2  # 2: normalised AOPC too


class Comparison(NamedTuple):
    """The results of a comparison.

    Attributes
    ----------
    results : list of dict
        One for each model, in the order of cells and seeds.
    test : Reviews
        The reviews on which accuracy was counted.
    new : numpy.ndarray of bool, shape (reviews,)
        Which of them have a text that is not in the training data.
    explained : list of int
        Positions of the reviews whose explanations were measured.
    """

    results: list[dict[str, Any]]
    test: Reviews
    new: NDArray[Any]
    explained: list[int]


def compare(
    cells: Sequence[str] = tuple(CELLS),
    seeds: int = 5,
    data: str = "sample",
    out: str | os.PathLike[str] = "runs/compare",
    *,
    settings: ClassifierSettings | None = None,
    explained: int = 300,
    sentences: Iterable[str] = SENTENCES,
    text_column: str | None = None,
    label_column: str | None = None,
    report: Callable[[str], None] | None = None,
    callbacks: Callable[[], Sequence[Callback]] = list,
    progress: Callable[[int, int], None] | None = None,
) -> Comparison:
    """Train each cell with each seed and measure the result.

    For one seed, all cells have the same settings, the same split, batches in
    the same order, the same dropped words and, except for the attention itself,
    the same initial parameters.

    Parameters
    ----------
    cells : sequence of str, default all of `CELLS`
    seeds : int, default 5
        Models of each cell, seeds 0, 1, 2 ...
    data : str, default "sample"
        As for `gluonattn.train`. Accuracy is counted on its test file. If there
        is only one file, a fifth of it is held out.
    out : path
        Folder: a checkpoint "CELL-SEED" and a "CELL-SEED.json" for each model.
        Finished ones are kept; an unfinished one is continued.
    settings : ClassifierSettings or None
        Settings of all models. Cell and seed are set here.
    explained : int, default 300
        Test reviews on which explanations are measured: drawn once, the same for all.
    sentences : iterable of str
        Shown side by side in the report. Each has at least one visible character.
    text_column, label_column : str or None
    report : callable or None
        Called with lines about the progress.
    callbacks : callable
        Returns the callbacks of a training run.
    progress : callable or None
        Called with (reviews explained, reviews in all).

    Raises
    ------
    OptionError
        If a cell is unknown or given twice, or there is nothing to compare.
    TextError
        If a sentence has no visible character.
    DataError
        If the reviews cannot be read, or the test reviews have a label that the training data lack.
    Interrupted
        After Ctrl-C. The same call continues the comparison.
    """
    cells = list(cells)
    for cell in cells:
        choose("attention cell", cell, CELLS)
    if len(cells) != len(set(cells)) or not cells or seeds < 1 or explained < 2:
        raise OptionError(
            f"compare takes cells that are all different, at least one seed and two reviews to explain; got "
            f"cells {', '.join(cells) or 'none'}, {seeds} seeds and {explained} reviews."
        )
    sentences = read_texts(sentences, "compare")
    for sentence in sentences:
        if is_blank(sentence):
            raise TextError(f"the sentence {sentence[:20]!r} has no visible character: give sentences with text.")
    say, settings = report or (lambda line: None), settings or ClassifierSettings()
    source, training, test = _reviews(data, text_column, label_column)
    unknown = set(test.labels) - set(training.labels)
    if unknown:
        raise DataError(f"the test reviews have a label {min(unknown)!r} that training did not have.")
    chosen = sorted(np.random.default_rng(0).choice(len(test), min(explained, len(test)), replace=False).tolist())
    content = digest_json([training.texts, training.labels, test.texts, test.labels])  # a file may change under its name
    known = set(map(plain, training.texts))
    comparison = Comparison([], test, np.array([plain(text) not in known for text in test.texts]), chosen)
    out = Path(out)
    for number, (cell, seed) in enumerate(((c, s) for s in range(seeds) for c in cells), 1):
        own = replace(settings, cell=cell, seed=seed)
        folder, note = out / f"{cell}-{seed}", out / f"{cell}-{seed}.json"
        # What None ("suit the data") means may change in a later version; the number of processes may change at any time.
        asked_for = {**asdict(own.resolve(len(training))), "workers": own.workers}
        asked = {"format": _FORMAT, "settings": asked_for, "data": training.origin, "reviews": content,
                 "explained": len(chosen), "sentences": sentences}
        result = _finished(note, asked)
        where = f"{number}/{seeds * len(cells)} {cell}, seed {seed}"
        if result is None:
            say(f"{where}: training")
            try:
                train(training if source is None else source, folder, settings=own, resume=None, report=say,
                      text_column=text_column, label_column=label_column, callbacks=callbacks())
                say(f"{where}: measuring")
                result = {**asked, "cell": cell, "seed": seed,
                          **_measured(folder, test, chosen, sentences, progress)}
            except (Interrupted, KeyboardInterrupt):
                raise Interrupted(f"stopped at {where}; finished models are in {out}. Run the same "
                                  "command to continue.") from None
            saved = json.dumps(seal(result), ensure_ascii=False).encode("utf-8", "surrogatepass")
            replace_file(note, saved, DataError)
        else:
            say(f"{where}: already done")
        comparison.results.append(result)
    comparison.results.sort(key=lambda one: cells.index(one["cell"]))  # seeds stay in order
    return comparison


def _reviews(data: str, text_column: str | None, label_column: str | None) -> tuple[str | None, Reviews, Reviews]:
    """The name of the training data (None: the reviews read here), and the reviews to train on and to test on."""
    source = locate(data)
    training = read_reviews(source.train, text_column=text_column, label_column=label_column)
    if source.test is not None:
        return data, training, read_reviews(source.test, text_column=text_column, label_column=label_column)
    with offer_extra("measure", "a comparison"):
        from sklearn.model_selection import train_test_split
    try:
        parts = train_test_split(range(len(training)), test_size=_HELD_OUT, random_state=0, stratify=training.labels)
    except ValueError as error:
        raise DataError(f"{source.train}: too few reviews to hold a fifth out as a test ({error}).") from None
    first, second = (training.take(part) for part in parts)
    return None, first, second


def _finished(note: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The result of an earlier call, if it belongs to this comparison."""
    try:
        found = parse_json(note.read_bytes().decode("utf-8", "surrogatepass"), note, DataError)
    except (OSError, ValueError, DataError):
        return None
    found = unseal(found) if isinstance(found, dict) else None  # measured again if the checkpoint has changed
    same = found is not None and all(found.get(key) == value for key, value in asked.items())
    return found if same else None


def _measured(folder: Path, test: Reviews, chosen: Sequence[int], sentences: Sequence[str],
              progress: Callable[[int, int], None] | None) -> dict[str, Any]:
    predictor = load(folder)
    steps = ForwardSteps(predictor)
    found = predictor.predict(test.texts)
    history = predictor.checkpoint.history
    texts = [test.texts[i] for i in chosen]
    measured = measure(steps, texts, progress=progress)
    between = measure_normalised(predictor, texts, methods=list(measured["methods"]), progress=progress)
    for method, own in measured["methods"].items():
        own.update({name: np.round(between[kind][method], 6).tolist() for name, kind in BETWEEN_MODELS.items()})
    return {
        "labels": predictor.labels,
        "label_names": predictor.config.get("label_names", {}),
        "parameters": int(sum(values.size for values in predictor.checkpoint.weights.values())),
        "seconds": round(sum(epoch["seconds"] for epoch in history), 1),
        "epoch": predictor.config.get("epoch"),
        "valid_accuracy": predictor.config["validation"]["valid_accuracy"],
        "method": predictor.default_method,
        "probabilities": [[round(p.probabilities[label], 5) for label in predictor.labels] for p in found],
        "measured": _without_nan(measured),
        "tokens": [[list(token) for token in steps.read(test.texts[i]).tokens] for i in chosen],
        "shown": [_shown(predictor, text) for text in sentences],
    }


def _shown(predictor: Predictor, text: str) -> dict[str, Any]:
    from .attribution import received

    steps = ForwardSteps(predictor)
    encoded = steps.read(text)
    passed = pass_through(steps, encoded)
    return {"text": text, "tokens": [list(token) for token in encoded.tokens],
            "received": received(steps, passed)[: len(encoded.tokens)].round(6).tolist(),
            "probabilities": passed.probabilities.round(5).tolist()}


def _without_nan(value: Any) -> Any:
    """NaN as None: JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and value != value else value
