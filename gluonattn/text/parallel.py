"""Tokenize many texts on all cores, with progress and a cache by content."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from importlib import metadata
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Callable

from .. import __version__
from ..errors import GluonAttnError, OptionError
from ..files import replace_file
from ..plain import plain, read_texts
from .tokenizers import KNOWN, tokenizer
from .tokens import Tokens

_CHUNK = 500
# Below this many texts, starting worker processes costs more than it saves.
_MIN_TEXTS_FOR_WORKERS = 4000


def tokenize_all(
    texts: Iterable[str],
    name: str,
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Tokens:
    """Tokenize every text, in order.

    Parameters
    ----------
    texts : iterable of str
    name : str
        Name of the tokenizer.
    workers : int or None
        Number of worker processes. None is one for each core that the process
        may use, or no process for few texts.
    cache : pathlib.Path or None
        Folder of the cache. Its keys are texts, tokenizer and versions. None is
        `cache_folder()`.
    progress : callable or None
        Called with (texts done, texts in all).

    Returns
    -------
    Tokens
        A sequence of lists of str.

    Raises
    ------
    TextError
        If `texts` is not an ordered iterable, or an item is not a string. A single string is one text.
    OptionError
        If the tokenizer is unknown or `workers` is below 1.
    DependencyError
        If a requirement of the tokenizer (Java, Kiwi) is missing.
    GluonAttnError
        If a worker process dies.
    """
    texts = [plain(text) for text in read_texts(texts, "tokenize_all")]  # equivalent texts share a cache entry
    if workers is not None and workers < 1:
        raise OptionError(f"expected at least 1 worker (or None: one for each core), got {workers}.")
    if not texts or (len(texts) < _MIN_TEXTS_FOR_WORKERS and workers is None):
        return Tokens.gather(_tokenize_here(texts, name, progress))
    tokenizer(name)  # report a missing Java or Kiwi here, not in a worker
    path = (cache or cache_folder()) / f"{_fingerprint(texts, name)}.safetensors"
    known = _read(path, len(texts))
    if known is not None:
        if progress:
            progress(len(texts), len(texts))
        return known
    with closing(_tokenize_in_workers(texts, name, workers or len(os.sched_getaffinity(0)), progress)) as parts:
        result = Tokens.gather(parts)
    _write(path, result)
    return result


def cache_folder() -> Path:
    """Folder of cached tokenized corpora: $GLUONATTN_CACHE or ~/.cache/gluonattn."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GLUONATTN_CACHE") or Path(home) / "gluonattn") / "tokens"


def to_json(value: Any) -> bytes:
    """One line of JSON from which `json.loads` restores the value, including lone surrogates."""
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _tokenize_here(texts: Any, name: str, progress: Any) -> Iterator[Any]:
    split = tokenizer(name)
    for start in range(0, len(texts), _CHUNK):
        yield [split.words(text) for text in texts[start : start + _CHUNK]]
        if progress:
            progress(min(start + _CHUNK, len(texts)), len(texts))


def _tokenize_in_workers(texts: Sequence[str], name: str, workers: int,
                         progress: Callable[[int, int], None] | None) -> Generator[Any, None, None]:
    """Distribute chunks over our own worker processes. Yield their results in order.

    multiprocessing is not used: fork is unsafe once MXNet or Java runs threads,
    and spawn runs the user's unguarded script again.
    """
    chunks = [texts[i : i + _CHUNK] for i in range(0, len(texts), _CHUNK)]
    idle: SimpleQueue[Any] = SimpleQueue()
    processes = []
    done = 0
    try:
        for _ in range(min(workers, len(chunks))):
            worker = subprocess.Popen(
                [sys.executable, "-m", "gluonattn.text.worker", name],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=child_environment(),
                start_new_session=True,  # Ctrl-C goes to this process, which ends its workers
            )
            processes.append(worker)
            idle.put(worker)

        def run(chunk: Any) -> Any:
            worker = idle.get()
            try:
                worker.stdin.write(to_json(chunk) + b"\n")
                worker.stdin.flush()
                line = worker.stdout.readline()
            except OSError:
                line = b""
            finally:
                idle.put(worker)
            if not line.endswith(b"\n"):
                raise GluonAttnError(
                    f"a {name} tokenizer process ended early (its output is above). If memory "
                    "ran out, use fewer workers."
                )
            return json.loads(line)

        with ThreadPoolExecutor(len(processes)) as pool:
            try:
                for part in pool.map(run, chunks):
                    yield part
                    done += len(part)
                    if progress:
                        progress(done, len(texts))
            finally:  # before the pool closes, because it waits for running chunks
                for worker in processes:
                    worker.kill()
    finally:
        for worker in processes:
            worker.kill()
            worker.communicate()


def child_environment() -> dict[str, str]:
    """Environment variables with which another Python process finds this package."""
    package_parent = str(Path(__file__).parents[2])
    paths = [package_parent, os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _fingerprint(texts: Any, name: str) -> str:
    digest = hashlib.sha256(json.dumps([name, _versions(name)]).encode())
    for text in texts:
        digest.update(text.encode("utf-8", "surrogatepass") + b"\0\n")
    return f"{name}-{digest.hexdigest()[:24]}"


def _versions(name: str) -> list[str]:
    return [__version__, *map(metadata.version, KNOWN[name].wheels)]


def _read(path: Path, count: int) -> Tokens | None:
    try:
        known = Tokens.from_bytes(path.read_bytes())
    except OSError:
        return None
    return known if known is not None and len(known) == count else None


def _write(path: Path, result: Tokens) -> None:
    """Write the result to the cache. If the disk is full or read-only, only the cache is lost."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, result.to_bytes())
    except OSError as error:
        print(f"note: tokens are not kept for next time ({error.strerror}: {path.parent})", file=sys.stderr)
