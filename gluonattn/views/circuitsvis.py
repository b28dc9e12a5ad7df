"""Show a record in CircuitsVis's own view."""

from __future__ import annotations

from ..errors import DependencyError, RecordError
from ..record import AttentionRecord


def to_circuitsvis(record: AttentionRecord, *, layer: int = 0) -> str:
    """Make CircuitsVis's page with the attention patterns of one layer.

    Parameters
    ----------
    record : AttentionRecord
        A record whose queries are its keys, because CircuitsVis shows one list of tokens.
    layer : int, default 0

    Returns
    -------
    str
        HTML that takes its script from the network.

    Raises
    ------
    RecordError
        If queries and keys differ, or there is no such layer.
    DependencyError
        If circuitsvis is not installed.
    """
    if record.queries != record.keys:
        raise RecordError("CircuitsVis shows attention of one list of tokens to itself, and this record's queries and keys "
                          "differ: take a record of another kind, or gluonattn.views.bertviz.")
    if not 0 <= layer < record.layers:
        raise RecordError(f"layer {layer} is not among 0 to {record.layers - 1}.")
    try:
        from circuitsvis.attention import attention_patterns
    except ImportError as error:
        raise DependencyError(f"to_circuitsvis needs circuitsvis ({error}): pip install 'gluonattn[circuitsvis]'.") from None
    return str(attention_patterns(tokens=[token.text for token in record.keys], attention=record.weights[layer]))
