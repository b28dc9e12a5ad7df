"""A pair of sentences: who looks at whom, and how the mass is shared out."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord, Token
from gluonattn.record.pairs import join_pair, look_between, share_mass, sides_of
from gluonattn.views.grid import grid

from ..tolerance import tolerance


@pytest.fixture
def pair():
    text, start = join_pair("비가 온다", "맑다")
    tokens = [Token("[CLS]", 0, 0), Token("비가", 0, 2), Token("온다", 3, 5), Token("[SEP]", 5, 5),
              Token("맑다", start, start + 2), Token("[SEP]", start + 2, start + 2)]
    weights = np.random.default_rng(0).dirichlet(np.ones(6), size=(2, 3, 6)).astype(np.float32)
    return AttentionRecord(text, tokens, tokens, weights, source={"pair": start})


def test_each_token_is_of_one_sentence_or_none(pair):
    assert pair.text == "비가 온다\n맑다" and pair.text[pair.keys[4].start : pair.keys[4].end] == "맑다"
    assert sides_of(pair, pair.keys).tolist() == [-1, 0, 0, -1, 1, -1]


@pytest.mark.parametrize("way, rows, columns", [("A-B", [1, 2], [4]), ("B-A", [4], [1, 2]), ("A-A", [1, 2], [1, 2]),
                                                ("B-B", [4], [4])])
def test_one_sentence_looks_at_the_other(pair, way, rows, columns):
    found = look_between(pair, way)
    assert (found.weights == pair.weights[:, :, rows][..., columns]).all()
    assert not found.normalised and found.source["dropped_mass"] > 0 and found.source["between"] == way


def test_the_mass_of_each_head_is_shared_out_whole(pair):
    found = share_mass(pair)
    assert found.weights.shape == (2, 3, 2, 3)
    close = tolerance(6)
    assert found.weights.sum(-1) == pytest.approx(np.ones((2, 3, 2)), abs=close)
    assert found.weights[1, 2, 0, 1] == pytest.approx(pair.weights[1, 2, [1, 2], 4].mean(), abs=close)
    assert found.weights[1, 2, 1, 0] == pytest.approx(pair.weights[1, 2, 4, [1, 2]].sum(), abs=close)
    assert [token.text for token in found.keys] == ["A", "B", "[rest]"]
    grid(found)  # every view takes it
    kept = share_mass(pair.select(keys=[1, 2, 4]))  # what was left out is rest
    assert kept.weights == pytest.approx(found.weights, abs=close)


def test_what_is_no_pair_is_refused(pair):
    with pytest.raises(RecordError, match="capture --pair"):
        share_mass(AttentionRecord(pair.text, pair.keys, pair.keys, pair.weights))
    with pytest.raises(RecordError, match="0 keys"):
        look_between(pair.select(keys=[0, 1]), "A-B")
    with pytest.raises(RecordError, match="both sentences"):
        share_mass(pair.select(queries=[1]))
    with pytest.raises(OptionError, match="A-B"):
        look_between(pair, "A-C")
