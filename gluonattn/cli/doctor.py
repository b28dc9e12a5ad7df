"""Check what works in this installation, and how to fix the rest.

Each part is a function that yields its findings. A new part is one more line in `PARTS`.
"""

from __future__ import annotations

import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import warnings
import webbrowser
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import typer

from .. import __version__
from ..console import print_json
from ..errors import GluonAttnError
from ..options import SENTENCE, AsJson
from .registry import command


class Finding(NamedTuple):
    """One checked item.

    Attributes
    ----------
    name : str
    works : bool
    note : str
        Version or state, or the reason why it does not work.
    cure : str
        How to fix it; empty if it works.
    needed : bool
        Whether explaining a sentence needs it.
    """

    name: str
    works: bool
    note: str
    cure: str = ""
    needed: bool = False


@command("Look up", "doctor", "doctor --json")
def doctor(as_json: bool = AsJson) -> None:
    """Check which engines, devices, tokenizers, fonts and browsers work, and how to fix the rest.

    The exit code is 1 if a sentence cannot be explained here, else 0.
    """
    found: dict[str, list[Finding]] = {}
    if not as_json:
        typer.echo(f"gluonattn {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name, part in PARTS.items():
        found[name] = list(_each(name, part))
        if as_json:
            continue
        typer.echo(f"\n{name}")  # each part is printed as soon as it is checked
        for one in found[name]:
            typer.echo(f"  {'works  ' if one.works else 'missing'} {one.name:14} {one.note}")
            if one.cure:
                typer.echo(f"  {'':22} {one.cure}")
    if not as_json:
        typer.echo(_sealed(), nl=False)
    else:
        print_json({"gluonattn": __version__, "python": platform.python_version(), "platform": platform.platform(),
                    **{name: [one._asdict() for one in ones] for name, ones in found.items()}})
    if any(one.needed and not one.works for ones in found.values() for one in ones):
        raise typer.Exit(1)


def _each(name: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Yield the findings of a part. An exception from a broken library is a finding too."""
    try:
        yield from part()
    except Exception as error:
        needed = name == "The main job"
        yield Finding(name.lower(), False, f"{type(error).__name__}: {error}",
                      f"Reinstall the package that the error names: {_pip('--force-reinstall NAME')}", needed)


def _pip(words: str) -> str:
    """The command that installs into the environment of this process, whichever is active in the shell."""
    return f"{shlex.quote(sys.executable or 'python')} -m pip install {words}"


def _sealed() -> str:
    """The first step if pip refuses to install (PEP 668); otherwise empty."""
    if sys.prefix != sys.base_prefix or not Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists():
        return ""
    return ("\nThis Python belongs to the system, and pip cannot install into it. Create an environment first "
            "(python3 -m venv .venv), and run .venv/bin/python -m pip install instead of the commands above.\n")


def _main_job() -> Iterator[Finding]:
    """Explain a sentence with the defaults, as a user would."""
    from ..classifier.predictor import load

    try:
        record = load().explain(SENTENCE)
    except GluonAttnError as error:
        yield Finding("explain", False, str(error), "Install what is missing below. If a file of the package is missing: "
                      f"{_pip('--force-reinstall --no-deps gluonattn')}", needed=True)
        return
    assert record.prediction is not None and record.prediction.label is not None
    label = record.label_name(record.prediction.label)
    yield Finding("explain", True, f"the bundled model says {label}: {SENTENCE}", needed=True)


def _packages() -> Iterator[Finding]:
    """Each package that pip installs with gluonattn."""
    for name, spelled in _requirements().get("", []):
        version = _version_of(name)
        yield Finding(name, version is not None, version or "not installed", "" if version else _pip(f'"{spelled}"'))


def _extras() -> Iterator[Finding]:
    """Each extra with its missing packages."""
    for extra, wanted in [item for item in _requirements().items() if item[0]]:
        wheels = {name: _version_of(name) for name, _ in wanted}
        missing = [name for name, version in wheels.items() if not version]
        if not wanted:  # all its packages are for other Pythons
            yield Finding(extra, False, f"has nothing for Python {platform.python_version()}: MXNet ends with 3.12",
                          "Train with torch: " + _pip('"gluonattn[torch]"'))
        elif missing:
            yield Finding(extra, False, f"needs {', '.join(missing)}", _cure_of(extra))
        else:
            yield Finding(extra, True, ", ".join(f"{name} {version}" for name, version in wheels.items()))


def _cure_of(extra: str) -> str:
    other = {"cpu": "mxnet-cu112", "cu112": "mxnet"}.get(extra, "")
    taken = f"Not needed: {other} is installed, and both together do not work." if other and _version_of(other) else ""
    return taken or _pip(f'"gluonattn[{extra}]"')


def _requirements() -> dict[str, list[tuple[str, str]]]:
    """Packages that this Python needs, by extra ("" for none), each as its name and its requirement for pip."""
    try:
        own = metadata.distribution("gluonattn")
    except metadata.PackageNotFoundError:  # a source tree that is not installed
        return {}
    found: dict[str, list[tuple[str, str]]] = {"": []}
    for line in own.requires or ():
        spelled, _, marker = (part.strip() for part in line.partition(";"))
        extra = re.search(r"extra == ['\"]([\w-]+)", marker)
        limit = re.search(r"python_version < ['\"](\d+)\.(\d+)", marker)
        wanted = found.setdefault(extra[1] if extra else "", [])
        if limit is None or sys.version_info[:2] < (int(limit[1]), int(limit[2])):
            wanted.append((re.split(r"[^\w.-]", spelled)[0], spelled))
    return found


def _training() -> Iterator[Finding]:
    from ..runtime import cores, mx
    from ..runtime.wheel import installed_wheel

    at = f"{cores()} core{'s' * (cores() != 1)}"
    try:
        wheel = installed_wheel()
        mx.nd.ones(1).asnumpy()
        yield Finding("mxnet", True, f"{wheel}, {at}: `gluonattn train` can run")
    except GluonAttnError as error:
        yield Finding("mxnet", False, *_split(str(error)))
    version = _version_of("torch")
    yield Finding("torch", bool(version), *((f"{version}, {at}: for --framework torch",) if version else
                                            ("not installed", _pip('"gluonattn[torch]"'))))


def _engines() -> Iterator[Finding]:
    """Let each installed engine answer a sentence."""
    from ..classifier.engines.choice import ENGINES, fastest
    from ..classifier.predictor import load

    for name, kind in ENGINES.items():
        cure = _pip(f'"gluonattn[{kind.extra}]"')
        if missing := kind.missing():
            yield Finding(name, False, f"needs {' and '.join(missing)}", cure)
            continue
        try:
            load(engine=name, device="cpu").predict([SENTENCE])
            yield Finding(name, True, "used by default" if name == fastest() else "for --engine")
        except Exception as error:  # its library is installed but broken; the others are still checked
            yield Finding(name, False, f"{type(error).__name__}: {error}", f"Reinstall it: {cure} --force-reinstall")


def _devices() -> Iterator[Finding]:
    from ..runtime.gpu import find_driver, gpu_index
    from ..runtime.torch_device import torch_device

    yield Finding("cpu", True, platform.processor() or platform.machine())
    try:
        driver = bool(find_driver())
    except (GluonAttnError, OSError):
        driver = False
    without = ("no NVIDIA driver here", "Everything runs on the CPU. If there is an NVIDIA GPU, install its driver.")
    try:
        yield Finding("gpu (mxnet)", True, f"number {gpu_index('gpu')}")
    except GluonAttnError as error:
        yield Finding("gpu (mxnet)", False, *(_split(str(error)) if driver else without))
    try:
        yield Finding("gpu (torch)", True, str(torch_device("gpu")))
    except GluonAttnError as error:
        yield Finding("gpu (torch)", False, *(_split(str(error)) if driver or platform.system() == "Darwin" else without))


def _tokenizers() -> Iterator[Finding]:
    from ..text import KNOWN
    from ..text import tokenizer as make_tokenizer

    for name, kind in KNOWN.items():
        try:
            why = kind.lacking()
            if why is None and "Java" not in kind.needs:  # starting Java takes seconds, and `Programs` checks it
                make_tokenizer(name)(SENTENCE)
        except GluonAttnError as error:
            why = str(error)
        except Exception as error:  # the others are still checked
            why = f"{type(error).__name__}: {error}. {_pip('--force-reinstall gluonattn')}"
        yield Finding(name, why is None, f"needs {kind.needs}" if why is None else _split(why)[0],
                      "" if why is None else _split(why)[1])


def _fonts() -> Iterator[Finding]:
    from ..views import fonts

    names = fonts.families("가")
    yield Finding("Hangul", bool(names), *((names[0],) if names else ("no font has it", _pip("koreanize-matplotlib"))))
    for kind, letter in (("hanja", "語"), ("emoji", "😀")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            drawn = fonts.named(letter) == letter
        yield Finding(kind, drawn, "drawn in pictures" if drawn else "replaced by text in pictures; pages show it",
                      "" if drawn else f"Install {fonts._CURES[kind]}.")


# Programs: their use, names, version option, and their package by package manager.
PROGRAMS = {
    "java": ("for four tokenizers of konlpy", ["java"], "-version", {"apt-get": "default-jre-headless", "brew": "openjdk"}),
    "chromium": ("to open pages", ["chromium", "chromium-browser", "google-chrome", "chrome", "msedge"], "--version",
                 {"apt-get": "chromium", "brew": "chromium"}),
    "firefox": ("to open pages", ["firefox", "firefox-esr"], "--version", {"apt-get": "firefox-esr", "brew": "firefox"}),
}


def _programs() -> Iterator[Finding]:
    try:
        yield Finding("browser", True, f"{webbrowser.get().name}: for --open")
    except (webbrowser.Error, AttributeError):
        yield Finding("browser", False, "none for --open", "Copy the page to a machine that has one.")
    for name, (use, called, option, packages) in PROGRAMS.items():
        path = next(filter(None, map(shutil.which, called)), None)
        says = _asked(path, option) if path else None
        cure = next((f"{manager} install {package}" for manager, package in packages.items() if shutil.which(manager)),
                    f"Install {name} with your system's package manager.")
        yield Finding(name, says is not None, f"{says or (f'{path} does not start' if path else 'not found')}; {use}",
                      "" if says else cure)


def _asked(path: str, option: str) -> str | None:
    """The first line of a program's version output. None if it does not start."""
    try:
        done = subprocess.run([path, option], capture_output=True, text=True, errors="replace", timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{done.stdout}{done.stderr}".strip().partition("\n")[0] or path


def _split(message: str) -> tuple[str, str]:
    """Split an error's message into its first sentence and the cure after it."""
    wrong, _, cure = message.partition(". ")
    return wrong.rstrip("."), cure


def _version_of(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


PARTS = {
    "The main job": _main_job,
    "Packages": _packages,
    "Extras": _extras,
    "Training": _training,
    "Engines": _engines,
    "Devices": _devices,
    "Tokenizers": _tokenizers,
    "Fonts": _fonts,
    "Programs": _programs,
}
