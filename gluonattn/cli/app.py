"""The command line: find the commands, run one, and report an error in one line."""

from __future__ import annotations

import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from .. import __version__, console, progress
from ..errors import GluonAttnError, Interrupted, choose
from ..options import list_examples
from .registry import COMMANDS, GROUPS, HEADINGS, find_commands, find_tasks

find_commands()
TASKS = find_tasks()
REPORTS = [[own.callback.__name__] for _, name, group in GROUPS if name == "report" for own in group.registered_commands
           if own.callback]


class _Groups(TyperGroup):
    """Help that lists the commands under headings."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for heading in HEADINGS:
            with formatter.section(heading):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(90)) for name in _names[heading]])


app = typer.Typer(
    help="Attention classifiers for Korean text, and pictures of what they attend to.",
    no_args_is_help=True, add_completion=False, rich_markup_mode=None, cls=_Groups,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
_names: dict[str, list[str]] = {heading: [] for heading in HEADINGS}
for _heading, _function, _examples in COMMANDS:
    app.command(epilog=_examples)(_function)
    _names[_heading].append(_function.__name__.replace("_", "-"))  # typer's name of the command
for _task, _commands in TASKS.items():
    for _function, _examples in _commands.COMMANDS:  # besides the group with the task's name
        app.command(epilog=list_examples(*_examples))(_function)
        _names["Other tasks"].append(_function.__name__)
    app.add_typer(_commands.app, name=_task)
    _names["Other tasks"].append(_task)
for _heading, _name, _group in GROUPS:
    app.add_typer(_group, name=_name)
    _names[_heading].append(_name)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"gluonattn {__version__}")
        raise typer.Exit


@app.callback(epilog="Add --debug to any command to see the full traceback of an error.")
def main_options(
    version: bool = typer.Option(False, "--version", help="Show the version and exit.", is_eager=True,
                                 callback=_print_version),
) -> None:
    pass


def main(arguments: list[str] | None = None) -> None:
    """Entry point: user mistakes print one line and exit with 2, Ctrl-C with 130, lost output with 1."""
    if arguments is None:
        console.restart_in_utf8()
    with console.streams() as (out, err):
        with console.terminable():
            code = _run(sys.argv[1:] if arguments is None else arguments)
        out.flush()
        code = console.exit_code(code, out, err)
    sys.exit(code)


def _run(arguments: list[str]) -> int:
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
    if not debug:
        warnings.showwarning = lambda message, *_, **__: print(f"warning: {message}", file=sys.stderr)
    # The width of help, too, is the terminal's.
    wide = {} if sys.stdout.isatty() else {"terminal_width": console.width(), "max_content_width": console.width()}
    try:
        with progress.hide_at_end():
            app(_as_now(console.read_arguments(arguments)), prog_name="gluonattn", **wide)
    except GluonAttnError as error:
        if debug:
            traceback.print_exc()
        print(f"error: {error}", file=sys.stderr)
        return 130 if isinstance(error, Interrupted) else 2
    except SystemExit as leaving:
        if leaving.code in (130, *console.ENDED):  # typer exits with 130 after Ctrl-C and prints nothing
            print("interrupted: nothing was left half-written", file=sys.stderr)
        if leaving.code is None or isinstance(leaving.code, int):
            return leaving.code or 0
        print(leaving.code, file=sys.stderr)
        return 1
    return 0


def _as_now(arguments: list[str]) -> list[str]:
    """Replace a command of version 0.1 by its present name, and print a note."""
    named = arguments[0] if arguments else ""
    now = None
    if named == "train" and "--task" in " ".join(arguments):
        task, rest = _take_option("--task", arguments[1:])
        if task is not None:
            choose("task", task, {"reviews": None, **TASKS})
            now = [task, "train", *rest] if task in TASKS else ["train", *rest]
    elif named == "report" and not (arguments[1:2] in REPORTS and (arguments[2:] or not Path(arguments[1]).is_dir())):
        words = [word for word in arguments[1:3] if not word.startswith("-")]
        task = next((word for word in words[:1] if word in TASKS), None)
        if task is None and len(words) > 1:
            choose("subject of a report", words[0], TASKS)
        now = [task, *arguments[:1], *arguments[2:]] if task else [next(iter(TASKS)), *arguments]
    elif named == "evaluate":
        from ..models.checkpoint import recipe_of

        model = next(filter(None, (_take_option(name, arguments[1:])[0] for name in ("--model", "-m"))), None)
        task = recipe_of(model) if model and Path(model).is_dir() else None
        now = [task, *arguments] if task in TASKS else None
    if now is None:
        return arguments
    if now[0] in TASKS:
        print(f"note: this command is now `gluonattn {now[0]} {now[1]}`", file=sys.stderr)
    return now


def _take_option(name: str, arguments: list[str]) -> tuple[str | None, list[str]]:
    """Return the value of an option, and the arguments without the option."""
    for i, argument in enumerate(arguments):
        if argument == name and i + 1 < len(arguments):
            return arguments[i + 1], [*arguments[:i], *arguments[i + 2 :]]
        if argument.startswith(f"{name}="):
            return argument[len(name) + 1 :], [*arguments[:i], *arguments[i + 1 :]]
    return None, arguments


if __name__ == "__main__":
    main()
