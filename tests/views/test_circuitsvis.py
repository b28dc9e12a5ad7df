from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import RecordError
from gluonattn.record import AttentionRecord, Token
from gluonattn.views.circuitsvis import to_circuitsvis

TOKENS = [Token("영화", 0, 2), Token("좋다", 3, 5)]


def made(keys=TOKENS) -> AttentionRecord:
    weights = np.full((2, 3, 2, len(keys)), 1 / len(keys))
    return AttentionRecord("영화 좋다", TOKENS, keys, weights)


def test_the_page_has_the_tokens_and_every_head():
    pytest.importorskip("circuitsvis.attention", reason="needs circuitsvis: pip install circuitsvis")
    page = to_circuitsvis(made(), layer=1)
    assert "AttentionPatterns" in page and page.count("0.5") >= 12


def test_what_it_cannot_show_is_said():
    with pytest.raises(RecordError, match="queries and keys differ"):
        to_circuitsvis(made(TOKENS[:1]))
    with pytest.raises(RecordError, match="layer 2 is not among 0 to 1"):
        to_circuitsvis(made(), layer=2)
