"""The only module that imports MXNet and GluonNLP.

``from gluonattn.runtime import mx, nlp`` imports them on first use, after
setting up what MXNet 1.9.1 (the last release) needs on a current machine: numpy
aliases, CUDA libraries that pip installed, and a sensible number of threads.

Each file imports only files above it in this list:
`wheel`, `threads`, `memory`, `gpu`, `loading` (imports MXNet), `computing` (uses it).
"""

from __future__ import annotations

from typing import Any

from .computing import device as device
from .computing import seed_everything as seed_everything
from .computing import silence_lazy_update_notice as silence_lazy_update_notice
from .gpu import CUDA_LIBRARIES as CUDA_LIBRARIES
from .gpu import NEWEST_CAPABILITY as NEWEST_CAPABILITY
from .gpu import device_names as device_names
from .gpu import first_device as first_device
from .gpu import gpu_index as gpu_index
from .gpu import parse_device as parse_device
from .loading import import_gluonnlp, import_mxnet
from .memory import give_back_memory as give_back_memory
from .memory import keep_freed_memory as keep_freed_memory
from .memory import memory_of as memory_of
from .threads import asked_threads as asked_threads
from .threads import cores as cores
from .threads import limit_threads as limit_threads
from .threads import restore_engine_type as restore_engine_type
from .threads import total_threads as total_threads
from .wheel import mxnet_is_installed as mxnet_is_installed
from .wheel import versions as versions


def __getattr__(name: str) -> Any:
    if name == "mx":
        return import_mxnet()
    if name == "nlp":
        return import_gluonnlp()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
