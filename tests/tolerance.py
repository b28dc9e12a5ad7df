"""How far apart two results of one formula may lie that were computed in two ways.

Whether a text stands alone or in a batch, with padding or without, in MXNet, numpy or torch, hybridized or not: the numbers
are the same, and the order of the sums is not, nor the processor's vector width. A tolerance that is read off one machine
fails on the next. Here it follows from the computation.

A sum of n float32 products is off by about sqrt(n) units in the last place of its largest numbers (Higham and Mary, A new
approach to probabilistic rounding error analysis, SIAM J. Sci. Comput. 41, 2019); layers one behind another add their errors
likewise. `SAFETY` covers that exp, tanh and divisions are off by some units themselves, that a layer may stretch what comes
in, that both results are rounded, and that the rule holds with high probability only. What was seen on processors with
AVX2 and AVX-512 is at most a quarter of what is allowed; a mask that leaks moves the same numbers a thousand times as far as
that (tests/models/test_transformer.py).

What takes one and the same way twice (going on after a kill, training again, saving and loading) must be equal to the bit:
compare it with ``==`` and no tolerance.
"""

from __future__ import annotations

import numpy as np

SAFETY = 16


def tolerance(terms: int, layers: int = 1, *, scale=1.0, dtype=np.float32) -> float:
    """The difference that rounding may make, for ``atol=``, ``abs=`` or ``<``.

    Parameters
    ----------
    terms : int
        Numbers that are added up in the widest sum: the width of a layer, the keys of a row.
    layers : int, default 1
        Sums one behind the other: sublayers of a Transformer, steps of a GRU.
    scale : float or array, default 1
        What is added up, or how large it can be; of an array its largest absolute value is taken. 1 at least, for the
        states behind a small result are not small.
    dtype : numpy dtype, default float32
        In which the less exact of the two was computed.
    """
    largest = max(1.0, float(np.abs(np.asarray(scale, dtype=np.float64)).max(initial=0)))
    return SAFETY * float(np.finfo(dtype).eps) * float(np.sqrt(terms * layers)) * largest
