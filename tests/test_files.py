"""The one writer: whole or not at all, with the umask's permissions, and nothing left of a killed one."""

import errno
import os
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.errors import DataError, RecordError
from gluonattn.files import (
    clear_all_partials,
    clear_partials,
    is_partial,
    locking,
    new_folder,
    replace_file,
    replacing_file,
)

ROOT = Path(__file__).parents[1]
NAMES = st.one_of(
    st.sampled_from(["a", "글", "p.html", ".hidden", "a[1]*?.csv", "줄\n바꿈", "a.partial", "가" * 80, "x" * 230]),
    st.text(st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=60)
    .filter(lambda name: name not in (".", "..")),
)


def write_text(path, content):
    with replacing_file(path) as write:
        for character in content:
            write(character)


WRITERS = [replace_file, write_text]


@settings(max_examples=60, deadline=None)
@given(name=NAMES, content=st.text(st.characters(blacklist_categories=["Cs"]), max_size=30))
def test_any_name_is_written_whole_and_alone(tmp_path_factory, name, content):
    folder = tmp_path_factory.mktemp("any")
    for write in WRITERS:
        write(folder / name, content)
        assert (folder / name).read_bytes() == content.encode()
        assert os.listdir(folder) == [name]


def kinds_of_files(folder):
    """Everything in the package that writes a file, each into `folder`."""
    import numpy as np

    from gluonattn.data.tables import write_rows
    from gluonattn.models.checkpoint import save_checkpoint, write_history
    from gluonattn.models.snapshots import save_snapshot
    from gluonattn.record import AttentionRecord, Token
    from gluonattn.views.save import save_view
    from tests.models.test_checkpoint import checkpoint

    record = AttentionRecord("좋다", [Token("좋다", 0, 2)], [Token("좋다", 0, 2)], np.ones((1, 1, 1, 1)))
    for ending in ("npz", "html", "json", "txt", "png"):
        save_view(record, folder / f"view.{ending}")
    with write_rows(folder / "table.csv") as write:
        write({"document": "좋다"})
    write_history(save_checkpoint(folder / "model", checkpoint()), [{"epoch": 1}])
    save_snapshot(folder / "model", 1, {"a": np.ones(2, "f")}, "run")


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002, 0o027])
def test_every_file_and_folder_has_the_permissions_of_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        kinds_of_files(tmp_path)
    finally:
        os.umask(before)
    found = {p.relative_to(tmp_path): p.stat().st_mode & 0o777 for p in tmp_path.rglob("*")}
    assert len(found) > 12
    for path, mode in found.items():
        assert mode == (0o777 if (tmp_path / path).is_dir() else 0o666) & ~umask, path


def child(tmp_path, body, *arguments):
    program = tmp_path / "child.py"
    program.write_text("import os, signal, sys\nfrom pathlib import Path\nfrom gluonattn.files import *\n"
                       "from gluonattn.files import new_folder\n" + textwrap.dedent(body))
    return subprocess.Popen([sys.executable, str(program), *map(str, arguments)], text=True, stdout=subprocess.PIPE,
                            env={**os.environ, "PYTHONPATH": str(ROOT)})


STOPPED = {
    "file": "with replacing_file(sys.argv[1]) as write:\n    write('half')\n    print(flush=True)\n    signal.pause()\n",
    "folder": "with new_folder(Path(sys.argv[1])) as partial:\n    (partial / 'a').write_text('half')\n"
              "    print(flush=True)\n    signal.pause()\n",
}


@pytest.mark.parametrize("kind", STOPPED)
@pytest.mark.parametrize("name", ["p[1].html", "가" * 80])
def test_what_a_killed_writer_left_goes_and_that_of_a_living_one_stays(tmp_path, kind, name):
    out = tmp_path / "out"
    out.mkdir()
    processes = [child(tmp_path, STOPPED[kind], out / name) for _ in range(2)]
    try:
        for process in processes:
            process.stdout.readline()
        assert len(os.listdir(out)) == 2
        processes[0].kill()
        processes[0].wait()
        replace_file(out / "another", b"")
        assert len(os.listdir(out)) == 3  # of another name: that is not touched
        for _ in range(2):
            replace_file(out / "p[1].html", b"whole")
            clear_partials(out / name)
        left = [entry for entry in os.listdir(out) if is_partial(entry)]
        assert len(left) == 1  # the living one's
    finally:
        for process in processes:
            process.kill()
            process.communicate()
    clear_all_partials(out)
    assert sorted(os.listdir(out)) == ["another", "p[1].html"]


@pytest.mark.parametrize("kept", [".p.html.original", ".p.html.0123abcd", "p.html.0123abcd.partial", ".p.html.partial",
                                  ".q.html.0123abcd.partial", ".p.html.0123abcdx.partial", ".p_html.0123abcd.partial"])
def test_what_only_looks_like_a_leftover_stays(tmp_path, kept):
    (tmp_path / kept).write_text("mine")
    replace_file(tmp_path / "p.html", b"whole")
    assert (tmp_path / kept).read_text() == "mine"


def test_writers_at_once_do_not_take_away_from_each_other(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    body = """
        for number in range(150):
            replace_file(sys.argv[1], f"{sys.argv[2]}{number}" * 1000)
    """
    processes = [child(tmp_path, body, out / "file", who) for who in "abc"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    assert os.listdir(out) == ["file"]
    content = (out / "file").read_text()
    assert content == content[:4] * 1000 and content[1:4] == "149"


def test_a_kill_at_any_step_leaves_the_older_file_or_the_newer_and_the_next_writer_tidies(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    process = child(tmp_path, """
        from tests.test_files import *
        left = 0
        def count(event, arguments):
            global left
            if left and event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "open", "os.listdir"):
                left -= 1
                if not left:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        replace_file(sys.argv[1], "0")
        for moment in range(1, 1000):
            pid = os.fork()
            if not pid:
                left = moment
                replace_file(sys.argv[1], str(moment))
                os._exit(0)
            if not os.WIFSIGNALED(os.waitpid(pid, 0)[1]):
                break
            assert open(sys.argv[1]).read() in (str(moment - 1), str(moment))
            replace_file(sys.argv[1], str(moment))
            assert os.listdir(Path(sys.argv[1]).parent) == ["file"]
        print(moment)
    """, out / "file")
    said, _ = process.communicate(timeout=600)
    assert process.returncode == 0 and int(said) > 3


@pytest.fixture
def closed_folder():
    """A folder that may be looked into but not written to, also when root runs the tests."""
    folder = Path(tempfile.mkdtemp())  # anybody may look into what it stands in
    root = os.geteuid() == 0
    folder.chmod(0o555)
    if root:
        os.seteuid(65534)
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    folder.rmdir()


@pytest.mark.parametrize("write", WRITERS)
def test_an_error_names_the_users_file(closed_folder, write):
    places = {closed_folder / "a.csv": errno.EACCES, closed_folder / "none" / "a.csv": errno.ENOENT,
              closed_folder: errno.EISDIR}
    for place, number in places.items():
        with pytest.raises(OSError) as caught:
            write(place, "x")
        assert (caught.value.errno, caught.value.filename) == (number, str(place))


def test_a_kind_of_error_can_be_asked_for_and_what_the_block_raises_is_its_own(tmp_path):
    with pytest.raises(DataError, match=r"cannot write .*none/a: No such file or directory. Choose a folder"):
        replace_file(tmp_path / "none" / "a", b"", DataError)
    with pytest.raises(ConnectionError), replacing_file(tmp_path / "a", RecordError):
        raise ConnectionError
    with pytest.raises(KeyboardInterrupt), replacing_file(tmp_path / "a") as write:
        write("half")
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_device_is_not_replaced_and_a_link_stays_one(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path / "pipe", "/dev/null", tmp_path):
        with pytest.raises(DataError, match="it is a folder or a device. Give the name of a file"):
            replace_file(place, b"", DataError)
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real" / "file")
    for content in (b"1", b"2"):  # first where it points nowhere
        replace_file(tmp_path / "link", content)
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real" / "file").read_bytes() == b"2"
    assert sorted(os.listdir(tmp_path)) == ["link", "pipe", "real"] and os.listdir(tmp_path / "real") == ["file"]


def test_a_folder_that_is_not_renamed_vanishes(tmp_path):
    with pytest.raises(KeyError), new_folder(tmp_path / "model") as partial:
        (partial / "a").write_text("half")
        raise KeyError
    assert os.listdir(tmp_path) == []
    with new_folder(tmp_path / "model") as partial:
        (partial / "a").write_text("whole")
        partial.rename(tmp_path / "model")
    assert (tmp_path / "model" / "a").read_text() == "whole" and os.listdir(tmp_path) == ["model"]




_HOLD = """
import sys, time
from pathlib import Path
from gluonattn.files import locking
with locking(Path(sys.argv[1])) as holder:
    print(holder, flush=True)
    time.sleep(60)
"""


def start_holding(path):
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(path)], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PYTHONPATH": str(ROOT)})
    return process, process.stdout.readline().strip()


def test_a_name_is_held_by_one_process_and_free_after_its_death(tmp_path):
    path = tmp_path / "모델"
    process, holder = start_holding(path)
    assert holder == "None"
    with locking(path) as found:
        assert found == process.pid
    with locking(tmp_path / "another") as found:
        assert found is None
    process.kill()
    process.wait()
    with locking(path) as found:
        assert found is None
        with locking(path) as again:
            assert again == os.getpid()
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_locked_nothing_is(tmp_path):
    with locking(tmp_path / "nowhere" / "model") as found:
        assert found is None
    assert list(tmp_path.iterdir()) == []
