"""Training with MXNet: one graph for each step, Gluon's Trainer, sparse gradients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..models.numpy_ops import compute_in_numpy, raise_interrupt
from ..models.weights import get_weights, set_weights
from ..runtime import device as find_device
from ..runtime import keep_freed_memory, mx, restore_engine_type, seed_everything, silence_lazy_update_notice
from .average import Average
from .objective import Objective, has_dropout
from .parallel import ALONE, Group
from .run import Part, Run
from .settings import TrainingSettings


class MXNetRun(Run):
    """A run whose model is a Gluon block.

    Parameters
    ----------
    model : HybridBlock
        An initialised model.
    settings, train, valid, labelled, group
        As for `Run`.
    device : mxnet.Context

    Attributes
    ----------
    trainer : mxnet.gluon.Trainer
    average : Average
        The averaged weights, which are validated and saved.
    """

    def __init__(self, model: Any, settings: TrainingSettings, train: Part, valid: Part, labelled: int, device: Any,
                 group: Group = ALONE):
        super().__init__(settings, train, valid, labelled, group)
        self.model, self.device = model, device
        parameters = sorted(model._collect_params_with_prefix().items())
        self.parameters = [p for _, p in parameters if p.grad_req != "null"]
        # Seeding MXNet takes 1.2 ms, so it is done only if some dropout has no mask.
        self._draws = has_dropout(model.attention if hasattr(model, "masks") and hasattr(model, "attention") else model)
        # Multi-precision and key-value stores are useless on one device.
        self.trainer = mx.gluon.Trainer(
            model.collect_params(), "adam", {"learning_rate": self.settings.learning_rate}, kvstore=None
        )
        self.average = Average(self.parameters, settings.average or 0.0, device)
        masks = self.task.masks(model, train.texts.batch([0]), np.random.default_rng(0))
        self.objective = Objective(self.task, model, self.settings.label_smoothing, train.offsets is not None, len(masks))
        if device.device_type == "cpu":
            compute_in_numpy(self.objective)
        self.objective.hybridize(static_alloc=True)
        model.hybridize()  # used alone only in validation, so it should keep no memory between validations

    @property
    def learning_rate(self) -> float:
        return float(self.trainer.learning_rate)

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        self.trainer.set_learning_rate(rate)

    def arrays(self, part: Part, positions: Sequence[int], word_dropout: float = 0.0,
               rng: np.random.Generator | None = None) -> tuple[Any, ...]:
        inputs, targets, offsets = part.take(positions, word_dropout, rng)
        return tuple(map(self._place, inputs)), self._place(targets), None if offsets is None else self._place(offsets)

    def _place(self, array: NDArray[Any]) -> Any:
        # No copy on the CPU: `mx.nd.array` copies through MXNet's queue, and so would wait for the gradient that is
        # being computed.
        return mx.nd.from_numpy(array, zero_copy=True).as_in_context(self.device)

    def draw_masks(self, inputs: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
        return tuple(map(self._place, self.task.masks(self.model, inputs, rng)))

    def start_gradient(self, arrays: tuple[Any, ...], seed: int) -> Sequence[Any]:
        if self._draws:
            mx.random.seed(seed, ctx=self.device)
        with mx.autograd.record():
            loss, correct = self.objective(*arrays)
        loss.backward()
        raise_interrupt()
        return loss, correct

    def add_gradients(self, sums: Sequence[Any], reviews: int) -> list[float]:
        values = [float(array.asscalar()) for array in sums] or [0.0, 0.0]
        return self.group.add_gradients(self.gradients(), [*values, reviews], present=bool(sums))

    def gradients(self) -> list[Any]:
        """The gradient arrays, in an order that all processes share."""
        for parameter in self.parameters:
            # If this process had no examples, the sum comes from others and the Trainer would reject it as stale.
            parameter.data()._fresh_grad = True
        return [p.grad() for p in self.parameters]

    def gradient_norm(self) -> float:
        # MXNet's own `clip_global_norm` turns sparse gradients into dense ones.
        gradients = [p.grad() for p in self.trainer._params if p.grad_req != "null"]
        values = [g.data if g.stype == "row_sparse" else g for g in gradients]
        values = [v for v in values if v.size]
        squares = mx.nd.multi_sum_sq(*values, num_arrays=len(values))
        return math.sqrt(float(squares.sum().asscalar()))

    def take_step(self, scale: float) -> None:
        # Scaling through the batch size keeps the embedding's gradient sparse.
        self.trainer.step(self.batch_reviews / scale)
        self.average.update(self.step + 1)

    def measure(self, positions: Sequence[int]) -> tuple[float, float]:
        inputs, targets, offsets = self.arrays(self.valid, positions)
        logits, _ = self.model(*inputs)
        if offsets is not None:
            logits = logits + offsets
        loss = float(self.task.loss(0.0)(logits, targets).sum().asscalar())
        correct = float(self.task.correct(mx.nd, logits, targets).sum().asscalar())
        raise_interrupt()
        return loss, correct

    def predict(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        result: NDArray[Any] = self.model(*inputs)[0].asnumpy()
        return result

    def use_average(self) -> AbstractContextManager[None]:
        return self.average.use_average()

    def get_weights(self) -> dict[str, NDArray[Any]]:
        return get_weights(self.model)

    def collect_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        optimizer = self.trainer._optimizer
        tensors = {f"parameter/{name}": array for name, array in self.get_weights().items()}
        tensors.update((f"average/{i}", mean.asnumpy()) for i, mean in enumerate(self.average.values))
        # MXNet's own `Trainer.load_states` unpickles, so the moments are kept here as plain arrays.
        for index, moments in self.trainer._updaters[0].states.items():
            for order, moment in enumerate(moments):
                tensors[f"adam/{index}/{order}"] = moment.tostype("default").asnumpy()
        return tensors, {"updates": optimizer.num_update, "counts": optimizer._index_update_count}

    def state_shapes(self) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
        shapes = {f"parameter/{name}": p.shape for name, p in self.model._collect_params_with_prefix().items()}
        shapes.update((f"average/{i}", mean.shape) for i, mean in enumerate(self.average.values))
        return shapes, {f"adam/{i}/{order}": p.shape for i, p in enumerate(self.trainer._params) for order in (0, 1)}

    def restore_state(self, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
        set_weights(self.model, {name.split("/", 1)[1]: array for name, array in tensors.items()
                                 if name.startswith("parameter/")}, self.device)
        for i, mean in enumerate(self.average.values):
            mean[:] = mx.nd.array(tensors[f"average/{i}"], ctx=self.device)
        self._set_moments(tensors)
        optimizer = self.trainer._optimizer
        optimizer.num_update = header["updates"]
        optimizer._index_update_count.update({int(k): n for k, n in header["counts"].items()})

    def _set_moments(self, tensors: Mapping[str, NDArray[Any]]) -> None:
        updater = self.trainer._updaters[0]
        for index, parameter in enumerate(self.trainer._params):
            names = [f"adam/{index}/{order}" for order in (0, 1)]
            if names[0] not in tensors:
                continue
            fresh = updater.optimizer.create_state_multi_precision(index, parameter.data(self.device))
            for moment, name in zip(fresh, names):
                dense = mx.nd.array(tensors[name], ctx=self.device, dtype=tensors[name].dtype)
                (dense if moment.stype == "default" else dense.tostype(moment.stype)).copyto(moment)
            updater.states[index] = fresh
            updater.states_synced[index] = True


def new_mxnet_run(settings: TrainingSettings, model: Mapping[str, Any], train: Part, valid: Part, labelled: int,
                  device: str = "cpu", group: Group = ALONE, initial: Mapping[str, Any] | None = None) -> MXNetRun:
    """Create a new run with an initialised, hybridized model.

    Parameters
    ----------
    settings, model, train, valid, labelled, device, group, initial
        As for `gluonattn.training.frameworks.new_run`.
    """
    context = find_device(device, group.rank)
    seed_everything(settings.seed)
    keep_freed_memory()
    silence_lazy_update_notice()
    block = settings.make_task().build(**model)
    # Attention comes last, so that models with different cells start with the same values elsewhere.
    for name in sorted(block._children, key="attention".__eq__):
        block._children[name].initialize(mx.init.Xavier(), ctx=context)
    run = MXNetRun(block, settings, train, valid, labelled, context, group)
    run.device_name = device
    # One forward pass infers the remaining shapes.
    block(*run.arrays(train, [0])[0])
    for name, values in (initial or {}).items():
        block._collect_params_with_prefix()[name].set_data(mx.nd.array(values, ctx=context))
    run.average.begin()
    raise_interrupt()
    restore_engine_type()
    return run
