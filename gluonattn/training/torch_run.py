"""Training with torch, for GPUs that MXNet does not support and for systems without MXNet.

Batches, losses, callbacks, checkpoints and resume files are the same as in `gluonattn.training.mxnet_run`. On a CPU the
dropout masks are the same too, and so is the gradient of a batch. A GPU draws dropout itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..runtime import asked_threads
from ..runtime.torch_device import torch_device
from .average import window
from .run import Part, Run
from .settings import TrainingSettings

_MOMENTS = ("exp_avg", "exp_avg_sq")


class TorchRun(Run):
    """A run whose model is a torch module.

    Parameters
    ----------
    settings : TrainingSettings
        Resolved settings.
    model : mapping
        Keyword arguments of the recipe's model.
    train, valid, labelled
        As for `Run`.
    device : str, default "cpu"
    initial : mapping of str to numpy.ndarray, or None
        Initial values of some parameters.

    Attributes
    ----------
    device : torch.device
    optimizers : dict of str to torch.optim.Optimizer
        The optimizer of each parameter: Adam, or SparseAdam for a table of which a step on the CPU changes only a few rows,
        like MXNet's lazy updates.
    """

    def __init__(self, settings: TrainingSettings, model: Mapping[str, Any], train: Part, valid: Part, labelled: int,
                 device: str = "cpu", initial: Mapping[str, Any] | None = None):
        super().__init__(settings, train, valid, labelled)
        self.device = torch_device(device)
        self._on_gpu = self.device.type == "cuda"
        self._half = self._on_gpu and settings.amp
        if not self._on_gpu:
            torch.set_num_threads(asked_threads() or 1)  # steps are small: more threads are slower on a busy machine
        torch.manual_seed(settings.seed)
        self.model = self.task.build(**model).to(self.device)
        self.model.flatten_parameters()
        with torch.no_grad():
            for name, values in (initial or {}).items():
                self.model.get_parameter(name).copy_(torch.from_numpy(np.array(values)))
        self.parameters = {name: p for name, p in sorted(self.model.named_parameters()) if p.requires_grad}
        sparse = () if self._on_gpu else self.task.sparse_parameters(self.model)
        for table in {name.rpartition(".")[0] for name in sparse}:
            module = self.model.get_submodule(table)
            if isinstance(module, torch.nn.Embedding):
                module.sparse = True
        rate = self.settings.learning_rate
        self.optimizers: dict[str, torch.optim.Optimizer] = {
            name: torch.optim.SparseAdam([p], rate) for name, p in self.parameters.items() if name in sparse}
        dense = {name: p for name, p in self.parameters.items() if name not in sparse}
        self.optimizers.update(dict.fromkeys(dense, torch.optim.Adam(dense.values(), rate, fused=self._on_gpu)))
        self._masks = len(self.draw_masks(train.texts.batch([0]), np.random.default_rng(0)))
        self._decay = settings.average or 0.0
        self._means = [p.detach().clone() for p in self.parameters.values()] if self._decay else []
        self._updates = 0

    @property
    def learning_rate(self) -> float:
        return float(next(iter(self.optimizers.values())).param_groups[0]["lr"])

    @learning_rate.setter
    def learning_rate(self, rate: float) -> None:
        for optimizer in self.optimizers.values():
            optimizer.param_groups[0]["lr"] = rate

    def _place(self, array: NDArray[Any]) -> Any:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self._on_gpu else tensor

    def arrays(self, part: Part, positions: Sequence[int], word_dropout: float = 0.0,
               rng: np.random.Generator | None = None) -> tuple[Any, ...]:
        (ids, lengths, *more), targets, offsets = part.take(positions, word_dropout, rng)
        # Lengths stay in host memory: cuDNN needs them there, and copying them back would wait for the GPU.
        return ((self._place(ids), torch.from_numpy(lengths), *map(self._place, more)), self._place(targets),
                None if offsets is None else self._place(offsets))

    def draw_masks(self, inputs: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
        if self._on_gpu:
            return ()
        return tuple(map(self._place, self.task.masks(self.model, inputs, rng)))

    def start_gradient(self, arrays: tuple[Any, ...], seed: int) -> Sequence[Any]:
        self.model.train()
        torch.manual_seed(seed)
        self.model.zero_grad(set_to_none=True)
        targets, *others = arrays
        offsets = others.pop(0) if self.train.offsets is not None else None
        first = len(others) - self._masks
        with self._precision():
            with torch.autocast("cuda", torch.bfloat16, enabled=self._half):
                logits = self.task.forward(self.model, tuple(others[:first]), tuple(others[first:]))
            logits, loss_of = logits.float(), self.task.loss(self.settings.label_smoothing)
            if offsets is None:
                loss = loss_of(logits, targets).sum()
            else:
                loss = (loss_of(logits + offsets, targets).sum() + loss_of(logits, targets).sum()) / 2
                logits = logits + offsets
            loss.backward()
        for parameter in self._with_gradient():
            if parameter.grad.is_sparse:
                parameter.grad = parameter.grad.coalesce()
        return loss.detach(), self.task.correct(torch, logits.detach(), targets).sum()

    def _precision(self) -> AbstractContextManager[None]:
        """Allow cuDNN to use TF32 for float32 if bfloat16 is on. Otherwise full precision is kept."""
        result: AbstractContextManager[None] = torch.backends.cudnn.flags(enabled=True, allow_tf32=self._half)
        return result

    def add_gradients(self, sums: Sequence[Any], reviews: int) -> list[float]:
        loss, correct = torch.stack([one.double() for one in sums]).tolist()  # the only wait for the device
        return [loss, correct, reviews]

    def gradient_norm(self) -> float:
        found = [p.grad._values() if p.grad.is_sparse else p.grad for p in self._with_gradient()]
        return float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(found))))

    def _with_gradient(self) -> list[Any]:
        return [p for p in self.parameters.values() if p.grad is not None]

    def take_step(self, scale: float) -> None:
        found = [p.grad._values() if p.grad.is_sparse else p.grad for p in self._with_gradient()]
        torch._foreach_mul_(found, scale / self.batch_reviews)
        for optimizer in dict.fromkeys(self.optimizers.values()):
            optimizer.step()
        self._updates += 1
        if self._decay:
            kept = window(self._decay, self.step + 1)
            torch._foreach_lerp_(self._means, [p.detach() for p in self.parameters.values()], 1 - kept)

    def measure(self, positions: Sequence[int]) -> tuple[float, float]:
        inputs, targets, offsets = self.arrays(self.valid, positions)
        self.model.eval()
        with torch.inference_mode(), self._precision():
            logits = self.task.forward(self.model, inputs, ())
            logits = logits if offsets is None else logits + offsets
            loss = self.task.loss(0.0)(logits, targets).sum()
            return float(loss), float(self.task.correct(torch, logits, targets).sum())

    def predict(self, inputs: tuple[Any, ...]) -> NDArray[Any]:
        self.model.eval()
        with torch.inference_mode(), self._precision():
            result: NDArray[Any] = self.task.forward(self.model, inputs, ()).cpu().numpy()
            return result

    @contextmanager
    def use_average(self) -> Iterator[None]:
        if not self._decay:
            yield
            return
        before = [p.detach().clone() for p in self.parameters.values()]
        self._set_parameters(self._means)
        try:
            yield
        finally:
            self._set_parameters(before)

    def _set_parameters(self, values: Sequence[Any]) -> None:
        with torch.no_grad():
            torch._foreach_copy_(list(self.parameters.values()), list(values))

    def get_weights(self) -> dict[str, NDArray[Any]]:
        return {name: values.detach().cpu().numpy().copy() for name, values in sorted(self.model.state_dict().items())}

    def collect_state(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        tensors = {f"parameter/{name}": array for name, array in self.get_weights().items()}
        tensors.update((f"average/{i}", mean.cpu().numpy()) for i, mean in enumerate(self._means))
        for name, parameter in self.parameters.items():
            state = self.optimizers[name].state.get(parameter, {})
            tensors.update((f"adam/{name}/{moment}", state[moment].cpu().numpy()) for moment in _MOMENTS if state)
        return tensors, {"updates": self._updates, "counts": {}}

    def state_shapes(self) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
        needed = {f"parameter/{name}": tuple(values.shape) for name, values in self.model.state_dict().items()}
        needed.update((f"average/{i}", tuple(mean.shape)) for i, mean in enumerate(self._means))
        return needed, {f"adam/{name}/{moment}": tuple(p.shape) for name, p in self.parameters.items()
                        for moment in _MOMENTS}

    def restore_state(self, tensors: Mapping[str, NDArray[Any]], header: Mapping[str, Any]) -> None:
        self.model.load_state_dict({name.split("/", 1)[1]: torch.from_numpy(np.array(array))
                                    for name, array in tensors.items() if name.startswith("parameter/")})
        for i, mean in enumerate(self._means):
            mean.copy_(torch.from_numpy(np.array(tensors[f"average/{i}"])))
        self._updates = header["updates"]
        for name, parameter in self.parameters.items():
            names = [f"adam/{name}/{moment}" for moment in _MOMENTS]
            if names[0] in tensors:
                # Adam counts steps in a tensor, SparseAdam in a number.
                sparse = isinstance(self.optimizers[name], torch.optim.SparseAdam)
                steps = self._updates if sparse else torch.tensor(float(self._updates), device=self._step_device())
                moments = (torch.from_numpy(np.array(tensors[key])).to(self.device) for key in names)
                self.optimizers[name].state[parameter] = {"step": steps, **dict(zip(_MOMENTS, moments))}

    def _step_device(self) -> str | torch.device:
        return self.device if self._on_gpu else "cpu"  # a fused Adam counts steps on the device
