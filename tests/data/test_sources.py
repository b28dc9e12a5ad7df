"""The sample, NSMC's place, and a download that is cut, resumed, restarted or refused."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import socket
import threading
import unicodedata
import warnings
from pathlib import Path

import pytest

from gluonattn.data.reviews import read_reviews
from gluonattn.data.sources import DATASETS, NSMC_FILES, download_nsmc, locate, nsmc_folder, sha256
from gluonattn.data.tables import read_rows
from gluonattn.errors import DataError


@pytest.mark.parametrize("name", DATASETS)
def test_a_data_set_has_files_or_says_where_they_are_to_be(name):
    try:
        source = locate(name)
    except DataError as error:
        assert re.search("Run|set|Set|point", str(error))
        return
    assert source.name == name and source.train.is_file() and (source.test is None or source.test.is_file())


# The sample


@pytest.fixture(scope="module")
def sample() -> dict[str, list[tuple[str, str]]]:
    source = locate("sample")
    return {name: [(row["document"], row["label"]) for _, row in read_rows(path)]
            for name, path in (("train", source.train), ("test", source.test))}


@pytest.mark.parametrize(("name", "least"), [("train", 800), ("test", 200)])
def test_the_sample_is_large_enough_and_balanced(sample, name, least):
    labels = [label for _, label in sample[name]]
    assert len(labels) >= least
    assert labels.count("1") == labels.count("0") == len(labels) / 2


@pytest.mark.parametrize("name", ["train", "test"])
def test_the_sample_is_read_with_nothing_left_out(sample, name):
    reviews = read_reviews(getattr(locate("sample"), name))
    assert reviews.skipped == {} and list(zip(reviews.texts, reviews.labels)) == sample[name]


def bare(text: str) -> str:
    """A text without spaces, punctuation and emoji."""
    return re.sub(r"[\W_]", "", text) or text


def test_no_review_of_the_sample_stands_twice(sample):
    """Not even with other spaces or punctuation: a test review seen in training tells nothing."""
    texts = [bare(text) for part in sample.values() for text, _ in part]
    assert sorted(t for t in set(texts) if texts.count(t) > 1) == []


def test_the_sample_is_clean_unicode(sample):
    for text, _ in sample["train"] + sample["test"]:
        assert text == text.strip() == unicodedata.normalize("NFC", text)
        assert not any(unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn") for c in text), text


@pytest.mark.parametrize(("what", "least"), [
    ("[ㅋㅎ]{2}", 40), ("[ㅠㅜ]", 30), ("[\U0001F300-\U0001FAFF\u2600-\u27bf]", 40), (r"^\S{8,}$", 5),
    (r"\^\^", 5),
])
def test_the_sample_has_the_mess_of_the_real_thing(sample, what, least):
    assert sum(bool(re.search(what, text)) for text, _ in sample["train"]) >= least


def test_data_readme_gives_the_right_counts(sample):
    text = (locate("sample").train.parent / "README.md").read_text(encoding="utf-8")
    for name, part in sample.items():
        half = len(part) // 2
        assert re.search(rf"`sample_{name}\.tsv` \| {len(part):,} \| {half:,} \| {half:,} \|", text)


@pytest.mark.nsmc
def test_no_review_of_the_sample_stands_in_nsmc(sample, nsmc):
    theirs = {text.strip() for name in NSMC_FILES for text in read_reviews(nsmc / name).texts}
    assert [text for part in sample.values() for text, _ in part if text in theirs] == []


# Where data is looked for


def test_a_file_is_its_own_training_data(tmp_path):
    (tmp_path / "mine.csv").write_text("text,label\n")
    source = locate(str(tmp_path / "mine.csv"))
    assert source == ("mine", tmp_path / "mine.csv", None, {})


def test_nothing_there_says_what_can_be(tmp_path):
    with pytest.raises(DataError, match=r"no data at '.*none': expected 'sample', 'nsmc', a folder .* \.tsv"):
        locate(str(tmp_path / "none"))


def test_nsmc_is_looked_for_in_three_places(tmp_path, monkeypatch):
    for name in ("GLUONATTN_NSMC", "GLUONATTN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert nsmc_folder() == tmp_path / ".cache" / "gluonattn" / "nsmc"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert nsmc_folder() == tmp_path / "xdg" / "gluonattn" / "nsmc"
    monkeypatch.setenv("GLUONATTN_CACHE", str(tmp_path / "own"))
    assert nsmc_folder() == tmp_path / "own" / "nsmc"
    monkeypatch.setenv("GLUONATTN_NSMC", str(tmp_path / "copy"))
    assert nsmc_folder() == tmp_path / "copy"


@pytest.mark.parametrize("present", [[], ["ratings_train.txt"]])
def test_missing_nsmc_says_how_to_get_it(tmp_path, monkeypatch, present):
    monkeypatch.setenv("GLUONATTN_NSMC", str(tmp_path))
    for name in present:
        (tmp_path / name).write_text("")
    missing = "ratings_test.txt" if present else "ratings_train.txt"
    for data in ("nsmc", str(tmp_path)):
        with pytest.raises(DataError, match=f"no {missing} in .*`gluonattn data nsmc`.*GLUONATTN_NSMC or"), \
                warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the other file is not the published one
            locate(data)


def test_an_altered_nsmc_is_used_with_a_warning(tmp_path):
    for name in NSMC_FILES:
        (tmp_path / name).write_text("id\tdocument\tlabel\n")
    with pytest.warns(UserWarning, match="differs from the published NSMC: figures will not compare"):
        assert locate(str(tmp_path)).name == "nsmc"


@pytest.mark.nsmc
def test_the_real_nsmc_is_found_without_a_warning(nsmc, monkeypatch):
    monkeypatch.setenv("GLUONATTN_NSMC", str(nsmc))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert locate("nsmc")[:3] == ("nsmc", nsmc / "ratings_train.txt", nsmc / "ratings_test.txt")


def test_sha256_of_a_file_larger_than_a_block(tmp_path):
    content = os.urandom(200_000)
    (tmp_path / "f").write_bytes(content)
    assert sha256(tmp_path / "f") == hashlib.sha256(content).hexdigest()


# Download

CONTENT = {"one.txt": os.urandom(300_000), "two.txt": "둘\n".encode() * 1000}
FILES = {name: hashlib.sha256(content).hexdigest() for name, content in CONTENT.items()}


class Server(http.server.ThreadingHTTPServer):
    """What GitHub does, and what networks do to it."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = dict(CONTENT)
        self.status = 200  # of every answer
        self.ranges = True  # whether Range is understood
        self.cuts: list[int] = []  # one answer each: bytes sent before the connection drops
        self.how_to_say_length = "Content-Length"  # or "chunked", or "close"
        self.requests: list[tuple[str, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server, name = self.server, self.path.strip("/")
        asked = self.headers.get("Range")
        server.requests.append((name, asked))
        if server.status != 200:
            self.send_error(server.status)
            return
        content, start = server.content[name], 0
        if asked and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if start >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if asked and server.ranges else 200)
        body = content[start:]
        kind = server.how_to_say_length
        if kind == "Content-Length":
            self.send_header("Content-Length", str(len(body)))
        elif kind == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        cut = server.cuts.pop(0) if server.cuts else None
        sent = body if cut is None else body[:cut]
        if kind == "chunked":
            self.wfile.write(b"%x\r\n" % len(body) + sent + (b"\r\n0\r\n\r\n" if cut is None else b""))
        else:
            self.wfile.write(sent)
        if cut is not None or kind == "close":
            self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, folder: Path, **options) -> Path:
    return download_nsmc(folder, url=server.url, files=FILES, **options)


def assert_complete(folder: Path) -> None:
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == CONTENT


def test_both_files_arrive_with_progress(server, tmp_path):
    steps = []
    folder = get(server, tmp_path / "new" / "nsmc", progress=lambda *step: steps.append(step))
    assert folder == tmp_path / "new" / "nsmc"
    assert_complete(folder)
    for name, content in CONTENT.items():
        done = [d for n, d, total in steps if n == name and total == len(content)]
        assert done == sorted(set(done)) and done[-1] == len(content)
    assert len(steps) > len(CONTENT)  # in steps, not at the end only


def test_the_cache_is_where_it_goes_by_default(server, tmp_path, monkeypatch):
    monkeypatch.delenv("GLUONATTN_NSMC", raising=False)
    monkeypatch.setenv("GLUONATTN_CACHE", str(tmp_path / "cache"))
    assert get(server, None) == tmp_path / "cache" / "nsmc"
    assert_complete(tmp_path / "cache" / "nsmc")


def test_files_already_there_are_not_fetched_again(server, tmp_path):
    get(server, tmp_path)
    server.requests.clear()
    steps = []
    get(server, tmp_path, progress=lambda *step: steps.append(step))
    assert server.requests == []
    assert steps == [(name, len(content), len(content)) for name, content in CONTENT.items()]


def test_a_wrong_file_under_the_name_is_replaced(server, tmp_path):
    (tmp_path / "one.txt").write_text("cut short by another program")
    get(server, tmp_path)
    assert_complete(tmp_path)


@pytest.mark.parametrize("cut", [0, 1, 70_000, len(CONTENT["one.txt"]) - 1])
@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
def test_a_cut_transfer_is_continued_by_the_next_call(server, tmp_path, cut, ranges):
    server.cuts, server.ranges = [cut], ranges
    with pytest.raises(DataError, match=rf"was cut at {cut:,} of 300,000 bytes\. Run the command again"):
        get(server, tmp_path)
    assert not (tmp_path / "one.txt").exists()
    assert (tmp_path / "one.txt.part").read_bytes() == CONTENT["one.txt"][:cut]
    get(server, tmp_path)
    assert_complete(tmp_path)
    asked = [asked for name, asked in server.requests if name == "one.txt"]
    assert asked == [None, f"bytes={cut}-" if cut else None]


def test_a_transfer_cut_again_and_again_arrives(server, tmp_path):
    server.cuts = [50_000] * 5
    for _ in range(5):
        with pytest.raises(DataError, match="was cut"):
            get(server, tmp_path)
    get(server, tmp_path)
    assert_complete(tmp_path)


def test_progress_goes_on_from_where_it_was(server, tmp_path):
    (tmp_path / "one.txt.part").write_bytes(CONTENT["one.txt"][:200_000])
    steps = []
    get(server, tmp_path, progress=lambda *step: steps.append(step))
    assert min(done for name, done, _ in steps if name == "one.txt") > 200_000
    assert {total for name, _, total in steps if name == "one.txt"} == {300_000}


@pytest.mark.parametrize("kind", ["chunked", "close"])
def test_a_server_that_does_not_tell_the_length_will_do(server, tmp_path, kind):
    server.how_to_say_length = kind
    get(server, tmp_path)
    assert_complete(tmp_path)


def test_a_chunked_transfer_that_is_cut_is_continued(server, tmp_path):
    server.how_to_say_length, server.cuts = "chunked", [150_000]
    with pytest.raises(DataError, match=r"one\.txt cannot be reached .* again: it continues from"):
        get(server, tmp_path)
    assert not (tmp_path / "one.txt").exists()
    get(server, tmp_path)
    assert_complete(tmp_path)


def test_a_cut_that_only_the_checksum_can_tell_starts_over_by_itself(server, tmp_path):
    server.how_to_say_length, server.cuts = "close", [100_000]
    get(server, tmp_path)
    assert_complete(tmp_path)
    assert [name for name, _ in server.requests] == ["one.txt", "one.txt", "two.txt"]


@pytest.mark.parametrize(
    "part", [b"", b"something else", CONTENT["one.txt"], CONTENT["one.txt"] + b"too much", b"x" * 400_000],
    ids=["empty", "foreign", "whole", "too long", "foreign and too long"],
)
def test_whatever_a_part_holds_the_right_file_comes_out(server, tmp_path, part):
    """A whole part (killed just before the rename) makes the server answer 416."""
    (tmp_path / "one.txt.part").write_bytes(part)
    get(server, tmp_path)
    assert_complete(tmp_path)


def test_a_whole_part_is_not_fetched_again(server, tmp_path):
    (tmp_path / "one.txt.part").write_bytes(CONTENT["one.txt"])
    get(server, tmp_path)
    assert [asked for name, asked in server.requests if name == "one.txt"] == ["bytes=300000-"]


def test_a_wrong_file_is_tried_twice_and_nothing_is_kept(server, tmp_path):
    server.content["two.txt"] = b"a page that says: log in first"
    expected = FILES["two.txt"]
    with pytest.raises(DataError, match=rf"two\.txt arrived with the wrong SHA-256 .* {expected}"):
        get(server, tmp_path)
    assert os.listdir(tmp_path) == ["one.txt"]
    assert [name for name, _ in server.requests].count("two.txt") == 2


@pytest.mark.parametrize("status", [403, 404, 416, 500, 503])
@pytest.mark.parametrize("part", [None, b"half"])
def test_an_error_of_the_server_is_named_and_the_part_kept(server, tmp_path, status, part):
    server.status = status
    if part:
        (tmp_path / "one.txt.part").write_bytes(part)
    with pytest.raises(DataError, match=rf"one\.txt answered {status} .*Try again later"):
        get(server, tmp_path)
    assert not (tmp_path / "one.txt").exists()
    if status != 416:  # which says that the part is of no use
        assert os.listdir(tmp_path) == (["one.txt.part"] if part else [])


def test_nobody_listening_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with pytest.raises(DataError, match=r"cannot be reached \(.*refused.*\)\. Check the network"):
            download_nsmc(tmp_path, url=url, files=FILES)
    assert os.listdir(tmp_path) == []


def test_an_answer_that_is_no_http_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def answer(listener):
        connection, _ = listener.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(b"\x00\x01 who are you?\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener])
        thread.start()
        with pytest.raises(DataError, match="cannot be reached"):
            download_nsmc(tmp_path, url=f"http://127.0.0.1:{listener.getsockname()[1]}/", files=FILES)
        thread.join()
    assert os.listdir(tmp_path) == []


def test_a_connection_reset_while_reading_is_no_fault_of_the_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def answer(listener):
        connection, _ = listener.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n")
        connection.sendall(CONTENT["one.txt"][:100_000])
        # Closed with a reset instead of an end.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=[listener])
        thread.start()
        with pytest.raises(DataError, match=r"one\.txt (cannot be reached|was cut)"):
            download_nsmc(tmp_path, url=f"http://127.0.0.1:{listener.getsockname()[1]}/", files=FILES)
        thread.join()
    assert set(os.listdir(tmp_path)) <= {"one.txt.part"}


def test_ctrl_c_keeps_what_came_and_goes_on_later(server, tmp_path):
    def stop(name, done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(server, tmp_path, progress=stop)
    assert not (tmp_path / "one.txt").exists()
    assert (tmp_path / "one.txt.part").stat().st_size > 0
    get(server, tmp_path)
    assert_complete(tmp_path)
    assert server.requests[1][1] is not None


def test_a_folder_that_cannot_be_made_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot write to .*file/nsmc: Not a directory\. .* --out"):
        get(server, tmp_path / "file" / "nsmc")
    assert server.requests == []


def test_a_full_disk_is_named_and_what_came_is_kept(server, tmp_path):
    """The part may go on once there is room."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DataError, match=r"cannot write to .*: File too large\. Choose another folder"):
            get(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == ["one.txt.part"]
    get(server, tmp_path)
    assert_complete(tmp_path)
