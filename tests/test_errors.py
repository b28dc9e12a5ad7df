from __future__ import annotations

import inspect
import pickle

import pytest

from gluonattn import errors
from gluonattn.errors import GluonAttnError, OptionError, choose

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if kind.__module__ == errors.__name__
]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_the_one_base_and_says_when_it_is_raised(kind):
    assert issubclass(kind, GluonAttnError)
    assert kind.__doc__
    assert str(pickle.loads(pickle.dumps(kind("여기")))) == "여기"  # it crosses processes


def test_choose_returns_what_was_asked_for():
    assert choose("cell", "mlp", {"mlp": 1, "dot": 2}) == 1


@pytest.mark.parametrize(
    "name, message",
    [
        ("mpl", r"unknown attention cell 'mpl': expected one of 'mlp', 'dot'\. Did you mean 'mlp'\?"),
        ("zebra", r"unknown attention cell 'zebra': expected one of 'mlp', 'dot'\.$"),
        ("", r"unknown attention cell '': expected"),
        (None, r"unknown attention cell None: expected"),
        (7, r"unknown attention cell 7: expected"),
        (["mlp"], r"unknown attention cell \['mlp'\]: expected"),
    ],
)
def test_choose_names_the_choices_and_the_nearest(name, message):
    with pytest.raises(OptionError, match=message):
        choose("attention cell", name, {"mlp": 1, "dot": 2})
