"""A page's content if scripts do not run: the sentence, label, scores and links, as tables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..record import AttentionRecord, place_in_model
from .answer import answer, explained, label_text, percent, scores_of, signed, trust
from .joint import JointHead
from .plain_words import PLAIN_WORDS

if TYPE_CHECKING:
    from jinja2 import Environment

ASSETS = Path(__file__).parent / "assets"
_DETAILED = 5  # maximum number of records shown word by word; more are a table with one row for each
_ROWS = 60  # maximum number of words in a table: the strongest, in reading order
_INDEXED = 500
_LINKS = 3  # links of a word
_HEADS = 144
_TEXTS = 200
_HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e가-힣]")
# Characters that are not allowed in a page's text: surrogates, controls, and characters that change the direction.
_INVISIBLE = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


@cache
def environment() -> Environment:
    """The Jinja environment of `assets/`. Values are escaped unless they are marked safe."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(
        loader=FileSystemLoader(ASSETS, encoding="utf-8"),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    made.globals.update(lang_of=lang_of, shown=shown)
    return made


def lang_of(text: str) -> str:
    """The attribute that marks a text as Korean, if it has Hangul."""
    from markupsafe import Markup

    return Markup(' lang="ko"') if _HANGUL.search(text) else ""


def shown(text: str) -> str:
    """A text that any page can contain. Invisible characters become dots."""
    return _INVISIBLE.sub("·", text)


def plain_records(records: Sequence[AttentionRecord], lang: str, *, heads: bool = False) -> dict[str, Any]:
    """The values for `plain.records.html`.

    Parameters
    ----------
    records : sequence of AttentionRecord
    lang : {"ko", "en"}
    heads : bool, default False
        Whether to list each head's strongest link, for the grid of heads.
    """
    details = records if len(records) <= _DETAILED else []
    truths = any(record.source.get("true_label") is not None for record in records)
    return {
        "words": PLAIN_WORDS[lang],
        "count": len(records),
        "truths": truths,
        "index": [] if len(records) == 1 else [_row(record, lang) for record in records[:_INDEXED]],
        "details": [_details(record, lang, heads) for record in details],
    }


def plain_maps(records: Sequence[AttentionRecord], joint: Sequence[JointHead], lang: str) -> dict[str, Any]:
    """The values for `plain.maps.html`.

    Parameters
    ----------
    records : sequence of AttentionRecord
    joint : sequence of JointHead
        The heads with a map.
    lang : {"ko", "en"}
    """

    def figure(value: float) -> str:
        return "–" if np.isnan(value) else f"{value:.2f}".replace("-", "−")

    words = PLAIN_WORDS[lang]
    return {
        "words": words,
        "texts": [record.query_text for record in records[:_TEXTS]],
        "maps": [
            {
                "name": words.head_name(*place_in_model(records[0], one.layer, one.head)),
                "before": figure(one.before),
                "after": figure(one.after),
                "scale": f"{one.scale:.3g}",
                **_strongest_link(records[0], one.layer, one.head),
            }
            for one in joint
        ],
    }


def _row(record: AttentionRecord, lang: str) -> dict[str, Any]:
    """The values for one record among many."""
    prediction, truth = record.prediction, record.source.get("true_label")
    if explained(record) is not None:
        scores = scores_of(record)
        strongest = [(record.keys[i].text, signed(float(scores[i]))) for i in _largest(scores, _LINKS)]
    else:
        received = record.matrix(None, None).mean(axis=0)
        strongest = [(record.keys[i].text, percent(float(received[i]))) for i in _largest(received, _LINKS)]
    label, share = "–", ""
    if prediction is not None and prediction.label is not None:
        label, share = label_text(record.label_name(prediction.label), lang), percent(prediction.confidence)
    return {
        "text": record.query_text,
        "strongest": strongest,
        "label": label,
        "share": share,
        "truth": "" if truth is None else label_text(record.label_name(str(truth)), lang),
    }


def _details(record: AttentionRecord, lang: str, heads: bool) -> dict[str, Any]:
    """The values for one record word by word: the words it attends to, the attention it receives, and its score."""
    matrix = record.matrix(None, None)
    same = record.queries == record.keys
    scores = scores_of(record) if explained(record) is not None and same else None
    received = matrix.mean(axis=0)
    weight = np.abs(scores) if scores is not None else received if same else matrix.max(axis=1)
    places = sorted(_largest(weight, _ROWS)) if len(weight) > _ROWS else range(len(record.queries))
    rows = [
        {
            "name": record.queries[i].text,
            "score": "" if scores is None else signed(float(scores[i])),
            "received": percent(float(received[i])) if same else "",
            "links": [(record.keys[k].text, percent(float(matrix[i, k]))) for k in _largest(matrix[i], _LINKS)],
        }
        for i in places
    ]
    prediction = record.prediction
    return {
        "text": record.query_text,
        "answer": answer(record, lang),
        "trust": trust(record, lang),
        "rows": rows,
        "size": len(record.queries),
        "scored": scores is not None,
        "received": same,
        "probabilities": [
            (label_text(record.label_name(name), lang), percent(share))
            for name, share in prediction.probabilities.items()
        ]
        if prediction
        else [],
        "heads": [
            {"name": PLAIN_WORDS[lang].head_name(*place_in_model(record, layer, head)),
             **_strongest_link(record, layer, head)}
            for layer, head in list(np.ndindex(record.weights.shape[:2]))[:_HEADS]
        ]
        if heads
        else [],
    }


def _strongest_link(record: AttentionRecord, layer: int, head: int) -> dict[str, str]:
    matrix = record.weights[layer, head]
    if not matrix.size:
        return {"query": "", "key": "", "share": ""}
    query, key = np.unravel_index(int(matrix.argmax()), matrix.shape)
    return {"query": record.queries[query].text, "key": record.keys[key].text, "share": percent(float(matrix.max()))}


def _largest(values: NDArray[Any], count: int) -> list[int]:
    order = np.argsort(-np.abs(values), kind="stable")[:count]
    return [int(i) for i in order if values[i]]
