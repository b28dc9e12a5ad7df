"""Which texts a model was trained on, as a small sample of hashes beside its checkpoint.

The smallest hashes of the texts are kept. Those of other texts that are as small
are a fair sample of these texts, so the fraction of them that is known estimates
the fraction of all that was trained on (a bottom-k sketch).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contents import parse_json, seal, unseal
from ..errors import DataError
from ..files import replace_file
from ..plain import text_key

SEEN = "trained_on.json"
SAMPLE_SIZE = 16_384  # hashes of four bytes: 90 kB


def write_seen(folder: str | os.PathLike[str], texts: Iterable[str], fingerprint: str) -> None:
    """Write the sample of the texts a model was trained on beside its checkpoint.

    Parameters
    ----------
    folder : path
    texts : iterable of str
    fingerprint : str
        That of the checkpoint: a model that replaces this one has another.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    hashes = np.unique(_hashes(texts)).astype("<u4")
    content = {"fingerprint": fingerprint, "texts": len(hashes),
               "smallest_hashes": base64.b64encode(hashes[:SAMPLE_SIZE].tobytes()).decode()}
    try:
        replace_file(Path(folder) / SEEN, json.dumps(seal(content)))
    except OSError as error:
        raise DataError(f"cannot write {Path(folder) / SEEN}: {error.strerror}. The model itself is saved; make space and "
                        "run the same command with --resume.") from None


def estimate_seen_fraction(
    folder: str | os.PathLike[str], texts: Iterable[str], fingerprint: str | None
) -> tuple[float, int] | None:
    """Estimate which fraction of these texts a model was trained on.

    Parameters
    ----------
    folder : path
        The model's checkpoint.
    texts : iterable of str
    fingerprint : str or None
        Of the model's training run.

    Returns
    -------
    (fraction, sampled) : (float, int) or None
        `sampled` texts were looked up. None where the checkpoint does not
        know what it was trained on, or none of the texts fell into the sample.
    """
    try:
        found = unseal(parse_json((Path(folder) / SEEN).read_bytes(), SEEN, ValueError))
        if found is None:  # changed since: the fraction would be wrong
            return None
        kept = np.frombuffer(base64.b64decode(found["smallest_hashes"]), "<u4")
        if found["fingerprint"] != fingerprint:
            return None
        whole = found["texts"] <= len(kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    hashes = _hashes(texts)
    if not whole and len(kept):
        hashes = hashes[hashes <= kept[-1]]
    return (float(np.isin(hashes, kept).mean()), len(hashes)) if len(hashes) else None


def _hashes(texts: Iterable[str]) -> NDArray[Any]:
    """Four bytes of each text's SHA-256, whatever its spaces and however it is written."""
    plain = map(text_key, texts)
    joined = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4] for text in plain)
    return np.frombuffer(joined, "<u4")
