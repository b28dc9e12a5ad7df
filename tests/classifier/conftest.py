"""The small run and the reviews that the tests of training use."""

from ..training.conftest import make_run, reviews, table  # noqa: F401
