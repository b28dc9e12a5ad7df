"""The same classifier as a torch module: trainable, on any device that torch supports."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

from ...models.backend import Array, Backend, Number
from ...runtime.torch_device import torch_device
from .forward import BAGS, DIRECTIONS, forward


class TorchClassifier(nn.Module, Backend):
    """A classifier on torch tensors; its methods are the operations that `forward` uses.

    ``state_dict()`` has the names of the checkpoint's ``model.safetensors``.
    ``embedding``, ``subword_embedding``, ``ngram_scores`` and ``ngram_squares``
    are `torch.nn.Embedding` (the last two not trained), for hooks and attribution methods.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    """

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]]) -> None:
        super().__init__()
        self.recipe, self.model = recipe, dict(model)
        for name, values in weights.items():
            tensor = torch.tensor(values)
            *parts, last = name.split(".")
            if parts[0] in ("embedding", *BAGS):
                padding = 0 if parts[0] in BAGS else None  # its gradient stays 0
                fixed = parts[0].startswith("ngram_")  # fitted before the network, not with it
                table: Any = nn.Embedding
                self.add_module(parts[0], table.from_pretrained(tensor, freeze=fixed, padding_idx=padding))
                continue
            place: nn.Module = self
            for part in parts:
                if part not in place._modules:
                    place.add_module(part, nn.Module())
                place = place.get_submodule(part)
            place.register_parameter(last, nn.Parameter(tensor))

    def forward(self, ids: Array, valid_length: Array | None, *more: Array) -> tuple[Array, Array]:
        """As `gluonattn.classifier.engines.forward.forward`, on tensors.

        Parameters
        ----------
        ids : torch.Tensor, int32, shape (B, T)
        valid_length : torch.Tensor, int32, shape (B,)
        *more
            The model's other inputs.
        """
        return forward(self, self.recipe, self.model, ids, valid_length, *more)

    def flatten_parameters(self) -> None:
        """Store the GRU's parameters in one block of GPU memory. Otherwise cuDNN copies them on each call."""
        prefixes = DIRECTIONS[self.recipe]
        own = [[self.weight(prefix + name) for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")]
               for prefix in prefixes]
        if not own[0][0].is_cuda:
            return
        hidden, width = own[0][1].shape[1], own[0][0].shape[1]
        whole = nn.GRU(width, hidden, bidirectional=True, device=own[0][0].device)
        with torch.no_grad():
            for mine, piece in zip(itertools.chain(*own), whole.parameters()):
                piece.copy_(mine)
                mine.set_(piece)

    def weight(self, name: str) -> Array:
        return self.get_parameter(name)

    def embed(self, name: str, ids: Array) -> Array:
        return self.get_submodule(name)(ids)

    def bag(self, name: str, numbers: Array) -> Array:
        return self.embed(name, numbers).sum(dim=-2)

    def count(self, numbers: Array) -> Array:
        return (numbers > 0).sum(dim=-1, keepdim=True).float()

    def linear(self, inputs: Array, weight: str, bias: str | None = None) -> Array:
        return nn.functional.linear(inputs, self.weight(weight), None if bias is None else self.weight(bias))

    def mask(self, ids: Array, valid_length: Array | None) -> Array:
        if valid_length is None:
            return torch.ones(ids.shape, device=ids.device)
        lengths = valid_length.to(ids.device, non_blocking=True)
        return (torch.arange(ids.shape[1], device=ids.device) < lengths[:, None]).float()

    def recurrent(self, inputs: Array, valid_length: Array | None, prefixes: tuple[str, str]) -> Array:
        # The texts are packed, so the backward direction starts at the last token of each.
        parameters = [self.weight(prefix + name) for prefix in prefixes
                      for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias")]
        hidden = parameters[1].shape[1]
        start = inputs.new_zeros(2, inputs.shape[0], hidden)
        options = (parameters, True, 1, 0.0, self.training, True)  # biases, layers, dropout, ..., two-way
        if valid_length is None:
            return torch.gru(inputs, start, *options, True)[0]  # batch first
        packed = pack_padded_sequence(inputs, valid_length.cpu(), batch_first=True, enforce_sorted=False)
        states, _ = torch.gru(packed.data, packed.batch_sizes, start, *options)
        packed = PackedSequence(states, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices)
        return pad_packed_sequence(packed, batch_first=True, total_length=inputs.shape[1])[0]

    def additive(self, query: Array, key: Array, v: Array) -> Array:
        return torch.tanh(query[:, :, None] + key[:, None]) @ v[0]

    def softmax(self, scores: Array, mask: Array) -> Array:
        return torch.softmax(self.hide(scores, mask), dim=-1) * mask

    def hide(self, scores: Array, mask: Array) -> Array:
        return scores.masked_fill(mask == 0, -1e18)

    def greatest(self, values: Array) -> Array:
        return values.amax(dim=-1, keepdim=True)

    def largest(self, values: Array, mask: Array) -> Array:
        return values.masked_fill(mask[:, :, None] == 0, -1e9).amax(dim=1)

    def identity(self, values: Array) -> Array:
        return torch.eye(values.shape[1], device=values.device)

    def split_heads(self, values: Array, heads: int) -> Array:
        return values.unflatten(-1, (heads, -1)).transpose(1, 2)

    def merge_heads(self, values: Array) -> Array:
        return values.transpose(1, 2).flatten(2)

    def matmul(self, first: Array, second: Array) -> Array:
        return first @ second

    def swap(self, values: Array) -> Array:
        return values.transpose(-1, -2)

    def expand(self, values: Array, axis: int) -> Array:
        return values.unsqueeze(axis)

    def flatten(self, values: Array) -> Array:
        return values.flatten(1)

    def concat(self, parts: Sequence[Array]) -> Array:
        return torch.cat(tuple(parts), dim=-1)

    def sum(self, values: Array) -> Array:
        return values.sum(dim=-1, keepdim=True)

    def sqrt(self, values: Array) -> Array:
        return torch.sqrt(values)

    def at_least(self, values: Array, least: Number) -> Array:
        return values.clamp(min=least)

    def dropout(self, values: Array, rate: float) -> Array:
        return nn.functional.dropout(values, rate, self.training)


class TorchEngine:
    """A torch module in prediction mode that takes and returns numpy arrays.

    Parameters
    ----------
    recipe : str
    model : dict
    weights : mapping of str to numpy.ndarray
        As `gluonattn.classifier.engines.choice.prepare` gives them.
    device : {"auto", "cpu", "gpu", "gpu:N"}, default "auto"
    """

    parallel = False  # torch divides a batch among threads itself
    batch_size = 256  # most texts at once
    batch_pairs = 500_000  # most query-key pairs at once, which bounds memory

    def __init__(self, recipe: str, model: dict[str, Any], weights: Mapping[str, NDArray[Any]],
                 device: str = "auto") -> None:
        self._device = torch_device(device)
        self.module = TorchClassifier(recipe, model, weights).to(self._device).eval()
        self.module.flatten_parameters()
        if self._device.type == "cuda":
            self.batch_size, self.batch_pairs = 4096, 8_000_000

    def __call__(self, *arrays: Array) -> tuple[Array, Array]:
        """As `gluonattn.classifier.engines.forward.forward`, on numpy arrays."""
        # TF32, cuDNN's default, is 3e-4 off in the GRU.
        with torch.inference_mode(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
            ids, lengths, *more = map(torch.from_numpy, arrays)
            # Lengths stay on the CPU: cuDNN needs them there.
            logits, weights = self.module(ids.to(self._device), lengths, *(array.to(self._device) for array in more))
        return logits.cpu().numpy(), weights.cpu().numpy()
