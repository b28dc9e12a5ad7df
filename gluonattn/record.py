"""The attention record: what every source of attention becomes.

Framework-free (numpy only). Everything a person looks at or measures is made
from an `AttentionRecord`.
"""

from __future__ import annotations

import io
import json
import operator
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NamedTuple, Optional, Union

import msgspec
import numpy as np

from .contents import all_finite, digest_arrays
from .errors import RecordError
from .files import replace_file
from .plain import is_space

KINDS = ("self", "encoder", "decoder", "cross")
ROW_SUM_TOLERANCE = 1e-4
FORMAT = 1


class Token(NamedTuple):
    """A token and the characters of the raw text it stands for.

    Attributes
    ----------
    text : str
        The token as the model's vocabulary knows it (it may differ from the
        raw characters: a lemma, a normalised form, a special token).
    start, end : int
        Half-open character span into the raw text, ``0 <= start <= end``.
        Spans of neighbours may overlap (비해 -> 비하 + 어); a special token
        has an empty span.
    tag : str or None
        Part of speech, in the tagger's own tag set.
    """

    text: str
    start: int
    end: int
    tag: str | None = None


@dataclass(frozen=True)
class Prediction:
    """A predicted label and the probability of every label.

    Attributes
    ----------
    label : str or None
        The most probable label; None where nothing could be predicted (a
        text without a single visible character).
    probabilities : dict of str to float
        By label name; sums to 1, or is empty when `label` is None.
    """

    label: str | None
    probabilities: Mapping[str, float] = field(default_factory=dict)

    @property
    def confidence(self) -> float:
        """Probability of the predicted label, NaN when there is none."""
        return self.probabilities[self.label] if self.label is not None else float("nan")


@dataclass(frozen=True, eq=False)
class AttentionRecord:
    """Attention weights over the tokens of a raw text.

    Attributes
    ----------
    text : str
        The raw input, exactly as typed.
    queries, keys : tuple of Token
        The tokens that look and the tokens looked at.
    weights : numpy.ndarray, float32, shape (layers, heads, queries, keys)
        Each row over keys sums to 1 within 1e-4 unless `normalised` is False.
    kind : {"self", "encoder", "decoder", "cross"}
    target_text : str or None
        Raw output text of a sequence-to-sequence model. Query spans of a
        "cross" or "decoder" record index it, and key spans of a "decoder"
        record do too.
    prediction : Prediction or None
    queries_vectors, keys_vectors, values : numpy.ndarray or None
        Per-head vectors, shape (layers, heads, tokens, head_dim).
    normalised : bool, default True
        False after mass was dropped; ``source["dropped_mass"]`` then holds the
        largest mass lost by a row.
    source : dict
        Where the weights come from (model, cell, epoch, framework, versions),
        kept as JSON would give it back: tuples become lists.
    attributions : dict of str to numpy.ndarray, float32, shape (keys,)
        What each key had to do with the prediction, by the name of the method
        that says so; empty where none was asked.

    Raises
    ------
    RecordError
        If shapes, finiteness, spans or row sums are wrong, or `source` is not
        JSON; the message names the first offender.
    """

    text: str
    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    weights: np.ndarray
    kind: str = "self"
    target_text: str | None = None
    prediction: Prediction | None = None
    queries_vectors: np.ndarray | None = None
    keys_vectors: np.ndarray | None = None
    values: np.ndarray | None = None
    normalised: bool = True
    source: Mapping[str, Any] = field(default_factory=dict)
    attributions: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        put = object.__setattr__
        same = self.keys is self.queries
        put(self, "queries", _tokens("query", self.queries))
        put(self, "keys", self.queries if same else _tokens("key", self.keys))
        put(self, "weights", _frozen("weights", self.weights))
        for name in _VECTORS:
            if getattr(self, name) is not None:
                put(self, name, _frozen(name, getattr(self, name)))
        if self.prediction is not None:
            shares = {str(k): float(p) for k, p in self.prediction.probabilities.items()}
            put(self, "prediction", Prediction(self.prediction.label, shares))
        put(self, "source", _json_copy(self.source))
        put(self, "attributions", {str(k): _frozen("attributions", a) for k, a in self.attributions.items()})
        _validate(self)
        if not self.normalised:
            self.source["dropped_mass"] = round(_lost(self.weights), 6)  # type: ignore[index]

    @property
    def query_text(self) -> str:
        """The raw text that query spans index."""
        on_target = self.kind in ("decoder", "cross") and self.target_text is not None
        return self.target_text if on_target else self.text  # type: ignore[return-value]

    @property
    def key_text(self) -> str:
        """The raw text that key spans index."""
        on_target = self.kind == "decoder" and self.target_text is not None
        return self.target_text if on_target else self.text  # type: ignore[return-value]

    @property
    def layers(self) -> int:
        return self.weights.shape[0]

    @property
    def heads(self) -> int:
        return self.weights.shape[1]

    def label_name(self, label: str) -> str:
        """What a label is called for people: ``source["label_names"]``, or the label itself."""
        return str(self.source.get("label_names", {}).get(label, label))

    def matrix(self, layer: int | None = None, head: int | None = None) -> np.ndarray:
        """One (queries, keys) matrix: a layer and head, or the mean over those left None.

        Returns
        -------
        numpy.ndarray, float32, shape (queries, keys)

        Raises
        ------
        RecordError
            If the layer or head does not exist.
        """
        part = self.weights
        for axis, (name, index) in enumerate((("layer", layer), ("head", head))):
            if index is None:
                part = part.mean(axis=axis, keepdims=True)
                continue
            size = self.weights.shape[axis]
            part = np.take(part, [position(name, index, size)], axis=axis)
        return part[0, 0]

    def select(
        self, queries: Sequence[int] | None = None, keys: Sequence[int] | None = None
    ) -> AttentionRecord:
        """A record with only the given query and key positions, in the given order.

        Dropping keys drops attention mass: the result then says
        ``normalised=False`` and ``source["dropped_mass"]`` holds the largest
        mass any remaining row has lost.

        Raises
        ------
        RecordError
            If a position does not exist or is given twice, or none is given.
        """
        rows = _chosen("query", queries, len(self.queries))
        columns = _chosen("key", keys, len(self.keys))
        weights = self.weights[:, :, rows][:, :, :, columns]
        return replace(
            self,
            queries=tuple(self.queries[i] for i in rows),
            keys=tuple(self.keys[i] for i in columns),
            weights=weights,
            queries_vectors=_take(self.queries_vectors, rows),
            keys_vectors=_take(self.keys_vectors, columns),
            values=_take(self.values, columns),
            attributions={name: scores[columns] for name, scores in self.attributions.items()},
            normalised=self.normalised and _lost(weights) <= ROW_SUM_TOLERANCE,
        )

    def merge(self, unit: str = "eojeol") -> AttentionRecord:
        """Merge tokens into larger units, conserving attention mass.

        The weight of a merged key is the sum over its parts, the weight of a
        merged query the mean over its parts, so every row keeps its mass.
        Attributions are summed likewise.

        Parameters
        ----------
        unit : {"eojeol"}, default "eojeol"
            Tokens belong to the whitespace-separated word their first visible
            character is in.
            Special tokens (empty spans) stay by themselves.

        Returns
        -------
        AttentionRecord
            Without per-head vectors: a mean of key vectors is not a key.
        """
        if unit != "eojeol":
            raise RecordError(f"cannot merge into {unit!r}: the known unit is 'eojeol'.")
        query_groups = eojeol_groups(self.queries, self.query_text)
        key_groups = eojeol_groups(self.keys, self.key_text)
        weights = np.stack([self.weights[..., g].sum(-1) for g in key_groups], -1)
        weights = np.stack([weights[:, :, g].mean(2) for g in query_groups], 2)
        return replace(
            self,
            queries=tuple(_join(self.queries, g, self.query_text) for g in query_groups),
            keys=tuple(_join(self.keys, g, self.key_text) for g in key_groups),
            weights=weights,
            queries_vectors=None,
            keys_vectors=None,
            values=None,
            source={**self.source, "merged": unit},
            attributions={name: np.array([scores[g].sum() for g in key_groups])
                          for name, scores in self.attributions.items()},
        )

    def to_dict(self) -> dict:
        """The record as plain Python values, ready for JSON (vectors left out)."""
        return {
            **_header(self),
            "weights": [[[[round(float(w), 6) for w in row] for row in head] for head in layer]
                        for layer in self.weights],
        }

    def save(self, path: str | os.PathLike) -> Path:
        """Write the record to one ``.npz`` file, without pickle.

        The file appears under its name only when it is complete.

        Raises
        ------
        RecordError
            If the file cannot be written.
        """
        path = Path(path)
        arrays = {name: getattr(self, name) for name in ("weights", *_VECTORS)}
        arrays = {name: array for name, array in arrays.items() if array is not None}
        # Not as ASCII: two lone surrogates side by side would come back as one character.
        plain = json.loads(json.dumps(_header(self), ensure_ascii=False))
        sealed = {**plain, "sha256": digest_arrays(arrays, plain)}
        header = json.dumps(sealed, ensure_ascii=False).encode("utf-8", "surrogatepass")
        content = io.BytesIO()
        np.savez_compressed(content, header=np.frombuffer(header, dtype=np.uint8), **arrays)
        try:
            replace_file(path, content.getvalue())
        except OSError as error:
            raise RecordError(
                f"cannot write the record to {path}: {error.strerror}. "
                "Choose a folder that exists, is writable and has space."
            ) from None
        return path

    def _repr_html_(self) -> str:
        """What a notebook shows: the page. The package finds it, for views stand above the record."""
        return sys.modules["gluonattn"].notebook_html(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AttentionRecord):
            return NotImplemented
        return _header(self) == _header(other) and all(
            _same(getattr(self, name), getattr(other, name)) for name in ("weights", *_VECTORS)
        )

    __hash__ = None  # type: ignore[assignment]


def load_record(path: str | os.PathLike) -> AttentionRecord:
    """Read a record written by `AttentionRecord.save`; nothing is unpickled.

    Raises
    ------
    RecordError
        If the file is missing, cut short, or not a record.
    """
    path = Path(path)
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        header = json.loads(arrays.pop("header").tobytes().decode("utf-8", "surrogatepass"))
        version, expected = header["format"], header.pop("sha256", None)  # older files have no digest
        changed = expected is not None and expected != digest_arrays(arrays, header)
        del header["format"]
    except FileNotFoundError:
        raise RecordError(f"no record at {path}: expected a file written by record.save().") from None
    except Exception as error:  # zipfile, zlib, numpy and json each raise their own
        raise RecordError(
            f"{path} is not a readable attention record ({error}): it may be cut short or be "
            "another kind of file. Save it again."
        ) from None
    if version != FORMAT:
        raise RecordError(
            f"{path} has record format {version!r:.40}, this version of gluonattn reads {FORMAT}: "
            "save the record again, or install the version that wrote it."
        )
    if changed:
        raise RecordError(f"{path} was changed after it was saved: its SHA-256 is another. Save it again.")
    try:
        found = msgspec.convert(header, _Saved)
        if not set(arrays) <= {"weights", *_VECTORS} or any(array.dtype.kind != "f" for array in arrays.values()):
            raise RecordError(f"its arrays are {', '.join(f'{name} ({a.dtype})' for name, a in arrays.items())}")
        about = found.prediction
        _check_source(found.source)
        if about and not all_finite(about.probabilities):
            raise RecordError("a probability is not finite")
        if about and not (about.label is None or about.label in about.probabilities):
            raise RecordError(f"it predicts {about.label!r:.40}, which has no probability")
        prediction = Prediction(about.label, about.probabilities) if about else None
        return AttentionRecord(**{**header, **arrays, "prediction": prediction})
    except (RecordError, msgspec.ValidationError, LookupError, TypeError, AttributeError, ValueError, ArithmeticError,
            RecursionError) as error:
        raise RecordError(
            f"{path} holds a record that does not fit together ({error}). Save it again."
        ) from None


class _SavedPrediction(msgspec.Struct, forbid_unknown_fields=True):
    label: Optional[str]
    probabilities: dict[str, float]


class _Saved(msgspec.Struct, forbid_unknown_fields=True):
    """The header of a saved record, `_header`; what it leaves open, the record itself checks."""

    text: str
    queries: list[list[Union[str, int, None]]]
    keys: list[list[Union[str, int, None]]]
    kind: str
    target_text: Optional[str]
    prediction: Optional[_SavedPrediction]
    normalised: bool
    source: dict[str, Any]
    attributions: dict[str, list[float]] = {}


class _Honesty(msgspec.Struct):
    tokens: int
    before: float
    after: float
    random: float
    further: float
    draws: int = 100


class _Approximated(msgspec.Struct):
    steps: int
    missing: float
    of: float


class _Asked(msgspec.Struct):
    drop: list[list[float]]
    unseen: list[list[float]]
    uniform: list[float]


class _Explained(msgspec.Struct):
    method: str
    sign: str
    target: int
    honesty: _Honesty
    label: Optional[str] = None
    validation: dict[str, list[float]] = {}
    approximated: Optional[_Approximated] = None
    what_if: Optional[_Asked] = None


class _Source(msgspec.Struct):
    """Of a record's source what views read of it; all else may be anything."""

    label_names: dict[str, Any] = {}
    explanation: Optional[_Explained] = None


def _check_source(source: dict[str, Any]) -> None:
    """Raise ValidationError or RecordError unless views can show what a file says of its record."""
    read = {name: source[name] for name in ("label_names", "explanation") if name in source}
    about = msgspec.convert(read, _Source).explanation
    if about is None:
        return
    if not all_finite(source["explanation"]):
        raise RecordError("a number of its explanation is not finite")
    rows = [*about.what_if.drop, *about.what_if.unseen, about.what_if.uniform] if about.what_if else []
    if about.target < 0 or any(about.target >= len(row) for row in rows):
        raise RecordError(f"its explanation is for class {about.target}, which it has not")
    if len(about.validation) == 2 and not all(about.validation.get(name) for name in (about.method, "random")):
        raise RecordError("the figures of its explanation are of other methods")


_VECTORS = ("queries_vectors", "keys_vectors", "values")


def _header(record: AttentionRecord) -> dict:
    skip = {"weights", "prediction", "attributions", *_VECTORS}
    header = {f.name: getattr(record, f.name) for f in fields(record) if f.name not in skip}
    header["queries"] = [list(token) for token in record.queries]
    header["keys"] = [list(token) for token in record.keys]
    header["prediction"] = asdict(record.prediction) if record.prediction else None
    if record.attributions:  # absent where there is none, as in older files
        header["attributions"] = {name: scores.tolist() for name, scores in record.attributions.items()}
    header["format"] = FORMAT
    return header


def _frozen(name: str, array: Any) -> np.ndarray:
    try:
        array = np.array(array, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise RecordError(f"{name} must be an array of numbers; got {array!r:.60} ({error}).") from None
    array.flags.writeable = False
    return array


def _tokens(side: str, tokens: Sequence) -> tuple[Token, ...]:
    found = []
    for i, token in enumerate(tokens):
        try:
            text, start, end, tag = Token(*token)
            found.append(Token("" + text, operator.index(start), operator.index(end), tag and "" + tag))
        except TypeError:
            raise RecordError(
                f"{side} {i} must be a Token(text, start, end, tag=None) with whole numbers; got {token!r}."
            ) from None
    return tuple(found)


def _json_copy(source: Mapping[str, Any]) -> dict:
    try:
        return json.loads(json.dumps(dict(source), ensure_ascii=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecordError(
            f"source must hold only JSON values (numbers, strings, lists, dicts): {error}."
        ) from None


def _lost(weights: np.ndarray) -> float:
    """Largest mass a row lacks; 0 when every row is whole."""
    return float(np.max(1 - weights.sum(-1, dtype=np.float64), initial=0.0))


def _chosen(side: str, wanted: Sequence[int] | None, size: int) -> list[int]:
    """Positions that `select` keeps: all different, at least one."""
    found = list(range(size)) if wanted is None else positions(side, wanted, size)
    if not found or len(set(found)) < len(found):
        raise RecordError(f"select needs {side} positions that are all different, at least one; got {found}.")
    return found


def positions(side: str, wanted: Any, size: int) -> list[int]:
    """`position` of each of many, or of a single one.

    Raises
    ------
    RecordError
        If it is neither a whole number nor a collection of them, or one does not exist.
    """
    try:
        many = list(wanted) if isinstance(wanted, Iterable) else [wanted]
    except TypeError:  # an array without an axis
        many = [wanted]
    return [position(side, one, size) for one in many]


def position(side: str, wanted: Any, size: int) -> int:
    """A position counted from 0; negative ones count from the end, as in a list.

    Parameters
    ----------
    side : str
        What is counted ("query", "layer"), for messages.
    wanted : int
        Of any type that Python takes as an index, numpy's integers too.
    size : int

    Raises
    ------
    RecordError
        If it is no whole number or does not exist.
    """
    try:
        if isinstance(wanted, (bool, np.bool_)):  # a mask is meant, and would be read as 0 and 1
            raise TypeError
        number = operator.index(wanted)
    except TypeError:
        raise RecordError(
            f"{side} positions are whole numbers from 0 to {size - 1}; got {wanted!r:.60} ({type(wanted).__name__})."
        ) from None
    if not -size <= number < size:
        raise RecordError(f"{side} {number} does not exist: this record has {size}, numbered 0 to {size - 1}.")
    return number % size


def _take(vectors: np.ndarray | None, positions: list[int]) -> np.ndarray | None:
    return None if vectors is None else vectors[:, :, positions]


def _same(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None:
        return a is b
    return a.shape == b.shape and bool((a == b).all())


def eojeol_groups(tokens: Sequence[Token], text: str) -> list[list[int]]:
    """Positions of the tokens of each eojeol, in order; a special token (empty span) is by itself."""
    word_at, word = [], 0
    for before, character in zip(" " + text, text):
        word += is_space(before) and not is_space(character)
        word_at.append(max(word, 1))  # blanks in front of the text are no word of their own
    groups: list[list[int]] = []
    last: object = None
    for i, token in enumerate(tokens):
        # A span may begin with the space before its word, as SentencePiece's do.
        first = next((c for c in range(token.start, token.end) if not is_space(text[c])), token.start)
        key: object = ("special", i) if token.start == token.end else word_at[first]
        if groups and key == last:
            groups[-1].append(i)
        else:
            groups.append([i])
        last = key
    return groups


def _join(tokens: Sequence[Token], group: list[int], text: str) -> Token:
    if len(group) == 1 and tokens[group[0]].start == tokens[group[0]].end:
        return tokens[group[0]]
    start = min(tokens[i].start for i in group)
    end = max(tokens[i].end for i in group)
    visible = [c for c in range(start, end) if not is_space(text[c])] or [start, end - 1]
    start, end = visible[0], visible[-1] + 1  # a subword's span may hold the space beside its word
    tags = [tokens[i].tag for i in group if tokens[i].tag]
    return Token(text[start:end], start, end, "+".join(tags) if tags else None)  # type: ignore[arg-type]


def _validate(record: AttentionRecord) -> None:
    if record.kind not in KINDS:
        raise RecordError(f"kind must be one of {', '.join(KINDS)}; got {record.kind!r}.")
    if not isinstance(record.text, str) or not isinstance(record.target_text, (str, type(None))):
        raise RecordError(
            f"text and target_text must be the raw texts (str); got {record.text!r:.60} and "
            f"{record.target_text!r:.60}."
        )
    if record.kind == "cross" and record.target_text is None:
        raise RecordError("a cross record needs target_text: its queries index that text.")
    weights, queries, keys = record.weights, len(record.queries), len(record.keys)
    if weights.ndim != 4 or weights.shape[2:] != (queries, keys) or 0 in weights.shape:
        raise RecordError(
            f"weights must have shape (layers, heads, {queries} queries, {keys} keys), none of them "
            f"0; got {weights.shape}. A single matrix m goes in as m[None, None]."
        )
    for name, count in zip(_VECTORS, (queries, keys, keys)):
        vectors = getattr(record, name)
        if vectors is not None and (
            vectors.ndim != 4 or vectors.shape[:3] != (*weights.shape[:2], count)
        ):
            raise RecordError(
                f"{name} must have shape {(*weights.shape[:2], count)} + (head_dim,); "
                f"got {vectors.shape}."
            )
    for name, scores in record.attributions.items():
        if scores.shape != (keys,) or not np.isfinite(scores).all():
            raise RecordError(
                f"the attribution {name!r} must be one finite score for each of the {keys} keys; got shape "
                f"{scores.shape}."
            )
    for name, axes in (("weights", "query, key"), *((n, "token, dimension") for n in _VECTORS)):
        array = getattr(record, name)
        if array is not None and not np.isfinite(array).all():
            where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise RecordError(f"{name} must be finite; (layer, head, {axes}) {where} is not.")
    for side, tokens, text in (
        ("query", record.queries, record.query_text),
        ("key", record.keys, record.key_text),
    ):
        for i, token in enumerate(tokens):
            if not 0 <= token.start <= token.end <= len(text):
                raise RecordError(
                    f"{side} {i} ({token.text!r}) has span {token.start}:{token.end}, outside its "
                    f"text of {len(text)} characters."
                )
    if weights.min() < 0:
        raise RecordError(f"weights must not be negative; the smallest is {weights.min():.4g}.")
    if record.normalised:
        off = np.abs(weights.sum(-1, dtype=np.float64) - 1)
        if off.max() > ROW_SUM_TOLERANCE:
            where = tuple(int(i) for i in np.unravel_index(off.argmax(), off.shape))
            raise RecordError(
                f"each row over keys must sum to 1 within {ROW_SUM_TOLERANCE}; (layer, head, query) "
                f"{where} sums to {weights.sum(-1)[where]:.6f}. Pass normalised=False if mass was "
                "dropped on purpose."
            )
