"""MXNet and GluonNLP for tests: what imports them from here is skipped, with a reason, where they are not installed."""

import pytest

from gluonattn.runtime import mxnet_is_installed

REASON = 'needs MXNet: pip install "gluonattn[cpu]" on Python 3.9 to 3.12'


def require_mxnet() -> None:
    """Skip the test, fixture or module that calls this if MXNet is not installed."""
    if not mxnet_is_installed():
        pytest.skip(REASON, allow_module_level=True)


def __getattr__(name):
    if name not in ("mx", "nlp"):
        raise AttributeError(name)
    require_mxnet()
    from gluonattn import runtime

    return getattr(runtime, name)
