"""Many texts in processes beside this one: the same answers, in order, and nothing left behind."""

from __future__ import annotations

import os
import signal

import pytest

import gluonattn.classifier.many as many
from gluonattn.errors import GluonAttnError

from ..test_processes import helpers_of, in_proc, none_runs, start_script
from .known import GRAMS, TEXTS, predictor_of

MANY = [f"{text} 또{' 영화' * (i % 7)} {i}" for i, text in enumerate(TEXTS * 12)]


@pytest.fixture
def shared(monkeypatch):
    """Texts are few, and two processes help all the same."""
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(many, "_WORTH_PROCESSES", 10)
    monkeypatch.setattr(many, "_EXPLAINED", 32)
    monkeypatch.setattr(many, "_TOGETHER", 4)


def same(one, other) -> bool:
    scores = all(one.attributions[name].tobytes() == other.attributions[name].tobytes() for name in one.attributions)
    return one == other and scores and one.weights.tobytes() == other.weights.tobytes() and one.source == other.source


@in_proc
@pytest.mark.parametrize("method, recipe", [("integrated-gradients", "default"), ("leave-one-out", "post")])
def test_answers_are_equal_to_the_bit_and_in_order(method, recipe, shared, monkeypatch):
    predictor, seen = predictor_of({"cell": "mlp", "classes": 3, **(GRAMS if recipe == "default" else {})},
                                   recipe=recipe), []
    helped = predictor.explain_each(MANY, method, "1", draws=3, progress=lambda *counts: seen.append(counts))
    first = next(helped)
    helpers = helpers_of(os.getpid())
    found = [first, *helped]
    assert len(helpers) == 2 and none_runs(helpers)
    assert seen[-1] == (len(MANY), len(MANY)) and [done for done, _ in seen] == sorted({done for done, _ in seen})
    monkeypatch.setattr(many, "_WORTH_PROCESSES", 10**9)
    alone = list(predictor.explain_each(MANY, method, "1", draws=3))
    assert [record.text for record in found] == MANY and all(map(same, found, alone))
    for one, other in zip(found[5:8], alone[5:8]):  # they know the model
        assert same(one.drop(0), other.drop(0)) and same(one.replace(0, "최악"), other.replace(0, "최악"))


@in_proc
def test_who_stops_early_leaves_no_process(shared):
    each = predictor_of({"cell": "mlp"}).explain_each(MANY, "norm")
    for _ in each:
        helpers = helpers_of(os.getpid())
        break
    each.close()
    assert len(helpers) == 2 and none_runs(helpers)


@in_proc
def test_a_killed_process_is_an_error_and_no_gap(shared):
    def kill(done, total):
        if done < total:
            for pid in helpers_of(os.getpid()):
                os.kill(pid, signal.SIGKILL)

    found = []
    with pytest.raises(GluonAttnError, match="ended early .*set OMP_NUM_THREADS=1"):
        for record in predictor_of({"cell": "mlp"}).explain_each(MANY * 20, "norm", progress=kill):
            found.append(record.text)
    assert found == MANY[: len(found)] and helpers_of(os.getpid()) == []


def test_where_no_process_can_be_had_this_one_does_the_work(shared, monkeypatch):
    predictor = predictor_of({"cell": "mlp"})
    helped = list(predictor.explain_each(MANY, "norm"))
    monkeypatch.setattr("gluonattn.processes._can_start", lambda launched: False)
    assert all(map(same, predictor.explain_each(MANY, "norm"), helped))


@pytest.mark.parametrize("threads, method, count", [("1", "norm", len(MANY)), ("2", None, len(MANY)), ("2", "norm", 9)])
def test_one_core_no_method_or_few_texts_start_none(threads, method, count, shared, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    monkeypatch.setattr(many, "processes", None)  # calling it would be an error
    assert len(list(predictor_of({"cell": "mlp"}).explain_each(MANY[:count], method))) == count


_UNGUARDED = """
import gluonattn
print("this line runs once", flush=True)
try:
    texts = [f"정말 좋은 영화 {i}" for i in range(50_000)]
    for record in gluonattn.load(engine="numpy").explain_each(texts, "default", draws=1):
        print(record.text, flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@in_proc
def test_ctrl_c_ends_an_unguarded_script_in_silence():
    with start_script(_UNGUARDED, OMP_NUM_THREADS="2") as process:
        assert [process.stdout.readline() for _ in range(2)] == ["this line runs once\n", "정말 좋은 영화 0\n"]
        helpers = helpers_of(process.pid)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.stdout.read(), process.stderr.read()  # communicate loses what was read ahead
    lines = out.splitlines()
    assert lines[-1] == "interrupted" and lines[:-1] == [f"정말 좋은 영화 {i + 1}" for i in range(len(lines) - 1)]
    assert err == "" and len(helpers) == 2 and none_runs(helpers)
