"""Reports on comparison, pronunciation and translation from hostile words. No model is trained for them."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

_REVIEWS = ("정말 최고 영화", "돈 아깝다 별로", "배우 연기 좋다")


def missing_of_report(kind: str) -> bool:
    """Whether a package is missing without which no such report can be made.

    Parameters
    ----------
    kind : str
    """
    return not all(map(find_spec, {"translation": ("sacrebleu",), "bertviz": ("bertviz", "torch")}.get(kind, ())))


def distinct(texts: list[str]) -> list[str]:
    """The same texts, each one once and none of them empty."""
    return list(dict.fromkeys(text for text in texts if text))


def report_page(case: Any, folder: Path) -> str:
    """The page of a report with the case's words, as its room writes it.

    Parameters
    ----------
    case : dict
    folder : pathlib.Path
        The report's files are written there.
    """
    write = {"compare": _compare, "pronunciation": _pronunciation, "translation": _translation}[case["kind"]]
    files = write(case, folder)
    json.loads(files["json"].read_text(encoding="utf-8"))
    page: str = files["html"].read_text(encoding="utf-8")
    return page


# ---- comparison


@cache
def _measured() -> dict[str, Any]:
    """The figures of the bundled model on three reviews."""
    from gluonattn.classifier import compare
    from gluonattn.classifier.predictor import shipped
    from gluonattn.data.reviews import Reviews

    found: dict[str, Any] = compare._measured(shipped(), Reviews(_REVIEWS, ["1", "0", "1"]), range(3), (), None)
    return found


def _compare(case: Any, folder: Path) -> dict[str, Path]:
    import numpy as np

    from gluonattn.classifier.compare import Comparison
    from gluonattn.classifier.compare_report import to_table, write_report
    from gluonattn.classifier.compare_summary import summarise
    from gluonattn.data.reviews import Reviews
    from gluonattn.record import Token

    labels = distinct(case["labels"])
    labels = labels if len(labels) > 1 else [*labels, "another"]
    random = np.random.default_rng(case["seed"])
    spans, place = [], 0
    for token in case["tokens"]:
        spans.append(list(Token(token, place, place + len(token), None)))
        place += len(token) + 1
    results = []
    for cell in ("mlp", "dot"):
        received = random.dirichlet(np.ones(len(spans))).tolist()
        shown = [{"text": " ".join(case["tokens"]), "tokens": spans, "received": received, "probabilities": [0.25, 0.75]}]
        results.append({**_measured(), "cell": cell, "seed": 0, "data": case["title"], "labels": labels,
                        "label_names": {labels[0]: case["names"][0]}, "shown": shown})
    test = Reviews(_REVIEWS, ["1", "0", "1"])
    test.labels = [labels[1], labels[0], labels[1]]  # as they stand in a file of results, which nobody has tidied
    summary = summarise(Comparison(results, test, np.array([True, False, True]), [0, 1, 2]))
    to_table(summary)
    return write_report(summary, folder / "compare", lang=case["lang"])


# ---- pronunciation


def _pronunciation(case: Any, folder: Path) -> dict[str, Path]:
    from gluonattn.pronunciation.pronounce import pronounce
    from gluonattn.pronunciation.report import write_report
    from gluonattn.pronunciation.study import study
    from gluonattn.pronunciation.summary import summarise
    from tests.pronunciation.speaking import RuleSpeaker

    words = [pronounce(word) for word in ("국밥", "학교", "먹고", "국물", "먹는", "한국어", "말도", "갈등", "칼슘")]
    examples = [re.sub(r"\d", "", token[:16]) + "국물" for token in case["tokens"][:2]]
    found = study({0: RuleSpeaker(("even",) * 4, lexical=False), 3: RuleSpeaker()}, words[:4], words, words=6, edited=2,
                  examples=examples, about={"model": case["names"][0], "data": case["title"]})
    return write_report(summarise(found), found.examples, folder / "page.html", lang=case["lang"])


# ---- translation


class _Speaker:
    """A translator of one layer and two heads that says what it was given."""

    max_length, epochs = 64, (0, 2)

    def __init__(self, case: Any, epoch: int | None = None) -> None:
        import numpy as np

        self.folder, self.subwords = Path("x"), SimpleNamespace(ids=lambda texts: [[0] * len(texts)])
        self.config = {"model": {"num_layers": 1, "num_heads": 2, "positions": bool(case["seed"] % 2)},
                       "training": {"data": case["title"]}}
        self.case, self.epoch, self.random = case, epoch or 2, np.random.default_rng([case["seed"], epoch or 2])

    def held_out(self, split: str) -> list[Any]:
        from gluonattn.translation.pairs import SentencePair

        tokens = distinct([token for token in self.case["tokens"] if token.strip()])
        sources = distinct([*tokens[:4], " ".join(tokens), "the red cat", "a dog."])
        return [SentencePair(source, target) for source, target in zip(sources, reversed(sources))]

    def translate(self, texts: list[str], **_: Any) -> list[Any]:
        words = self.case["tokens"]
        return [SimpleNamespace(text=words[(len(text) + self.epoch) % len(words)]) for text in texts]

    def all_records(self, texts: list[str], targets: list[str]) -> list[dict[str, Any]]:
        return [self._records(*pair) for pair in zip(texts, targets)]

    def _records(self, source: str, target: str) -> dict[str, Any]:
        import numpy as np

        from gluonattn.record import AttentionRecord, Token

        keys, rows = ([*(Token(m[0], *m.span()) for m in list(re.finditer(r"\S{1,8}", text))[:12]),
                       Token("</s>", len(text), len(text))] for text in (source, target))
        before = [Token("<s>", 0, 0), *rows[:-1]]
        sides = {"encoder": (keys, keys), "decoder": (rows, before), "cross": (rows, keys)}
        found = {}
        for kind, (queries, columns) in sides.items():
            weights = self.random.dirichlet(np.ones(len(columns)), (1, 2, len(queries)))
            if kind == "decoder":
                weights = np.tril(weights)
                weights /= weights.sum(-1, keepdims=True)
            found[kind] = AttentionRecord(source, queries, columns, weights, kind=kind,
                                          target_text=None if kind == "encoder" else target)
        return found

    def without_head(self, *_: Any) -> Any:
        return nullcontext()


def _translation(case: Any, folder: Path) -> dict[str, Path]:
    from gluonattn.translation import study
    from gluonattn.translation.report import write_report

    history = [{"epoch": n, "train_loss": 2.0 / n, "valid_loss": 3.0 / n, "valid_bleu": 10.0 * n} for n in (1, 2)]
    name = re.sub(r"[/\0]", "", case["names"][0]) or "model"
    with mock.patch.multiple(study, load_translator=lambda _, epoch=None: _Speaker(case, epoch),
                             load_checkpoint=lambda _: SimpleNamespace(history=history)):
        found = study.study_of(folder / name, sentences=6, examples=[_Speaker(case).held_out("test")[0].source])
    return write_report(found, folder / "page.html", lang=case["lang"])
