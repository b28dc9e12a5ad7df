"""A small language that a small model learns in seconds: adjectives change places with nouns, as in French."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from ..conftest import made_once
from ..needs import require_mxnet

NOUNS = {"cat": "chat", "dog": "chien", "horse": "cheval", "bird": "oiseau", "fish": "poisson"}
ADJECTIVES = {"red": "rouge", "black": "noir", "big": "grand", "small": "petit"}
VERBS = {"sleeps": "dort", "eats": "mange", "sings": "chante", "falls": "tombe"}
SMALL = {"units": 32, "hidden_size": 64, "num_layers": 1, "num_heads": 2, "dropout": 0.0}


def toy_pairs() -> list[tuple[str, str]]:
    return [(f"the {adjective} {noun} {verb}.", f"le {NOUNS[noun]} {ADJECTIVES[adjective]} {VERBS[verb]} .")
            for adjective, noun, verb in product(ADJECTIVES, NOUNS, VERBS)]


@pytest.fixture(scope="session")
def toy_file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("pairs") / "toy.tsv"
    rows = "".join(f"{source}\t{target}\n" for source, target in toy_pairs())
    path.write_text(f"source\ttarget\n{rows}", encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def require_translation():
    for name in ("sentencepiece", "sacrebleu"):
        pytest.importorskip(name, reason='needs the extra: pip install "gluonattn[translation]"')


@pytest.fixture(scope="session")
def toy_model(tmp_path_factory, toy_file, require_translation) -> Path:
    """Checkpoint folder of a small model of the small language."""
    require_mxnet()
    from gluonattn.translation.training import train_translation

    return made_once(tmp_path_factory, "translation", lambda folder: train_translation(
        toy_file, folder, epochs=25, batch_size=8, learning_rate=5e-3, subwords=60, validation=8, test=10, seed=1,
        device="cpu", workers=1, label_smoothing=0.0, snapshots=(0, 1, 3), model=SMALL))
