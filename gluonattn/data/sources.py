"""Sources of reviews: the bundled sample, NSMC, or a user's own file."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, NamedTuple

from ..errors import DataError
from ..finding import find_entries

NSMC_URL = "https://raw.githubusercontent.com/e9t/nsmc/master/"
NSMC_FILES = {
    "ratings_train.txt": "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
    "ratings_test.txt": "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
}
_SENTIMENT = {"0": "부정", "1": "긍정"}
_BLOCK = 1 << 16
_NETWORK = (OSError, http.client.HTTPException)


class Source(NamedTuple):
    """The training file, the test file (if there is one), and the display names of labels (if known)."""

    name: str
    train: Path
    test: Path | None
    label_names: Mapping[str, str] = MappingProxyType({})


class Dataset(NamedTuple):
    """A data set with a name: ``--data NAME``. One in a file ``NAME_dataset.py`` is found automatically.

    Attributes
    ----------
    name : str
    find : callable
        ``find()`` returns its `Source`. If the files are missing, it raises DataError with a cure.
    """

    name: str
    find: Callable[[], Source]


def locate(data: str) -> Source:
    """Find the files of a ``--data`` argument.

    Parameters
    ----------
    data : str
        A key of `DATASETS`, a folder with NSMC's two files, or a TSV,
        CSV or JSON lines file.

    Raises
    ------
    DataError
        If the files do not exist. The message says how to get them.
    """
    if data in DATASETS:
        return DATASETS[data].find()
    path = Path(data)
    if path.is_dir():
        return _nsmc(path)
    if path.is_file():
        return Source(path.stem, path, None)
    raise DataError(
        f"no data at {data!r}: expected {', '.join(map(repr, DATASETS))}, a folder with NSMC's files, or a .tsv, .csv or "
        ".jsonl file."
    )


def _sample() -> Source:
    folder = sample_folder()
    return Source("sample", folder / "sample_train.tsv", folder / "sample_test.tsv", _SENTIMENT)


def sample_folder() -> Path:
    """Folder of the bundled sample, in an installation or a checkout."""
    package = Path(__file__).parents[1]
    for folder in (package / "sample", package.parent / "data"):
        if (folder / "sample_train.tsv").exists():
            return folder
    raise DataError("the bundled sample is missing from this installation; install gluonattn again.")


def nsmc_folder() -> Path:
    """Folder in which NSMC is expected: $GLUONATTN_NSMC, otherwise the cache of `gluonattn data nsmc`."""
    if os.environ.get("GLUONATTN_NSMC"):
        return Path(os.environ["GLUONATTN_NSMC"])
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("GLUONATTN_CACHE") or Path(home) / "gluonattn") / "nsmc"


def _nsmc(folder: Path) -> Source:
    for name, digest in NSMC_FILES.items():
        path = folder / name
        if not path.exists():
            raise DataError(
                f"no {name} in {folder}. Run `gluonattn data nsmc` to download NSMC, or point "
                "GLUONATTN_NSMC or --data at a folder that has it."
            )
        if sha256(path) != digest:
            warnings.warn(f"{path} differs from the published NSMC: figures will not compare.", stacklevel=3)
    return Source("nsmc", folder / "ratings_train.txt", folder / "ratings_test.txt", _SENTIMENT)


def sha256(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(_BLOCK), b""):
            digest.update(block)
    return digest.hexdigest()


def download_nsmc(
    folder: Path | None = None,
    *,
    progress: Callable[[str, int, int], None] | None = None,
    url: str = NSMC_URL,
    files: dict[str, str] = NSMC_FILES,
) -> Path:
    """Download NSMC's two files and check their SHA-256.

    An interrupted download leaves ``NAME.part``, which the next call continues.
    A file has its own name only if its checksum is right.

    Parameters
    ----------
    folder : pathlib.Path or None
        None is `nsmc_folder()`.
    progress : callable or None
        Called with (file name, bytes done, bytes in all).
    url, files
        The address of the folder, and the SHA-256 of each file by its name.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    DataError
        If the network or disk fails, or the checksum is wrong.
    """
    folder = folder or nsmc_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, digest in files.items():
            target = folder / name
            if target.exists() and sha256(target) == digest:
                if progress:
                    progress(name, target.stat().st_size, target.stat().st_size)
                continue
            _download(url + name, target, digest, progress)
    except OSError as error:
        raise DataError(
            f"cannot write to {folder}: {error.strerror}. Choose another folder with --out."
        ) from None
    return folder


def _download(url: str, target: Path, digest: str, progress: Any) -> None:
    part = target.with_name(target.name + ".part")
    for attempt in ("continue", "restart"):
        if attempt == "restart":
            part.unlink(missing_ok=True)
        fetch(url, part, progress)
        if sha256(part) == digest:
            os.replace(part, target)
            return
    part.unlink(missing_ok=True)
    raise DataError(
        f"{url} arrived with the wrong SHA-256 twice; expected {digest}. The file there has changed, or "
        "something on the way alters it. Nothing was kept."
    )


def fetch(url: str, part: Path, progress: Callable[[str, int, int], None] | None = None) -> None:
    """Download `url` to `part`, continuing an interrupted download.

    Parameters
    ----------
    url : str
    part : pathlib.Path
        The file that stays after an interruption. The next call continues it if the server supports that.
    progress : callable or None
        Called with (`part`'s name without its last ending, bytes done, bytes in all or 0 if unknown).

    Raises
    ------
    DataError
        If the network fails.
    """
    received = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(  # noqa: S310 - an https address of ours; a checksum judges what comes
        url, headers={"Range": f"bytes={received}-"} if received else {})
    try:
        answer = urllib.request.urlopen(request, timeout=60)  # noqa: S310 - as above
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and received:  # the file is complete; the checksum decides
            return
        raise DataError(f"{url} answered {error.code} {error.reason}. Try again later.") from None
    except _NETWORK as error:
        raise _connection_error(url, error, received) from None
    with answer:
        if received and answer.status != 206:  # the server sends the file from its beginning
            received = 0
        length = answer.headers.get("Content-Length")
        total = received + int(length) if length else 0
        with open(part, "ab" if received else "wb") as file:
            while True:
                try:
                    block = answer.read(_BLOCK)
                except _NETWORK as error:  # separate from errors of the disk
                    raise _connection_error(url, error, received) from None
                if not block:
                    break
                file.write(block)
                received += len(block)
                if progress:
                    progress(part.stem, received, total)
    if total and received < total:
        raise DataError(
            f"{url} was cut at {received:,} of {total:,} bytes. Run the command again: it continues there."
        )


def _connection_error(url: str, error: Exception, received: int) -> DataError:
    return DataError(
        f"{url} cannot be reached ({getattr(error, 'reason', error)}). Check the network and run the "
        f"command again: it continues from {received:,} bytes."
    )


DATASETS: dict[str, Dataset] = {found.name: found for found in (
    Dataset("sample", _sample), Dataset("nsmc", lambda: _nsmc(nsmc_folder())),
    *find_entries(__file__, __package__, "dataset"))}
