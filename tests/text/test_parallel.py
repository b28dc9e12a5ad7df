from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import unicodedata
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

import gluonattn.text.parallel as parallel
from gluonattn.errors import DependencyError, GluonAttnError, OptionError, TextError
from gluonattn.text import tokenize_all, tokenizer
from gluonattn.text.tokens import Tokens

from .contract import SEED_SENTENCE

_MESS = ["", "  ", "재밌닼ㅋㅋ", "좋아\x00요\n두 줄", "\ud800끝", "\ud83d\ude00 a", "첫\u2028둘", "😀👨‍👩‍👧", SEED_SENTENCE]


def _texts(count: int) -> list[str]:
    """Distinct texts, so that one out of order shows."""
    return [f"{_MESS[i % len(_MESS)]} {i}" for i in range(count)]


def _one_by_one(texts, name="mecab") -> list[list[str]]:
    return [[token.text for token in tokenizer(name)(text)] for text in texts]


@pytest.mark.parametrize("name", ["mecab", "whitespace", "syllable", "jamo"])
def test_in_this_process_as_one_by_one(name, tmp_path):
    texts = _texts(60)
    assert tokenize_all(texts, name, cache=tmp_path) == _one_by_one(texts, name)
    assert list(tmp_path.iterdir()) == []  # few texts are not worth a cache file


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_in_workers_as_one_by_one(workers, tmp_path):
    texts = _texts(1300)  # three chunks, the last one short
    assert tokenize_all(texts, "mecab", workers=workers, cache=tmp_path) == _one_by_one(texts)


def test_many_texts_use_workers_and_the_cache_unasked(tmp_path, monkeypatch):
    monkeypatch.setenv("GLUONATTN_CACHE", str(tmp_path))
    texts = _texts(4000)
    assert tokenize_all(texts, "whitespace") == _one_by_one(texts, "whitespace")
    assert len(list((tmp_path / "tokens").iterdir())) == 1


@pytest.mark.parametrize("workers", [None, 2])
def test_no_texts(workers, tmp_path):
    assert tokenize_all([], "mecab", workers=workers, cache=tmp_path) == []


@pytest.mark.parametrize("count, workers", [(1200, None), (1200, 2)])
def test_progress_grows_to_the_end(count, workers, tmp_path):
    calls = []
    tokenize_all(_texts(count), "syllable", workers=workers, cache=tmp_path, progress=lambda *call: calls.append(call))
    done = [call[0] for call in calls]
    assert len(calls) >= 3 and done == sorted(set(done)) and calls[-1] == (count, count)
    assert {call[1] for call in calls} == {count}


# The cache


def _tokenize(cache: Path, texts=None, name="whitespace", **options):
    return tokenize_all(_texts(20) if texts is None else texts, name, workers=1, cache=cache, **options)


def test_a_second_call_reads_the_cache(tmp_path):
    first = _tokenize(tmp_path)
    (kept,) = tmp_path.iterdir()
    marked = [["from", "the", "cache"], *first[1:]]
    kept.write_bytes(Tokens.gather([marked]).to_bytes())
    calls = []
    assert _tokenize(tmp_path, progress=lambda *call: calls.append(call)) == marked
    assert calls == [(20, 20)]


def test_what_the_cache_gives_back_is_equal(tmp_path):
    """Lone surrogates, NUL and a surrogate pair in two halves included."""
    texts = _texts(100)
    first, second = (tokenize_all(texts, "syllable", workers=1, cache=tmp_path) for _ in "12")
    assert first == second == _one_by_one(texts, "syllable")


@pytest.mark.parametrize("workers", [None, 1])
def test_equivalent_texts_have_the_same_tokens_and_one_entry(workers, tmp_path):
    versions = [["좋다 영화", "값"], [unicodedata.normalize("NFD", text) for text in ("좋다 영화", "값")],
                ["좋\u200b다 영화\ufeff", "\u00ad값"]]
    found = [tokenize_all(iter(texts), "mecab", workers=workers, cache=tmp_path) for texts in versions]
    assert found[0] == found[1] == found[2] == [["좋", "다", "영화"], ["값"]]
    assert len(list(tmp_path.iterdir())) == (workers == 1)


@pytest.mark.parametrize("change", [
    lambda texts, name: (texts[::-1], name),
    lambda texts, name: (texts[:-1], name),
    lambda texts, name: ([texts[0] + "!", *texts[1:]], name),
    lambda texts, name: ([texts[0] + texts[1], "", *texts[2:]], name),
    lambda texts, name: (texts, "syllable"),
], ids=["order", "fewer", "a character", "a border", "tokenizer"])
def test_other_content_is_another_entry(change, tmp_path):
    _tokenize(tmp_path)
    texts, name = change(_texts(20), "whitespace")
    assert _tokenize(tmp_path, texts, name) == _one_by_one(texts, name)
    assert len(list(tmp_path.iterdir())) == 2


def test_another_version_is_another_entry(tmp_path, monkeypatch):
    _tokenize(tmp_path)
    monkeypatch.setattr(parallel, "__version__", "0.0.0")
    _tokenize(tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("spoil", [
    lambda content: b"", lambda content: content[: len(content) // 2], lambda content: b"\xff\xfe\x00junk",
    lambda content: b"{}", lambda content: Tokens.gather([[["좋다"]]]).to_bytes(),
    lambda content: save({"words": np.zeros(2, np.uint8)}),
], ids=["empty", "cut", "binary", "another file", "too short", "no numbers"])
def test_a_corrupt_cache_file_is_made_again(spoil, tmp_path):
    first = _tokenize(tmp_path)
    (kept,) = tmp_path.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(spoil(whole))
    assert _tokenize(tmp_path) == first
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [whole]


def test_a_cache_that_cannot_be_written_costs_only_the_cache(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert _tokenize(tmp_path / "file" / "cache") == _one_by_one(_texts(20), "whitespace")
    assert "tokens are not kept for next time" in capsys.readouterr().err


def test_a_failed_write_leaves_no_half_file(tmp_path, capsys):
    """A folder stands where the cache file must go."""
    _tokenize(tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.unlink()
    kept.mkdir()
    assert _tokenize(tmp_path) == _one_by_one(_texts(20), "whitespace")
    assert list(tmp_path.iterdir()) == [kept]
    assert "tokens are not kept for next time" in capsys.readouterr().err


@pytest.mark.parametrize("variables, expected", [
    ({"GLUONATTN_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, "/a/tokens"),
    ({"XDG_CACHE_HOME": "/b"}, "/b/gluonattn/tokens"),
    ({"HOME": "/c"}, "/c/.cache/gluonattn/tokens"),
])
def test_where_the_cache_is(variables, expected, monkeypatch):
    for name in ("GLUONATTN_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert parallel.cache_folder() == Path(expected)


# Errors


@pytest.mark.parametrize("workers", [None, 1])
@pytest.mark.parametrize("value", [None, 3.5, b"x"], ids=repr)
def test_not_a_text(value, workers, tmp_path):
    with pytest.raises(TextError, match=r"expected a text \(str\), got"):
        tokenize_all(["좋다", value], "mecab", workers=workers, cache=tmp_path)


@pytest.mark.parametrize("workers", [None, 1])
def test_an_unknown_tokenizer(workers, tmp_path):
    with pytest.raises(OptionError, match="unknown tokenizer 'mecap'"):
        tokenize_all(["좋다"], "mecap", workers=workers, cache=tmp_path)


@pytest.mark.parametrize("workers", [0, -1])
def test_too_few_workers(workers, tmp_path):
    with pytest.raises(OptionError, match=f"expected at least 1 worker .*got {workers}"):
        tokenize_all(["좋다"], "mecab", workers=workers, cache=tmp_path)


def test_missing_kiwi_is_said_here(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "kiwipiepy", None)
    monkeypatch.setattr("gluonattn.text.tokenizers._made", {})
    with pytest.raises(DependencyError, match="kiwi tokenizer needs kiwipiepy"):
        tokenize_all(["좋다"], "kiwi", workers=1, cache=tmp_path)


def _workers_of(pid: int) -> list[int]:
    """Process ids of the tokenizer processes that `pid` started."""
    children = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            children += (task / "children").read_text().split()
    return [int(child) for child in children
            if b"gluonattn.text.worker" in Path(f"/proc/{child}/cmdline").read_bytes()]


def _running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds its processes in /proc")
def test_a_worker_that_dies_gives_a_clear_error(tmp_path):
    """Killed after the first chunk, as the kernel does when memory runs out."""
    def kill(done, _):
        if done == 500:
            for pid in _workers_of(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(GluonAttnError, match=r"a mecab tokenizer process ended early.*use fewer workers"):
        tokenize_all([SEED_SENTENCE * 20] * 10_000, "mecab", workers=2, cache=tmp_path, progress=kill)
    assert _workers_of(os.getpid()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_cannot_start_gives_a_clear_error(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(GluonAttnError, match="a mecab tokenizer process ended early"):
        tokenize_all(["좋다"], "mecab", workers=1, cache=tmp_path)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds its processes in /proc")
def test_an_error_in_progress_ends_the_work_and_the_workers(tmp_path):
    calls, workers = [], []

    def progress(done, total):
        calls.append((done, total))
        workers.extend(_workers_of(os.getpid()))
        raise RuntimeError("the caller's own")

    with pytest.raises(RuntimeError, match="the caller's own"):
        tokenize_all([SEED_SENTENCE * 50] * 20_000, "mecab", workers=1, cache=tmp_path, progress=progress)
    assert calls == [(500, 20_000)]
    assert len(workers) == 1 and not any(map(_running, workers))
    assert list(tmp_path.iterdir()) == []


_INTERRUPTED = f"""
from gluonattn.text import tokenize_all
try:
    tokenize_all([{SEED_SENTENCE!r} * 50] * 20_000, "mecab", workers=2,
                 progress=lambda done, total: print(done, flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds its processes in /proc")
@pytest.mark.parametrize("when", ["while workers start", "at work"])
def test_ctrl_c_ends_at_once_in_silence_and_leaves_no_process(when, tmp_path):
    """The signal goes to the whole group, as a terminal sends it."""
    root = str(Path(parallel.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", _INTERRUPTED], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": root, "GLUONATTN_CACHE": str(tmp_path)}, start_new_session=True,
    ) as process:
        if when == "at work":
            assert process.stdout.readline() == "500\n"
            workers = _workers_of(process.pid)
        else:
            workers, patience = [], time.monotonic() + 30
            while len(workers) < 2 and time.monotonic() < patience:
                time.sleep(0.01)
                workers = _workers_of(process.pid)
        assert len(workers) == 2
        assert process.pid not in map(os.getpgid, workers)  # a worker would print a traceback of its own
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=600)
    assert out.endswith("interrupted\n") and err == ""
    patience = time.monotonic() + 10  # one that the signal found half started ends by itself, when its pipe is gone
    while any(map(_running, workers)) and time.monotonic() < patience:
        time.sleep(0.02)
    assert not any(map(_running, workers))
    assert list(tmp_path.rglob("*.safetensors")) == []


@pytest.mark.nsmc
def test_all_training_reviews_in_workers_and_from_the_cache(nsmc, tmp_path):
    with open(nsmc / "ratings_train.txt", encoding="utf-8", newline="\n") as file:
        texts = [line.split("\t")[1] for line in file][1:]
    first = tokenize_all(texts, "mecab", cache=tmp_path)
    assert first == _one_by_one(texts)
    assert tokenize_all(texts, "mecab", cache=tmp_path) == first
