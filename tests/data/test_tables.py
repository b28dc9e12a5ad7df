"""Tables are read and written row by row; every odd file has a named treatment."""

from __future__ import annotations

import csv
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data.tables import atomic_file, format_of, pick_column, read_rows, write_rows
from gluonattn.errors import DataError


def rows_of(tmp_path: Path, name: str, content: str | bytes) -> list[tuple[int, dict]]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return list(read_rows(path))


def refuses(tmp_path: Path, name: str, content: str | bytes, *message: str) -> None:
    """The file is an error whose message names it and holds every part of `message`."""
    with pytest.raises(DataError) as caught:
        rows_of(tmp_path, name, content)
    for part in (name, *message):
        assert part in str(caught.value)


# Reading


@pytest.mark.parametrize(("name", "kind"), [
    ("a.tsv", "tsv"), ("a.TXT", "tsv"), ("a.csv", "csv"), ("a.jsonl", "jsonl"), ("a.ndjson", "jsonl"),
    ("a.parquet", "parquet"),
    ("a.tsv.gz", "tsv"), ("a.CSV.bz2", "csv"), ("a.jsonl.xz", "jsonl"),
])
def test_the_ending_says_the_format(name, kind):
    assert format_of(Path(name)) == kind


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.tsv.zip", "a.gz"])
def test_an_unknown_ending_is_refused_with_the_known_ones(name):
    with pytest.raises(DataError, match=r"cannot tell the format .* expected \.tsv, \.txt, \.csv"):
        format_of(Path(name))


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_bom_line_ends_and_a_missing_last_one_change_nothing(tmp_path, name, separator, end, bom, last):
    lines = [["document", "label"], ["좋아요", "1"], ["별로", "0"]]
    content = bom + end.join(separator.join(line) for line in lines) + (end if last else "")
    assert rows_of(tmp_path, name, content) == [
        (2, {"document": "좋아요", "label": "1"}), (3, {"document": "별로", "label": "0"}),
    ]


def test_tsv_quotes_are_plain_characters(tmp_path):
    content = 'document\tlabel\n"연출"이 좋다\t1\n"안 닫힌 따옴표\t0\n""\t0\n'
    assert [row["document"] for _, row in rows_of(tmp_path, "a.tsv", content)] == [
        '"연출"이 좋다', '"안 닫힌 따옴표', '""']


def test_csv_quotes_hold_commas_doubled_quotes_and_line_breaks(tmp_path):
    content = 'document,label\n"연출, ""편집""",1\n"첫 줄\r\n둘째 줄\n셋째",0\n끝,1\n'
    assert rows_of(tmp_path, "a.csv", content) == [
        (2, {"document": '연출, "편집"', "label": "1"}),
        (3, {"document": "첫 줄\r\n둘째 줄\n셋째", "label": "0"}),
        (6, {"document": "끝", "label": "1"}),
    ]


@pytest.mark.parametrize("mark", ["\u2028", "\x85", "\x0b", "\x0c", "\x1c"])
@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_only_a_line_feed_ends_a_line(tmp_path, name, separator, mark):
    """str.splitlines would cut a review in two at these."""
    content = f"document{separator}label\n앞{mark}뒤{separator}1\n"
    assert rows_of(tmp_path, name, content) == [(2, {"document": f"앞{mark}뒤", "label": "1"})]


@pytest.mark.parametrize(("name", "separator"), [("a.tsv", "\t"), ("a.csv", ",")])
def test_a_blank_line_is_a_row_of_empty_values(tmp_path, name, separator):
    content = f"document{separator}label\n하나{separator}1\n\n둘{separator}0\n"
    assert rows_of(tmp_path, name, content) == [
        (2, {"document": "하나", "label": "1"}), (3, {"document": "", "label": ""}),
        (4, {"document": "둘", "label": "0"}),
    ]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_single_column_keeps_its_empty_rows(tmp_path, name):
    assert rows_of(tmp_path, name, "document\n하나\n\n둘\n") == [
        (2, {"document": "하나"}), (3, {"document": ""}), (4, {"document": "둘"})]


def test_nul_in_tsv_is_kept(tmp_path):
    assert rows_of(tmp_path, "a.tsv", "document\tlabel\n가\0나\t1\n")[0][1]["document"] == "가\0나"


def test_nul_in_csv_is_kept_or_refused_by_name(tmp_path):
    """The csv module of Python 3.9 and 3.10 reads no NUL."""
    content = "document,label\n좋다,1\n가\0나,1\n"
    if sys.version_info >= (3, 11):
        assert rows_of(tmp_path, "a.csv", content)[1] == (3, {"document": "가\0나", "label": "1"})
    else:
        refuses(tmp_path, "a.csv", content, "line 3", "NUL", "use .tsv")


def test_json_lines_keep_types_and_skip_blank_lines(tmp_path):
    content = '\ufeff{"text": "좋다", "label": 1, "more": [1, null]}\r\n\r\n{"text": "\\ud83d"}\n'
    assert rows_of(tmp_path, "a.jsonl", content) == [
        (1, {"text": "좋다", "label": 1, "more": [1, None]}), (3, {"text": "\ud83d"})]


@pytest.mark.parametrize("line", [
    '{"text": "좋', "좋다", "{'text': 1}", '{"text": 1} {"text": 2}', "[" * 200_000,
], ids=["cut", "bare", "single quotes", "two objects", "deeply nested"])
def test_a_broken_json_line_is_named(tmp_path, line):
    refuses(tmp_path, "a.jsonl", '{"text": "좋다"}\n' + line + "\n", "line 2: not JSON")


@pytest.mark.parametrize(("line", "kind"), [
    ("[1]", "list"), ('"좋다"', "str"), ("3", "int"), ("null", "NoneType"),
])
def test_a_json_line_that_is_no_object_is_named(tmp_path, line, kind):
    refuses(tmp_path, "a.jsonl", '{"text": "좋다"}\n' + line, f"line 2: expected a JSON object, got {kind}")


@pytest.mark.parametrize(("name", "content"), [
    ("a.tsv", ""), ("a.csv", ""), ("a.tsv", "\ufeff"), ("a.csv", "\n\r\n\n"), ("a.tsv", "\n\n"),
])
def test_an_empty_table_is_refused(tmp_path, name, content):
    refuses(tmp_path, name, content, "is empty: expected a header line")


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_an_empty_json_file_is_refused(tmp_path, content):
    refuses(tmp_path, "a.jsonl", content, "is empty: expected one JSON object on each line")


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_header_alone_has_no_rows(tmp_path, name):
    assert rows_of(tmp_path, name, "document\n") == []


@pytest.mark.parametrize(("name", "header"), [("a.tsv", "label\tlabel"), ("a.csv", "label,text, label")])
def test_columns_of_the_same_name_are_refused(tmp_path, name, header):
    refuses(tmp_path, name, header + "\n", "two columns have the same name", "label")


@pytest.mark.parametrize(("name", "row", "fields"), [
    ("a.tsv", "하나", 1), ("a.tsv", "하나\t1\t", 3), ("a.csv", "하나", 1), ("a.csv", "하나,둘,1", 3),
])
def test_a_ragged_row_is_named(tmp_path, name, row, fields):
    separator = "\t" if name == "a.tsv" else ","
    content = f"document{separator}label\n좋다{separator}1\n{row}\n"
    refuses(tmp_path, name, content, f"line 3: {fields} fields, but the header has 2 (document, label)")


def test_a_quote_left_open_in_csv_is_named_where_it_opens(tmp_path):
    content = 'document,label\n좋다,1\n"안 닫힘,0\n' + "나빠,0\n" * 50
    refuses(tmp_path, "a.csv", content, "line 3: not readable as CSV", "quotes inside doubled")


def test_a_loose_quote_in_csv_is_named(tmp_path):
    refuses(tmp_path, "a.csv", 'document,label\n"연출" 좋다,1\n', "line 2: not readable as CSV", "doubled")


@given(st.lists(st.text("가나 ,\"\n", max_size=8), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_the_cure_for_loose_quotes_works(tmp_path_factory, fields):
    """A field in quotes with the quotes inside doubled, as the message shows it."""
    cured = "".join('"' + field.replace('"', '""') + '",1\n' for field in fields)
    found = rows_of(tmp_path_factory.mktemp("cure"), "a.csv", "document,label\n" + cured)
    assert [row["document"] for _, row in found] == fields


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl", "a.txt"])
def test_lines_that_end_in_cr_alone_are_named_and_the_cure_works(tmp_path, name):
    separator = "," if name == "a.csv" else "\t"
    lines = (['{"text": "좋다"}', '{"text": "별로"}'] if name == "a.jsonl" else
             [f"text{separator}label", f"좋다{separator}1", f"별로{separator}0"])
    refuses(tmp_path, name, "\r".join([*lines, ""]), "CR", "tr '\\r' '\\n'")
    cured = "\r".join([*lines, ""]).replace("\r", "\n")
    assert [row["text"] for _, row in rows_of(tmp_path, name, cured)] == ["좋다", "별로"]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_bytes_that_are_not_utf8_are_named_with_their_line(tmp_path, name):
    good = {"a.tsv": "document\n좋다\n", "a.csv": "document\n좋다\n", "a.jsonl": '{"document": 1}\n' * 2}[name]
    content = good.encode() + "나빠".encode("cp949") + b"\n"
    refuses(tmp_path, name, content, "line 3: not UTF-8 (byte 0xb3 at column 1)", "iconv -f cp949")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.jsonl"])
def test_utf16_is_named(tmp_path, name, encoding):
    text = "document\tlabel\n좋다\t1\n"
    content = text.encode(encoding) if encoding == "utf-16" else b"\xfe\xff" + text.encode(encoding)
    refuses(tmp_path, name, content, "is UTF-16: save it as UTF-8")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*none\.tsv: No such file"):
        next(read_rows(tmp_path / "none.tsv"))


def test_a_folder_is_named(tmp_path):
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(DataError, match=r"cannot read .*folder\.tsv: Is a directory"):
        next(read_rows(tmp_path / "folder.tsv"))


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_bytes_are_reported_as_they_are_read(tmp_path, name):
    path = tmp_path / name
    path.write_bytes("\ufeffdocument\r\n좋다\r\n\r\n나빠".encode())
    seen = []
    list(read_rows(path, seen.append))
    assert sum(seen) == path.stat().st_size and len(seen) == 4


def test_a_field_longer_than_the_csv_modules_default_is_read(tmp_path):
    long = "가" * 200_000
    assert rows_of(tmp_path, "a.csv", f"document\n{long}\n")[0][1] == {"document": long}


# Columns


def test_the_first_usual_name_is_picked_and_a_wanted_one_wins():
    assert pick_column("f", ["review", "text"], None, ["text", "review"], "text") == "text"
    assert pick_column("f", ["review", "text"], "review", ["text"], "text") == "review"


@pytest.mark.parametrize(("wanted", "expected"), [("text", "'text'"), (None, "one of document, comment")])
def test_a_missing_column_is_named_with_those_there(wanted, expected):
    with pytest.raises(DataError, match=re.escape(
            f"f.csv: no text column; expected {expected}, found 'a', 'b'. Name it with --text-column.")):
        pick_column("f.csv", ["a", "b"], wanted, ["document", "comment"], "text")


# Writing

without_nul = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))
one_line = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\t\n\r"))


def written(path: Path, rows: list[dict]) -> list[dict]:
    with write_rows(path) as write:
        for row in rows:
            write(row)
    return [row for _, row in read_rows(path)]


@pytest.mark.parametrize(("name", "values"), [
    ("a.tsv", one_line), ("a.csv", without_nul), ("a.jsonl", st.text(st.characters())),
])
def test_what_is_written_is_read_back(tmp_path, name, values):
    @given(st.lists(st.fixed_dictionaries({"document": values, "표": values, "end": values}), min_size=1))
    @settings(max_examples=60, deadline=None)
    def check(rows):
        assert written(tmp_path / name, rows) == rows

    check()


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_a_single_empty_value_is_read_back(tmp_path, name):
    rows = [{"document": ""}, {"document": "x"}]
    assert written(tmp_path / name, rows) == rows


def test_other_programs_read_the_csv(tmp_path):
    rows = [{"document": '줄\n바꿈, "따옴표"\r끝', "label": "1"}]
    written(tmp_path / "a.csv", rows)
    with open(tmp_path / "a.csv", newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == rows


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_json_values_in_a_table_are_text_and_null_is_empty(tmp_path, name):
    row = {"number": 3, "share": 0.25, "yes": True, "none": None, "list": ["가"]}
    assert written(tmp_path / name, [row]) == [
        {"number": "3", "share": "0.25", "yes": "true", "none": "", "list": '["가"]'}]


def test_hangul_in_json_lines_stays_readable(tmp_path):
    written(tmp_path / "a.jsonl", [{"text": "좋다"}, {"text": "반\ud83d"}])
    first, second = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert "좋다" in first and "\\ud83d" in second


@pytest.mark.parametrize(("name", "value", "message"), [
    ("a.tsv", "줄\n바꿈", r"a tab or line break, which a\.tsv cannot keep.* \.csv or \.jsonl"),
    ("a.tsv", "칸\t나눔", r"a tab or line break, which a\.tsv cannot keep.* \.csv or \.jsonl"),
    ("a.tsv", "반\ud83d", r"lone surrogate.*which a\.tsv cannot keep.* \.jsonl"),
    ("a.csv", "반\ud83d", r"lone surrogate.*which a\.csv cannot keep.* \.jsonl"),
])
@pytest.mark.parametrize("where", ["value", "header"])
def test_what_a_format_cannot_keep_is_refused_with_one_that_can(tmp_path, name, value, message, where):
    with pytest.raises(DataError, match=message), write_rows(tmp_path / name) as write:
        write({"document": value} if where == "value" else {value: "좋다"})
    assert not os.listdir(tmp_path)


def test_nul_in_csv_is_written_or_refused_by_name(tmp_path):
    """Python 3.10 writes no NUL; 3.9 does."""
    if sys.version_info[:2] != (3, 10):
        with write_rows(tmp_path / "a.csv") as write:
            write({"document": "가\0나"})
        assert b"\0" in (tmp_path / "a.csv").read_bytes()
        return
    with pytest.raises(DataError, match=r"NUL character, which a\.csv cannot keep"), \
            write_rows(tmp_path / "a.csv") as write:
        write({"document": "가\0나"})


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
@pytest.mark.parametrize("second", [{"a": "1"}, {"a": "1", "b": "2", "c": "3"}, {"a": "1", "c": "3"}])
def test_rows_with_other_columns_are_refused_not_cut(tmp_path, name, second):
    with pytest.raises(DataError, match=f"an earlier one a, b: {name} needs the same in every row"), \
            write_rows(tmp_path / name) as write:
        write({"a": "1", "b": "2"})
        write(second)
    assert not os.listdir(tmp_path)


def test_columns_in_another_order_are_the_same_columns(tmp_path):
    assert written(tmp_path / "a.csv", [{"a": "1", "b": "2"}, {"b": "4", "a": "3"}]) == [
        {"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


@pytest.mark.parametrize("stop", [ValueError, KeyboardInterrupt, SystemExit, OSError(5, "I/O error")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, stop):
    path = tmp_path / "a.tsv"
    path.write_text("old")
    expected = DataError if isinstance(stop, OSError) else stop
    with pytest.raises(expected), write_rows(path) as write:
        write({"document": "새것"})
        raise stop
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.tsv"]


def test_the_name_shows_only_the_finished_file(tmp_path):
    path = tmp_path / "a.tsv"
    with write_rows(path) as write:
        write({"document": "좋다"})
        assert not path.exists()
    assert path.read_text(encoding="utf-8") == "document\n좋다\n"
    assert os.listdir(tmp_path) == ["a.tsv"]


def test_the_file_gets_the_usual_permissions(tmp_path):
    """A temporary file is private; a finished one follows the umask."""
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "a") as write:
            write("x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*none/a\.tsv: No such file.* Choose a folder"), \
            write_rows(tmp_path / "none" / "a.tsv"):
        pass


def test_a_parent_that_is_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write .*file/a\.tsv: Not a directory"), \
            write_rows(tmp_path / "file" / "a.tsv"):
        pass


def test_a_folder_in_the_place_of_the_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "a.tsv").mkdir()
    reached = []
    with pytest.raises(DataError, match=r"cannot write .*a\.tsv: it is a folder or a device"), \
            write_rows(tmp_path / "a.tsv"):
        reached.append(True)
    assert not reached and os.listdir(tmp_path) == ["a.tsv"]


def test_what_is_no_file_is_refused_not_replaced(tmp_path):
    """A rename over /dev/null, as root, would harm every program on the machine."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe: it is a folder or a device"), atomic_file(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo() and os.listdir(tmp_path) == ["pipe"]


@pytest.fixture
def closed_folder(tmp_path):
    """A folder that may be looked into but not written to, also when root runs the tests."""
    folder = tmp_path / "closed"
    folder.mkdir()
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)


def test_a_folder_without_permission_is_named(closed_folder):
    with pytest.raises(DataError, match=r"a\.tsv: Permission denied\. Choose a folder that .* is writable"), \
            write_rows(closed_folder / "a.tsv") as write:
        write({"document": "좋다"})


FILL_THE_DISK = """
    import resource, sys
    sys.path.insert(0, sys.argv[1])
    from gluonattn.data.tables import write_rows
    from gluonattn.errors import DataError
    if sys.argv[3] == "limit":
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
    try:
        with write_rows(sys.argv[2]) as write:
            for _ in range(int(sys.argv[4])):
                write({"document": "가" * 100})
    except DataError as error:
        print(error)
"""


def fill(path: Path, how: str, rows: int) -> str:
    root = Path(__file__).parents[2]
    child = subprocess.run([sys.executable, "-c", textwrap.dedent(FILL_THE_DISK), str(root), str(path), how,
                            str(rows)], capture_output=True, text=True)
    assert child.returncode == 0, child.stderr
    return child.stdout


@pytest.mark.parametrize("rows", [10_000, 168], ids=["while writing", "on closing"])
def test_a_file_over_the_allowed_size_leaves_nothing(tmp_path, rows):
    """The end of 168 rows is still in the buffer: the error comes when the file is closed."""
    (tmp_path / "a.tsv").write_text("old")
    message = fill(tmp_path / "a.tsv", "limit", rows)
    assert re.search(r"cannot write .*a\.tsv: File too large\. .* nothing was left half-written", message)
    assert (tmp_path / "a.tsv").read_text() == "old" and os.listdir(tmp_path) == ["a.tsv"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("needs the mount command")
    if mounted.returncode:
        pytest.skip(f"needs root, to mount a small disk ({mounted.stderr.strip()})")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_leaves_nothing(small_disk):
    message = fill(small_disk / "a.tsv", "disk", 10_000)
    assert re.search(r"cannot write .*disk/a\.tsv: No space left on device\. Choose a folder", message)
    assert os.listdir(small_disk) == []


def test_of_two_open_files_the_one_that_failed_is_named(small_disk, tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*disk/full\.tsv: No space left"), \
            write_rows(small_disk / "full.tsv") as write, write_rows(tmp_path / "fine.tsv"):
        for _ in range(10_000):
            write({"document": "가" * 100})
    assert os.listdir(small_disk) == [] and os.listdir(tmp_path) == ["disk"]
