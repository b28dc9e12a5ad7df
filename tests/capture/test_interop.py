"""Captum, started from a captured record as docs/capture.md has it."""

from __future__ import annotations

import html

import numpy as np
import pytest

from ..test_readme import ROOT, blocks
from ..tolerance import tolerance

pytestmark = pytest.mark.interop


def test_captum_explains_the_tokens_of_a_record(build):
    pytest.importorskip("captum", reason="needs Captum: pip install captum")
    (code,) = [b for b in blocks(ROOT / "docs" / "capture.md", "py") if "captum" in b]
    model, tokenizer = build("bert")
    names = dict(model=model, tokenizer=tokenizer, text="정말 좋은 영화")
    exec(compile(code, "docs/capture.md", "exec"), names)
    record, scores = names["record"], names["scores"]
    assert scores.shape == names["received"].shape == (len(record.keys),)
    assert abs(names["received"].sum() - 1) < tolerance(len(record.keys), 4)
    # Integrated gradients are complete: they sum to what the text changes of the score, up to the steps of the integral.
    ids = names["ids"]
    torch = names["torch"]
    with torch.no_grad():
        moved = (names["score"](ids) - names["score"](torch.full_like(ids, tokenizer.pad_token_id))).item()
    assert np.isfinite(scores).all() and abs(scores.sum() - moved) < 0.05 * max(1, abs(moved))
    shown = html.unescape(names["page"])
    assert "integrated gradients" in shown and all(token.text in shown for token in record.keys)
