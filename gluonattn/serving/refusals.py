"""Refusals: a status and a sentence for requests that are wrong or too large."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """An error whose answer is ``{"error": reason}``, without a traceback.

    Parameters
    ----------
    status : int
        The HTTP status.
    reason : str
        What was expected, what was given, and what to do.
    headers : mapping of str to str
        Headers besides the usual ones.
    """

    def __init__(self, status: int, reason: str, headers: Mapping[str, str] | None = None):
        super().__init__(reason)
        self.status, self.reason, self.headers = status, reason, dict(headers or {})


def busy(reason: str, after: int = 1) -> Refusal:
    """Create a Refusal 503: the request is valid, and the client may send it again.

    Parameters
    ----------
    reason : str
    after : int, default 1
        Seconds to wait, for ``Retry-After``.
    """
    return Refusal(503, f"{reason} Try again in {after} s.", {"retry-after": str(after)})
