"""Scores are sacreBLEU's; resamples are of sources."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import OptionError
from gluonattn.statistics import draws

pytestmark = pytest.mark.translation
SAID = ["the cat sleeps on the mat", "a dog runs fast", "I do not know", "what is this"]
GIVEN = [["the cat sleeps on the mat", "the cat is asleep on the mat"], ["a dog runs very fast"], ["I do not know it"],
         ["what is that", "what is this thing"]]


@pytest.fixture(autouse=True)
def installed(require_translation):
    pass


def test_they_are_sacrebleus_own_with_any_number_of_references():
    import sacrebleu

    from gluonattn.translation.scores import corpus_scores

    table = [[row[0] for row in GIVEN], [row[1] if len(row) > 1 else None for row in GIVEN]]
    found = corpus_scores(SAID, GIVEN)
    assert found["bleu"] == pytest.approx(sacrebleu.corpus_bleu(SAID, table).score)
    assert found["chrf"] == pytest.approx(sacrebleu.corpus_chrf(SAID, table).score)


def test_a_resample_scores_as_the_corpus_it_stands_for():
    from gluonattn.translation.scores import corpus_scores, resampled_scores

    drawn = draws(len(SAID), resamples=20, seed=3)
    found = resampled_scores(SAID, GIVEN, drawn)
    for row, counts in enumerate(drawn.astype(int)):
        places = np.repeat(np.arange(len(SAID)), counts)
        whole = corpus_scores([SAID[i] for i in places], [GIVEN[i] for i in places])
        assert {name: values[row] for name, values in found.items()} == pytest.approx(whole)


def test_the_interval_holds_the_score():
    from gluonattn.translation.scores import corpus_scores, scores_with_intervals

    found = scores_with_intervals(SAID, GIVEN, resamples=200)
    for name, value in corpus_scores(SAID, GIVEN).items():
        assert found[name].mean == pytest.approx(value) and found[name].low <= value <= found[name].high


def test_as_many_translations_as_sources():
    from gluonattn.translation.scores import scores_with_intervals

    with pytest.raises(OptionError, match="got 1 and 4"):
        scores_with_intervals(SAID[:1], GIVEN)
