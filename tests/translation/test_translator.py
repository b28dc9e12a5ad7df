"""A trained model: its translations, its attention, and the model without a head."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import CheckpointError, OptionError, TextError

from .closeness import close_logits

pytestmark = pytest.mark.translation
TEXT, GIVEN = "the red cat sleeps.", "le chat rouge dort ."


@pytest.fixture(scope="module")
def translator(toy_model):
    from gluonattn.translation.translator import load_translator

    return load_translator(toy_model)


def test_it_translates_what_it_has_not_seen(translator):
    pairs = translator.held_out("test")
    said = [one.text for one in translator.translate([pair.source for pair in pairs])]
    assert np.mean([one == pair.target for one, pair in zip(said, pairs)]) > 0.6


def test_alone_or_together_translations_are_the_same(translator):
    texts = [pair.source for pair in translator.held_out("test")] + ["cat", "the red red big cat sleeps eats falls."]
    together = translator.translate(texts)
    for text, one in zip(texts, together):
        alone = translator.translate([text])[0]
        assert alone.text == one.text
        close_logits(alone.score, one.score)


def test_the_search_finds_nothing_worse_than_greed(translator):
    for text in [pair.source for pair in translator.held_out("test")]:
        greedy, beam = (translator.translate([text], beam=beam, alpha=0.0)[0] for beam in (1, 4))
        assert beam.score >= greedy.score - 1e-4


def test_a_score_is_that_of_the_search(translator):
    same = 0
    for one in translator.translate([pair.source for pair in translator.held_out("test")], beam=1, alpha=0.0):
        if translator.subwords.ids([one.text])[0] == list(one.ids):  # the search may join other subwords
            close_logits(translator.score(one.source, one.text), one.score)
            same += 1
    assert same


def test_records_have_true_places_and_rows_that_sum_to_one(translator):
    found = translator.records(TEXT, GIVEN)
    source, target = (len(translator.subwords.ids([text])[0]) + 1 for text in (TEXT, GIVEN))
    assert {kind: record.weights.shape for kind, record in found.items()} == {
        "encoder": (1, 2, source, source), "decoder": (1, 2, target, target), "cross": (1, 2, target, source)}
    for kind, record in found.items():
        close_logits(record.weights.sum(-1), np.ones(record.weights.shape[:-1]))
        assert all(TEXT[token.start : token.end] == token.text for token in record.keys[:-1]) or kind == "decoder"
    assert all(GIVEN[token.start : token.end] == token.text for token in found["cross"].queries[:-1])
    assert not np.triu(found["decoder"].weights[0, 0], 1).any()  # nothing looks ahead


def test_records_of_its_own_translation_are_of_what_it_said(translator):
    for text in [pair.source for pair in translator.held_out("test")][:4]:
        own = translator.translate([text], beam=3)[0]
        record = translator.records(text, beam=3)["cross"]
        assert record.target_text == own.text and len(record.queries) == len(own.ids) + 1
        assert "".join(token.text for token in record.queries[:-1]).replace(" ", "") == own.text.replace(" ", "")


def test_records_in_a_batch_are_those_alone(translator):
    pairs = translator.held_out("test")[:3]
    together = translator.all_records([pair.source for pair in pairs], [pair.target for pair in pairs])
    for pair, records in zip(pairs, together):
        for kind, record in translator.records(pair.source, pair.target).items():
            close_logits(records[kind].weights, record.weights)


def test_without_a_head_another_answer_and_then_the_same_model(translator):
    before = translator.score(TEXT, GIVEN)
    changed = []
    for kind in ("encoder", "decoder", "cross"):
        for head in range(2):
            with translator.without_head(kind, 0, head):
                changed.append(translator.score(TEXT, GIVEN))
    assert len({round(one, 4) for one in [before, *changed]}) == 7
    with pytest.raises(ZeroDivisionError), translator.without_head("cross", 0, 1):
        raise ZeroDivisionError
    assert translator.score(TEXT, GIVEN) == before


def test_a_head_that_is_taken_away_adds_nothing(translator):
    """Whatever its values are: changing them changes no answer."""
    cell = translator.model.decoder.transformer_cells[0].attention_cell_inter
    values = cell.proj_value.weight
    width = values.shape[0] // 2
    kept = values.data().copy()
    with translator.without_head("cross", 0, 1):
        before = translator.score(TEXT, GIVEN)
        values.data()[width:] = 3.0
        assert translator.score(TEXT, GIVEN) == before
        values.set_data(kept)
        values.data()[:width] = 3.0
        assert translator.score(TEXT, GIVEN) != before
        values.set_data(kept)


@pytest.mark.parametrize(("arguments", "said"), [(("mid", 0, 0), "encoder, decoder, cross"), (("cross", 1, 0), "layer"),
                                                 (("cross", 0, 2), "head")])
def test_heads_that_are_not_there(translator, arguments, said):
    with pytest.raises(OptionError, match=said), translator.without_head(*arguments):
        pass


@pytest.mark.parametrize(("texts", "options", "error", "said"), [
    (["  "], {}, TextError, "empty"), (["cat " * 90], {}, TextError, "--max-length"),
    ([TEXT], {"beam": 0}, OptionError, "beam"), ([TEXT], {"alpha": -1.0}, OptionError, "alpha")])
def test_what_cannot_be_translated_is_refused(translator, texts, options, error, said):
    with pytest.raises(error, match=said):
        translator.translate(texts, **options)


def test_unknown_characters_are_reported(translator):
    assert translator.translate(["the 漢 cat sleeps."])[0].unknown == ("漢",)


def test_every_kept_epoch_loads_and_others_are_refused(translator, toy_model):
    from gluonattn.translation.translator import load_translator

    assert translator.epochs == (0, 1, 3, 25)
    losses = [-load_translator(toy_model, epoch).score(TEXT, GIVEN) for epoch in translator.epochs]
    assert losses[0] > losses[2] > losses[-1]
    with pytest.raises(CheckpointError, match="no snapshot of epoch 7"):
        load_translator(toy_model, 7)
