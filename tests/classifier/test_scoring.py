"""A file of reviews is scored in a stream: every row and column kept, nothing half-written."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from gluonattn.classifier.predictor import Predictor, load
from gluonattn.classifier.scoring import score_file
from gluonattn.data.tables import read_rows
from gluonattn.errors import DataError, OptionError

from ..tolerance import tolerance

REVIEWS = ["정말 재밌다ㅋㅋ", "최악이다 돈 아까움", "", "그냥 그래요", " \u3000", "👍👍", "가\0나\x01", "진짜최고ㅠㅠ"]
NEW = ["predicted_label", "probability_0", "probability_1"]


@pytest.fixture(scope="module")
def predictor(tiny_model) -> Predictor:
    return load(tiny_model, "cpu")


@pytest.fixture
def reviews_tsv(tmp_path) -> Path:
    path = tmp_path / "in.tsv"
    path.write_bytes(("id\tdocument\n" + "".join(f"{i:03}\t{text}\n" for i, text in enumerate(REVIEWS))).encode())
    return path


def blank(text: str) -> bool:
    return not text.strip()


def test_rows_and_columns_stay_byte_for_byte_and_the_scores_follow(predictor, reviews_tsv, tmp_path):
    counts = score_file(predictor, reviews_tsv, tmp_path / "out.tsv")
    assert counts == {"rows": len(REVIEWS), "without_text": 2}
    before = reviews_tsv.read_bytes().split(b"\n")
    after = (tmp_path / "out.tsv").read_bytes().split(b"\n")
    assert len(after) == len(before)
    assert after[0].split(b"\t")[2:] == [name.encode() for name in NEW]
    for old, new in zip(before[:-1], after[:-1]):
        assert new.startswith(old + b"\t")


def test_scores_are_those_of_predict(predictor, reviews_tsv, tmp_path):
    score_file(predictor, reviews_tsv, tmp_path / "out.tsv")
    for (_, row), prediction in zip(read_rows(tmp_path / "out.tsv"), predictor.predict(REVIEWS)):
        if prediction.label is None:
            assert [row[name] for name in NEW] == ["", "", ""]
            continue
        assert row["predicted_label"] == prediction.label
        for label, share in prediction.probabilities.items():
            assert float(row[f"probability_{label}"]) == pytest.approx(share, abs=tolerance(1))


def test_a_csv_keeps_quotes_commas_and_line_breaks(predictor, tmp_path):
    rows = [{"id": "01", "document": '"연출",\n편집\r\n별로', "메모": ""}, {"id": "2", "document": "", "메모": "a,b"},
            {"id": "", "document": "최고", "메모": '"'}]
    with open(tmp_path / "in.csv", "w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv") == {"rows": 3, "without_text": 1}
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as file:
        scored = list(csv.DictReader(file))
    assert list(scored[0]) == ["id", "document", "메모", *NEW]
    assert [{name: row[name] for name in rows[0]} for row in scored] == rows


def test_json_lines_keep_their_values_and_differing_columns(predictor, tmp_path):
    rows = [{"text": "최고", "stars": 5, "tags": ["가", None]}, {"text": "반\ud83d"}, {"stars": 1},
            {"text": None}, {"text": 10}]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, rows)))
    counts = score_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert counts == {"rows": 5, "without_text": 2}
    scored = [row for _, row in read_rows(tmp_path / "out.jsonl")]
    assert [{k: v for k, v in row.items() if k not in NEW} for row in scored] == rows
    assert [row["predicted_label"] != "" for row in scored] == [True, True, False, False, True]


@pytest.mark.parametrize("out", ["out.csv", "out.jsonl"])
def test_another_format_can_be_written(predictor, tmp_path, out):
    (tmp_path / "in.tsv").write_text('id\tdocument\n1\t"최고"\n2\t\n', encoding="utf-8")
    score_file(predictor, tmp_path / "in.tsv", tmp_path / out)
    rows = [row for _, row in read_rows(tmp_path / out)]
    assert [(row["id"], row["document"]) for row in rows] == [("1", '"최고"'), ("2", "")]


def test_blank_lines_keep_their_place(predictor, tmp_path):
    (tmp_path / "in.tsv").write_text("id\tdocument\n1\t최고\n\n2\t별로\n", encoding="utf-8")
    counts = score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv")
    assert counts == {"rows": 3, "without_text": 1}
    lines = (tmp_path / "out.tsv").read_text(encoding="utf-8").splitlines()
    assert lines[2] == "\t\t\t\t" and lines[3].startswith("2\t별로\t")


def test_a_named_column_is_scored(predictor, tmp_path):
    (tmp_path / "in.tsv").write_text("document\t감상\n별로 최악\t\n", encoding="utf-8")
    counts = score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv", text_column="감상")
    assert counts == {"rows": 1, "without_text": 1}


def test_a_file_of_several_chunks_keeps_its_order(predictor, tmp_path):
    texts = [f"{i}번째 영화 {'좋다' if i % 3 else '별로'}" for i in range(4500)]
    (tmp_path / "in.tsv").write_text("document\n" + "\n".join(texts), encoding="utf-8")
    assert score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv")["rows"] == 4500
    rows = [row for _, row in read_rows(tmp_path / "out.tsv")]
    assert [row["document"] for row in rows] == texts
    for i in (0, 2047, 2048, 4499):
        [alone] = predictor.predict([texts[i]])
        assert float(rows[i]["probability_1"]) == pytest.approx(alone.probabilities["1"], abs=tolerance(16, 32))


def test_every_byte_is_reported(predictor, reviews_tsv, tmp_path):
    seen = []
    score_file(predictor, reviews_tsv, tmp_path / "out.tsv", on_bytes=seen.append)
    assert sum(seen) == reviews_tsv.stat().st_size


def test_weights_match_their_rows(predictor, tmp_path):
    texts = REVIEWS * 20  # more than are held at once
    (tmp_path / "in.tsv").write_bytes(("document\n" + "\n".join(texts) + "\n").encode())
    score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv", weights=tmp_path / "weights.jsonl")
    scored = dict(read_rows(tmp_path / "out.tsv"))
    records = [json.loads(line) for line in (tmp_path / "weights.jsonl").read_text().splitlines()]
    assert [r["line"] for r in records] == [i for i, text in enumerate(texts, 2) if not blank(text)]
    for record in records:
        row = scored[record["line"]]
        assert record["text"] == row["document"]
        assert record["prediction"]["label"] == row["predicted_label"]
        [[matrix]] = record["weights"]
        assert len(matrix) == len(record["queries"]) == len(record["keys"])
        assert all(sum(weights) == pytest.approx(1, abs=1e-4) for weights in matrix)


def test_records_carry_the_attribution_that_is_asked_for(predictor, reviews_tsv, tmp_path):
    score_file(predictor, reviews_tsv, tmp_path / "out.tsv", weights=tmp_path / "w.jsonl", method="norm", target="1")
    records = [json.loads(line) for line in (tmp_path / "w.jsonl").read_text().splitlines()]
    assert len(records) == len(REVIEWS) - 2
    for record in records:
        alone = predictor.explain(record["text"], "norm", "1")
        assert record["source"]["explanation"]["label"] == "1"
        assert record["attributions"]["norm"] == pytest.approx(alone.attributions["norm"].tolist(), abs=tolerance(8, 24))


@pytest.mark.parametrize("options, message", [(dict(method="norm"), "give a file for these too"),
                                              (dict(weights="w.jsonl", method="shap"), "unknown attribution method"),
                                              (dict(weights="w.jsonl", method="norm", target="2"), "unknown target '2'")])
def test_what_cannot_be_attributed_is_said_before_anything_is_written(predictor, reviews_tsv, tmp_path, options, message):
    options = {k: tmp_path / v if k == "weights" else v for k, v in options.items()}
    with pytest.raises(OptionError, match=message):
        score_file(predictor, reviews_tsv, tmp_path / "out.tsv", **options)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.tsv"]


def test_weights_of_a_csv_name_the_line_a_row_starts_on(predictor, tmp_path):
    (tmp_path / "in.csv").write_text('text\n"두\n줄"\n최고\n', encoding="utf-8")
    score_file(predictor, tmp_path / "in.csv", tmp_path / "out.csv", weights=tmp_path / "w.jsonl")
    assert [json.loads(line)["line"] for line in (tmp_path / "w.jsonl").read_text().splitlines()] == [2, 4]


@pytest.mark.parametrize("link", [False, True])
@pytest.mark.parametrize("role", ["out", "weights"])
def test_the_input_is_never_overwritten(predictor, reviews_tsv, tmp_path, role, link):
    before = reviews_tsv.read_bytes()
    target = reviews_tsv
    if link:
        target = tmp_path / "link.tsv"
        target.symlink_to(reviews_tsv)
    files = {"out": tmp_path / "out.tsv", role: target}
    with pytest.raises(DataError, match=r"\.tsv is the input itself: give another file"):
        score_file(predictor, reviews_tsv, **files)
    assert reviews_tsv.read_bytes() == before and not (tmp_path / "out.tsv").exists()


def test_scores_and_weights_need_two_files(predictor, reviews_tsv, tmp_path):
    with pytest.raises(DataError, match=r"out\.tsv is where the scores go: give another file"):
        score_file(predictor, reviews_tsv, tmp_path / "out.tsv", weights=tmp_path / "out.tsv")


BROKEN = {
    "ragged": (b"id\tdocument\n1\tok\n2\n", r"in\.tsv, line 3: 1 fields, but the header has 2"),
    "not utf-8": (b"id\tdocument\n1\tok\n2\t\xb3\xaa\n", r"in\.tsv, line 3: not UTF-8"),
    "no text column": (b"id\tstars\n1\t5\n", r"in\.tsv: no text column; .* found 'id', 'stars'"),
    "scored before": (b"document\tprobability_1\nok\t0.5\n", r"already has a column 'probability_1': rename"),
    "empty": (b"", r"in\.tsv is empty: expected a header"),
    "header only": (b"id\tdocument\n", r"in\.tsv has no rows: expected a header line and rows below it"),
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("old", [None, "old"])
def test_a_broken_input_leaves_the_old_output_and_nothing_else(predictor, tmp_path, kind, old):
    content, message = BROKEN[kind]
    (tmp_path / "in.tsv").write_bytes(content)
    if old:
        (tmp_path / "out.tsv").write_text(old)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(DataError, match=message):
        score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv", weights=tmp_path / "w.jsonl")
    assert sorted(os.listdir(tmp_path)) == before
    assert not old or (tmp_path / "out.tsv").read_text() == old


def test_a_break_in_a_later_chunk_leaves_nothing(predictor, tmp_path):
    (tmp_path / "in.tsv").write_text("id\tdocument\n" + "1\t좋다\n" * 2100 + "ragged\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 2102: 1 fields"):
        score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv")
    assert os.listdir(tmp_path) == ["in.tsv"]


def test_a_scored_column_in_a_later_json_line_is_not_overwritten(predictor, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "b", "predicted_label": "mine"}\n')
    with pytest.raises(DataError, match=r"line 2: it already has a column 'predicted_label'"):
        score_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_json_text_that_is_a_list_is_named(predictor, tmp_path):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": ["b"]}\n')
    with pytest.raises(DataError, match=r"line 2: expected text in 'text', got a list"):
        score_file(predictor, tmp_path / "in.jsonl", tmp_path / "out.jsonl")


@pytest.mark.parametrize("name", ["out.tsv", "out.csv"])
def test_half_a_character_goes_to_json_lines_only(predictor, tmp_path, name):
    (tmp_path / "in.jsonl").write_text('{"text": "a"}\n{"text": "\\ud83d"}\n')
    with pytest.raises(DataError, match=rf"lone surrogate.*{name} cannot keep.*Write to \.jsonl"):
        score_file(predictor, tmp_path / "in.jsonl", tmp_path / name)
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_ctrl_c_leaves_nothing(predictor, reviews_tsv, tmp_path):
    def stop(_):
        if (tmp_path / "half").exists():
            raise KeyboardInterrupt
        (tmp_path / "half").mkdir()

    with pytest.raises(KeyboardInterrupt):
        score_file(predictor, reviews_tsv, tmp_path / "out.tsv", weights=tmp_path / "w.jsonl", on_bytes=stop)
    assert sorted(os.listdir(tmp_path)) == ["half", "in.tsv"]


@pytest.mark.parametrize("role", ["out", "weights"])
def test_an_output_folder_that_is_not_there_is_named(predictor, reviews_tsv, tmp_path, role):
    files = {"out": tmp_path / "out.tsv", role: tmp_path / "none" / f"{role}.jsonl"}
    with pytest.raises(DataError, match=rf"cannot write .*none/{role}\.jsonl: No such file"):
        score_file(predictor, reviews_tsv, **files)
    assert os.listdir(tmp_path) == ["in.tsv"]


@pytest.mark.parametrize("role", ["out", "weights"])
def test_a_file_that_outgrows_the_disk_is_named_and_leaves_nothing(predictor, tmp_path, role):
    """The limit of the process stands for the disk's: written bytes are refused for real."""
    resource = pytest.importorskip("resource", reason="needs a limit on file sizes (Linux, macOS)")
    texts = [f"{i}번째 영화 정말 좋다" for i in range(300)]
    (tmp_path / "in.tsv").write_text("document\n" + "\n".join(texts), encoding="utf-8")
    weights = tmp_path / "weights.jsonl" if role == "weights" else None  # much longer than the scores
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000 if role == "weights" else 9_000, limits[1]))
    try:
        with pytest.raises(DataError, match=rf"cannot write .*{role}\.\w+: File too large\. .* nothing was"):
            score_file(predictor, tmp_path / "in.tsv", tmp_path / "out.tsv", weights=weights)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert os.listdir(tmp_path) == ["in.tsv"]


PEAK = """
    import resource, sys
    from gluonattn.classifier.predictor import load
    from gluonattn.classifier.scoring import score_file

    model, source, out, weights = sys.argv[1:]
    print(score_file(load(model, "cpu"), source, out, weights=weights or None))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def peak_mib(model: Path, source: Path, weights: str = "") -> int:
    """Most memory a process of its own needs to score a file."""
    root = str(Path(__file__).parents[2])
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(PEAK), str(model), str(source), f"{source}.out.tsv", weights],
        capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1"},
    )
    return int(re.search(r"(\d+)\s*$", child.stdout)[1])


def generate(path: Path, rows: int, filler: int = 4000) -> Path:
    with open(path, "w", encoding="utf-8") as file:
        file.write("note\tdocument\n")
        for i in range(rows):
            file.write(f"{'x' * filler}\t{i}번째 영화 {'좋다' if i % 3 else '별로'}\n")
    return path


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tiny_model, tmp_path):
    """A file of 120 MB is scored in the memory that one of 16 MB takes."""
    short = peak_mib(tiny_model, generate(tmp_path / "short.tsv", 4_000))
    long = peak_mib(tiny_model, generate(tmp_path / "long.tsv", 30_000))
    assert long < short + 20


@pytest.mark.slow
def test_memory_for_weights_does_not_grow_with_the_file(tiny_model, tmp_path):
    def run(rows):
        path = tmp_path / f"{rows}.tsv"
        path.write_text("document\n" + ("정말 좋은 영화 " * 50 + "\n") * rows, encoding="utf-8")
        return peak_mib(tiny_model, path, str(tmp_path / "w.jsonl"))

    short, long = run(64), run(320)
    assert long < short + 40


@pytest.mark.parametrize("method", ["leave-one-out", "default"])
def test_the_words_that_decided_most_are_those_of_explain(predictor, reviews_tsv, tmp_path, method):
    score_file(predictor, reviews_tsv, tmp_path / "out.jsonl", explain=method, top=2)
    names = [f"{what}_{i}" for i in (1, 2) for what in ("word", "score")]
    for (_, row), text in zip(read_rows(tmp_path / "out.jsonl"), REVIEWS):
        assert list(row)[-4:] == names
        if blank(text):
            assert [row[name] for name in names] == [""] * 4
            continue
        record = predictor.explain(text, method)
        scores = next(iter(record.attributions.values()))
        assert row["word_1"] == record.keys[int(scores.argmax())].text
        assert row["score_1"] == pytest.approx(scores.max(), abs=tolerance(32, 40, scale=scores))
        assert (row["word_2"] == "") == (len(scores) < 2)


def test_a_target_and_processes_change_no_word(predictor, tmp_path, monkeypatch):
    """Shared out among processes or not, and for the other class the signs turn round."""
    from gluonattn.classifier import top_words

    texts = [f"{text} {i}" for i in range(20) for text in REVIEWS if not blank(text)]
    alone = {target: ask_all(predictor, texts, target) for target in (0, 1)}
    assert all(one[0].score == pytest.approx(-other[-1].score, abs=tolerance(32, 40, scale=one[0].score))
               for one, other in zip(alone[0], alone[1]))
    monkeypatch.setattr(top_words, "_WORTH_PROCESSES", 10)
    monkeypatch.setattr(top_words, "total_threads", lambda: 2)
    shared = ask_all(predictor, texts, 0)
    assert [[word.text for word in one] for one in shared] == [[word.text for word in one] for one in alone[0]]


def ask_all(predictor, texts, target):
    from gluonattn.classifier.top_words import open_top_words

    with open_top_words(predictor, "leave-one-out", target, 100) as ask:
        return ask(texts)


def test_what_cannot_be_asked_leaves_no_file(predictor, reviews_tsv, tmp_path):
    for wrong, said in ((dict(explain="shap"), "attribution method"), (dict(explain="default", top=0), "at least 1"),
                        (dict(target="1"), "give a method too"), (dict(explain="default", target="9"), "unknown target")):
        with pytest.raises(OptionError, match=said):
            score_file(predictor, reviews_tsv, tmp_path / "out.tsv", **wrong)
        assert not (tmp_path / "out.tsv").exists()
