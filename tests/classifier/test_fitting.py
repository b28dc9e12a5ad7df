"""One weight for each head: what is fitted, kept and refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

import gluonattn
from gluonattn.classifier.fitted import (
    FILE,
    NAME,
    FittedAttention,
    choose_method,
    load_fitted,
    received_by_heads,
)
from gluonattn.classifier.fitting import _agreement, _solve, fit_attention
from gluonattn.classifier.kinds import open_batch
from gluonattn.errors import CheckpointError, OptionError

from ..tolerance import tolerance

TEXTS = ["연기는 좋다", "정말 재미없다 돈이 아깝다", "최고의 영화", "별로였다 다시는 안 본다", "음악이 참 좋았다",
         "지루하고 길다", "배우들이 좋다 또 보고 싶다", "시간이 아깝다 정말", "감동적인 이야기", "연출이 엉망이다",
         "눈물이 났다", "웃기고 재밌다"]


def test_weights_that_made_the_answers_are_found_again():
    rng = np.random.default_rng(0)
    true, parts = np.array([2.0, -1.0, 0.0, 0.5]), []
    for _ in range(30):
        columns = rng.random((20, 4))
        parts.append((columns, columns @ true + rng.normal()))  # each text has a level of its own
    found = _solve(parts, 0.0)
    assert found == pytest.approx(true, abs=tolerance(600, 4, scale=10, dtype=np.float64))
    assert _agreement(parts, found) == pytest.approx(1)
    assert np.linalg.norm(_solve(parts, 10.0)) < np.linalg.norm(found)


def test_answers_that_are_all_alike_tell_nothing():
    assert _agreement([(np.ones((4, 2)), np.arange(4.0)), (np.eye(4)[:, :2], np.zeros(4))], np.ones(2)) == 0


@pytest.fixture(scope="module")
def model():
    return gluonattn.load(engine="numpy")


def test_our_own_cells_are_fitted_by_the_same_function(model):
    found = fit_attention(model, TEXTS, ablations=6)
    batch, _ = open_batch(model, TEXTS[:2])
    received = received_by_heads(batch, 1)
    assert np.array(found.weights).shape == received.shape[:2]
    targets = [int(passed.probabilities.argmax()) for passed in batch.passes]
    scores = found.score(batch, targets)[1].scores
    assert scores == pytest.approx(np.einsum("lh,lhw->w", found.weights, received))
    turned = found.score(batch, [1 - target for target in targets])[1].scores
    assert turned == pytest.approx(-scores)
    assert found == fit_attention(model, TEXTS, ablations=6)


def test_too_little_to_learn_from_is_said(model):
    with pytest.raises(OptionError, match="at least 10"):
        fit_attention(model, TEXTS[:3])
    for ablations in (-1, 1, 10**20):
        with pytest.raises(OptionError, match=f"from 2 to 10,000; got {ablations}"):
            fit_attention(model, TEXTS, ablations=ablations)
    with pytest.raises(OptionError, match="seed must be"):
        fit_attention(model, TEXTS, seed=-1)


def test_what_is_kept_is_read_again_and_anything_else_refused(model, tmp_path):
    own = FittedAttention(((0.5,), (1.5,)), 8, 6, 0.5, 0.25, 2)
    own.save(tmp_path / FILE)
    assert load_fitted(tmp_path / FILE) == own
    with pytest.raises(OptionError, match="2 layers x 1 heads do not fit a model of 1 x"):
        own.score(open_batch(model, TEXTS[:1])[0], [0])
    whole = json.loads((tmp_path / FILE).read_text())
    for name in set(whole) - {"weights", "correlation", "even"}:
        for value in ("Infinity", "-Infinity", "NaN", "1e999", "null", '"a"', "[]"):
            (tmp_path / FILE).write_text(json.dumps({**whole, name: 0}).replace(f'"{name}": 0', f'"{name}": {value}'))
            with pytest.raises(CheckpointError, match=FILE):
                load_fitted(tmp_path / FILE)
    for content in ('{"weights": [[1]]}', '{"weights": ["a"]}', '{"weights": [[NaN]], "texts": 1}', "[]", "{"):
        (tmp_path / FILE).write_text(content)
        with pytest.raises(CheckpointError, match=FILE):
            load_fitted(tmp_path / FILE)
    with pytest.raises(CheckpointError, match="fit-attention"):
        load_fitted(tmp_path / "missing.json")


def test_a_method_without_its_weights_says_how_they_are_made(model):
    with pytest.raises(OptionError, match=f"{FILE}.*fit-attention"):
        choose_method(NAME, model.methods)
    with pytest.raises(OptionError, match="unknown attribution method 'attention-fited'"):
        choose_method("attention-fited", model.methods)


def test_the_command_writes_beside_the_model_and_explain_finds_it(model, tmp_path, capsys):
    import shutil

    from gluonattn.cli.app import main

    folder, source = tmp_path / "model", tmp_path / "texts.txt"
    shutil.copytree(model.folder, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    source.write_text("\n".join(TEXTS), encoding="utf-8")
    for arguments in (["fit-attention", str(source), "--model", str(folder), "--ablations", "4", "--json"],
                      ["explain", TEXTS[0], "--model", str(folder), "--method", NAME, "--json"]):
        with pytest.raises(SystemExit) as left:
            main(arguments)
        said = capsys.readouterr()
        assert left.value.code == 0, said.err
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name != FILE} == before
    record = gluonattn.load(folder, engine="numpy").explain(TEXTS[0], method=NAME)
    assert NAME in json.dumps(json.loads(said.out)) and np.isfinite(record.attributions[NAME]).all()
