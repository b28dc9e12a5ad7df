"""The command line, as processes and in-process through its own entry point."""

from __future__ import annotations

import csv
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest
import typer

import gluonattn
from gluonattn.cli.app import app, main
from gluonattn.cli.explaining import _JsonList
from gluonattn.data.sources import locate
from gluonattn.models.cells import CELLS
from gluonattn.options import SENTENCE
from gluonattn.record import load_record

from ..needs import require_mxnet
from ..tolerance import tolerance

ROOT = Path(__file__).parents[2]


def names_of(group, before=()) -> list[str]:
    """Every command of the command line, those of groups too."""
    found = []
    for name, one in group.commands.items():
        found += names_of(one, (*before, name)) if hasattr(one, "commands") else [" ".join((*before, name))]
    return found


COMMANDS = names_of(typer.main.get_command(app))


def run(*arguments, path=os.environ["PATH"], **options) -> subprocess.CompletedProcess:
    """The command in a process of its own."""
    return subprocess.run(command(*arguments), capture_output=True, text=True, check=False,
                          env={**environment(), "PATH": path}, **options)


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "gluonattn", *map(str, arguments)]


def environment() -> dict:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def call(capsys, *arguments) -> tuple[int, str, str]:
    """The command in this process: exit code, stdout, stderr."""
    with pytest.raises(SystemExit) as exit:
        main([str(a) for a in arguments])
    printed = capsys.readouterr()
    return exit.value.code or 0, printed.out, printed.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(capsys, name):
    code, out, _ = call(capsys, *name.split(), "--help")
    assert code == 0
    assert f"  gluonattn {name}" in out.partition("Examples:")[2]


def test_every_example_names_options_that_exist(capsys):
    """Each example parses: run with --help behind it, a wrong option would be refused first."""
    for name in COMMANDS:
        _, out, _ = call(capsys, *name.split(), "--help")
        for line in out.partition("Examples:")[2].splitlines():
            options = [word for word in line.split() if word.startswith("--")]
            for option in options:
                assert option in out.partition("Examples:")[0], (line, option)


def test_help_loads_no_framework():
    code = ("import sys; sys.argv = ['gluonattn', '--help']\n"
            "from gluonattn.cli.app import main\n"
            "try: main()\n"
            "except SystemExit: pass\n"
            "print(sorted({'mxnet', 'torch', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(),
                          check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_cells_and_tokenizers_are_listed(capsys):
    code, out, _ = call(capsys, "cells", "--json")
    assert code == 0 and json.loads(out) == {
        name: {"formula": cell.formula, "source": cell.source} for name, cell in CELLS.items()}


@pytest.mark.java  # four of them run on Java, and where it is here take seconds to start
def test_tokenizers_show_how_they_split_a_text(capsys):
    _, out, _ = call(capsys, "tokenizers", "--json", "--text", "수준떨어지는 연출")
    rows = json.loads(out)
    assert len(rows) == 9 and rows["mecab"]["ready"]
    assert rows["whitespace"]["tokens"] == [["수준떨어지는", 0, 6, None], ["연출", 7, 9, None]]


def test_tokenizers_are_looked_for_and_started_only_when_asked(capsys, monkeypatch):
    import gluonattn.text

    started = []
    monkeypatch.setattr(gluonattn.text, "tokenizer", started.append)
    code, out, _ = call(capsys, "tokenizers")
    assert code == 0 and len(out.splitlines()) == 9 and not started
    code, out, _ = call(capsys, "tokenizers", "--check")
    assert code == 0 and len(started) == 9


def test_the_version(capsys):
    assert call(capsys, "--version") == (0, f"gluonattn {gluonattn.__version__}\n", "")


def test_a_checkout_that_is_not_installed_has_no_version(monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert gluonattn.__version__ == "0+unknown"


@pytest.mark.parametrize("words", [["explain", SENTENCE * 5], ["--help"], ["explain", "--help"]], ids=lambda words: words[0])
def test_in_a_pipe_nothing_wraps(words, capsys, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    code, wide, _ = call(capsys, *words)
    monkeypatch.setenv("COLUMNS", "40")
    _, narrow, _ = call(capsys, *words)
    assert code == 0 and len(wide.splitlines()) < len(narrow.splitlines())
    assert max(map(len, wide.splitlines())) > 80


def test_colours_that_are_asked_for_by_name_go_through_a_pipe(tiny_model, capsys):
    assert "\x1b[" in call(capsys, "explain", "--model", tiny_model, SENTENCE, "--colours", "full")[1]
    assert "\x1b[" not in call(capsys, "explain", "--model", tiny_model, SENTENCE)[1]


def test_evaluating_what_was_trained_on_is_said(tiny_model, tmp_path, capsys):
    train = locate("sample").train
    code, out, _ = call(capsys, "evaluate", "--model", tiny_model, "--data", train)
    assert code == 0 and "about 90% of these reviews are among those it was trained on" in out
    code, out, _ = call(capsys, "evaluate", "--model", tiny_model, "--data", train, "--json")
    assert json.loads(out)["trained_on"] == {"share": 0.899, "sampled": 944}
    assert "trained on" not in call(capsys, "evaluate", "--model", tiny_model)[1]  # the sample's test file
    older = shutil.copytree(tiny_model, tmp_path / "older")
    (older / "trained_on.json").unlink()
    assert "trained on" not in call(capsys, "evaluate", "--model", older, "--data", train)[1]


@pytest.mark.nsmc
def test_the_box_knows_what_it_was_trained_on(nsmc, tmp_path, capsys):
    with open(nsmc / "ratings_train.txt", encoding="utf-8") as file, open(tmp_path / "a.tsv", "w", encoding="utf-8") as part:
        part.writelines(line for line, _ in zip(file, range(3001)))
    assert "among those it was trained on" in call(capsys, "evaluate", "--data", tmp_path / "a.tsv")[1]
    with open(nsmc / "ratings_test.txt", encoding="utf-8") as file, open(tmp_path / "b.tsv", "w", encoding="utf-8") as part:
        part.writelines(line for line, _ in zip(file, range(3001)))
    assert "trained on" not in call(capsys, "evaluate", "--data", tmp_path / "b.tsv")[1]


def test_from_training_to_picture(tmp_path, capsys):
    """train, evaluate, explain and predict by hand, as the README has them."""
    require_mxnet()
    model = tmp_path / "model"
    code, out, err = call(capsys, "train", "--epochs", 1, "--out", model, "--json")
    assert code == 0, err
    assert json.loads(out)["best"]["epoch"] == 1
    code, out, _ = call(capsys, "evaluate", "--model", model, "--json")
    result = json.loads(out)
    assert code == 0 and result["reviews"] == 236
    assert sum(map(sum, result["confusion"])) == 236
    for ending in ("png", "svg", "pdf", "npz"):
        code, out, _ = call(capsys, "explain", "--model", model, SENTENCE, "--out", tmp_path / f"picture.{ending}")
        assert code == 0 and (tmp_path / f"picture.{ending}").stat().st_size > 500
    assert "수준떨어지는" in out
    assert load_record(tmp_path / "picture.npz").text == SENTENCE
    code, out, _ = call(capsys, "explain", "--model", model, SENTENCE, "--json")
    assert json.loads(out)["text"] == SENTENCE


def test_explain_writes_several_views_at_once(tiny_model, tmp_path, capsys):
    wanted = [tmp_path / name for name in ("o.png", "p.html", "t.txt", "r.json")]
    code, out, err = call(capsys, "explain", "--model", tiny_model, SENTENCE,
                          *(part for path in wanted for part in ("--out", path)))
    assert code == 0, err
    for path, view in zip(wanted, ("overlay", "page", "terminal", "record")):
        assert path.stat().st_size and f"wrote {path} ({view} of 1 sentence)" in out
    code, _, err = call(capsys, "explain", "--model", tiny_model, SENTENCE, "--view", "heatmap", "--out", tmp_path / "h.svg")
    assert code == 0 and "주목받는 말" in (tmp_path / "h.svg").read_text("utf-8")


def test_a_file_of_sentences_makes_one_page_with_an_index(tiny_model, tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text("id,review\n1,재밌다\n2,\n3,최악이다\n", encoding="utf-8")
    code, out, err = call(capsys, "explain", "--model", tiny_model, "정말 좋다", "--from", source,
                          "--out", tmp_path / "p.html", "--lang", "en")
    assert code == 0 and "1 of 3 rows have no text and are left out" in err
    assert f"wrote {tmp_path / 'p.html'} (page of 3 sentences)" in out
    page = (tmp_path / "p.html").read_text("utf-8")
    assert all(text in page for text in ("정말 좋다", "재밌다", "최악이다")) and 'lang="en"' in page
    code, out, _ = call(capsys, "explain", "--model", tiny_model, "--from", source, "--json")
    assert [record["text"] for record in json.loads(out)] == ["재밌다", "최악이다"]


def test_open_starts_the_systems_viewer(tiny_model, tmp_path):
    """A real process: a stand-in xdg-open notes what it was asked to open."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "xdg-open").write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    (bin_ / "xdg-open").chmod(0o755)
    done = run("explain", "--model", tiny_model, "좋다", "--out", tmp_path / "o.png", "--open",
               path=f"{bin_}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stderr
    for _ in range(100):
        if (tmp_path / "opened").exists() and (tmp_path / "opened").read_text():
            break
        time.sleep(0.05)
    assert (tmp_path / "opened").read_text().strip() == str(tmp_path / "o.png")


def test_predict_keeps_rows_and_columns(tiny_model, tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text('id,review\n1,"재밌다, 정말"\n2,\n3,최악\n', encoding="utf-8")
    code, out, _ = call(capsys, "predict", "--model", tiny_model, source, "--out", tmp_path / "out.csv",
                        "--weights", tmp_path / "weights.jsonl", "--json")
    assert code == 0 and json.loads(out) == {"out": str(tmp_path / "out.csv"), "rows": 3, "without_text": 1}
    with open(tmp_path / "out.csv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["review"]) for row in rows] == [("1", "재밌다, 정말"), ("2", ""), ("3", "최악")]
    assert [bool(row["predicted_label"]) for row in rows] == [True, False, True]
    assert len((tmp_path / "weights.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(("arguments", "message"), [
    (["train", "--cell", "mpl"], "unknown attention cell 'mpl'.*Did you mean 'mlp'"),
    (["train", "--data", "nowhere"], "no data at 'nowhere'"),
    (["train", "--device", "tpu"], "unknown device 'tpu'"),
    (["train", "--epochs", "0"], "epochs must be"),
    (["evaluate", "--model", "nowhere"], "no checkpoint folder at nowhere"),
    (["explain", "--model", "nowhere", "안녕"], "no checkpoint folder"),
    (["explain", "--model", "{model}", "   "], "nothing to explain"),
    (["explain", "--model", "{model}", "좋다", "--out", "picture.bmp"], "expected a name that ends in"),
    (["explain", "--model", "{model}", "좋다", "--view", "page", "--out", "a.png"],
     "the view page cannot be written to a.png"),
    (["explain", "--model", "{model}", "좋다", "--open"], "--open opens the files of --out"),
    (["explain", "--model", "{model}"], "give a sentence to explain, or --from FILE"),
    (["explain", "--model", "{model}", "--from", "nowhere.csv"], "nowhere.csv"),
    (["explain", "--model", "{model}", "좋다", "최악", "--out", "a.png"], "can hold one sentence, got 2"),
    (["explain", "--model", "{model}", "좋다", "--out", "a.html", "--lang", "fr"], "unknown language 'fr'"),
    (["explain", "--model", "{model}", "좋다", "--target", "중립"],
     r"one of this model's labels, '0' \(부정\), '1' \(긍정\)"),
    (["explain", "--model", "{model}", "좋다", "--target", "1", "--method", "none"], "give a method too"),
    (["explain", "--model", "{model}", "좋다", "--head", "7"], "head 7 does not exist"),
    (["explain", "--model", "{model}", "좋다", "--colours", "pink"], "unknown colour mode 'pink'"),
    (["explain", "--model", "{model}", "좋다", "--out", "/nowhere/a.png"], "cannot write"),
    (["predict", "--model", "{model}", "nowhere.csv", "--out", "a.csv"], "cannot read nowhere.csv"),
])
def test_mistakes_print_one_line_and_exit_2(tiny_model, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, *(a.format(model=tiny_model) for a in arguments))
    assert code == 2
    last = err.strip().splitlines()[-1]
    assert last.startswith("error: ") and "Traceback" not in err
    import re
    assert re.search(message, last)


@pytest.mark.parametrize("target, label, name", [("0", "0", "부정"), ("긍정", "1", "긍정")])
def test_a_class_can_be_chosen(tiny_model, capsys, target, label, name):
    code, out, _ = call(capsys, "explain", "--model", tiny_model, SENTENCE, "--target", target)
    assert code == 0 and f"+ speaks for {name}, - against" in out
    code, out, _ = call(capsys, "explain", "--model", tiny_model, SENTENCE, "--target", target, "--json")
    assert code == 0 and json.loads(out)["source"]["explanation"]["label"] == label


def test_a_list_of_explanations_is_closed_when_the_work_is_stopped(capsys):
    with pytest.raises(KeyboardInterrupt), _JsonList(True) as show:
        show({"text": "좋다\nA"})
        show({"text": "\ud800"})
        raise KeyboardInterrupt
    assert json.loads(capsys.readouterr().out) == [{"text": "좋다\nA"}, {"text": "\ud800"}]


def test_of_many_texts_each_is_tested_with_fewer_draws_and_it_is_said(tiny_model, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("gluonattn.cli.explaining.MANY", 2)
    (tmp_path / "in.csv").write_text("text\n좋다\n별로 최악\n그냥 그래요\n", encoding="utf-8")
    code, out, err = call(capsys, "explain", "--model", tiny_model, "--from", tmp_path / "in.csv", "--json")
    assert code == 0 and "compared with 25 random draws, not 100; the effect of removing a word is not computed" in err
    told = [record["source"]["explanation"] for record in json.loads(out)]
    assert [one["honesty"]["draws"] for one in told] == [25] * 3 and not any("what_if" in one for one in told)
    page = ["explain", "--model", tiny_model, "--from", tmp_path / "in.csv", "--json", "--out", tmp_path / "page.html"]
    assert any("what_if" in record["source"]["explanation"] for record in json.loads(call(capsys, *page)[1]))


@pytest.mark.parametrize("arguments, message", [
    (["--out", "a.npz"], "a.npz can hold one sentence, got 2"),
    (["--out", "a.html", "--out", "b.svg"], "b.svg can hold one sentence, got 2"),
    (["--out", "a.html", "--layer", "1"], "layer 1 does not exist"), (["--json", "--head", "9"], "head 9 does not exist"),
])
def test_what_no_file_can_hold_is_said_before_the_work(tiny_model, tmp_path, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    worked = []
    monkeypatch.setattr("gluonattn.classifier.many.Batch", lambda *_: worked.append(1))
    Path("in.csv").write_text("text\n좋다\n별로\n", encoding="utf-8")
    code, out, err = call(capsys, "explain", "--model", tiny_model, "--from", "in.csv", *arguments)
    assert code == 2 and message in err and not worked and not out
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_of_a_file_something_is_shown_also_without_out(tiny_model, tmp_path, capsys):
    (tmp_path / "in.csv").write_text("text\n좋다\n\n별로 최악\n", encoding="utf-8")
    code, out, err = call(capsys, "explain", "--model", tiny_model, "--from", tmp_path / "in.csv", "--method", "none")
    assert code == 0 and out.startswith("2 sentences: ") and "--view terminal" in out and "1 of 3 rows have no text" in err
    code, shown, _ = call(capsys, "explain", "--model", tiny_model, "--from", tmp_path / "in.csv", "--view", "terminal")
    assert code == 0 and "좋다" in shown and "2 sentences" not in shown


ARGUMENTS = {  # that commands need beside the model
    "translation translate": ["I am happy."], "fit-attention": ["in.csv"], "report epochs": ["좋다", "--out", "a.html"],
    "report corpus": ["in.csv", "--out", "a.html"], "report project": ["in.csv", "--out", "a.html"], "explain": ["좋다"],
    "predict": ["in.csv", "--out", "out.csv"], "faithfulness": ["--rationales", "in.jsonl"], "publish": ["--out", "site"],
    "export": ["--to", "torch", "--out", "out.pt"], "evaluate": ["--data", "in.csv"]}
TRANSFORMERS = {"capture", "project", "report heads"}  # also take or take only models of transformers, by name


def command_named(name):
    one = typer.main.get_command(app)
    for part in name.split():
        one = one.commands[part]
    return one


def parameter_named_model(name):
    """The parameter of a command that is the folder of a checkpoint, or None."""
    found = [p for p in command_named(name).params if p.name in ("model", "models")]
    return found[0] if found and name not in TRANSFORMERS else None


MARKS = {"serve": pytest.mark.serve, "translation": pytest.mark.translation}  # commands that need an extra


@pytest.mark.parametrize("name", [pytest.param(name, marks=MARKS.get(name.split()[0], ()))
                                  for name in COMMANDS if parameter_named_model(name)])
def test_a_model_that_is_not_there_is_trained_by_the_command_of_its_own_task(capsys, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    Path("in.csv").write_text("text,label\n좋다,1\n싫다,0\n", encoding="utf-8")
    Path("in.jsonl").write_text('{"text": "좋다", "spans": [[0, 1]]}\n', encoding="utf-8")
    model = parameter_named_model(name)
    given = ["nowhere"] if model.param_type_name == "argument" else [model.opts[0], "nowhere"]
    code, _, err = call(capsys, *name.split(), *given, *ARGUMENTS.get(name, []))
    task = [part for part in name.split()[:1] if part in ("pronunciation", "translation")]
    train = " ".join(["gluonattn", *task, "train --out nowhere"])
    assert code == 2 and f"no checkpoint folder at nowhere: expected one written by `{train}`" in err


def takes_a_seed(name):
    return not name.endswith("train") and any("--seed" in p.opts for p in command_named(name).params)


@pytest.mark.parametrize("seed", ["-1", str(2**32), "1.5"])
@pytest.mark.parametrize("name", [name for name in COMMANDS if takes_a_seed(name)])
def test_a_seed_that_is_none_is_refused_before_anything_is_read(capsys, name, seed):
    code, _, err = call(capsys, *name.split(), "--seed", seed)
    assert code == 2 and "Invalid value for '--seed'" in err


@pytest.mark.parametrize("command", ["explain", "pronounce", "project"])
@pytest.mark.parametrize("name, content", [
    ("a.csv", "text\n"), ("a.tsv", "text\tlabel\n\t1\n"), ("a.jsonl", '{"text": null}\n'), ("a.txt", "text\n"),
    ("a.txt", " \n\n"), ("a.txt", "id\ttext\n")])
def test_a_file_without_texts_is_named(tiny_model, tmp_path, capsys, monkeypatch, command, name, content):
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(content, encoding="utf-8")
    options = {"explain": ["--model", tiny_model], "pronounce": [], "project": [tiny_model, "--out", "a.html"]}[command]
    code, _, err = call(capsys, command, *options, "--from", name)
    assert code == 2 and f"error: {name} holds no sentence" in err and "--from" not in err


@pytest.mark.parametrize("arguments, given", [
    (["evaluate", "--model", "{pronouncer}", "--data", "own.csv"], "No such option: --data"),
    (["evaluate", "--model", "{pronouncer}", "--text-column", "text"], "No such option: --text-column"),
    (["train", "--snapshots", "0,1"], "No such option: --snapshots"),
    (["train", "--extra-epochs", "1"], "error: --extra-epochs would have no effect: "),
    (["train", "--score-labels", "1=0"], "error: --score-labels would have no effect: "),
    (["train", "--pretrain-epochs", "2"], "error: --pretrain-epochs would have no effect: "),
])
def test_an_option_that_would_do_nothing_is_refused(tiny_pronouncer, tmp_path, capsys, monkeypatch, arguments, given):
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, *(one.format(pronouncer=tiny_pronouncer) for one in arguments))
    assert code == 2 and given in err and list(tmp_path.iterdir()) == []


def test_capture_of_a_checkpoint_names_the_command_that_shows_it(tiny_model, capsys):
    code, _, err = call(capsys, "capture", "--model", tiny_model, "--text", "정말 좋다", "--text", "별로")
    assert code == 2
    said = shlex.split(err[err.index("gluonattn explain") :])
    code, out, _ = call(capsys, *said[1:])
    assert code == 0 and "정말" in out and "별로" in out


def test_explain_and_predict_know_the_same_methods(tiny_model, tmp_path, capsys):
    source, out, weights = (tmp_path / name for name in ("in.csv", "out.csv", "weights.jsonl"))
    source.write_text("text\n좋다\n", encoding="utf-8")
    predicting = ["predict", source, "--out", out, "--weights", weights]
    code, _, _ = call(capsys, *predicting, "--model", tiny_model, "--method", "none")
    assert code == 0 and "explanation" not in json.loads(weights.read_text())["source"]
    for command in (predicting, ["explain", "좋다"]):
        code, _, err = call(capsys, *command, "--model", tiny_model, "--method", "lime")
        assert code == 2 and "'default', 'none'" in err


def test_an_engine_can_be_named(tiny_model, tmp_path, capsys):
    code, out, _ = call(capsys, "explain", "--model", tiny_model, SENTENCE, "--engine", "numpy", "--json")
    assert code == 0 and json.loads(out)["source"]["framework"] == "numpy"
    code, _, err = call(capsys, "explain", "--model", tiny_model, SENTENCE, "--engine", "abacus")
    assert code == 2 and "unknown engine 'abacus'" in err


def test_export_says_what_it_wrote(tiny_model, tmp_path, capsys):
    path = tmp_path / "model.safetensors"
    code, out, _ = call(capsys, "export", "--model", tiny_model, "--to", "torch", "--out", path, "--json")
    assert code == 0 and json.loads(out) == {"out": str(path), "to": "torch", "bytes": path.stat().st_size}


def test_debug_shows_the_traceback():
    done = run("evaluate", "--model", "nowhere", "--debug")
    assert done.returncode != 0
    assert "Traceback" in done.stderr and "CheckpointError" in done.stderr


def test_a_lone_surrogate_can_be_printed(tiny_model, tmp_path, capsys):
    (tmp_path / "half.jsonl").write_text(json.dumps({"text": "좋다 \udcff"}) + "\n", encoding="utf-8")
    code, out, err = call(capsys, "explain", "--model", tiny_model, "--from", tmp_path / "half.jsonl", "--json")
    assert code == 0, err
    assert json.loads(out)[0]["text"] == "좋다 \udcff"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_stopped_while_predicting_it_leaves_nothing(tiny_model, tmp_path, number, code):
    source = tmp_path / "big.tsv"
    with open(source, "w", encoding="utf-8") as file:
        file.write("document\n")
        file.writelines(f"정말 재미있는 영화 {i}\n" for i in range(200_000))
    process = subprocess.Popen(command("predict", "--model", tiny_model, source, "--out", tmp_path / "out.tsv"),
                               env=environment(), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out.tsv*")) and time.monotonic() < deadline:
        time.sleep(0.05)  # until the first byte of output has a place
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
    assert process.returncode == code
    assert "interrupted" in err and "Traceback" not in err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["big.tsv"]


def test_evaluate_tells_a_model_of_pronunciation_apart(capsys, tiny_pronouncer, tmp_path):
    code, out, _ = call(capsys, "evaluate", "--model", tiny_pronouncer)
    assert code == 0 and "exactly correct" in out and "article 26: tense" in out and "always or never 0.500" in out
    code, out, _ = call(capsys, "evaluate", "--model", tiny_pronouncer, "--json")
    result = json.loads(out)
    assert code == 0 and result["all"]["words"] == sum(row["words"] for row in result["kinds"].values())
    (tmp_path / "x.csv").write_text("text\n국물\n", encoding="utf-8")
    for arguments in (["explain", "국물"], ["predict", tmp_path / "x.csv", "--out", tmp_path / "y.csv"]):
        code, _, err = call(capsys, *arguments, "--model", tiny_pronouncer)
        assert code == 2 and "gluonattn pronunciation --help" in err


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_mxnets_notices_are_not_shown(workers, tmp_path):
    require_mxnet()
    (tmp_path / "reviews.tsv").write_text("text\tlabel\n" + "정말 좋다\t1\n참 별로다\t0\n" * 40, encoding="utf-8")
    done = run("train", "--data", tmp_path / "reviews.tsv", "--epochs", 1, "--workers", workers, "--out", tmp_path / "model",
               "--json")
    assert done.returncode == 0, done.stderr
    assert "src/" not in done.stderr and "src/" not in done.stdout


def test_commands_of_version_0_1_still_work_and_say_what_they_are_now(capsys, tmp_path, tiny_pronouncer):
    now = call(capsys, "pronunciation", "evaluate", "--model", tiny_pronouncer)
    for model in (["--model", tiny_pronouncer], [f"--model={tiny_pronouncer}"], ["-m", tiny_pronouncer]):
        code, out, err = call(capsys, "evaluate", *model)
        assert (code, out) == now[:2] and err == "note: this command is now `gluonattn pronunciation evaluate`\n"
    code, _, err = call(capsys, "report", "pronunciation", tmp_path / "nowhere")
    assert code == 2 and "is now `gluonattn pronunciation report`" in err and "no checkpoint folder" in err
    code, _, err = call(capsys, "train", "--task=reviews", "--epochs", 0)
    assert code == 2 and "epochs must be" in err


def test_train_refuses_snapshots_that_are_no_epochs(capsys, tmp_path):
    code, _, err = call(capsys, "train", "--task", "pronunciation", "--snapshots", "0,x", "--out", tmp_path / "model")
    assert code == 2 and "got '0,x'" in err
    code, _, err = call(capsys, "train", "--task", "poems", "--out", tmp_path / "model")
    assert code == 2 and "unknown task 'poems'" in err
    code, _, err = call(capsys, "train", "--task", "pronunciation", "--recipe", "post", "--out", tmp_path / "model")
    assert code == 2 and "No such option: --recipe" in " ".join(err.split())


def test_a_file_with_labels_says_right_from_wrong(tiny_model, tmp_path, capsys):
    source = tmp_path / "in.csv"
    source.write_text("text,label,stars\n정말 좋다,1,5\n,0,1\n별로다,1,2\n", encoding="utf-8")
    explain = ["explain", "--model", tiny_model, "--from", source, "--method", "none"]
    code, out, err = call(capsys, *explain, "그냥 그렇다", "--json", "--out", tmp_path / "page.html")
    assert code == 0 and [one["source"].get("true_label") for one in json.loads(out)] == [None, "1", "1"], err
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert page.count('"truth":null') == 1 and "정답" in page
    code, out, _ = call(capsys, *explain, "--view", "terminal")
    assert code == 0 and out.count("true label ") == 2
    code, _, err = call(capsys, *explain, "--label-column", "stars")
    assert code == 2 and "line 2: '5' in the column 'stars' is not a label of this model" in err
    source.write_text("text,stars\n정말 좋다,5\n", encoding="utf-8")
    code, out, err = call(capsys, *explain, "--json")
    assert code == 0 and "no true labels: " in err and "true_label" not in json.loads(out)[0]["source"]


def test_two_methods_stand_side_by_side(tiny_model, tmp_path, capsys):
    page = tmp_path / "page.html"
    explain = ["explain", "--model", tiny_model, SENTENCE, "--method", "leave-one-out", "--compare-method"]
    code, out, err = call(capsys, *explain, "norm", "--json", "--out", page)
    record = json.loads(out)
    assert code == 0 and list(record["attributions"]) == ["leave-one-out", "norm"], err
    assert record["source"]["explanation"]["method"] == "leave-one-out"
    assert '"beside":"norm"' in page.read_text(encoding="utf-8")
    alone = json.loads(call(capsys, "explain", "--model", tiny_model, SENTENCE, "--method", "norm", "--json")[1])
    expected = pytest.approx(alone["attributions"]["norm"], abs=tolerance(64, 4))  # sums of other batches
    assert record["attributions"]["norm"] == expected
    code, out, _ = call(capsys, *explain, "norm")
    assert code == 0 and out.count("random draws") == 1  # what was measured was measured of the first
    for wrong, said in ((["leave-one-out"], "both leave-one-out"), (["lime"], "unknown attribution method 'lime'"),
                        (["norm", "--method", "none"], "needs a --method other than none")):
        code, _, err = call(capsys, *explain, *wrong)
        assert code == 2 and said in err
