"""Limits of a request: its size and its time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of requests.

    Attributes
    ----------
    body : int, default 1 MiB
        Maximum size of a request's body, in bytes.
    text : int, default 10_000
        Maximum number of characters of a text. A model reads the first 512 tokens and ignores the rest.
    predicted, explained : int, default 256 and 16
        Maximum number of texts in one request to predict and to explain.
    waiting : int, default 2048
        Maximum number of texts that wait for a model. Further requests are refused with 503.
    seconds : float, default 10
        Maximum number of seconds from a request's first line to its answer.
    sending : float, default 10
        Maximum number of seconds in which a client must send a request.
    idle : float, default 30
        Number of seconds for which a connection without a request is kept.
    draws : int, default 100
        Maximum number of random draws with which an explanation is compared.
    """

    body: int = 1 << 20
    text: int = 10_000
    predicted: int = 256
    explained: int = 16
    waiting: int = 2048
    seconds: float = 10.0
    sending: float = 10.0
    idle: float = 30.0
    draws: int = 100
