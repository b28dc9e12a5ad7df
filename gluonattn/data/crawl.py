"""The rest of NSMC's crawl: more reviews of the same films, with their star ratings.

NSMC keeps 200,000 of the reviews that were crawled for it. The others are in the
``raw/`` folder of the same repository, one JSON file for each film. They are used
for pretraining. Reviews of NSMC's test file are left out, by number and by text.
"""

from __future__ import annotations

import gzip
import json
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Callable

from ..errors import DataError
from ..files import replace_file
from ..plain import bare_key, text_key
from .tables import read_rows

CRAWL_URL = "https://github.com/e9t/nsmc/archive/refs/heads/master.tar.gz"
CRAWL_FILE = "crawl.tsv.gz"
STARS = range(1, 11)
# How often a review of 1 to 10 stars counts as positive. NSMC itself calls 1 to 4 negative, 9 and 10
# positive, and has no others.
POSITIVE = (0.0, 0.02, 0.04, 0.08, 0.15, 0.3, 0.5, 0.78, 0.95, 1.0)
# As `data.extra.parse_scores` reads it.
STAR_SCORES = ", ".join(f"{stars}=1:{probability}" for stars, probability in zip(STARS, POSITIVE))


def raw_reviews(source: Path, on_file: Callable[[], None] | None = None) -> Iterator[Mapping[str, Any]]:
    """Read every review of a copy of the repository.

    Parameters
    ----------
    source : pathlib.Path
        The repository's archive (.tar.gz), its folder, or its ``raw/`` folder.
    on_file : callable or None
        Called after each film.

    Yields
    ------
    dict
        ``review``, ``rating`` and ``review_id``, as crawled.

    Raises
    ------
    DataError
        If it has no film, or one cannot be read.
    """
    films = 0
    for name, content in _films(source):
        try:
            yield from json.loads(content)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{source}: {name} is not a list of reviews in JSON ({error}). Get it again.") from None
        films += 1
        if on_file:
            on_file()
    if not films:
        raise DataError(f"{source}: no raw/*.json in it. Expected the NSMC repository, as a folder or .tar.gz.")


def gather(reviews: Iterable[Mapping[str, Any]], test: Path, out: Path) -> dict[str, int]:
    """Write reviews with text and stars that are not in the test file.

    Parameters
    ----------
    reviews : iterable of dict
        As `raw_reviews` yields them.
    test : pathlib.Path
        NSMC's test file.
    out : pathlib.Path
        Compressed table to write: ``rating`` (1 to 10) and ``document``. It is written completely or not at all.

    Returns
    -------
    dict of str to int
        Number of reviews ``kept``, and of those left out by reason.

    Raises
    ------
    DataError
        If a file cannot be read or written.
    """
    numbers, tests, seen = set(), set(), set()
    for _, row in read_rows(test):
        numbers.add(row["id"])
        tests.add(bare_key(row["document"]))
    counts = {"kept": 0, "in NSMC's test file": 0, "without text": 0, "without stars": 0, "seen before": 0}
    lines = ["rating\tdocument"]
    for review in reviews:
        text, stars = " ".join((review.get("review") or "").split()), str(review.get("rating"))
        key = text_key(text)
        if not key:
            counts["without text"] += 1
        elif str(review.get("review_id")) in numbers or bare_key(text) in tests:
            counts["in NSMC's test file"] += 1
        elif not stars.isdecimal() or int(stars) not in STARS:
            counts["without stars"] += 1
        elif key in seen:
            counts["seen before"] += 1
        else:
            seen.add(key)
            lines.append(f"{stars}\t{text}")
            counts["kept"] += 1
    try:
        replace_file(out, gzip.compress(("\n".join(lines) + "\n").encode("utf-8"), mtime=0))
    except OSError as error:
        raise DataError(f"cannot write {out}: {error.strerror}. Choose another place with --out.") from None
    return counts


def read_crawl(path: Path) -> tuple[list[int], list[str]]:
    """Read the stars and texts of a gathered crawl.

    Raises
    ------
    DataError
        If it is missing or not such a table.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
            rows = [line.rstrip("\n").split("\t", 1) for line in file]
        if rows[:1] != [["rating", "document"]]:
            raise ValueError("no header 'rating<TAB>document'")
        return [int(stars) for stars, _ in rows[1:]], [text for _, text in rows[1:]]
    except FileNotFoundError:
        raise DataError(f"no crawl at {path}: run `python scripts/gather_crawl.py` to gather it.") from None
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(f"{path} is not a gathered crawl ({error}). Run `python scripts/gather_crawl.py`.") from None


def _films(source: Path) -> Iterator[tuple[str, bytes]]:
    if source.is_dir():
        folder = source / "raw" if (source / "raw").is_dir() else source
        for path in sorted(folder.glob("*.json")):
            yield path.name, path.read_bytes()
        return
    try:
        with tarfile.open(source, "r|gz") as archive:
            for member in archive:
                if member.isfile() and Path(member.name).parts[1:2] == ("raw",):
                    yield member.name, archive.extractfile(member).read()  # type: ignore[union-attr]
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise DataError(f"{source}: not a whole .tar.gz archive ({error}). Delete it and run again.") from None
