"""The resume file: everything a run needs to go on as if it had never stopped.

One safetensors file, replaced whole. MXNet's own `Trainer.load_states`
unpickles, so optimizer states are kept here as plain arrays.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..contents import dump_tensors
from ..errors import CheckpointError
from ..files import replace_file
from ..models.checkpoint import get_weights, set_weights
from ..runtime import mx
from .resume import FORMAT, read_resume_file, refuse


def save_state(path: Path, run, fingerprint: str) -> None:
    """Write the resume file of a run.

    Parameters
    ----------
    path : pathlib.Path
    run : Run
    fingerprint : str
        Of the data and settings; a run with another one is not resumed.

    Raises
    ------
    CheckpointError
        If the file cannot be written; an older one stays.
    """
    tensors, header = _collect(run)
    content = dump_tensors(tensors, {"format": FORMAT, "fingerprint": fingerprint, "header": json.dumps(header)})
    try:
        replace_file(path, content)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path}: {error.strerror}. Free some space or choose another --out; the resume "
            "file written before it is untouched."
        ) from None


def load_state(path: Path, run, fingerprint: str) -> None:
    """Put a run where its resume file left it.

    Parameters
    ----------
    path : pathlib.Path
    run : Run
    fingerprint : str
        Of the run's data and settings.

    Raises
    ------
    CheckpointError
        If the file is cut, changed, of another version, or of a run with other
        data or settings. The run is untouched then.
    """
    tensors, header = read_resume_file(path, fingerprint)
    _require_fitting(path, run, tensors, header)
    _restore(run, tensors, header)


def send_state(run, group) -> None:
    """Hand a run's state to the other processes of its group, array by array.

    Parameters
    ----------
    run : Run
    group : Group
    """
    tensors, header = _collect(run)
    group.send((header, len(tensors)))
    for named in tensors.items():
        group.send(named)


def receive_state(run, group) -> None:
    """Put a run where the run of rank 0 stands.

    Parameters
    ----------
    run : Run
    group : Group
    """
    header, count = group.receive()
    _restore(run, dict(group.receive() for _ in range(count)), header)


def _collect(run) -> tuple[dict, dict]:
    optimizer = run.trainer._optimizer
    tensors = {f"parameter/{name}": array for name, array in get_weights(run.model).items()}
    tensors.update((f"average/{i}", mean.asnumpy()) for i, mean in enumerate(run.average.values))
    for index, moments in run.trainer._updaters[0].states.items():
        for order, moment in enumerate(moments):
            tensors[f"adam/{index}/{order}"] = moment.tostype("default").asnumpy()
    header = {
        "epoch": run.epoch, "batch": run.batch, "totals": run.totals, "history": run.history,
        "updates": optimizer.num_update, "counts": optimizer._index_update_count,
    }
    return tensors, header


def _require_fitting(path: Path, run, tensors: dict, header: dict[str, Any]) -> None:
    """Raise CheckpointError where a resume file without a digest does not fit the run."""
    shapes = {f"parameter/{name}": p.shape for name, p in run.model._collect_params_with_prefix().items()}
    shapes.update((f"average/{i}", mean.shape) for i, mean in enumerate(run.average.values))
    moments = {f"adam/{i}/{order}": p.shape for i, p in enumerate(run.trainer._params) for order in (0, 1)}
    for name in shapes.keys() | tensors.keys():
        expected = {**shapes, **moments}.get(name)
        if name not in tensors or expected is None or tensors[name].shape != expected:
            refuse(path, f"{name} is not one of this model")
    if header["epoch"] > run.epochs or len(header["history"]) != header["epoch"]:
        refuse(path, f"it is in epoch {header['epoch']} of {run.epochs}, with {len(header['history'])} in its history")
    if not all(key.isdecimal() for key in header["counts"]):
        refuse(path, "counts are not of parameters")


def _restore(run, tensors, header) -> None:
    weights = {name.split("/", 1)[1]: array for name, array in tensors.items()
               if name.startswith("parameter/")}
    set_weights(run.model, weights, run.device)
    for i, mean in enumerate(run.average.values):
        mean[:] = mx.nd.array(tensors[f"average/{i}"], ctx=run.device)
    _set_moments(run, tensors)
    optimizer = run.trainer._optimizer
    optimizer.num_update = header["updates"]
    optimizer._index_update_count.update({int(k): n for k, n in header["counts"].items()})
    run.epoch, run.batch, run.history = header["epoch"], header["batch"], header["history"]
    run.totals = header["totals"]


def _set_moments(run, tensors) -> None:
    updater = run.trainer._updaters[0]
    for index, parameter in enumerate(run.trainer._params):
        names = [f"adam/{index}/{order}" for order in (0, 1)]
        if names[0] not in tensors:
            continue
        fresh = updater.optimizer.create_state_multi_precision(index, parameter.data(run.device))
        for moment, name in zip(fresh, names):
            dense = mx.nd.array(tensors[name], ctx=run.device, dtype=tensors[name].dtype)
            (dense if moment.stype == "default" else dense.tostype(moment.stype)).copyto(moment)
        updater.states[index] = fresh
        updater.states_synced[index] = True
