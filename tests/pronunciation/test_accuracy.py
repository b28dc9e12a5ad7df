"""Accuracy of pronunciation: counted by hand on words whose pronunciation is known."""

import pytest

from gluonattn.pronunciation.accuracy import accuracy
from gluonattn.pronunciation.pairs import Pair
from gluonattn.pronunciation.pronounce import pronounce

KINDS = {"나무": "plain", "국물": "rules", "같이": "rules", "갈등": "lexical", "발달": "lexical", "월드": "plain",
         "문고리": "lexical", "친구": "plain", "신다": "lexical"}
PAIRS = [Pair(word, pronounce(word), kind, word, 1) for word, kind in KINDS.items()]


def figures(**changed):
    return accuracy(PAIRS, [changed.get(pair.spelling, pair.said.sounds) for pair in PAIRS])


def test_what_is_all_right_is_all_right():
    found = figures()
    assert found["all"] == {"words": 9, "right": 9, "accuracy": 1.0} and found["wrong"] == []
    assert {kind: row["words"] for kind, row in found["kinds"].items()} == {"plain": 3, "rules": 2, "lexical": 4}
    assert found["rules"]["nasalisation"]["words"] == 1 and found["rules"]["palatalisation"]["accuracy"] == 1


def test_an_error_counts_for_its_kind_and_its_rules():
    found = figures(국물="국물", 같이="가티")
    assert found["kinds"]["rules"] == {"words": 2, "right": 0, "accuracy": 0.0}
    assert found["rules"]["nasalisation"]["right"] == 0 and found["rules"]["tensification_sino_korean"]["accuracy"] == 1
    assert found["wrong"] == [("국물", "궁물", "국물"), ("같이", "가치", "가티")]


def test_always_and_never_tense_are_what_a_model_that_does_so_gets():
    """갈등, 발달 are tense by 26 and 월드 is not; 문고리 by 28 and 친구 is not; 신다 is by 24 and does not count."""
    always = figures(월드="월뜨", 친구="친꾸")["tensification"]
    never = figures(갈등="갈등", 발달="발달", 문고리="문고리")["tensification"]
    for article, tense in (("26", 2), ("28", 1)):
        found = always[article]
        assert found["tense"]["words"] == tense and found["plain"]["words"] == (1 if article == "26" else 2)
        assert found["accuracy"] == found["always"] and found["balanced"] == 0.5
        assert never[article]["accuracy"] == never[article]["never"] and never[article]["balanced"] == 0.5
        assert found["always"] + found["never"] == pytest.approx(1)


def test_only_the_consonant_itself_is_asked_for():
    found = figures(갈등="걸뜽", 발달="발딸이")["tensification"]["26"]
    assert found["tense"] == {"words": 2, "right": 1, "accuracy": 0.5}  # 발달 came with a syllable too many
