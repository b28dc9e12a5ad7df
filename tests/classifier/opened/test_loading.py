"""The commands on a folder of transformers: the same options as for ours."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from gluonattn.cli.app import app
from gluonattn.record import load_record

from .conftest import TEXT

pytestmark = [pytest.mark.torch, pytest.mark.huggingface]


@pytest.fixture(scope="module")
def folder(classifiers, tmp_path_factory):
    made = tmp_path_factory.mktemp("electra") / "electra"
    for part in classifiers("Electra"):
        part.save_pretrained(made)
    return made


def run(*arguments, code: int = 0):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == code, done.output + repr(done.exception)
    return done


def test_explain_writes_every_view(folder, tmp_path):
    outs = [tmp_path / name for name in ("page.html", "overlay.png", "heatmap.svg", "record.npz", "record.json")]
    shown = run("explain", "--model", folder, TEXT, "--method", "rollout",
                *(x for out in outs for x in ("--out", out))).output
    assert "rollout" in shown and "random draws" in shown and all(out.stat().st_size > 1000 for out in outs)
    record = load_record(outs[3])
    assert record.source["model"] == "electra" and list(record.attributions) == ["rollout"]
    assert TEXT in outs[0].read_text(encoding="utf-8")


def test_explain_as_json_with_a_target(folder):
    said = json.loads(run("explain", "--model", folder, TEXT, "--target", "긍정", "--json").stdout)
    about = said["source"]["explanation"]
    assert about["label"] == "긍정" and about["method"] == "leave-one-out" and set(about["what_if"]) == {"drop"}


def test_predict_labels_a_file_with_records(folder, tmp_path):
    rows, out, weights = (tmp_path / name for name in ("rows.csv", "out.csv", "weights.jsonl"))
    rows.write_text(f"text,n\n\"{TEXT}\",1\n,2\n별로,3\n", encoding="utf-8")
    run("predict", "--model", folder, rows, "--out", out, "--weights", weights, "--method", "attention")
    lines = out.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "text,n,predicted_label,probability_부정,probability_긍정" and lines[2] == ",2,,,"
    assert [json.loads(line)["line"] for line in weights.read_text(encoding="utf-8").splitlines()] == [2, 4]


def test_a_long_text_is_refused_before_anything_and_the_option_that_is_named_works(folder):
    long = "좋다 " * 200
    error = run("explain", "--model", folder, "별로", long, code=1)
    assert "--max-length 64" in str(error.exception) and "별로" not in error.stdout
    assert "of 200 tokens" in run("explain", "--model", folder, long, "--max-length", "64").stdout


def test_options_of_ours_alone_say_so(folder):
    assert "which torch computes" in str(run("explain", "--model", folder, TEXT, "--engine", "onnx", code=1).exception)
    assert "'account'" in str(run("explain", "--model", folder, TEXT, "--method", "account", code=1).exception)
    assert "folders of transformers" in str(run("explain", TEXT, "--max-length", "9", code=1).exception)


def test_methods_lists_which_kind_of_model_has_each():
    said = json.loads(run("methods", "--json").stdout)
    assert set(said["account"]["models"]) == {"gluonattn"} and set(said["rollout"]["models"]) == {"transformers"}
    assert said["attention-gradient"]["signed"] and not said["attention-gradient"]["models"]["transformers"]["signed"]
    assert "rollout" in run("methods").stdout
