"""What drives a model over a corpus: words counted by hand, and the page."""

from __future__ import annotations

import html
import json
import re

import numpy as np
import pytest

from gluonattn.classifier.corpus import Decision, drivers_of, groups_of, read_corpus, reliability
from gluonattn.classifier.corpus_report import summarise, to_page
from gluonattn.classifier.corpus_text import TEXT
from gluonattn.classifier.top_words import Word
from gluonattn.errors import TextError

from ..cli.test_app import call
from .known import bag_of_words

TEXTS = ["영화 최고 그냥", "최고 또 최고", "최고", "또 별로 최악", "최악 영화", "최악", "최고 최악 최악"]
TRUTHS = ["1", "1", "0", "0", "0", None, "1"]


@pytest.fixture(scope="module")
def decisions():
    return read_corpus(bag_of_words().predictor, TEXTS, TRUTHS, "leave-one-out")


def test_decisions_and_their_words_are_those_of_explain(decisions):
    predictor = bag_of_words().predictor
    for text, one in zip(TEXTS, decisions):
        record = predictor.explain(text, "leave-one-out")
        assert (one.text, one.predicted) == (text, record.prediction.label)
        found = {(word.start, word.end): word.score for word in one.words}
        scores = record.attributions["leave-one-out"]
        assert found == pytest.approx({(key.start, key.end): score for key, score in zip(record.keys, scores)})


def test_groups_are_the_classes_and_the_kinds_of_errors(decisions):
    groups = groups_of(decisions)
    assert {key: [one.text for one in own] for key, own in groups.items()} == {
        ("1", None): TEXTS[:3], ("0", None): TEXTS[3:], ("1", "0"): [TEXTS[2]], ("0", "1"): [TEXTS[6]]}


def test_a_words_score_is_the_mean_over_texts_of_what_it_brought_to_each():
    made = [Decision(f"글 {i}", "1", 0.9, None, [Word("가", 0, 1, 2.0), Word("나", 1, 2, own), Word("가", 2, 3, -1.0)])
            for i, own in enumerate((0.5, 0.7, 0.9))]
    given = drivers_of([*made, Decision("나", "1", 0.9, None, [Word("나", 0, 1, 0.1), Word("다", 1, 2, 9.0)])])
    assert [(one.word, one.texts) for one in given] == [("가", 3), ("나", 4)]  # 다 stands in one text alone
    assert [one.score.mean for one in given] == pytest.approx([1.0, 0.55])
    assert given[1].score.low < 0.55 < given[1].score.high
    assert [decision.text for decision, _ in given[1].examples] == ["글 2", "글 1", "글 0", "나"]
    assert given[0].examples[0][1].start == 0  # where it scores most
    against = [Decision("가", "1", 0.9, None, [Word("가", 0, 1, -1.0)])] * 3
    assert drivers_of(against) == []


def test_calibration_counts_texts_with_a_true_label_alone(decisions):
    accuracy, error, curve = reliability(decisions)
    assert accuracy.mean == pytest.approx(4 / 6) and sum(part["texts"] for part in curve) == 6
    assert error == pytest.approx(sum(part["texts"] * abs(part["confidence"] - part["accuracy"]) for part in curve) / 6)
    assert reliability([one for one in decisions if one.truth is None]) is None


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_page_has_every_group_its_words_and_their_sentences(decisions, lang):
    made = summarise(decisions, min_count=1)
    found = to_page(made, name="<b>글.tsv", method="leave-one-out", named={"1": "긍정", "0": "부정"}, lang=lang)
    assert "<script" not in found and "&lt;b&gt;글.tsv" in found and "<b>글" not in found
    assert found.count("<h2>") == 4 + 1
    assert re.search(r'<li>영화 <b class="more">최고</b> 그냥 <span', found)
    said = html.unescape(re.sub(r"<[^>]+>", "", found))
    assert not re.search(r"{\w*}", said.split("</style>")[-1].split("\n", 60)[-1])
    assert ("긍정으로 분류한 글: 3개" if lang == "ko" else "Given 긍정: 3") in said
    assert TEXT[lang]["untold"] not in said


def test_the_two_languages_say_the_same_things():
    assert set(TEXT["ko"]) == set(TEXT["en"])
    for name, english in TEXT["en"].items():
        holes = {hole.replace("_ro", "") for hole in re.findall(r"{(\w+)}", TEXT["ko"][name])}
        assert holes == set(re.findall(r"{(\w+)}", english)), name


def test_blank_texts_are_left_out_and_nothing_but_these_is_refused():
    predictor = bag_of_words().predictor
    assert [one.text for one in read_corpus(predictor, [" ", "최고"], [], "leave-one-out")] == ["최고"]
    with pytest.raises(TextError, match="at least one text"):
        read_corpus(predictor, [" ", ""], [])


def test_the_command_writes_a_page_and_its_figures(tmp_path, capsys):
    source, out = tmp_path / "reviews.tsv", tmp_path / "corpus.html"
    rows = [("정말 재밌는 영화였다", 1), ("최악의 연기 돈이 아깝다", 0), ("재밌는 연기", 0), ("", 1)]
    source.write_text("document\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows), encoding="utf-8")
    code, _, err = call(capsys, "report", "corpus", source, "--out", out, "--min-count", "1", "--method", "leave-one-out")
    assert code == 0 and "1 of 4 rows have no text" in err
    found = json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))
    assert found["texts"] == 3 and sum(part["texts"] for part in found["calibration"]) == 3
    assert np.isfinite(found["accuracy"]).all() and "details" in out.read_text(encoding="utf-8")
    for wrong, said in ((("--out", tmp_path / "corpus.txt"), "ends in .html"), (("--method", "none"), "needs an attribut"),
                        (("--words", "0"), "at least 1"), (("--lang", "fr"), "language")):
        code, _, err = call(capsys, "report", "corpus", source, "--out", tmp_path / "other.html", *wrong)
        assert code == 2 and said in err and not (tmp_path / "other.html").exists()
