"""The resume file: everything a run needs to go on as if it had never stopped.

One safetensors file, replaced whole. MXNet's own `Trainer.load_states`
unpickles, so optimizer states are kept here as plain arrays.
"""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as dump_tensors

from ..errors import CheckpointError
from ..files import replace_file
from ..models.checkpoint import get_weights, set_weights
from ..runtime import mx

FORMAT = "1"


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
    content = dump_tensors(tensors, metadata={
        "format": FORMAT, "fingerprint": fingerprint, "header": json.dumps(header),
    })
    try:
        replace_file(path, content)
    except OSError as error:
        raise CheckpointError(
            f"cannot write {path}: {error.strerror}. Free some space or choose another --out; the resume "
            "file written before it is untouched."
        ) from None


def load_state(path: Path, run, fingerprint: str) -> None:
    """Put a run where its resume file left it.

    Raises
    ------
    CheckpointError
        If the file is cut, of another version, or of a run with other data or
        settings.
    """
    try:
        with safe_open(str(path), framework="np") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} cannot be read ({error}). Remove it and train from the start, without --resume."
        ) from None
    if metadata.get("format") != FORMAT:
        raise CheckpointError(
            f"{path} was written by another version of gluonattn. Remove it and train from the start."
        )
    if metadata["fingerprint"] != fingerprint:
        raise CheckpointError(
            f"{path} belongs to a run with other data or settings. Give the same ones to resume it (as many "
            "workers, too), or train from the start without --resume."
        )
    _restore(run, tensors, json.loads(metadata["header"]))


def send_state(run, group) -> None:
    """Hand a run's state to the other processes of its group, array by array."""
    tensors, header = _collect(run)
    group.send((header, len(tensors)))
    for named in tensors.items():
        group.send(named)


def receive_state(run, group) -> None:
    """Put a run where that of rank 0 is."""
    header, count = group.receive()
    _restore(run, dict(group.receive() for _ in range(count)), header)


def _collect(run) -> tuple[dict, dict]:
    optimizer = run.trainer._optimizer
    tensors = {f"parameter/{name}": array for name, array in get_weights(run.model).items()}
    for index, moments in run.trainer._updaters[0].states.items():
        for order, moment in enumerate(moments):
            tensors[f"adam/{index}/{order}"] = moment.tostype("default").asnumpy()
    header = {
        "epoch": run.epoch, "batch": run.batch, "totals": run.totals, "history": run.history,
        "updates": optimizer.num_update, "counts": optimizer._index_update_count,
    }
    return tensors, header


def _restore(run, tensors, header) -> None:
    weights = {name.split("/", 1)[1]: array for name, array in tensors.items()
               if name.startswith("parameter/")}
    set_weights(run.model, weights, run.device)
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
