"""Create runs by framework."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .parallel import ALONE, Group
from .run import Part, Run
from .settings import TrainingSettings


def new_run(settings: TrainingSettings, model: Mapping[str, Any], train: Part, valid: Part, labelled: int,
            device: str = "cpu", group: Group = ALONE, initial: Mapping[str, Any] | None = None) -> Run:
    """Create a new run with an initialised model, in the settings' framework.

    Parameters
    ----------
    settings : TrainingSettings
        Resolved settings.
    model : mapping
        All keyword arguments of the recipe's model.
    train, valid, labelled, group
        As for `Run`.
    device : str, default "cpu"
        "auto", "cpu", "gpu" or "gpu:N"; or several, as in "gpu:0,1", one for each process of the group.
    initial : mapping of str to numpy.ndarray, or None
        Initial values of some parameters, by structural name. None draws all of them at random.
    """
    if settings.framework == "torch":
        from .torch_run import TorchRun

        return TorchRun(settings, model, train, valid, labelled, device, initial)
    from .mxnet_run import new_mxnet_run

    return new_mxnet_run(settings, model, train, valid, labelled, device, group, initial)
