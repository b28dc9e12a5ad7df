"""What an opened classifier says of one text."""

from __future__ import annotations

from typing import Any

from ...errors import RecordError
from ..explanation import Explanation


class OpenedExplanation(Explanation):
    """An `Explanation` of a torch model: it can be asked what if by words, not by weights."""

    def edit(self, weights: Any) -> Explanation:
        """Not there: the layers above would have to be computed again from weights that stand between words.

        Raises
        ------
        RecordError
            Always; `drop` and `replace` can be asked.
        """
        raise RecordError("the attention weights of an opened torch model cannot be edited: they stand between pieces, in "
                          "several layers, and this record has them between words. Ask drop or replace.")

    def _add_account(self, about: dict[str, Any]) -> None:
        """Nothing: an account is of a Bi-GRU's steps."""
