"""A torch module that classifies texts: its logits, its attention and its derivatives. The module stays unchanged.

What is set while it runs (evaluation mode, hooks, an attention implementation that returns weights) is restored, also
after an exception. Only texts of one length share a batch, so nothing is padded.
"""

from __future__ import annotations

import copy
import inspect
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...capture.hooks import holds_transformers, need_torch
from ...errors import CaptureError, OptionError
from .derivatives import deepest_attention, log_odds, read_shares, weight_slopes

WHAT = "explaining a classifier of torch"
_PIECES = 8192  # in one forward pass
_FEWER = 2048  # in one with derivatives

Row = tuple[NDArray[Any], "NDArray[Any] | None"]  # ids and token types of a text


class Attended(NamedTuple):
    """A model's attention for one text. T is the number of pieces.

    Attributes
    ----------
    weights : numpy.ndarray, float64, shape (layers, heads, T, T)
    values : numpy.ndarray, float64, shape (layers, heads, T, head_dim), or None
            The values that the weights mix.
        read : numpy.ndarray, shape (T,)
            Share of each position in what the model's head reads: 1 for ``[CLS]`` alone, or 1/T for a mean. Sums to 1.
        slopes : numpy.ndarray, float64, shape (layers, heads, T, T), or None
            Derivative of the class's log-odds with respect to each weight. None if the model does not return the weights
            that it uses.
    """

    weights: NDArray[Any]
    values: NDArray[Any] | None
    read: NDArray[Any]
    slopes: NDArray[Any] | None


class Network:
    """A torch module that maps ids to logits.

    Parameters
    ----------
    model : torch.nn.Module
        It takes ids (B, T), also ``attention_mask`` and ``token_type_ids`` if its forward pass has these parameters. It
        returns logits (B, classes): a tensor, the first item of a tuple, or an output with ``logits``.

    Attributes
    ----------
    classes : int
        Set by `try_on`.

    Notes
    -----
    `between` returns the same network restricted to two classes.
    """

    classes = 0
    _only: tuple[int, ...] = ()

    def __init__(self, model: Any):
        self.torch = need_torch(WHAT, "huggingface")
        self.model = model
        self.known = inspect.signature(model.forward).parameters
        self._embedding: Any = None

    def try_on(self, row: Row) -> None:
        """Run the model on a text to find the number of classes and the embedding.

        Raises
        ------
        OptionError
            If it does not run on ids, or returns anything but logits of two classes or more.
        """
        name = type(self.model).__name__
        seen: list[Any] = []

        def note(module: Any, args: Any, output: Any) -> None:
            if args and getattr(args[0], "shape", None) == (1, len(row[0])) and bool(
                    (args[0].cpu().numpy()[0] == row[0]).all()):
                seen.append(module)

        with self._quiet() as undo, self.torch.no_grad():
            for module in self.model.modules():
                if isinstance(module, self.torch.nn.Embedding):
                    undo.callback(module.register_forward_hook(note).remove)
            try:
                logits = self._logits([row])
            except (TypeError, ValueError, RuntimeError, IndexError, AttributeError) as error:
                first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
                raise OptionError(f"{name} does not run on the ids of a text alone: {first} Give a module whose forward "
                                  "pass takes ids (texts, pieces), made by the tokenizer that is given, and returns logits "
                                  "(texts, classes).") from None
        shape = tuple(getattr(logits, "shape", ()))
        if len(shape) != 2 or shape[0] != 1 or not logits.dtype.is_floating_point:
            raise OptionError(f"{name} gives {_described(logits)} for one text; expected logits of shape (1, classes). A "
                              "model without a classification head has to be fine-tuned first (transformers: "
                              "AutoModelForSequenceClassification).")
        if shape[1] < 2:
            raise OptionError(f"{name} gives one number for each text; expected logits of two classes or more. Wrap it in a "
                              "module that returns the logits of both classes: torch.cat([0 * x, x], -1) for one sigmoid.")
        self.classes = shape[1]
        self._embedding = seen[0] if seen else None

    def logits(self, rows: Sequence[Row]) -> NDArray[Any]:
        """Logits of texts, float64, shape (texts, classes)."""
        found = np.zeros((len(rows), self.classes))
        with self._quiet(), self.torch.no_grad():
            for which in _plan([len(ids) for ids, _ in rows], _PIECES):
                found[which] = self._logits([rows[i] for i in which]).double().cpu().numpy()
        return found

    def between(self, target: int, against: int) -> Network:
        """The same network restricted to two classes. All others have the probability 0.

        Parameters
        ----------
        target, against : int
        """
        judge = copy.copy(self)
        judge._only = (target, against)
        return judge

    def vectors(self, ids: NDArray[Any]) -> Any:
        """The model's embeddings of ids, a tensor (T, width)."""
        with self.torch.no_grad():
            return self._vectors_of()(self._tensor(ids[None]))[0]

    def derive(self, row: Row, vectors: Any, target: int) -> tuple[NDArray[Any], Any]:
        """Log-odds of a class, and their derivatives with respect to the vectors of the pieces.

        Parameters
        ----------
        row : Row
        vectors : torch.Tensor, shape (steps, T, width)
            Replacements of the embeddings. Each step is a row of the batch.
        target : int

        Returns
        -------
        odds : numpy.ndarray, shape (steps,)
        slopes : torch.Tensor, shape (steps, T, width)
        """
        odds, slopes = [], []
        most = max(1, _FEWER // len(row[0]))
        for first in range(0, len(vectors), most):
            part = vectors[first : first + most].detach().clone().requires_grad_()
            with self._quiet() as undo, self.torch.enable_grad():
                self._replace(undo, part)
                found = log_odds(self._logits([row] * len(part)), target)
            slopes.append(self.torch.autograd.grad(found.sum(), part)[0])
            odds.append(found.detach().double().cpu().numpy())
        return np.concatenate(odds), self.torch.cat(slopes)

    def attend(self, row: Row, target: int, slopes: bool = False) -> Attended | None:
        """The attention of one text. None if the model has no attention between pieces, or does not return it.

        Parameters
        ----------
        row : Row
        target : int
        slopes : bool, default False
            Whether to compute derivatives with respect to the weights.
        """
        capture, size = self._capture(), len(row[0])
        outputs: list[Any] = []

        def note(module: Any, args: Any, output: Any) -> None:
            parts: Any = list(output.values()) if isinstance(output, Mapping) else output
            parts = parts if isinstance(parts, (tuple, list)) else [parts]
            outputs.extend(part for part in parts if getattr(part, "requires_grad", False))

        def derivable(module: Any, args: Any, output: Any) -> Any:
            return output + self.torch.zeros_like(output).requires_grad_()  # even if no parameter requires gradients

        with self._quiet() as undo, self.torch.enable_grad():
            if self._embedding is not None:
                undo.callback(self._embedding.register_forward_hook(derivable).remove)
            try:
                with capture(self.model, vectors=True) as recorder:
                    for module in self.model.modules():
                        undo.callback(module.register_forward_hook(note).remove)
                    logits = self._logits([row])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # the warning about uniform attention does not apply to a single text
                    records = recorder.records_by_position()
            except CaptureError:
                return None
        found = deepest_attention(records, size)
        if found is None:
            return None
        odds = log_odds(logits, target).sum()
        weights = found.weights.astype(np.float64)
        return Attended(weights, None if found.values is None else found.values.astype(np.float64),
                        read_shares(odds, outputs, size), weight_slopes(odds, outputs, weights) if slopes else None)

    def given(self, rows: Sequence[Row]) -> dict[str, Any]:
        """The arguments of the model's forward pass for texts of one length: tensors (texts, T)."""
        ids = self._tensor(np.stack([ids for ids, _ in rows]))
        given = {"input_ids": ids}
        if "attention_mask" in self.known:
            given["attention_mask"] = self.torch.ones_like(ids)
        if "token_type_ids" in self.known and rows[0][1] is not None:
            given["token_type_ids"] = self._tensor(np.stack([types for _, types in rows if types is not None]))
        return given

    # ---- the computation

    @contextmanager
    def _quiet(self) -> Iterator[ExitStack]:
        """Evaluation mode. Modes and hooks are restored."""
        modes = [(module, module.training) for module in self.model.modules()]
        with ExitStack() as undo:
            for module, mode in modes:
                undo.callback(setattr, module, "training", mode)
            self.model.eval()
            yield undo

    def _capture(self) -> Any:
        if holds_transformers(self.model):
            from ...capture.huggingface import capture
        else:
            from ...capture.torch import capture  # type: ignore[assignment]
        return capture

    def _tensor(self, ids: NDArray[Any]) -> Any:
        first = next(self.model.parameters(), None)
        return self.torch.as_tensor(ids, device=None if first is None else first.device)

    def _logits(self, rows: Sequence[Row]) -> Any:
        """Logits, a tensor (texts, classes), of texts of one length."""
        given = self.given(rows)
        output = self.model(**given) if "input_ids" in self.known else self.model(given["input_ids"])
        if hasattr(output, "get") and "logits" in output:
            output = output["logits"]
        elif isinstance(output, (tuple, list)) and output:
            output = output[0]
        if not self._only:
            return output
        others = [i for i in range(self.classes) if i not in self._only]
        return output.index_fill(-1, self.torch.as_tensor(others, device=output.device), -float("inf")) if others else output

    def _vectors_of(self) -> Any:
        if self._embedding is None:
            raise OptionError(f"{type(self.model).__name__} has no torch.nn.Embedding that takes the ids of a text, so "
                              "nothing can be derived by its words: take leave-one-out.")
        return self._embedding

    def _replace(self, undo: ExitStack, vectors: Any) -> None:
        """Replace the embedding's output for the text by vectors (texts, T, width)."""
        waiting = [vectors]

        def give(module: Any, args: Any, output: Any) -> Any:
            return waiting.pop().to(output.dtype) if waiting and output.shape == vectors.shape else None

        undo.callback(self._vectors_of().register_forward_hook(give).remove)


def _plan(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Groups of texts of one length that share a batch."""
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(length, []).append(i)
    for length, which in by_length.items():
        count = max(1, most // length)
        yield from (which[first : first + count] for first in range(0, len(which), count))


def _described(output: Any) -> str:
    shape = getattr(output, "shape", None)
    return f"a {type(output).__name__}" + ("" if shape is None else f" of shape {tuple(shape)}")
