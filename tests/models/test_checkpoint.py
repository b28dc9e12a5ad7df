"""The checkpoint folder: whole or not there, whatever happens to it."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save as dump_tensors

from gluonattn.errors import CheckpointError
from gluonattn.models.checkpoint import (
    Checkpoint,
    clear_leftovers,
    get_weights,
    load_checkpoint,
    refuse_foreign,
    require_writable,
    save_checkpoint,
    set_weights,
    write_history,
)

ROOT = Path(__file__).parents[2]
FILES = {"config.json", "vocab.json", "model.safetensors", "history.json"}


def checkpoint(number=0, size=100):
    """A checkpoint in which every part carries `number`."""
    config = {"recipe": "default", "model": {"vocab_size": 3, "cell": "mlp"}, "tokenizer": "mecab",
              "labels": ["0", "1"], "max_length": 64, "versions": {}, "epoch": number}
    weights = {"a.weight": np.full((size, 4), number, "f"), "a.bias": np.arange(3, dtype="f")}
    return Checkpoint(config, json.dumps([f"단어{number}"]), weights, [{"epoch": number, "loss": 0.1 + 0.2}])


def same(found, expected):
    assert {k: found.config[k] for k in expected.config} == expected.config
    assert found.vocabulary == expected.vocabulary and found.history == expected.history
    assert found.weights.keys() == expected.weights.keys()
    for name, array in expected.weights.items():
        np.testing.assert_array_equal(found.weights[name], array)
        assert found.weights[name].dtype == array.dtype


def tree(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path):
    return save_checkpoint(tmp_path / "model", checkpoint())


def test_saved_and_loaded_is_the_same(folder):
    same(load_checkpoint(folder), checkpoint())
    assert {p.name for p in folder.iterdir()} == FILES
    assert [p.name for p in folder.parent.iterdir()] == ["model"]  # nothing left beside it


def test_parents_are_made_and_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    same(load_checkpoint(save_checkpoint(tmp_path / "a" / "b", checkpoint())), checkpoint())
    same(load_checkpoint(save_checkpoint(tmp_path / "x" / "y" / "z", checkpoint())), checkpoint())


def test_a_newer_checkpoint_replaces_the_older_one_whole(folder):
    save_checkpoint(folder, checkpoint(1))
    same(load_checkpoint(folder), checkpoint(1))
    assert {p.name for p in folder.parent.iterdir()} == {"model"}


def test_a_users_own_files_in_the_folder_stay(folder):
    (folder / "heatmap.png").write_bytes(b"picture")
    save_checkpoint(folder / "inner", checkpoint(5))
    for number in (1, 2):
        save_checkpoint(folder, checkpoint(number))
    assert (folder / "heatmap.png").read_bytes() == b"picture"
    same(load_checkpoint(folder / "inner"), checkpoint(5))
    same(load_checkpoint(folder), checkpoint(2))


def test_a_link_stays_a_link(folder, tmp_path):
    (tmp_path / "latest").symlink_to(folder)
    for number in (1, 2):
        save_checkpoint(tmp_path / "latest", checkpoint(number))
        same(load_checkpoint(folder), checkpoint(number))
    assert (tmp_path / "latest").is_symlink()
    assert {p.name for p in tmp_path.iterdir()} == {"model", "latest"}


def test_no_folder(tmp_path):
    with pytest.raises(CheckpointError, match=r"no checkpoint folder at .*nothing: expected one written by"):
        load_checkpoint(tmp_path / "nothing")


def test_a_file_instead_of_a_folder(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="no checkpoint folder at"):
        load_checkpoint(tmp_path / "file")
    with pytest.raises(CheckpointError, match="file is a file: give a folder"):
        save_checkpoint(tmp_path / "file", checkpoint())


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_missing_file_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(CheckpointError, match=rf"{name}: No such file.*A checkpoint folder holds"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", sorted(FILES))
@pytest.mark.parametrize("keep", [0.0, 0.5, 0.99])
def test_a_cut_file_is_named(folder, name, keep):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(keep * len(content))])
    with pytest.raises(CheckpointError, match=rf"{name}.*cut short"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["vocab.json", "model.safetensors"])
def test_one_changed_bit_is_noticed(folder, name):
    content = bytearray((folder / name).read_bytes())
    content[-2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{name} is not the file this checkpoint was saved with"):
        load_checkpoint(folder)


@pytest.mark.parametrize("name", ["vocab.json", "model.safetensors"])
def test_the_vocabulary_or_weights_of_another_model_are_refused(folder, name, tmp_path):
    other = save_checkpoint(tmp_path / "other", checkpoint(1))
    shutil.copy(other / name, folder / name)
    with pytest.raises(CheckpointError, match=rf"{name} is not the file.*copied from another checkpoint"):
        load_checkpoint(folder)


def test_another_format_version_is_named(folder):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "format": 99}))
    with pytest.raises(CheckpointError, match=r"config.json: checkpoint format 99, this version .* reads 1"):
        load_checkpoint(folder)


@pytest.mark.parametrize("content", ['["list"]', '{"model_type": "bert"}', "3", '"text"'])
def test_another_programs_config_is_refused(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"config.json: checkpoint format None"):
        load_checkpoint(folder)


@pytest.mark.parametrize("key", ["recipe", "model", "tokenizer", "labels", "max_length", "versions",
                                 "sha256"])
def test_a_config_without_a_key_is_refused(folder, key):
    config = json.loads((folder / "config.json").read_text())
    del config[key]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=rf"config.json lacks '{key}'"):
        load_checkpoint(folder)


def test_nothing_is_unpickled(folder, tmp_path):
    """A pickle under the name of the weights, with the right checksum, is not run."""
    import hashlib
    import pickle

    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trapped"),)

    trap = pickle.dumps(Trap())
    (folder / "model.safetensors").write_bytes(trap)
    config = json.loads((folder / "config.json").read_text())
    config["sha256"]["model.safetensors"] = hashlib.sha256(trap).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"model.safetensors cannot be read"):
        load_checkpoint(folder)
    assert not (tmp_path / "trapped").exists()


@pytest.mark.parametrize("content", [
    {"thesis.txt": b"years of work"},
    {"config.json": b'{"model_type": "bert"}', "model.safetensors": dump_tensors({"w": np.ones(3)}),
     "vocab.json": b"{}"},
    {"config.json": b"not json", "notes/today.txt": b"x"},
])
def test_a_foreign_folder_is_refused_and_untouched(tmp_path, content):
    mine = tmp_path / "mine"
    for name, data in content.items():
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_bytes(data)
    before = tree(tmp_path)
    for refuse in (refuse_foreign, lambda folder: save_checkpoint(folder, checkpoint())):
        with pytest.raises(CheckpointError, match=r"mine holds files that are not .*Give another folder"):
            refuse(mine)
    assert tree(tmp_path) == before


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("x")
    for write in (require_writable, lambda place: save_checkpoint(place, checkpoint())):
        with pytest.raises(CheckpointError, match=r"cannot write .*file.*: (Not a directory|File exists)"):
            write(tmp_path / "file" / "model")
    assert tree(tmp_path) == {Path("file"): b"x"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: run as another user")
def test_a_read_only_parent(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    with pytest.raises(CheckpointError, match=r"cannot write .*Permission denied. Choose a folder"):
        save_checkpoint(tmp_path / "locked" / "model", checkpoint())


def test_history_is_written_twice_and_agrees(folder):
    import pandas as pd

    history = [{"epoch": n, "loss": 1 / 3 / n, "accuracy": 0.5} for n in (1, 2)]
    write_history(folder, history)
    assert load_checkpoint(folder).history == history
    assert pd.read_csv(folder / "history.csv", float_precision="round_trip").to_dict("records") == history
    save_checkpoint(folder, checkpoint(1))
    assert not (folder / "history.csv").exists()  # the table of another run does not stay


def child(tmp_path, body, *arguments, **options):
    """A Python process that has this module's `checkpoint`; returns the Popen."""
    program = tmp_path / "child.py"
    program.write_text("import resource\nfrom tests.models.test_checkpoint import *\n" + body)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([sys.executable, str(program), *map(str, arguments)], env=environment,
                            stdout=subprocess.PIPE, text=True, **options)


def test_a_full_disk_leaves_the_older_checkpoint(folder, tmp_path):
    """Files may not grow past a limit: first the weights fail, then the small ones too."""
    before = tree(folder)
    process = child(tmp_path, """
for limit in (100_000, 64):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for act in (lambda: save_checkpoint(sys.argv[1], checkpoint(1, size=100_000)),
                lambda: write_history(sys.argv[1], [{"epoch": n, "loss": 0.1} for n in range(9999)])):
        try:
            act()
        except CheckpointError as error:
            os.write(1, f"{error}\\n".encode())
""", folder)
    said = process.communicate(timeout=600)[0].splitlines()
    assert len(said) == 4
    for line in said:
        assert line.startswith("cannot write ") and "File too large. Choose a folder that is writable" in line
    assert tree(folder) == before
    assert {p.name for p in tmp_path.iterdir()} == {"model", "child.py"}  # nothing half-written beside it


def test_a_kill_before_any_file_operation_of_a_save_loses_nothing(folder, tmp_path):
    """Every rename, removal, creation and opening of a save gets its own kill -9."""
    (folder / "mine.txt").write_text("keep")
    process = child(tmp_path, """
left = 0
def count(event, arguments):
    global left
    if left and event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open"):
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
for moment in range(1, 1000):
    pid = os.fork()
    if not pid:
        left = moment
        save_checkpoint(sys.argv[1], checkpoint(moment))
        os._exit(0)
    killed = os.WIFSIGNALED(os.waitpid(pid, 0)[1])
    found = load_checkpoint(sys.argv[1])
    same(found, checkpoint(found.config["epoch"]))
    assert found.config["epoch"] in (moment - 1, moment), (moment, found.config["epoch"])
    save_checkpoint(sys.argv[1], checkpoint(moment))  # also brings back what the kill left aside
    assert open(sys.argv[1] + "/mine.txt").read() == "keep"
    if not killed:
        print(moment - 1)
        break
""", folder)
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0
    assert int(out) >= 10  # moments at which a save was killed
    assert {p.name for p in folder.iterdir()} == {*FILES, "mine.txt"}


@pytest.mark.slow
def test_kill_9_at_random_moments_of_saving_in_a_loop(tmp_path):
    """However often it is killed, what loads is one whole checkpoint and never an older one than before."""
    folder, rng, last = tmp_path / "model", random.Random(0), 0
    for _ in range(6):
        process = child(tmp_path, """
import itertools
for number in itertools.count(int(sys.argv[2]) + 1):
    save_checkpoint(sys.argv[1], checkpoint(number, size=20_000))
""", folder, last)
        try:
            deadline = time.monotonic() + 60
            while time.monotonic() < deadline:
                try:  # reading while it is being replaced may hit a gap; a new number must come
                    if load_checkpoint(folder).config["epoch"] > last:
                        break
                except CheckpointError:
                    pass
            time.sleep(rng.uniform(0, 0.05))
        finally:
            process.send_signal(signal.SIGKILL)
            process.communicate()
        assert process.returncode == -signal.SIGKILL
        found = load_checkpoint(folder)
        number = found.config["epoch"]
        same(found, checkpoint(number, size=20_000))
        assert number > last
        last = number
    save_checkpoint(folder, checkpoint(9))
    same(load_checkpoint(folder), checkpoint(9))


@pytest.fixture
def dense():
    from gluonattn.runtime import mx

    layer = mx.gluon.nn.Dense(2, in_units=3)
    layer.initialize()
    return layer


def test_weights_go_out_of_a_model_and_back(dense):
    from gluonattn.runtime import mx

    weights = get_weights(dense)
    fresh = mx.gluon.nn.Dense(2)  # its width is inferred from the weights
    set_weights(fresh, weights, mx.cpu())
    x = mx.nd.random.normal(shape=(4, 3))
    np.testing.assert_array_equal(fresh(x).asnumpy(), dense(x).asnumpy())


@pytest.mark.parametrize(("change", "message"), [
    ({"weight": np.ones((2, 4), "f")},
     r"weight has shape \(2, 4\) in the checkpoint and \(2, 3\) in the model"),
    ({"weight": np.ones(6, "f")}, r"weight has shape \(6,\)"),
    ({"extra": np.ones(1, "f")}, "extra are on one side only"),
    ({"weight": None}, "weight are on one side only"),
])
def test_weights_of_another_model_do_not_go_in(dense, change, message):
    from gluonattn.runtime import mx

    weights = {k: v for k, v in {**get_weights(dense), **change}.items() if v is not None}
    with pytest.raises(CheckpointError, match=message):
        set_weights(dense, weights, mx.cpu())


def test_leftovers_of_a_kill_are_cleared_and_nothing_else(tmp_path):
    (tmp_path / ".model.abcd1234").mkdir()
    (tmp_path / ".model.abcd1234" / "config.json").write_text("half")
    (tmp_path / ".model.resume.x_yz9876").write_bytes(b"half")
    kept = [tmp_path / name for name in (".model.old", ".other.abcd1234", "model.resume")]
    for path in kept:
        path.write_text("whole")
    clear_leftovers(tmp_path / "model")
    assert sorted(tmp_path.iterdir()) == sorted(kept)
