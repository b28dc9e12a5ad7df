"""Limits of a request: its size and its time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits of requests.

    Attributes
    ----------
    body : int, default 1 MiB
        Bytes of a request's body.
    text : int, default 10_000
        Characters of a text. A model reads its first 512 tokens; the rest of a longer text is only tokenized.
    predicted, explained : int, default 256 and 16
        Texts in one request to predict and to explain.
    waiting : int, default 2048
        Texts that may wait for a model. Further requests are refused with 503.
    seconds : float, default 10
        From a request's first line to its answer.
    sending : float, default 10
        Seconds a client may take to send a request.
    idle : float, default 30
        Seconds a connection without a request is kept.
    draws : int, default 100
        Random draws an explanation may be held against.
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
