"""A sample of hashes of a model's training texts, beside its checkpoint.

The smallest hashes of the training texts are kept. Other texts with hashes in the
same range are a fair sample of those texts. The fraction of the sample that is
known estimates the fraction that was in training (a bottom-k sketch).
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
    """Write the sample of a model's training texts beside its checkpoint.

    Parameters
    ----------
    folder : path
    texts : iterable of str
    fingerprint : str
        Fingerprint of the checkpoint. A model that replaces this one has another one.

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
    """Estimate the fraction of these texts on which a model was trained.

    Parameters
    ----------
    folder : path
        The model's checkpoint.
    texts : iterable of str
    fingerprint : str or None
        Fingerprint of the model's training run.

    Returns
    -------
    (fraction, sampled) : (float, int) or None
        `sampled` texts were looked up. None if the checkpoint has no such
        sample, or none of the texts fell into it.
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
    """Four bytes of the SHA-256 of each text, without regard to spaces and Unicode normal form."""
    plain = map(text_key, texts)
    joined = b"".join(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:4] for text in plain)
    return np.frombuffer(joined, "<u4")
