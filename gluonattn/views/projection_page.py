"""The joint query-key maps of all heads, as one offline page.

Stays whole: `projection_page` is mostly its options and their documentation. Its code is twenty lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..errors import OptionError, choose
from ..record import AttentionRecord, place_in_model
from .joint import PERCENTILE, JointHead, joint_heads, reduced
from .page import LANGUAGES, assemble, beginning
from .page_data import _base64, _tokens
from .plain_page import plain_maps

TOP = 5  # number of strongest keys kept of each query
_COORDINATES = 65535


def projection_page(
    records: Sequence[AttentionRecord],
    *,
    layer: int | None = None,
    head: int | None = None,
    method: str = "pca",
    percentile: float = PERCENTILE,
    joint: Sequence[JointHead] | None = None,
    lang: str = "ko",
    title: str | None = None,
    limit: int = 8_000_000,
    seed: int = 0,
    font: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> str:
    """Make a map of queries and keys for every head, in their joint space and as the model computes them.

    Hovering shows the sentence and where its attention goes.

    Parameters
    ----------
    records : sequence of AttentionRecord
        Records with Q and K, all of one model.
    layer, head : int or None
        None takes all.
    method : {"pca", "tsne", "umap"}, default "pca"
    percentile : float
        See `joint.correlation`.
    joint : sequence of JointHead or None
        Results of `joint_heads`, which is slow. None calls it for this layer and head, or for all.
    lang : {"ko", "en"}, default "ko"
    title : str or None
    limit : int, default 8_000_000
        Maximum size of the maps in bytes. Sentences are left out from the end until they fit, and the page says so.
    seed : int, default 0
    font : bool, default True
        Whether to embed the Hangul glyphs that are used.
    progress : callable of (heads done, all heads)

    Returns
    -------
    str
        HTML.

    Raises
    ------
    OptionError
        If even one sentence does not fit.
    """
    choose("language", lang, LANGUAGES)
    records = list(records)
    joint = joint or list(joint_heads(records, layer=layer, head=head, percentile=percentile, seed=seed))
    shown = _fitting(records, len(joint), limit)
    maps = []
    for one in joint:
        maps.append(_map(shown, one, method, seed))
        progress(len(maps), len(joint))
    sentences = [_sentence(record) for record in shown]
    count = f"{len(records)} sentences" if lang == "en" else f"문장 {len(records)}개"
    heading = title or f"{records[0].source.get('model', '')} · {count}".strip(" ·")
    data = {"projection": {
        "lang": lang, "title": beginning(heading), "method": method, "maps": maps, "sentences": sentences,
        "all": len(records), "top": TOP}}
    return assemble(data, lang=lang, heading=heading, font=font, scripts=("dom.js", "projection.js"),
                    styles=("page.css", "projection.css"), plain=plain_maps(records, joint, lang),
                    fallback="plain.maps.html")


def _fitting(records: list[AttentionRecord], maps: int, limit: int) -> list[AttentionRecord]:
    """The first records whose maps fit into the limit."""
    used = 0
    for i, record in enumerate(records):
        queries, keys = len(record.queries), len(record.keys)
        places = 1 if keys <= 256 else 2
        used += maps * (10 * (queries + keys) + (places + 1) * TOP * queries) * 4 // 3
        used += 40 * (queries + keys) + 4 * len(record.text)
        if used > limit:
            if i == 0:
                raise OptionError(
                    f"not even one sentence's maps fit into {limit:,} bytes: raise limit, or choose a layer or head.")
            return records[:i]
    return records


def _sentence(record: AttentionRecord) -> dict[str, Any]:
    same = record.queries == record.keys and record.query_text == record.key_text
    return {
        "text": record.query_text, "queries": _tokens(record.queries, record.query_text),
        "keyText": None if same else record.key_text,
        "keys": None if same else _tokens(record.keys, record.key_text),
    }


def _map(shown: Sequence[AttentionRecord], one: JointHead, method: str, seed: int) -> dict[str, Any]:
    places, weights = [], []
    for record in shown:
        matrix = record.weights[one.layer, one.head]
        best = np.argsort(-matrix, axis=1, kind="stable")[:, :TOP]
        best = np.pad(best, ((0, 0), (0, TOP - best.shape[1])), mode="edge")
        strength = np.take_along_axis(matrix, best, 1)
        strength[:, min(TOP, matrix.shape[1]) :] = 0
        places.append(best)
        weights.append(strength)
    wide = max(len(r.keys) for r in shown) > 256
    return {
        **dict(zip(("layer", "head"), place_in_model(shown[0], one.layer, one.head))), "scale": float(f"{one.scale:.3g}"),
        "before": None if np.isnan(one.before) else round(one.before, 3),
        "after": None if np.isnan(one.after) else round(one.after, 3),
        "joint": _points(shown, one, True, method, seed), "original": _points(shown, one, False, method, seed),
        "places": _base64(np.concatenate(places), "<u2" if wide else "<u1"), "wide": wide,
        "weights": _base64(np.rint(255 * np.concatenate(weights)), "<u1"),
    }


def _points(shown: Sequence[AttentionRecord], one: JointHead, normalised: bool, method: str,
            seed: int) -> dict[str, Any]:
    vectors = np.concatenate(one.vectors(shown, normalised=normalised))
    points = reduced(vectors, method, seed=seed)
    low, high = points.min(0), points.max(0)
    middle, reach = (low + high) / 2, max(float((high - low).max()), 1e-9)
    norms = np.linalg.norm(vectors, axis=1)
    return {"points": _base64(np.rint(_COORDINATES * ((points - middle) / reach + 0.5)), "<u2"),
            "norms": _base64(np.rint(255 * norms / (norms.max() or 1)), "<u1")}
