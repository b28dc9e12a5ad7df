"""A model of pronunciation: what it says, how probable, and where it looked."""

import json
import shutil

import numpy as np
import pytest

from gluonattn.errors import CheckpointError, OptionError, TextError
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.pronunciation.pronouncer import load_pronouncer
from gluonattn.record import load_record
from gluonattn.text.jamo import conjoin

from ..tolerance import tolerance

WORD, SOUNDS = "국물이", "궁무리"


@pytest.fixture(scope="module")
def pronouncer(tiny_pronouncer):
    return load_pronouncer(tiny_pronouncer)


def test_words_are_said_the_same_alone_and_together(pronouncer):
    words = [pair.spelling for pair in pronouncer.pairs("test")[:40]]
    together = pronouncer.say(words)
    assert together == [pronouncer.say([word])[0] for word in words]
    assert len(set(together)) > 20


def test_letters_say_what_their_word_says(pronouncer):
    written = pronounce(WORD).written
    assert pronouncer.say_letters(written) == pronouncer.say([WORD])[0]
    assert pronouncer.say([written]) == pronouncer.say([WORD])
    changed = [conjoin("ㅂ", "coda") if i == 2 else letter for i, letter in enumerate(written)]
    assert pronouncer.say_letters(changed) == pronouncer.say(["굽물이"])[0]
    assert isinstance(pronouncer.say_letters([written[1], written[2]]), str)  # no syllable


def test_what_is_said_is_the_most_probable_at_every_step(pronouncer):
    for word in ("국물이", "학교", "나무"):
        said = pronouncer.spoken([word])[0]
        table = pronouncer.distributions([word], [said])[0]
        np.testing.assert_allclose(table.sum(1), 1, atol=tolerance(64))
        best = [pronouncer.alphabet[i] for i in table.argmax(1)]
        assert best[: len(said)] == list(said) and (best[-1] == "</s>" or len(said) == pronouncer.max_length - 1)


def test_a_wider_beam_finds_nothing_less_probable(pronouncer):
    words = [pair.spelling for pair in pronouncer.pairs("test")[:30]]
    for word, greedy, beam in zip(words, pronouncer.spoken(words), pronouncer.spoken(words, beam=4)):
        if len(greedy) < pronouncer.max_length - 1:
            assert pronouncer.score(word, beam) >= pronouncer.score(word, greedy) * (1 + tolerance(64, 11))


def test_a_score_is_the_sum_of_its_steps_and_scores_are_shares_of_one(pronouncer):
    shares = pronouncer.probabilities(WORD, SOUNDS)
    assert shares.shape == (len(pronounce(WORD).jamo) + 1,)
    assert pronouncer.score(WORD, SOUNDS) == pytest.approx(np.log(shares.astype(float)).sum(), rel=tolerance(64, 11))
    total = sum(np.exp(pronouncer.score(WORD, [conjoin(jamo, "onset")])) for jamo in "ㄱㄲㄴㄷ")
    assert 0 < total < 1


def test_records_follow_letters_and_sounds(pronouncer):
    said = pronounce(WORD)
    records = pronouncer.records(WORD, SOUNDS)
    encoder, decoder, cross = (records[kind] for kind in ("encoder", "decoder", "cross"))
    assert {kind: record.kind for kind, record in records.items()} == {k: k for k in records}
    for record in (encoder, cross):
        assert [(t.text, t.start, t.tag) for t in record.keys[:-1]] == [
            (letter.jamo, letter.syllable, letter.place) for letter in said.letters]
    for record in (decoder, cross):
        assert record.target_text == SOUNDS and record.text == WORD
        assert [(t.text, t.start, t.tag) for t in record.queries[:-1]] == [
            (sound.jamo, sound.syllable, sound.place) for sound in said.jamo]
    assert [t.text for t in decoder.keys] == ["<s>", *[t.text for t in decoder.queries[:-1]]]
    assert [t.text for t in (encoder.keys[-1], cross.queries[-1])] == ["</s>", "</s>"]
    rows, columns = np.triu_indices(len(decoder.queries), 1)
    assert (decoder.weights[:, :, rows, columns] == 0).all()


def test_records_are_the_same_in_a_batch_and_of_what_is_said(pronouncer, tmp_path):
    words = ["국물이", "나", "대통령"]
    together = pronouncer.all_records(words)
    for word, records in zip(words, together):
        alone = pronouncer.records(word, pronouncer.spoken([word])[0])
        for kind in records:
            assert records[kind].queries == alone[kind].queries
            np.testing.assert_allclose(records[kind].weights, alone[kind].weights, atol=tolerance(64, 11))
        assert records["cross"].source["decoded"] and not alone["cross"].source["decoded"]
        assert records["cross"].target_text == pronouncer.say([word])[0]
    together[0]["cross"].save(tmp_path / "cross.npz")
    assert load_record(tmp_path / "cross.npz") == together[0]["cross"]


def test_a_snapshot_says_what_the_model_said_then(tiny_pronouncer, pronouncer):
    assert pronouncer.epochs == (0, 1, 4)
    first, last = load_pronouncer(tiny_pronouncer, 0), load_pronouncer(tiny_pronouncer, 4)
    pairs = pronouncer.pairs("valid")
    right = [np.mean([p.score(pair.spelling, pair.said.sounds) for pair in pairs[:20]]) for p in (first, last)]
    assert right[0] < right[1] and (first.epoch, last.epoch) == (0, 4)
    assert first.records(WORD)["cross"].source["epoch"] == 0
    with pytest.raises(CheckpointError, match="no snapshot of epoch 7"):
        load_pronouncer(tiny_pronouncer, 7)


def test_pairs_are_those_of_the_training(pronouncer):
    splits = {name: {pair.spelling for pair in pronouncer.pairs(name)} for name in ("train", "valid", "test")}
    assert all(splits.values()) and not splits["train"] & splits["test"] and not splits["train"] & splits["valid"]
    with pytest.raises(OptionError, match="train, valid, test"):
        pronouncer.pairs("all")


@pytest.mark.parametrize("call, said", [
    (lambda p: p.say(["국물 맛"]), "one word of Hangul"),
    (lambda p: p.say([""]), "one word of Hangul"), (lambda p: p.say(["ㅋㅋ"]), "one word of Hangul"),
    (lambda p: p.say_letters(["ㄱ"]), "conjoining jamo"), (lambda p: p.say(["국" * 16]), "has 48 letters"),
    (lambda p: p.distributions(["국"], []), "as many pronunciations"),
])
def test_what_is_no_word_is_refused(pronouncer, call, said):
    with pytest.raises(TextError, match=said):
        call(pronouncer)


def test_a_classifier_and_a_folder_without_words_are_refused(tiny_model, tiny_pronouncer, tmp_path):
    with pytest.raises(CheckpointError, match="open a classifier"):
        load_pronouncer(tiny_model)
    copy = tmp_path / "copy"
    shutil.copytree(tiny_pronouncer, copy)
    (copy / "words.tsv").unlink()
    with pytest.raises(CheckpointError, match="words.tsv"):
        load_pronouncer(copy).pairs()
    assert json.loads((copy / "config.json").read_text())["recipe"] == "pronunciation"
