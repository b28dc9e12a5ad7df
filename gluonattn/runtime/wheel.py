"""The installed MXNet wheel, and the versions of libraries that affect results. Nothing is imported."""

from __future__ import annotations

import importlib.util
import re
import sys
from importlib import metadata

from ..errors import DependencyError


def mxnet_is_installed() -> bool:
    """Whether MXNet and GluonNLP are installed. Nothing is imported."""
    return importlib.util.find_spec("mxnet") is not None and importlib.util.find_spec("gluonnlp") is not None


def versions() -> dict[str, str]:
    """Versions of the libraries that affect results, for a record or checkpoint."""
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for wheel in ("gluonattn", "mxnet", "mxnet-cu112", "gluonnlp", "numpy", "torch", "onnxruntime"):
        try:
            found[wheel] = metadata.version(wheel)
        except metadata.PackageNotFoundError:
            continue
    return found


def installed_wheel() -> str:
    """The installed MXNet wheel: "mxnet" or "mxnet-cuNNN".

    Raises
    ------
    DependencyError
        If there is none, or more than one.
    """
    found = find_wheels()
    if not found and sys.version_info >= (3, 13):
        raise DependencyError(
            "this needs MXNet, which ends at Python 3.12, and this is Python "
            f"{sys.version_info[0]}.{sys.version_info[1]}. Trained models predict and explain here with the "
            'other engines. A classifier is trained here with torch: pip install "gluonattn[torch]". For the rest make an '
            'environment of Python 3.9 to 3.12 and install "gluonattn[cpu]" there.'
        )
    if not found:
        raise DependencyError(
            'MXNet is not installed. Install it with pip install "gluonattn[cpu]", '
            'or "gluonattn[cu112]" for an NVIDIA GPU up to compute capability 8.9. A classifier can be trained with torch '
            'too: pip install "gluonattn[torch]".'
        )
    if len(found) > 1:
        raise DependencyError(
            f"{' and '.join(found)} are both installed and overwrite each other's files. Run "
            f"pip uninstall -y {' '.join(found)}, then install one of gluonattn[cpu] and gluonattn[cu112]."
        )
    return found[0]


def find_wheels() -> list[str]:
    """All MXNet wheels that are installed, sorted by name."""
    found = (distribution.metadata for distribution in metadata.distributions())
    names = {one["Name"].lower().replace("_", "-") for one in found if "Name" in one}
    return sorted(name for name in names if re.fullmatch(r"mxnet(-cu\d+)?", name))


def install_command(wheel: str) -> str:
    """The install command that keeps `wheel`. The other extra would install a second MXNet beside it."""
    return f'pip install "gluonattn[{"cpu" if wheel == "mxnet" else "cu112"}]"'
