"""Refusals: what a client did wrong or asked too much of, as a status and a sentence."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """Answered as ``{"error": reason}``; never with a traceback.

    Parameters
    ----------
    status : int
        Of HTTP.
    reason : str
        What was expected, what came, and what to do.
    headers : mapping of str to str
        Beside the usual ones.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None):
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, dict(headers or {})


def busy(reason: str, after: int = 1) -> Refusal:
    """503: nothing is wrong with the request, and it may come again.

    Parameters
    ----------
    reason : str
    after : int, default 1
        Seconds to wait, for ``Retry-After``.
    """
    return Refusal(503, f"{reason} Try again in {after} s.", {"retry-after": str(after)})
