"""Say what works here, and how to mend what does not.

A part is a function that yields what it looked at; a new one is one line in `PARTS`.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from importlib import metadata
from typing import NamedTuple

import typer

from .. import __version__
from ..console import print_json
from ..errors import GluonAttnError
from ..options import SENTENCE, AsJson
from .registry import command


class Finding(NamedTuple):
    """One thing that was looked at.

    Attributes
    ----------
    name : str
    works : bool
    note : str
        What it is, or why it does not work.
    cure : str
        How to mend it; empty where it works.
    needed : bool
        Whether the package does not do its main job without it.
    """

    name: str
    works: bool
    note: str
    cure: str = ""
    needed: bool = False


@command("Look up", "doctor", "doctor --json")
def doctor(as_json: bool = AsJson) -> None:
    """Check which engines, devices, tokenizers and fonts work, and how to fix the rest.

    The exit code is 1 if a sentence cannot be explained here, else 0.
    """
    found: dict[str, list[Finding]] = {}
    if not as_json:
        typer.echo(f"gluonattn {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for name, part in PARTS.items():
        found[name] = list(_each(name, part))
        if as_json:
            continue
        typer.echo(f"\n{name}")  # each part as soon as it is known
        for one in found[name]:
            typer.echo(f"  {'works  ' if one.works else 'missing'} {one.name:14} {one.note}")
            if one.cure:
                typer.echo(f"  {'':22} {one.cure}")
    if as_json:
        print_json({"gluonattn": __version__, "python": platform.python_version(), "platform": platform.platform(),
                    **{name: [one._asdict() for one in ones] for name, ones in found.items()}})
    if any(one.needed and not one.works for ones in found.values() for one in ones):
        raise typer.Exit(1)


def _each(name: str, part: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """What a part finds; a library that is broken is a finding too, whatever it raises."""
    try:
        yield from part()
    except Exception as error:
        needed = name == "The main job"
        yield Finding(name.lower(), False, f"{type(error).__name__}: {error}",
                      "Reinstall the package that is named: pip install --force-reinstall NAME", needed)


def _main_job() -> Iterator[Finding]:
    """Whether a sentence is explained, as a user would have it done."""
    from ..classifier.predictor import load

    try:
        record = load().explain(SENTENCE)
    except GluonAttnError as error:
        yield Finding("explain", False, str(error), "Mend what is missing below; reinstall the package where a file of it "
                      "is gone.", needed=True)
        return
    assert record.prediction is not None and record.prediction.label is not None
    label = record.label_name(record.prediction.label)
    yield Finding("explain", True, f"the model in the box says {label}: {SENTENCE}", needed=True)


def _packages() -> Iterator[Finding]:
    from ..runtime import versions

    shown = {**versions(), **{name: found for name in ("konlpy", "matplotlib", "pandas", "scikit-learn", "transformers")
                              if (found := _version_of(name))}}
    for name, version in shown.items():
        if name not in ("gluonattn", "python"):
            yield Finding(name, True, version)


def _training() -> Iterator[Finding]:
    from ..runtime import cores, mx
    from ..runtime.wheel import installed_wheel

    try:
        wheel = installed_wheel()
        mx.nd.ones(1).asnumpy()
    except GluonAttnError as error:
        yield Finding("mxnet", False, *_split(str(error)))
        return
    yield Finding("mxnet", True, f"{wheel}, {cores()} core{'s' * (cores() != 1)}: `gluonattn train` can run")


def _engines() -> Iterator[Finding]:
    """Each answers a sentence, where what it needs is there."""
    from ..classifier.engines.choice import ENGINES, fastest
    from ..classifier.predictor import load

    taken = fastest()
    for name, kind in ENGINES.items():
        missing = kind.missing()
        if missing:
            yield Finding(name, False, f"needs {' and '.join(missing)}", f'pip install "gluonattn[{kind.extra}]"')
            continue
        load(engine=name, device="cpu").predict([SENTENCE])
        yield Finding(name, True, "taken where none is named" if name == taken else "for --engine")


def _devices() -> Iterator[Finding]:
    from ..runtime import gpu_index

    yield Finding("cpu", True, platform.processor() or platform.machine())
    try:
        yield Finding("gpu", True, f"MXNet can use number {gpu_index('gpu')}")
    except GluonAttnError as error:
        yield Finding("gpu", False, *_split(str(error)))


def _tokenizers() -> Iterator[Finding]:
    from ..text import KNOWN

    for name, kind in KNOWN.items():
        try:
            why = kind.lacking()
        except GluonAttnError as error:
            why = str(error)
        yield Finding(name, why is None, f"needs {kind.needs}" if why is None else _split(why)[0],
                      "" if why is None else _split(why)[1])


def _fonts() -> Iterator[Finding]:
    from ..views.fonts import families

    names = families("가")
    yield Finding("Hangul", bool(names), names[0] if names else "no font with Hangul",
                  "" if names else "pip install koreanize-matplotlib")


def _capturing() -> Iterator[Finding]:
    for name, extra in (("torch", "torch"), ("transformers", "huggingface"), ("bertviz", "bertviz"),
                        ("circuitsvis", "circuitsvis"), ("umap", "umap")):
        version = _version_of({"umap": "umap-learn"}.get(name, name))
        yield Finding(name, version is not None, version or "not installed",
                      "" if version else f'pip install "gluonattn[{extra}]"')


def _programs() -> Iterator[Finding]:
    wanted = {"java": ("for four of konlpy's tokenizers", "apt-get install default-jre-headless, or from adoptium.net"),
              "chromium": ("only for the tests of pages", "apt-get install chromium"),
              "firefox": ("only for the tests of pages", "apt-get install firefox-esr")}
    for name, (use, cure) in wanted.items():
        path = shutil.which(name) or shutil.which(f"{name}-esr") or shutil.which(f"{name}-browser")
        yield Finding(name, path is not None, f"{path or 'not found'}; {use}", "" if path else cure)


def _split(message: str) -> tuple[str, str]:
    """The message of an error, and its cure: the sentences after the first."""
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
    "Training": _training,
    "Engines": _engines,
    "Devices": _devices,
    "Tokenizers": _tokenizers,
    "Fonts": _fonts,
    "Other people's Transformers": _capturing,
    "Programs": _programs,
}
