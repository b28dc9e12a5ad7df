"""Parameters of chosen epochs beside a checkpoint."""

import numpy as np
import pytest

from gluonattn.errors import CheckpointError
from gluonattn.models.snapshots import load_snapshot, save_snapshot, snapshot_epochs


def weights(value):
    return {"head.weight": np.full((2, 3), value, np.float32)}


def test_each_epoch_comes_back_and_a_new_run_removes_the_old_ones(tmp_path):
    for epoch in (0, 1, 10):
        save_snapshot(tmp_path, epoch, weights(epoch), "run")
    assert snapshot_epochs(tmp_path) == (0, 1, 10)
    assert (load_snapshot(tmp_path, 10, "run")["head.weight"] == 10).all()
    save_snapshot(tmp_path, 0, weights(5), "another")
    assert snapshot_epochs(tmp_path) == (0,)


def test_what_is_missing_cut_or_of_another_run_is_named(tmp_path):
    assert snapshot_epochs(tmp_path) == ()
    path = save_snapshot(tmp_path, 1, weights(1), "run")
    with pytest.raises(CheckpointError, match="no snapshot of epoch 3 .* those of 1"):
        load_snapshot(tmp_path, 3, "run")
    with pytest.raises(CheckpointError, match="of another training run"):
        load_snapshot(tmp_path, 1, "another")
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(CheckpointError, match="epoch-1.safetensors cannot be read"):
        load_snapshot(tmp_path, 1, "run")
