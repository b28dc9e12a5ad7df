"""The reviews that the tests of training use."""

from ..training.conftest import reviews, table  # noqa: F401
