"""Loggers of other programs: what they wrote is read back by the program itself."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from gluonattn.errors import DependencyError, OptionError
from gluonattn.training.loggers import Logger, loggers, make_loggers
from gluonattn.training.tasks import Task

LOSSES = [3.0, 2.5, 2.0, 1.5]


class _Noting(Logger):
    key = "noting"
    package = "json"

    def open(self):
        self.noted = []

    def log(self, values, step):
        self.noted.append((step, dict(values)))

    def close(self):
        self.noted.append("closed")


def go_through(logger: Logger, stop: str | None = None, stage: str = "") -> None:
    """What the loop does in two epochs of two steps."""
    task = Task(SimpleNamespace())
    task.stage = stage
    run = SimpleNamespace(task=task, totals={"loss": 0.0, "reviews": 0}, step=0, learning_rate=0.1, history=[], stop=stop)
    logger.on_train_begin(run)
    for epoch in (1, 2):
        run.totals = {"loss": 0.0, "reviews": 0}
        logger.on_epoch_begin(run)
        for step in (2 * epoch - 1, 2 * epoch):
            run.totals = {"loss": run.totals["loss"] + 10 * LOSSES[step - 1], "reviews": run.totals["reviews"] + 10}
            run.step = step
            logger.on_batch_end(run)
        run.history.append({"epoch": epoch, "valid_loss": 1 / epoch, "note": "no number"})
        logger.on_epoch_end(run)
    logger.on_train_end(run)


def expect(found: dict[str, list[tuple[int, float]]]) -> None:
    assert found["step/loss"] == [(i, pytest.approx(loss)) for i, loss in enumerate(LOSSES, 1)]
    assert found["epoch/valid_loss"] == [(2, pytest.approx(1)), (4, pytest.approx(0.5))]
    assert [step for step, _ in found["step/learning_rate"]] == [1, 2, 3, 4]


def test_each_step_and_each_epoch_is_logged(tmp_path):
    logger = _Noting(tmp_path / "deep" / "er", "run", {})
    go_through(logger)
    assert logger.noted.pop() == "closed"
    found: dict = {}
    for step, values in logger.noted:
        for name, value in values.items():
            found.setdefault(name, []).append((step, value))
    expect(found)
    assert set(found) == {"step/loss", "step/learning_rate", "epoch/valid_loss"}


def test_a_stage_before_is_a_run_of_its_own(tmp_path):
    logger = _Noting(tmp_path, "run", {})
    go_through(logger, stage="pretraining")
    assert logger.name == "run pretraining"
    go_through(logger)
    assert logger.name == "run"


def test_unknown_loggers_and_missing_packages(tmp_path, monkeypatch):
    with pytest.raises(OptionError, match="tensorboard"):
        make_loggers(["notebook"], tmp_path / "run", {})
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(DependencyError, match="needs tensorboardX"):
        make_loggers(["tensorboard"], tmp_path / "run", {})


@pytest.mark.parametrize("name", sorted(loggers()))
def test_what_a_program_reads_of_it(name, tmp_path):
    package = loggers()[name].package
    pytest.importorskip(package, reason=f"needs {package}: pip install {package}")
    (logger,) = make_loggers([name, name], tmp_path / "mlp", {"cell": "mlp", "epochs": 2})
    go_through(logger)
    assert logger.folder == tmp_path / "mlp.logs" / name
    expect(READERS[name](logger.folder))


def read_tensorboard(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The records of an event file, as tensorboardX frames them: length, checksum, event, checksum."""
    import struct

    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, list[tuple[int, float]]] = {}
    for path in sorted(folder.rglob("events.*")):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (size,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + size])
            at += 16 + size
            for value in event.summary.value:
                if value.HasField("simple_value"):
                    found.setdefault(value.tag, []).append((event.step, value.simple_value))
    return found


def read_wandb(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The records of a run's file: LevelDB's log, behind seven bytes that name the format."""
    import json
    import struct

    from wandb.proto.wandb_internal_pb2 import Record

    (path,) = folder.rglob("*.wandb")
    content, at, half, found = path.read_bytes(), 7, b"", {}
    while at + 7 <= len(content):
        if 32768 - at % 32768 < 7:  # the rest of a block is padding
            at += 32768 - at % 32768
            continue
        _, size, kind = struct.unpack_from("<IHB", content, at)
        half += content[at + 7 : at + 7 + size]
        at += 7 + size
        if kind not in (1, 4):  # the whole, or its last part
            continue
        record, half = Record.FromString(half), b""
        items = {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in record.history.item}
        for name, value in items.items():
            if name.startswith(("step/", "epoch/")):
                found.setdefault(name, []).append((items["step"], value))
    return found


def read_mlflow(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    (run,) = client.search_runs([client.get_experiment_by_name("gluonattn").experiment_id])
    assert run.info.status == "FINISHED" and run.data.params["cell"] == "mlp"
    return {name: [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
            for name in run.data.metrics}


READERS = {"tensorboard": read_tensorboard, "wandb": read_wandb, "mlflow": read_mlflow}
