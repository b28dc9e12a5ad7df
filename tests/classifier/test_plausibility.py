"""Agreement with people: scores that mark what people marked, against counting by hand, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest

from gluonattn.classifier.plausibility import Scored, agreement, average_precision, score_texts
from gluonattn.data.rationales import Rationale

from ..cli.test_app import call
from .known import bag_of_words

SPANS = [(0, 2), (3, 5), (6, 8), (9, 11), (12, 14)]
TEXT = "가나 다라 마바 사아 자차"


def marked(*words: int) -> Rationale:
    found = np.zeros(len(TEXT), bool)
    for word in words:
        found[SPANS[word][0]] = True  # one character is enough
    return Rationale(TEXT, found)


def test_what_people_marked_agrees_with_itself_and_its_opposite_does_not():
    people = [marked(1, 3), marked(0, 2)]
    own = [one.marked_units(SPANS).astype(float) for one in people]
    for scores, expected in ((own, 1.0), ([1 - one for one in own], 0.0)):
        found = agreement(people, [Scored(SPANS, one) for one in scores])
        assert found["token_f1"].tolist() == found["iou"].tolist() == [expected] * 2
        assert (found["auprc"] == 1).all() if expected else (found["auprc"] < 0.5).all()


def test_figures_are_those_of_counting():
    """Two of five words are marked; the two highest scores are a marked one and another."""
    found = agreement([marked(0, 4)], [Scored(SPANS, np.array([5.0, 4, 3, 2, 1]))])
    assert found["token_f1"].tolist() == [0.5] and found["iou"].tolist() == [1 / 3]
    assert found["auprc"][0] == pytest.approx((1 / 1 + 2 / 5) / 2)


def test_the_share_that_is_taken_is_that_of_all_texts():
    people = [marked(0), marked(0, 1, 2)]  # two fifths of the words, on average
    found = agreement(people, [Scored(SPANS, np.array([5.0, 4, 3, 2, 1]))] * 2)
    assert found["token_f1"] == pytest.approx([2 * 1 / (2 + 1), 2 * 2 / (2 + 3)])


def test_where_nothing_can_be_told_apart_there_is_no_number():
    found = agreement([marked(), marked(*range(5))], [Scored(SPANS, np.arange(5.0))] * 2)
    assert np.isnan(found["auprc"]).all() and np.isnan(found["token_f1"][0]) and not np.isnan(found["token_f1"][1])
    assert average_precision(np.array([True, False]), np.array([1.0, 1.0])) == 0.5  # equal scores are taken together


def test_a_model_that_decides_by_one_word_agrees_with_people_who_marked_it():
    steps = bag_of_words()
    texts = ["영화 최고 그냥", "또 별로 최악"]
    scored = score_texts(steps.predictor, texts, ["leave-one-out", "random"])
    assert scored["leave-one-out"][0].spans == [(0, 2), (3, 5), (6, 8)]
    people = [Rationale(text, np.array([c in "최고최악" for c in text])) for text in texts]
    found = agreement(people, scored["leave-one-out"])
    assert found["token_f1"].tolist() == [1, 1] and found["auprc"].tolist() == [1, 1]


def test_the_command_scores_a_model_and_scores_made_elsewhere(tmp_path, capsys):
    rows = [{"text": "정말 재밌는 영화였다", "spans": [[3, 6]]},
            {"text": "최악의 연기 돈이 아깝다", "spans": [[0, 3], [10, 13]]},
            {"text": "그냥 그렇다", "spans": []}]
    file, other = tmp_path / "marked.jsonl", tmp_path / "lime.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    right = [{"text": rows[0]["text"], "spans": [[0, 2], [3, 6], [7, 11]], "scores": [0, 1, 0]},
             {"text": rows[1]["text"], "spans": [[0, 3], [4, 6], [7, 9], [10, 13]], "scores": [1, 0, 0, 1]}]
    other.write_text("\n".join(json.dumps(row) for row in right), encoding="utf-8")
    code, out, _ = call(capsys, "faithfulness", "--rationales", file, "--methods", "leave-one-out", "--scores", other,
                        "--json")
    found = json.loads(out)
    assert code == 0 and (found["texts"], found["marked"]) == (3, 2)
    assert set(found["methods"]) == {"leave-one-out", "random", "lime"}
    assert found["methods"]["lime"]["auprc"] == [1, 1, 1]
    code, out, err = call(capsys, "faithfulness", "--rationales", file, "--scores", other, "--methods", "none")
    assert code == 0 and "lime" in out and "1 of 3 texts have no marks and are left out" in err
    other.write_text(json.dumps(right[0]), encoding="utf-8")
    code, _, err = call(capsys, "faithfulness", "--rationales", file, "--scores", other, "--methods", "none")
    assert code == 2 and "no scores of lime for 1 of 2 marked texts" in err
