"""gluonattn's pronunciation against an independent library (pytest -m g2p)."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import locate
from gluonattn.errors import DependencyError
from gluonattn.pronunciation.pairs import word_pairs

SCRIPT = Path(__file__).parents[2] / "scripts" / "compare_pronunciation.py"


@pytest.mark.g2p
def test_words_said_by_rules_alone_are_said_the_same_by_g2pkk():
    try:
        other = runpy.run_path(str(SCRIPT))["other_library"]()
    except DependencyError as error:
        pytest.skip(str(error))
    sets = word_pairs(read_reviews(locate("sample").train).texts)
    pairs = [p for p in sets.train if p.kind == "rules"][:400]
    differ = [(p.spelling, p.said.sounds, other(p.spelling)) for p in pairs
              if other(p.spelling) not in (p.said.sounds, *p.said.also)]
    assert len(differ) <= 0.02 * len(pairs), differ
