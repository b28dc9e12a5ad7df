"""The explanation of one text by an opened classifier."""

from __future__ import annotations

from typing import Any

from ...errors import RecordError
from ..explanation import Explanation


class OpenedExplanation(Explanation):
    """An `Explanation` of a torch model. It supports what-if questions about words, not about weights."""

    def edit(self, weights: Any) -> Explanation:
        """Not supported: the weights of this record are between words, and later layers cannot be computed from them.

        Raises
        ------
        RecordError
            Always. Use `drop` or `replace`.
        """
        raise RecordError("the attention weights of an opened torch model cannot be edited: they are between pieces, in "
                          "several layers, and this record has them between words. Ask drop or replace.")

    def _add_account(self, about: dict[str, Any]) -> None:
        """Add nothing: only a Bi-GRU has an account."""
