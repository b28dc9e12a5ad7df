"""Long texts: only chosen layers, heads and words are computed, held and shown."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gluonattn.classifier.opened.opening import open_classifier
from gluonattn.errors import OptionError, RecordError
from gluonattn.record import Part

from .conftest import CLOSE, FAMILIES, TEXT

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_part_is_what_the_whole_has_there(classifiers, family):
    opened = open_classifier(*classifiers(family))
    whole = opened.explain(TEXT, "gradient-input")
    for part in (Part(), Part([1], [2, 0], [0, -1]), Part(top=3), Part([-1], None, [2], 2)):
        found, expected = opened.explain(TEXT, "gradient-input", part=part), part.of(whole)
        assert found.weights == pytest.approx(expected.weights, abs=CLOSE)
        assert (found.queries, found.keys, found.normalised) == (expected.queries, expected.keys, expected.normalised)
        assert found.source["chosen"] == expected.source["chosen"] and found.prediction == whole.prediction
        assert found.attributions["gradient-input"] == pytest.approx(expected.attributions["gradient-input"], abs=CLOSE)
        with pytest.raises(RecordError, match="before it is saved, merged or selected"):
            found.drop(0)


def test_never_more_than_some_rows_of_what_is_chosen_is_held(classifiers, monkeypatch):
    import torch

    model, tokenizer = classifiers("Bert", max_position_embeddings=1024)
    opened, held, own = open_classifier(model, tokenizer), [], torch.Tensor.softmax
    monkeypatch.setattr(torch.Tensor, "softmax", lambda scores, axis: (held.append(scores.numel()), own(scores, axis))[1])
    found = opened.explain(" ".join([TEXT] * 30), part=Part([0], [1], None, 8))
    assert found.weights.shape == (1, 1, 240, 8) and found.source["chosen"]["tokens"] == 240
    assert held and max(held) < 600 * 600 / 2


def test_what_is_not_there_is_refused_before_anything_is_computed(classifiers):
    opened = open_classifier(*classifiers("Bert"))
    with pytest.raises(OptionError, match="at least 1; got 0"):
        opened.explain_each([TEXT], part=Part(top=0))
    with pytest.raises(RecordError, match="layer 7"):
        opened.explain(TEXT, part=Part([7]))


def test_the_command_takes_a_part(classifiers, tmp_path, capsys):
    from gluonattn.cli.app import main

    for one in classifiers("Bert"):
        one.save_pretrained(tmp_path / "model")
    with pytest.raises(SystemExit) as left:
        main(["explain", TEXT, "--model", str(tmp_path / "model"), "--layers", "1", "--heads", "0-1", "--queries", "0,2",
              "--top", "3", "--method", "leave-one-out", "--json", "--out", str(tmp_path / "page.html")])
    assert left.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert np.shape(found["weights"]) == (1, 2, 2, 3) and found["source"]["chosen"]["layers"] == [1]
    assert len(found["attributions"]["leave-one-out"]) == 3
    assert "<!doctype html>" in (tmp_path / "page.html").read_text(encoding="utf-8")
    with pytest.raises(SystemExit) as left:
        main(["explain", TEXT, "--model", str(tmp_path / "model"), "--layers", "0,1", "--layer", "1"])
    assert left.value.code == 2 and "give the number only to --layers" in capsys.readouterr().err
    with pytest.raises(SystemExit) as left:
        main(["explain", TEXT, "--model", str(tmp_path / "model"), "--layers", "last"])
    assert left.value.code == 2 and "--layers takes numbers counted from 0, as in 0,3 or 0-5;" in capsys.readouterr().err


def test_progress_is_told_before_the_first_text_too(classifiers):
    """A text of thousands of pieces takes minutes, and is the only one."""
    told = []
    opened = open_classifier(*classifiers("Bert"))
    assert len(list(opened.explain_each([TEXT], progress=lambda *counts: told.append(counts)))) == 1
    assert told == [(0, 1), (1, 1)]
