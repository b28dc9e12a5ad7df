"""Files with spans that people marked, as K-HATERS and KOLD are published, and scores made elsewhere."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.data.handed_scores import read_handed_scores
from gluonattn.data.rationales import Rationale, read_rationales, visible
from gluonattn.errors import DataError, OptionError

# Made up, in the published formats; the second has the example's way of counting.
KHATERS = [{"text": "정말 바보 같은 놈 이네..", "label": "L1_hate", "target_label": ["political"],
            "offensiveness_rationale": [[3, 5], [9, 10]], "target_rationale": [[9, 10]]},
           {"text": "좋은 기사입니다", "label": "normal", "target_label": None,
            "offensiveness_rationale": [], "target_rationale": []}]


def person(starts, ends) -> dict:
    return {"offensiveness": bool(starts), "annotator_id": 1, "off_start_idx": starts, "off_end_idx": ends, "target": [],
            "target_group": [], "tgt_start_idx": [0], "tgt_end_idx": [1]}


KOLD = [{"guid": "kold-v1_0", "source": "naver_news", "title": "제목", "comment": "쟤는 참 멍청하게 구네ㅋㅋㅋ", "OFF": True,
         "TGT": "individual", "GRP": None, "OFF_span": "멍청하게 구네ㅋㅋㅋ", "TGT_span": "쟤는",
         "raw_labels": [person([5], [14]), person([5], [14]), person([0], [14])]},
        {"guid": "kold-v1_1", "source": "youtube", "title": "제목", "comment": "그렇군요", "OFF": False, "TGT": None,
         "GRP": None, "OFF_span": None, "TGT_span": None, "raw_labels": [person([], [])] * 3}]


def write(path, rows):
    lines = json.dumps(rows, ensure_ascii=False) if path.suffix == ".json" else "\n".join(
        json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(lines, encoding="utf-8")
    return path


def marked_text(one: Rationale) -> str:
    return "".join(c for c, marked in zip(one.text, one.marked) if marked)


def test_khaters_has_spans_without_their_ends(tmp_path):
    found = read_rationales(write(tmp_path / "train.jsonl", KHATERS))
    assert [marked_text(one) for one in found] == ["바보놈", ""] and len(visible(found)) == 1
    assert marked_text(read_rationales(tmp_path / "train.jsonl", "target")[0]) == "놈"


def test_kold_has_spans_with_their_ends_and_most_people_decide(tmp_path):
    """``OFF_span`` of the published file is what most people marked, last character and all."""
    found = read_rationales(write(tmp_path / "kold_v1.json", KOLD))
    assert [marked_text(one) for one in found] == [KOLD[0]["OFF_span"], ""]
    assert marked_text(read_rationales(tmp_path / "kold_v1.json", "target")[0]) == KOLD[0]["TGT_span"]


@given(st.text(min_size=1, max_size=30), st.data())
def test_what_was_marked_is_what_the_spans_cover(tmp_path_factory, text, data):
    place = st.integers(0, len(text))
    spans = [sorted(pair) for pair in data.draw(st.lists(st.tuples(place, place), max_size=4))]
    rows = [{"text": text, "spans": spans}, {"text": "가", "spans": [[0, 1]]}]
    path = tmp_path_factory.mktemp("own") / "own.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    one = read_rationales(path)[0]
    assert set(np.flatnonzero(one.marked)) == {i for start, end in spans for i in range(start, end)}
    assert one.marked_units([[0, len(text)]]).tolist() == [bool(one.marked.any())]


@pytest.mark.parametrize(("rows", "part", "said"), [
    ([{"text": "가나", "spans": [[0, 3]]}], "offensiveness", "line 1: .*2 characters"),
    ([{"text": "가나", "spans": [[1, 0]]}], "offensiveness", "0 <= start"),
    ([{"text": "가나", "spans": "0-1"}], "offensiveness", "not a span"),
    ([{"text": "가나", "spans": [[True, 1]]}], "offensiveness", "not a span"),
    ([{"text": 3, "spans": []}], "offensiveness", "expected a text"),
    ([{"text": "가나", "spans": [[0, 1]]}, {"text": "가나"}], "offensiveness", "line 2: it is not made"),
    ([{"text": "가나", "label": 1}], "offensiveness", "expected the fields text and offensiveness_rationale"),
    ([{"text": "가나", "spans": []}], "offensiveness", "nobody marked"),
])
def test_what_cannot_be_read_names_its_line(tmp_path, rows, part, said):
    with pytest.raises(DataError, match=said):
        read_rationales(write(tmp_path / "own.jsonl", rows), part)


def test_other_files_and_parts_say_what_is_expected(tmp_path):
    own = write(tmp_path / "own.jsonl", [{"text": "가나", "spans": [[0, 1]]}])
    with pytest.raises(OptionError, match="one kind"):
        read_rationales(own, "target")
    with pytest.raises(OptionError, match="part of rationales"):
        read_rationales(own, "both")
    (tmp_path / "own.tsv").write_text("text\tspans\n", encoding="utf-8")
    with pytest.raises(DataError, match="do not fit into a table"):
        read_rationales(tmp_path / "own.tsv")
    (tmp_path / "broken.json").write_text("[{", encoding="utf-8")
    with pytest.raises(DataError, match="not JSON"):
        read_rationales(tmp_path / "broken.json")
    with pytest.raises(DataError, match="raw_labels|not made"):
        read_rationales(write(tmp_path / "kold.json", [{"comment": "가", "raw_labels": [{"off_start_idx": [0]}]}]))


def test_scores_made_elsewhere_are_read_by_method(tmp_path):
    rows = [{"text": "가 나", "spans": [[0, 1], [2, 3]], "scores": [1, 0.5]},
            {"text": "가 나", "spans": [[0, 3]], "scores": [1], "method": "lime"}]
    found = read_handed_scores(write(tmp_path / "shap.jsonl", rows))
    assert set(found) == {"shap", "lime"} and found["shap"]["가 나"][1].tolist() == [1, 0.5]


@pytest.mark.parametrize(("row", "said"), [
    ({"text": "가", "spans": [[0, 1]], "scores": [1, 2]}, "a number for each of 1"),
    ({"text": "가", "spans": [[0, 1]], "scores": ["x"]}, "finite"),
    ({"text": "가", "spans": [[0, 2]], "scores": [1]}, "1 characters"),
    ({"text": "가", "scores": [1]}, "'spans' and 'scores'"),
    ({"words": "가"}, "field 'text'"),
])
def test_scores_that_do_not_fit_name_their_line(tmp_path, row, said):
    with pytest.raises(DataError, match=f"line 1: .*{said}"):
        read_handed_scores(write(tmp_path / "own.jsonl", [row]))


def test_a_text_with_two_lists_of_one_method_is_refused(tmp_path):
    row = {"text": "가", "spans": [[0, 1]], "scores": [1]}
    with pytest.raises(DataError, match="line 2: .*already"):
        read_handed_scores(write(tmp_path / "own.jsonl", [row, row]))
