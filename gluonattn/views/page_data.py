"""Records as small, plain data for the page: quantised, limited in size, with notes on what was dropped.

A row of weights becomes whole numbers ``levels = round(most * sqrt(row / row.max()))`` and its mass. The page computes
``row = mass * levels**2 / sum(levels**2)``. The square root gives more levels to values near zero, where most attention
weights are. Scaling to the mass keeps every row's sum in spite of rounding.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OptionError
from ..record import AttentionRecord, Token, eojeol_groups, numbers_of
from .answer import answer, explained, explained_label, label_text, not_asked, scores_of, trust, what_if
from .method_names import method_name

FORMAT = 1
_FEWEST = 8  # minimum number of keys kept of a row, or an eighth of them; with fewer, heads are averaged instead
_SLACK = 400  # bytes for the fields that say how the weights were stored
_SOURCE = ("model", "cell", "tokenizer", "epoch", "framework")
_LONGEST_SOURCE = 80


def page_data(records: Sequence[AttentionRecord], *, limit: int = 2_000_000, lang: str = "ko") -> dict[str, Any]:
    """Convert records to plain data for the page, at most `limit` bytes as UTF-8 JSON.

    Weights that do not fit are stored more coarsely, in this order: 16-bit levels, 8-bit levels, the strongest keys
    of each row, heads averaged, layers averaged. Each record's ``weights`` contains the form (``bits``,
    ``kept``, ``averaged``), the largest error of a stored weight (``error``) and the largest fraction
    of a row that is missing (``dropped``). Per-head vectors are left out, because the page does not use them.

    Parameters
    ----------
    records : sequence of AttentionRecord
    limit : int, default 2_000_000
        Bytes for all records together. Large records use what small ones do not need.
    lang : {"ko", "en"}, default "ko"
        Language of the sentences about a record, and of label names.

    Returns
    -------
    dict
        JSON values only. Spans count UTF-16 units, as JavaScript strings do.

    Raises
    ------
    OptionError
        If there is no record, or even the coarsest form is too large.
    """
    records = list(records)
    if not records:
        raise OptionError("a page needs at least one record; got an empty list.")
    left = limit - _SLACK
    plain = [_plain(record, lang) for record in records]
    entries: list[dict[str, Any]] = [{} for _ in records]
    smallest_first = sorted(range(len(records)), key=lambda i: records[i].weights.size)
    for place, i in enumerate(smallest_first):
        share = left // (len(records) - place)
        weights = _stored(records[i].weights, share - _size(plain[i]) - _SLACK)
        if weights is None:
            raise OptionError(
                f"{len(records)} record(s) do not fit into {limit:,} bytes, not even averaged over heads "
                f"and layers: record {i} has {len(records[i].queries)} x {len(records[i].keys)} tokens. "
                "Raise limit, pass fewer records, or record.select(...) fewer tokens."
            )
        entries[i] = {**plain[i], "weights": weights}
        left -= _size(entries[i])
    return {"format": FORMAT, "records": entries}


def decoded(entry: dict[str, Any]) -> NDArray[Any]:
    """The weights of one of ``page_data(...)["records"]`` as the page decodes them.

    Returns
    -------
    numpy.ndarray, float64, shape (layers, heads, queries, keys)
        Keys that were not kept are 0.
    """
    stored = entry["weights"]
    rows = stored["layers"] * stored["heads"] * len(entry["queries"])
    keys = len(entry["keys"] or entry["queries"])
    levels = _bytes_to(stored["levels"], f"<u{stored['bits'] // 8}").reshape(rows, -1)
    full = np.zeros((rows, keys))
    if stored["kept"] is None:
        full[:] = levels
    else:
        places = _bytes_to(stored["places"], _place_type(keys)).reshape(rows, -1)
        np.put_along_axis(full, places.astype(np.int64), levels, axis=1)
    full **= 2
    total = full.sum(-1, keepdims=True)
    mass = _bytes_to(stored["mass"], "<f4").reshape(rows, 1)
    full *= mass / np.where(total > 0, total, 1)
    return full.reshape(stored["layers"], stored["heads"], -1, keys)


def dumps(value: Any) -> str:
    """JSON that is safe inside a ``<script>`` element.

    Dangerous characters are written as ``\\uXXXX``, which JSON reads as the same character.
    """
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.translate(_ESCAPES)


# Characters with a meaning in HTML or JavaScript, invisible and direction-changing ones, and those that UTF-8 lacks.
_ESCAPES = {
    code: f"\\u{code:04x}"
    for part in ([*map(ord, "<>&'`")], range(0x7F, 0xA0), range(0x200B, 0x2010), range(0x2028, 0x202F),
                 range(0x2060, 0x2070), [0xAD, 0x61C, 0xFEFF, 0xFFFE, 0xFFFF], range(0xD800, 0xE000))
    for code in part
}


def _plain(record: AttentionRecord, lang: str) -> dict[str, Any]:
    """Everything but the weights."""
    queries, keys = (
        _tokens(tokens, text)
        for tokens, text in ((record.queries, record.query_text), (record.keys, record.key_text))
    )
    same = record.queries == record.keys and record.query_text == record.key_text
    seen, truth = record.source.get("tokens"), record.source.get("true_label")
    said = {name: record.source.get(name) for name in _SOURCE}
    return {
        "kind": record.kind,
        "text": record.query_text,
        "keyText": None if same else record.key_text,
        "queries": queries,
        "keys": None if same else keys,
        "queryWords": _words(record.queries, record.query_text),
        "keyWords": None if same else _words(record.keys, record.key_text),
        "prediction": record.prediction and {
            "label": record.prediction.label and label_text(record.label_name(record.prediction.label), lang),
            "probabilities": [[label_text(record.label_name(k), lang), round(p, 6)]
                              for k, p in record.prediction.probabilities.items()],
        },
        "truth": None if truth is None else label_text(record.label_name(str(truth)), lang),
        "answer": answer(record, lang),
        "seen": [seen.get("seen"), seen.get("in_text")] if isinstance(seen, dict) else None,
        **({"numbers": {axis: numbers_of(record, axis) for axis in ("layers", "heads")}}
           if "chosen" in record.source else {}),
        "lost": None if record.normalised else record.source["dropped_mass"],
        "source": {k: str(v)[:_LONGEST_SOURCE] for k, v in said.items() if isinstance(v, (str, int, float))},
        **_attribution(record, lang),
    }


def _attribution(record: AttentionRecord, lang: str) -> dict[str, Any]:
    """The attributions of a record, and how reliable the explained one is. Empty if there are none.

    Probabilities are only those of the explained label.
    """
    about = explained(record)
    if about is None:
        return {}
    return {"attribution": {
        "method": about["method"], "label": label_text(record.label_name(explained_label(record)), lang),
        "signed": about["sign"].startswith("positive"), "before": about["honesty"]["before"],
        "scores": _short(scores_of(record)), "names": {name: method_name(name, lang) for name in record.attributions},
        "others": {name: _short(scores) for name, scores in record.attributions.items() if name != about["method"]},
        "trust": trust(record, lang), "asked": what_if(record), "notAsked": not_asked(record, lang),
        "account": _account(about.get("account"), len(record.keys)), "classes": _other_classes(record, about, lang),
    }}


def _other_classes(record: AttentionRecord, about: dict[str, Any], lang: str) -> list[dict[str, Any]]:
    """The classes that the page can switch to, with their data. Empty if the record's tokens have changed."""
    given = about.get("other_classes", {})
    labels = list(record.prediction.probabilities) if record.prediction else []
    asked = what_if(record)
    if "against" in about or not asked or any(len(scores) != len(record.keys) for scores in given.values()):
        return []
    return [{"label": label_text(record.label_name(label), lang), "before": record.prediction.probabilities[label],
             "scores": _short(np.array(scores)), "asked": what_if(record, labels.index(label))}
            for label, scores in given.items() if record.prediction and label in labels]


def _account(account: dict[str, Any] | None, tokens: int) -> dict[str, Any] | None:
    """The parts of a difference of logits, by token. None if the record's tokens have changed."""
    if not account or len(account["words"]) != tokens:
        return None
    return {**{name: account[name] for name in ("difference", "nothing", "bias", "padding", "words", "beside")},
            "evidence": [round(sum(row), 7) for row in account["evidence"]], "read": account["read_at"]}


def _short(scores: NDArray[Any]) -> list[float]:
    return [float(f"{score:.3g}") for score in scores]


def _tokens(tokens: Sequence[Token], text: str) -> list[list[Any]]:
    """``[start, end, tag, text]``, shorter if the tag is unknown and the text is the span's."""
    at = [0]  # UTF-16 units before each character
    for character in text:
        at.append(at[-1] + 1 + (ord(character) > 0xFFFF))
    found = []
    for token in tokens:
        entry: list[Any] = [at[token.start], at[token.end], token.tag]
        if token.text != text[token.start : token.end]:
            entry.append(token.text)
        elif token.tag is None:
            entry.pop()
        found.append(entry)
    return found


def _words(tokens: Sequence[Token], text: str) -> list[int]:
    """The number of the eojeol of each token."""
    return [word for word, group in enumerate(eojeol_groups(tokens, text)) for _ in group]


def _stored(weights: NDArray[Any], room: int) -> dict[str, Any] | None:
    """The weights in the finest form of at most `room` bytes. None if no form fits."""
    layers, heads = weights.shape[:2]
    for axes, bits, kept in _forms(weights.shape, room):
        part = weights.mean(axis=axes, keepdims=True, dtype=np.float64) if axes else weights
        stored = {
            "layers": part.shape[0],
            "heads": part.shape[1],
            "averaged": {name: size for axis, name, size in
                         ((0, "layers", layers), (1, "heads", heads)) if axis in axes and size > 1},
            "bits": bits,
            "kept": kept,
            **_encoded(part.reshape(-1, part.shape[-1]).astype(np.float64), bits, kept),
        }
        return {**stored, **_loss(part, stored)}
    return None


def _forms(shape: tuple[Any, ...], room: int) -> Iterator[tuple[tuple[Any, ...], int, int | None]]:
    """Yield forms that fit, finest first: (averaged axes, bits of a level, keys kept of a row)."""
    layers, heads, queries, keys = shape
    averages = [(), *([(1,)] if heads > 1 else []), *([(0, 1)] if layers > 1 else [])]
    for axes in averages:
        rows = queries * (1 if 0 in axes else layers) * (1 if 1 in axes else heads)
        bytes_left = room * 3 // 4 - 4 * rows - 8  # base64 needs 4 bytes for 3; the mass needs 4 bytes per row
        for bits in (16, 8):
            if rows * keys * bits // 8 <= bytes_left:
                yield axes, bits, None
        kept = bytes_left // (rows * (1 + np.dtype(_place_type(keys)).itemsize))
        fewest = max(_FEWEST, keys // 8) if axes != averages[-1] else 1
        if fewest <= kept < keys:
            yield axes, 8, kept


def _encoded(rows: NDArray[Any], bits: int, kept: int | None) -> dict[str, str]:
    places = {}
    if kept is not None:
        strongest = np.sort(np.argpartition(-rows, kept - 1, axis=1)[:, :kept], axis=1)
        places = {"places": _base64(strongest, _place_type(rows.shape[1]))}
        rows = np.take_along_axis(rows, strongest, axis=1)
    top = rows.max(-1, keepdims=True)
    levels = np.rint((2**bits - 1) * np.sqrt(rows / np.where(top > 0, top, 1)))
    return {"levels": _base64(levels, f"<u{bits // 8}"), **places, "mass": _base64(rows.sum(-1), "<f4")}


def _loss(weights: NDArray[Any], stored: dict[str, Any]) -> dict[str, Any]:
    """Largest error of a stored weight, and largest fraction of a row that was not stored."""
    queries, keys = weights.shape[2:]
    back = decoded({"weights": stored, "queries": [0] * queries, "keys": [0] * keys})
    held = back > 0 if stored["kept"] else np.True_
    return {
        "error": float(f"{np.max(np.abs(back - weights), initial=0, where=held):.2g}"),
        "dropped": round(float(np.max(weights.sum(-1, dtype=np.float64) - back.sum(-1))), 4)
        if stored["kept"] else 0,
    }


def _place_type(keys: int) -> str:
    return "<u1" if keys <= 256 else "<u2" if keys <= 65536 else "<u4"


def _base64(array: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=kind).tobytes()).decode("ascii")


def _bytes_to(text: str, kind: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=kind)


def _size(entry: dict[str, Any]) -> int:
    return len(dumps(entry).encode("utf-8")) + 1
