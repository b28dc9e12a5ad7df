"""Part `texts`: hostile texts go through every tokenizer and view, and through the bundled model."""

from __future__ import annotations

import warnings
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from _cases import Fault
from _texts import text

SECONDS, START, SHRINK = 120.0, 120.0, 15.0
SHORT = 1  # cases of the short form
_BATCH = 512  # what a case costs beside its texts (a picture, a page) is shared by many
_BY_SLOW = 4  # texts of a case for one slow tokenizer
_SLOW = {"okt", "komoran", "hannanum", "kkma", "kiwi"}  # texts a second in tens or hundreds


def missing() -> str | None:
    return None


def draw(random: Random) -> Any:
    """Texts for all that is quick; some of them also for slow tokenizers, explanation and views."""
    texts = [text(random, 120) for _ in range(_BATCH)]
    if random.random() < 0.1:
        texts.append(text(random, 200) * random.choice((100, 2000)))
    return {
        "texts": texts,
        "order": random.randrange(1 << 30),
        "tokenizer": random.random(),
        "views": random.choice(["", "", "terminal page", "overlay.png", "heatmap.svg", "save", "merge"]),
    }


@contextmanager
def prepare(folder: Path, seed: int) -> Iterator[Any]:
    import gluonattn
    from gluonattn.text.tokenizers import KNOWN

    ready = {name: kind() for name, kind in KNOWN.items() if kind.lacking() is None}
    model = gluonattn.load(engine="numpy")
    warnings.simplefilter("ignore")  # of letters that no font has
    yield lambda case: _check(case, model, ready, folder)


def _check(case: Any, model: Any, ready: dict[str, Any], folder: Path) -> dict[str, int]:
    texts, counts = case["texts"], {"texts": len(case["texts"])}
    for name, tokenizer in ready.items():
        if name in _SLOW:
            continue
        for one in texts:
            _check_tokens(name, tokenizer, one)
    slow = sorted(_SLOW & ready.keys())
    if slow:
        name = slow[int(case["tokenizer"] * len(slow))]
        for one in texts[:_BY_SLOW]:
            if len(one) < 300:
                _check_tokens(name, ready[name], one)
                counts[f"by {name}"] = counts.get(f"by {name}", 0) + 1
    _check_predictions(texts, model, case["order"])
    if case["views"]:
        counts["explained"] = _check_views(texts, model, case["views"], folder)
    return counts


def _check_tokens(name: str, tokenizer: Any, one: str) -> None:
    from gluonattn.plain import is_blank

    tokens = tokenizer(one)
    covered, last = bytearray(len(one)), 0
    for token in tokens:
        if not (token.text and 0 <= token.start < token.end <= len(one)):
            raise Fault(f"{name}: a span outside the text or empty", f"{token} in {one!r}")
        if token.start < last:
            raise Fault(f"{name}: tokens out of order", f"{token} in {one!r}")
        last = token.start
        covered[token.start : token.end] = b"\x01" * (token.end - token.start)
    missed = [i for i, c in enumerate(one) if not covered[i] and not is_blank(c)]
    if missed:
        raise Fault(f"{name}: a visible character belongs to no token", f"{missed[:5]} of {one!r}")
    if tokenizer.words(one) != [token.text for token in tokens]:
        raise Fault(f"{name}: words() are not the tokens' texts", repr(one))


def _check_predictions(texts: list[str], model: Any, order: int) -> None:
    """Finite, summing to one, and the same alone, in any batch and in any order."""
    from gluonattn.plain import is_blank

    answers = model.predict(texts)
    for one, answer in zip(texts, answers):
        values = list(answer.probabilities.values())
        if is_blank(one) != (answer.label is None):
            raise Fault("a blank text has a label, or another has none", repr(one))
        if answer.label is not None and not (all(0 <= v <= 1 for v in values) and abs(sum(values) - 1) < 1e-5):
            raise Fault("probabilities are no distribution", f"{values} for {one!r}")
    places = list(range(len(texts)))
    Random(order).shuffle(places)
    again = model.predict([texts[i] for i in places])
    alone = {i: model.predict([texts[i]])[0] for i in places[:2]}
    for place, other in [*zip(places, again), *alone.items()]:
        _require_same(answers[place], other, texts[place])


def _require_same(first: Any, second: Any, one: str) -> None:
    if first.label is None or second.label is None:
        if first.label is not second.label:
            raise Fault("a label depends on the other texts", repr(one))
        return
    apart = max(abs(first.probabilities[name] - second.probabilities[name]) for name in first.probabilities)
    if not apart < 1e-5:
        raise Fault("probabilities depend on the other texts", f"{apart} for {one!r}")


def _check_views(texts: list[str], model: Any, views: str, folder: Path) -> int:
    from gluonattn.plain import is_blank

    chosen = [one for one in texts if not is_blank(one) and len(one) < 400][: 2 if "." in views else 16]
    for one, record in zip(chosen, model.explain_each(chosen, method=None if "." in views else "account")):
        if record.text != one:
            raise Fault("a record has another text", repr(one))
        if views == "terminal page":
            _check_terminal(record, one)
        elif views == "save":
            _check_saved(record, folder)
        elif views == "merge":
            for unit in ("eojeol", "jamo", "syllable", "morpheme"):
                _merge(record, unit)
        else:
            _check_picture(record, views, folder)
    return len(chosen)


def _check_terminal(record: Any, one: str) -> None:
    from gluonattn.views.page import to_html
    from gluonattn.views.terminal import to_terminal

    for colours in ("full", "none"):
        shown = to_terminal(record, colours=colours)
        shown.encode()
        odd = {c for c in shown if (ord(c) < 32 and c not in "\n\x1b") or 0x7F <= ord(c) < 0xA0}
        if odd or (colours == "none" and "\x1b" in shown):
            raise Fault("control characters reach the terminal", f"{sorted(map(ord, odd))} for {one!r}")
        if any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in shown):
            raise Fault("direction overrides reach the terminal", repr(one))
    page = to_html(record)
    page.encode()
    for markup in ("<script>window.pwned", "<img src=x", "<svg onload"):
        if markup in page:
            raise Fault("markup of a text reaches the page", repr(one))


def _check_saved(record: Any, folder: Path) -> None:
    from gluonattn.record import load_record

    if load_record(record.save(folder / "record.npz")) != record:
        raise Fault("a saved record is another one when it is read", repr(record.text))


def _merge(record: Any, unit: str) -> None:
    from gluonattn.errors import GluonAttnError

    try:
        merged = record.merge(unit)
    except GluonAttnError:
        return
    if abs(float(merged.weights.sum(axis=-1).max()) - 1) > 1e-4:
        raise Fault("merging loses attention", f"{unit} of {record.text!r}")


def _check_picture(record: Any, name: str, folder: Path) -> None:
    from gluonattn.views.save import save_view

    view, _, ending = name.partition(".")
    path = folder / f"picture.{ending}"
    save_view([record], path, view=view)
    if ending == "svg":
        ET.parse(path)  # noqa: S314 - our own file: whether it is XML is the question
    elif not path.read_bytes().startswith(b"\x89PNG"):
        raise Fault("no picture was written", repr(record.text))
