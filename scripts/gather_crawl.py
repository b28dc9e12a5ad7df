"""Gather the rest of NSMC's crawl, with stars, for `gluonattn train --extra`.

NSMC's repository has 14,000 more files, one for each film, in its folder raw/. This script downloads the repository (or
reads a copy of it), leaves out every review whose number or text is in NSMC's test file, and writes one table.

    python scripts/gather_crawl.py                          # downloads; writes crawl.tsv.gz beside NSMC
    python scripts/gather_crawl.py --repository ~/nsmc --out crawl.tsv.gz
"""

import argparse
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from gluonattn.data.crawl import CRAWL_FILE, CRAWL_URL, gather, raw_reviews
from gluonattn.data.sources import fetch, locate
from gluonattn.errors import GluonAttnError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", default="nsmc", help="nsmc, or the folder with NSMC's two files")
    parser.add_argument("--repository", type=Path, help="a copy of NSMC's repository: folder or .tar.gz")
    parser.add_argument("--out", type=Path, help="table to write; default crawl.tsv.gz beside NSMC's files")
    arguments = parser.parse_args()

    console = Console()
    try:
        test = locate(arguments.data).test
        out = arguments.out or test.with_name(CRAWL_FILE)
        repository = arguments.repository or download(out.with_name("nsmc-repository.tar.gz.part"), console)
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task("films", total=None)
            counts = gather(raw_reviews(repository, lambda: bar.advance(task)), test, out)
    except GluonAttnError as error:
        raise SystemExit(f"error: {error}") from None
    kept = counts.pop("kept")
    left_out = ", ".join(f"{number:,} {reason}" for reason, number in counts.items())
    console.print(f"{kept:,} reviews in {out}; left out: {left_out}", highlight=False, soft_wrap=True)


def download(path: Path, console: Console) -> Path:
    """The repository's archive; one that was cut is continued where the server can."""
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("downloading", total=None)
        fetch(CRAWL_URL, path, lambda name, done, total: bar.update(task, completed=done, total=total or None))
    whole = path.with_suffix("")
    path.replace(whole)
    return whole


if __name__ == "__main__":
    main()
