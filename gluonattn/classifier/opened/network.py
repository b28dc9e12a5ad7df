"""A torch module that decides about texts: its logits, its attention and its derivatives. Nothing of it is changed.

What is set while it runs (evaluation mode, hooks, the attention that hands out weights) is set back also after an
exception. Texts of one length go through together, so that nothing is ever padded.
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
_FEWER = 2048  # in one that is derived

Row = tuple[NDArray[Any], "NDArray[Any] | None"]  # ids and token types of a text


class Attended(NamedTuple):
    """What the attention of a model did with one text; T are its pieces.

    Attributes
    ----------
    weights : numpy.ndarray, float64, shape (layers, heads, T, T)
    values : numpy.ndarray, float64, shape (layers, heads, T, head_dim), or None
        What the weights mix.
    read : numpy.ndarray, shape (T,)
        Share of each position in what the head of the model reads: 1 for ``[CLS]`` alone, or 1/T for a mean. Sums to 1.
    slopes : numpy.ndarray, float64, shape (layers, heads, T, T), or None
        Derivative of the log-odds of the class by each weight; None where the model does not hand out the weights it uses.
    """

    weights: NDArray[Any]
    values: NDArray[Any] | None
    read: NDArray[Any]
    slopes: NDArray[Any] | None


class Network:
    """A torch module, and what it reads.

    Parameters
    ----------
    model : torch.nn.Module
        From ids (B, T), with ``attention_mask`` and ``token_type_ids`` where its forward pass has these, to logits
        (B, classes): a tensor, the first of a tuple, or an output with ``logits``.

    Attributes
    ----------
    classes : int
        Set by `try_on`.

    Notes
    -----
    `between` gives the same network as a judge of two classes alone.
    """

    classes = 0
    _only: tuple[int, ...] = ()

    def __init__(self, model: Any):
        self.torch = need_torch(WHAT, "huggingface")
        self.model = model
        self.known = inspect.signature(model.forward).parameters
        self._embedding: Any = None

    def try_on(self, row: Row) -> None:
        """Run the model on a text, and see what it gives: how many classes, and where ids become vectors.

        Raises
        ------
        OptionError
            If it does not run on ids, or gives anything but logits of two classes or more.
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
        """The same network, which decides between two classes alone: all others have the probability 0.

        Parameters
        ----------
        target, against : int
        """
        judge = copy.copy(self)
        judge._only = (target, against)
        return judge

    def vectors(self, ids: NDArray[Any]) -> Any:
        """What the model's embedding makes of ids: a tensor (T, width)."""
        with self.torch.no_grad():
            return self._vectors_of()(self._tensor(ids[None]))[0]

    def derive(self, row: Row, vectors: Any, target: int) -> tuple[NDArray[Any], Any]:
        """Log-odds of a class, and their derivatives by the vectors of the pieces.

        Parameters
        ----------
        row : Row
        vectors : torch.Tensor, shape (steps, T, width)
            What stands in the place of the embeddings; each step is a text of its own.
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
        """The attention of one text; None for a model that has none from piece to piece, or does not hand it out.

        Parameters
        ----------
        row : Row
        target : int
        slopes : bool, default False
            Whether derivatives by the weights are taken, too.
        """
        capture, size = self._capture(), len(row[0])
        outputs: list[Any] = []

        def note(module: Any, args: Any, output: Any) -> None:
            parts: Any = list(output.values()) if isinstance(output, Mapping) else output
            parts = parts if isinstance(parts, (tuple, list)) else [parts]
            outputs.extend(part for part in parts if getattr(part, "requires_grad", False))

        def derivable(module: Any, args: Any, output: Any) -> Any:
            return output + self.torch.zeros_like(output).requires_grad_()  # though no parameter may be

        with self._quiet() as undo, self.torch.enable_grad():
            if self._embedding is not None:
                undo.callback(self._embedding.register_forward_hook(derivable).remove)
            try:
                with capture(self.model, vectors=True) as recorder:
                    for module in self.model.modules():
                        undo.callback(module.register_forward_hook(note).remove)
                    logits = self._logits([row])
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # even attention of one text is told of by its figures
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

    # ---- how

    @contextmanager
    def _quiet(self) -> Iterator[ExitStack]:
        """Evaluation mode; modes and hooks are set back."""
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
        """Put vectors (texts, T, width) in the place of what the embedding makes of the text."""
        waiting = [vectors]

        def give(module: Any, args: Any, output: Any) -> Any:
            return waiting.pop().to(output.dtype) if waiting and output.shape == vectors.shape else None

        undo.callback(self._vectors_of().register_forward_hook(give).remove)


def _plan(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Texts of one length that go through together."""
    by_length: dict[int, list[int]] = {}
    for i, length in enumerate(lengths):
        by_length.setdefault(length, []).append(i)
    for length, which in by_length.items():
        count = max(1, most // length)
        yield from (which[first : first + count] for first in range(0, len(which), count))


def _described(output: Any) -> str:
    shape = getattr(output, "shape", None)
    return f"a {type(output).__name__}" + ("" if shape is None else f" of shape {tuple(shape)}")
