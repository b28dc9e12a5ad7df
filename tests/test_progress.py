"""Progress bars: on terminals only, one at a time, and none that outlives its command."""

import io
import sys

import pytest
from rich.console import Console

from gluonattn.progress import Bar, hide_at_end

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def screen():
    with hide_at_end():
        yield Console(file=io.StringIO(), force_terminal=True, width=100)


def drawn(console) -> str:
    return console.file.getvalue()


def test_nothing_is_shown_where_no_terminal_is(capsys):
    bar = Bar("reading")
    for done in range(4):
        bar(done, 3)
    bar.add(1, 3)
    quiet = Console(file=io.StringIO())
    Bar("reading", quiet)(1, 3)
    assert capsys.readouterr() == ("", "") and drawn(quiet) == ""


def test_a_bar_shows_its_name_and_counts_and_goes(screen):
    bar = Bar("reading [b]", screen)
    bar(1, 4)
    assert HIDE_CURSOR in drawn(screen) and SHOW_CURSOR not in drawn(screen)
    bar.update(4, 4, note="loss 0.5")
    bar.hide()
    assert "reading [b]" in drawn(screen) and "4/4" in drawn(screen) and "loss 0.5" in drawn(screen)
    assert drawn(screen).rindex(SHOW_CURSOR) > drawn(screen).rindex("reading")


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, SystemExit])
def test_whatever_ends_a_command_takes_its_bar_away(error):
    console = Console(file=io.StringIO(), force_terminal=True)
    with pytest.raises(error), hide_at_end():
        Bar("reading", console)(1, 4)
        raise error
    assert drawn(console).count(SHOW_CURSOR) == drawn(console).count(HIDE_CURSOR) == 1


def test_a_bar_takes_the_place_of_another_that_never_came_to_its_end(screen):
    first, second = Bar("first", screen), Bar("second", screen)
    first(1, 4)
    second(1, 4)
    assert drawn(screen).rindex("first") < drawn(screen).index("second")
    first(2, 4)
    assert drawn(screen).rindex("second") < drawn(screen).rindex("first")


def test_a_bar_that_is_done_starts_again(screen):
    """Where one measures a model after another."""
    bar = Bar("explaining", screen)
    for _ in range(2):
        bar(1, 2)
        bar.add(1, 2)
    assert drawn(screen).count(HIDE_CURSOR) == drawn(screen).count(SHOW_CURSOR) == 2


def test_what_is_printed_beside_a_bar_goes_where_it_should(screen, monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    Bar("reading", screen)(1, 4)
    print("a record")
    assert sys.stdout.getvalue() == "a record\n" and "a record" not in drawn(screen)


def test_a_bar_of_an_unknown_total_is_drawn(screen):
    bar = Bar("download", screen)
    bar(5, 0)
    bar.hide()
    assert "5/?" in drawn(screen)
