from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.predictor import load
from gluonattn.classifier.vectors import with_vectors
from gluonattn.errors import OptionError
from gluonattn.models.cells import CELLS, DotProductCell

from ..needs import require_mxnet
from ..tolerance import tolerance

TEXTS = ["연기는 좋았는데 이야기가 아쉽다", "최고"]


@pytest.mark.parametrize("cell", [name for name, cell in CELLS.items() if isinstance(cell, DotProductCell)])
def test_scores_are_the_products_of_queries_and_keys(tmp_path, cell):
    from gluonattn.classifier.training import train

    require_mxnet()
    folder = train("sample", tmp_path / "m", epochs=1, cell=cell, device="cpu", workers=1,
                   model={"embed_size": 16, "hidden_size": 8})
    predictor = load(folder, engine="numpy")
    records = with_vectors(predictor, TEXTS)
    plain = predictor.explain_all(TEXTS)
    for record, expected in zip(records, plain):
        assert (record.weights == expected.weights).all()
        made = _softmax_or_what_the_cell_has(cell, record)
        assert np.abs(made - record.weights).max() < tolerance(16, 2, scale=4)
    assert records[0].heads == (4 if cell == "multi-head" else 1)


def _softmax_or_what_the_cell_has(cell, record):
    from gluonattn.classifier.engines.numpy_engine import NumpyClassifier

    class Given(type(CELLS[cell])):
        def queries_and_keys(self, F, model, states):
            return states

    F = NumpyClassifier("default", {}, {})
    pairs = np.ones((1, 1, *record.weights.shape[2:]), np.float32)
    return Given().weights(F, {}, (record.queries_vectors, record.keys_vectors), pairs)


def test_other_cells_say_that_they_have_no_such_space(tiny_model):
    with pytest.raises(OptionError, match="the mlp cell's scores are not dot products"):
        with_vectors(load(tiny_model, engine="numpy"), TEXTS)
