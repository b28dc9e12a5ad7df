"""The command group `translation`."""

from __future__ import annotations

import json

import pytest

from gluonattn.cli.app import main

pytestmark = pytest.mark.translation


def run(capsys, *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_train_translate_evaluate_and_report(toy_file, tmp_path, capsys, require_translation):
    model = str(tmp_path / "model")
    sizes = ["--layers", "1", "--heads", "2", "--units", "16", "--hidden-size", "16", "--subwords", "60",
             "--validation", "8", "--test", "10"]
    code, out, err = run(capsys, "translation", "train", "--data", str(toy_file), "--out", model, "--epochs", "2",
                         "--snapshots", "0,1", "--device", "cpu", *sizes)
    assert code == 0, err
    assert "valid bleu" in out and "saved" in out
    assert f"gluonattn translation evaluate --model {model}" in out.replace("\n", "")
    code, out, err = run(capsys, "translation", "translate", "-m", model, "the red cat sleeps.", "the 漢 cat.", "--json")
    assert code == 0 and [row["unknown"] for row in json.loads(out)] == [[], ["漢"]]
    picture = tmp_path / "cross.png"
    code, out, err = run(capsys, "translation", "translate", "-m", model, "the red cat sleeps.", "--view", "cross", "--out",
                         str(picture))
    assert code == 0 and picture.read_bytes()[:4] == b"\x89PNG", err
    code, out, err = run(capsys, "translation", "evaluate", "-m", model, "--beam", "1", "--json")
    found = json.loads(out)
    assert code == 0 and found["sources"] == 10 and found["bleu"][1] <= found["bleu"][0] <= found["bleu"][2]
    code, out, err = run(capsys, "report", "translation", model, "--out", str(tmp_path / "page.html"), "--sentences", "4",
                         "--lang", "en")
    assert code == 0 and (tmp_path / "page.html").exists() and "BLEU" in out, err


@pytest.mark.parametrize(("arguments", "said"), [
    (["translate", "-m", "MODEL"], "give a sentence"),
    (["translate", "-m", "MODEL", "a", "--view", "cross"], "go together"),
    (["translate", "-m", "MODEL", "a", "--view", "side", "--out", "a.png"], "view"),
    (["translate", "-m", "MODEL", "the cat sleeps.", "--view", "cross", "--out", "OUT.png", "--layer", "4"], "--layer"),
    (["evaluate", "-m", "nothing"], "nothing"),
    (["evaluate", "-m", "MODEL", "--limit", "0"], "limit"),
    (["train", "--data", "nothing.tsv"], "cannot read nothing.tsv"),
    (["train", "--data", "nothing.tsv", "--snapshots", "a"], "--snapshots"),
    (["report", "MODEL", "--lang", "fr"], "language"),
])
def test_mistakes_have_a_line_and_no_traceback(toy_model, tmp_path, capsys, arguments, said):
    words = [str(toy_model) if word == "MODEL" else word.replace("OUT", str(tmp_path / "out")) for word in arguments]
    code, _, err = run(capsys, "translation", *words)
    assert code == 2 and said in err and "Traceback" not in err


def test_a_classifier_is_not_a_translator(tiny_model, capsys):
    code, _, err = run(capsys, "translation", "evaluate", "-m", str(tiny_model))
    assert code == 2 and "'translation' was expected" in err
