"""Compressed tables are the tables that are in them; one that was cut short is refused, not half read."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os

import pytest

from gluonattn.data.tables import read_rows, write_rows
from gluonattn.errors import DataError

UNPACK = {".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
ROWS = [{"document": f"정말 재밌다 {i}", "n": str(i)} for i in range(3000)]


@pytest.mark.parametrize("packed", UNPACK)
@pytest.mark.parametrize("kind", [".tsv", ".csv", ".jsonl"])
def test_what_is_written_packed_is_what_is_written_plain(tmp_path, kind, packed):
    plain, path = tmp_path / f"a{kind}", tmp_path / f"a{kind}{packed}"
    for target in (plain, path):
        with write_rows(target) as write:
            for row in ROWS:
                write(row)
    assert UNPACK[packed](path.read_bytes()) == plain.read_bytes() and path.stat().st_size < plain.stat().st_size
    sizes: list[int] = []
    assert list(read_rows(path, sizes.append)) == list(read_rows(plain))
    assert sum(sizes) == path.stat().st_size  # what a progress bar adds up


@pytest.mark.parametrize("packed", UNPACK)
def test_parts_behind_each_other_are_one_table(tmp_path, packed):
    parts = [tmp_path / f"{i}.tsv{packed}" for i in range(2)]
    for number, part in enumerate(parts):
        with write_rows(part, header=number == 0) as write:
            write(ROWS[number])
    (tmp_path / f"all.tsv{packed}").write_bytes(b"".join(part.read_bytes() for part in parts))
    assert [row for _, row in read_rows(tmp_path / f"all.tsv{packed}")] == ROWS[:2]


@pytest.mark.parametrize("packed", UNPACK)
@pytest.mark.parametrize("harm", [lambda content: content[: len(content) // 2], lambda content: b"document\n" + content],
                         ids=["cut", "not packed"])
def test_a_file_that_cannot_be_unpacked_is_named(tmp_path, packed, harm):
    path = tmp_path / f"a.tsv{packed}"
    with write_rows(path) as write:
        for row in ROWS:
            write(row)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises(DataError, match=rf"cannot unpack .*a\.tsv\{packed} .*Copy it again"):
        list(read_rows(path))


def test_what_fails_leaves_no_packed_file(tmp_path):
    with pytest.raises(DataError, match="a tab or line break"), write_rows(tmp_path / "a.tsv.gz") as write:
        write({"document": "가\t나"})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("packed", ["", *UNPACK])
@pytest.mark.parametrize("kind", [".tsv", ".csv", ".jsonl"])
def test_a_line_without_end_is_refused_before_memory_is_full(tmp_path, monkeypatch, kind, packed):
    monkeypatch.setattr("gluonattn.data.lines.MAX_LINE", 4000)
    path = tmp_path / f"a{kind}{packed}"
    content = b"document\n" * (kind != ".jsonl") + b"a" * 3_000_000
    path.write_bytes({"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[packed](content))

    with pytest.raises(DataError, match=r"line \d: it is longer than .*no text is"):
        list(read_rows(path))
