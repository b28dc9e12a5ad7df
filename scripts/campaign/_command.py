"""Run the real command in a process, and find the files and processes that it leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _cases import ROOT, Fault

MARK = "GLUONATTN_CAMPAIGN"


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gluonattn", *words]


def environment(folder: Path, mark: str, **changes: str | None) -> dict[str, str]:
    """What the command runs in: the package of this checkout, one thread, temporary files in a folder that can be looked at.

    Parameters
    ----------
    folder : pathlib.Path
        Gets a folder ``tmp``.
    mark : str
        Every process that descends from the command has it in its environment.
    **changes : str or None
        None removes a variable.
    """
    (folder / "tmp").mkdir(exist_ok=True)
    found = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(folder / "tmp"),
        MARK: mark,
        "MPLBACKEND": "agg",
        **changes,
    }
    return {name: value for name, value in found.items() if value is not None}


@contextmanager
def running_server(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int], list[str]]]:
    """Run a real `gluonattn serve` while the block runs: the process, its address, and the lines that it writes to stderr.

    Parameters
    ----------
    folder : pathlib.Path
        For its temporary files.
    *words : str
        More of the command line.
    """
    process = subprocess.Popen(
        command("serve", "--port", "0", "--engine", "numpy", *words), env=environment(folder, str(folder)),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8", errors="replace")
    lines: list[str] = []
    try:
        found = re.search(r"http://([\d.]+):(\d+)", process.stdout.readline())  # type: ignore[union-attr]
        if not found:
            raise Fault("the server does not start", process.stderr.read())  # type: ignore[union-attr]
        threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True).start()  # type: ignore[arg-type]
        yield process, (found[1], int(found[2])), lines
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def load_command() -> None:
    """Load here what the command loads, so that `forked` needs to load nothing; no thread is started."""
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    import gluonattn
    import gluonattn.cli.app

    gluonattn.load(engine="numpy").explain("정말 좋은 영화")


def forked(
    words: list[str], cwd: Path, env: dict[str, str], stdin: Any, seconds: float
) -> subprocess.CompletedProcess[bytes]:
    """Run the command in a fork of this process: a process of its own, without the second that loading takes.

    Parameters
    ----------
    words : list of str
    cwd : pathlib.Path
    env : dict of str to str
    stdin : file or int
    seconds : float
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull, "rb") as nothing:
        child = os.fork()
        if not child:
            code = 70
            try:
                signal.setitimer(signal.ITIMER_REAL, 0)
                for number in (signal.SIGALRM, signal.SIGTERM):
                    signal.signal(number, signal.SIG_DFL)
                os.dup2((nothing if isinstance(stdin, int) else stdin).fileno(), 0)
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                sys.stdin = os.fdopen(0)
                sys.stdout, sys.stderr = (os.fdopen(number, "w", encoding="utf-8") for number in (1, 2))
                os.chdir(cwd)
                os.environ.clear()
                os.environ.update(env)
                tempfile.tempdir = None
                from gluonattn.cli.app import main

                main([os.fsdecode(os.fsencode(word)) for word in words])
            except SystemExit as leaving:
                code = leaving.code if isinstance(leaving.code, int) else 0 if leaving.code is None else 1
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                for stream in (sys.stdout, sys.stderr):
                    stream.flush()
                os._exit(code)
        try:
            _, status = os.waitpid(child, 0)
        except BaseException:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            raise
        return subprocess.CompletedProcess(words, os.waitstatus_to_exitcode(status), *map(_whole, (out, err)))


def _whole(file: Any) -> bytes:
    file.seek(0)
    content: bytes = file.read()
    return content


def living(mark: str) -> list[tuple[int, str]]:
    """Processes with this mark in their environment: (number, command line)."""
    found, wanted = [], f"{MARK}={mark}\0".encode()
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if wanted in Path("/proc", entry, "environ").read_bytes() + b"\0":
                    words = Path("/proc", entry, "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
                    found.append((int(entry), words))
            except OSError:
                continue
    return found


def leftovers(folder: Path) -> list[str]:
    """Hidden files of killed writers, and temporary files."""
    partial = [str(path.relative_to(folder)) for path in folder.rglob(".*.partial")]
    return partial + [f"tmp/{path.name}" for path in (folder / "tmp").glob("*") if not _of_libraries(path)]


def _of_libraries(path: Path) -> bool:
    """What other libraries keep on purpose for the next process of the user."""
    return re.match(r"matplotlib-|hsperfdata_|fontconfig|v8-compile|loky-|\.", path.name) is not None


def require_no_traceback(result: subprocess.CompletedProcess[bytes]) -> str:
    """The standard error as text; a Fault if it, or the output, shows a traceback, or a signal ended the command."""
    shown = (result.stderr or b"").decode("utf-8", "replace")
    both = shown + (result.stdout or b"").decode("utf-8", "replace")
    if "Traceback (most recent call last)" in both:
        last = [line for line in both.splitlines() if line.strip()][-1]
        places = re.findall(r'gluonattn/([\w/]+\.py)", line \d+, in (\w+)', both)
        raise Fault(f"traceback: {last.partition(':')[0][:60]} in {':'.join(places[-1]) if places else 'a library'}", both)
    if result.returncode < 0:
        raise Fault(f"crash: the command ended by signal {-result.returncode}", both)
    return shown


@contextmanager
def disk(place: Path, out: str) -> Iterator[bool]:
    """A disk of 16 kB, or one that nothing can be written to; False where this user may mount none.

    Parameters
    ----------
    place : pathlib.Path
    out : str
        "small disk" or "read-only disk"; anything else needs none.
    """
    options = {"small disk": "size=16k", "read-only disk": "size=16k,ro"}.get(out)
    mount, unmount = shutil.which("mount"), shutil.which("umount")
    if not options or not mount or not unmount:
        yield options is None
        return
    done = subprocess.run([mount, "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True)
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run([unmount, "-l", str(place)], capture_output=True)
