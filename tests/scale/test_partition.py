"""One partition: what `predict` gives, as columns of a pandas table."""

from __future__ import annotations

import json

import numpy as np
import pandas
import pytest

import gluonattn
from gluonattn.errors import DataError
from gluonattn.scale import Scorer, score_partition, score_table

TEXTS = ["정말 재밌다ㅋㅋ", None, "최악이다 돈 아까움", " ", "그냥 그래요", float("nan"), "진짜최고ㅠㅠ"]


@pytest.fixture
def frame() -> pandas.DataFrame:
    return pandas.DataFrame({"n": range(7), "document": TEXTS}, index=[3, 3, 1, 0, 9, 2, 5])


def test_columns_are_those_of_predict_and_rows_keep_their_place(tiny_model, frame):
    scorer = Scorer.of(tiny_model, engine="numpy")
    found = score_partition(frame, scorer)
    assert list(found.columns) == ["n", "document", "predicted_label", "probability_0", "probability_1"]
    assert list(found.columns[2:]) == list(scorer.columns) and found.index.tolist() == frame.index.tolist()
    visible = [i for i, text in enumerate(TEXTS) if isinstance(text, str) and text.strip()]
    predicted = gluonattn.load(tiny_model, "cpu", "numpy").predict([TEXTS[i] for i in visible])
    for i, prediction in zip(visible, predicted):
        assert found["predicted_label"].iloc[i] == prediction.label
        assert found["probability_1"].iloc[i] == round(prediction.probabilities["1"], 6)
    blank = [i for i in range(7) if i not in visible]
    assert found["predicted_label"].iloc[blank].isna().all() and found["probability_0"].iloc[blank].isna().all()
    assert found["probability_0"].dtype == np.float64
    pandas.testing.assert_frame_equal(found, score_table(frame, scorer))


def test_words_and_records_come_if_asked(tiny_model, frame):
    found = score_partition(frame, Scorer.of(tiny_model, engine="numpy", explain="leave-one-out", top=2, records=True))
    first = found.iloc[0]
    assert first["word_1"] in TEXTS[0] and first["score_1"] >= first["score_2"]
    record = json.loads(first["attention_record"])
    assert record["text"] == TEXTS[0] and record["prediction"]["label"] == first["predicted_label"]
    assert found["attention_record"].isna().tolist() == found["predicted_label"].isna().tolist()


def test_an_empty_partition_has_the_columns(tiny_model, frame):
    scorer = Scorer.of(tiny_model, engine="numpy")
    assert list(score_partition(frame.iloc[:0], scorer).columns) == ["n", "document", *scorer.columns]


def test_what_is_no_table_of_texts_is_refused(tiny_model, frame):
    scorer = Scorer.of(tiny_model, engine="numpy")
    with pytest.raises(DataError, match="already has a column 'probability_1'"):
        score_partition(frame.assign(probability_1=0.5), scorer)
    with pytest.raises(DataError, match="no text column"):
        score_partition(frame[["n"]], scorer)
    with pytest.raises(DataError, match="line 2: expected text in 'document', got a list"):
        score_partition(frame.assign(document=[TEXTS[0], ["가"], *TEXTS[2:]]), scorer)
    with pytest.raises(DataError, match=r"expected a table of pandas, .*; got builtins\.list"):
        score_table(TEXTS, scorer)
