"""Averaged weights: a moving mean of the parameters is validated and saved instead of the last parameters.

An exponential moving average (Polyak and Juditsky 1992, as used by Tarvainen and Valpola 2017). Its window starts short
and grows to its full length, so that the first values are soon forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

_WINDOW_START = 10  # after n steps the window is at most (1 + n) / (10 + n)


def window(decay: float, step: int) -> float:
    """The fraction of the mean that a step keeps.

    Parameters
    ----------
    decay : float
        The fraction once the window has its full length.
    step : int
        Number of the step, counted from 1.
    """
    return min(decay, (1 + step) / (_WINDOW_START + step))


class Average:
    """A moving mean of a run's parameters.

    Parameters
    ----------
    parameters : sequence of mxnet.gluon.Parameter
        The trained parameters.
    decay : float
        Fraction of the mean that each step keeps. With 0 there is no mean and the parameters themselves are used.
    device : mxnet.Context
    """

    def __init__(self, parameters: Sequence[Any], decay: float, device: Any):
        self.decay, self._parameters, self._device = decay, list(parameters), device
        self.values: list[Any] = []

    def begin(self) -> None:
        """Begin with the current parameters. Their shapes must be known."""
        if self.decay:
            self.values = [p.data(self._device).copy() for p in self._parameters]

    def update(self, step: int) -> None:
        """Add the parameters after step number `step`, counted from 1."""
        if not self.decay:
            return
        kept = window(self.decay, step)
        for mean, parameter in zip(self.values, self._parameters):
            mean *= kept
            mean += (1 - kept) * parameter.data(self._device)

    @contextmanager
    def use_average(self) -> Iterator[None]:
        """Use the mean instead of the parameters. They are restored at the end of the block."""
        if not self.decay:
            yield
            return
        before = [p.data(self._device).copy() for p in self._parameters]
        self._set_parameters(self.values)
        try:
            yield
        finally:
            self._set_parameters(before)

    def _set_parameters(self, values: Sequence[Any]) -> None:
        for parameter, value in zip(self._parameters, values):
            value.copyto(parameter.data(self._device))
