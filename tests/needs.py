"""What tests need and an environment may not have."""

import pytest

from gluonattn.runtime import mxnet_is_installed

NO_MXNET = 'needs MXNet: pip install "gluonattn[cpu]" on Python 3.9 to 3.12'


def require_mxnet() -> None:
    """Skip the test or fixture that calls this if MXNet is not installed."""
    if not mxnet_is_installed():
        pytest.skip(NO_MXNET)


needs_mxnet = pytest.mark.skipif(not mxnet_is_installed(), reason=NO_MXNET)
