"""How far apart colours look, with full colour vision and without: for the tests of pages and pictures."""

from __future__ import annotations

import itertools

import numpy as np

# What is seen with each kind of colour blindness, in linear RGB. Machado, Oliveira and Fernandes (2009), severity 1.
VISION = {
    "full": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}
_XYZ = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175], [0.0193339, 0.119192, 0.9503041]])


def channels(colour: str) -> tuple[int, int, int]:
    """#rrggbb as three numbers of 0 to 255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def lab(colour, vision: str = "full") -> np.ndarray:
    """L*, a* and b* (D65) of a colour of 0 to 255, as a kind of vision sees it.

    Parameters
    ----------
    colour : sequence of three int
    vision : str, default "full"
        A key of `VISION`.
    """
    part = np.asarray(colour) / 255
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    x, y, z = _XYZ @ np.clip(np.asarray(VISION[vision]) @ linear, 0, 1) / _XYZ.sum(axis=1)
    f = [t ** (1 / 3) if t > 216 / 24389 else (24389 / 27 * t + 16) / 116 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def least_distance(colours, vision: str) -> float:
    """The distance (CIE 1976) of the two colours that are most alike to a kind of vision; 2.3 can just be noticed.

    Parameters
    ----------
    colours : iterable of colours
    vision : str
        A key of `VISION`.
    """
    seen = [lab(colour, vision) for colour in colours]
    return min(float(np.linalg.norm(a - b)) for a, b in itertools.combinations(seen, 2))
