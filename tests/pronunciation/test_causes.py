"""Where causes stand in a record."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import RecordError
from gluonattn.pronunciation.causes import (
    Pattern,
    changed_sites,
    letter_keys,
    locate_sites,
    own_keys,
    unchanged_sites,
)
from gluonattn.pronunciation.pronounce import pronounce
from gluonattn.record import AttentionRecord, Token

from .speaking import hand_made


def test_a_site_names_the_sound_its_letters_and_its_cause():
    said = pronounce("국물")
    (site,) = changed_sites(said)
    assert said.jamo[site.sound].jamo == "ㅇ" and site.rule == "nasalisation"
    assert [said.letters[i].jamo for i in (*site.own, *site.cause)] == ["ㄱ", "ㅁ"]
    assert site.pattern == Pattern("coda", 1, "onset")


def test_merged_sounds_and_final_codas_have_no_other_letter_to_blame():
    assert changed_sites(pronounce("놓고")) == [] and changed_sites(pronounce("옷")) == []


def test_still_sites_have_a_letter_where_a_cause_would_stand_and_no_change():
    after_coda = Pattern("onset", -1, "coda")
    said = pronounce("말도안된다")
    found = {(said.letters[s.cause[0]].jamo, said.jamo[s.sound].jamo) for s in unchanged_sites(said, [after_coda])}
    assert found == {("ㄹ", "ㄷ"), ("ㄴ", "ㄷ")}  # 말-도, 안-된; 된-다 likewise
    assert unchanged_sites(pronounce("국밥"), [after_coda]) == []


@pytest.mark.parametrize("word", ["국물", "갈등을", "한국어", "읽는다", "꽃잎"])
def test_looks_find_the_row_that_decides_and_the_key_that_is_the_cause(word):
    """The hand-made head "cause" looks at the cause in exactly these rows; here it is asked for by letter."""
    said, records = pronounce(word), hand_made(pronounce(word))
    sites = changed_sites(said)
    assert sites
    for site, encoder, cross, decoder in zip(sites, *(locate_sites(said, records[kind], sites)
                                                      for kind in ("encoder", "cross", "decoder"))):
        written = [said.letters[i].jamo for i in site.cause]
        assert [records["encoder"].keys[k].text for k in encoder.cause] == written
        assert [records["cross"].keys[k].text for k in cross.cause] == written
        assert records["encoder"].queries[encoder.row].text == said.letters[site.own[0]].jamo
        assert records["cross"].queries[cross.row].text == said.jamo[site.sound].jamo
        if decoder:
            assert all(k <= decoder.row for k in decoder.cause), "a decoder sees only what was said before"
        else:
            assert not any(set(s.source) & set(site.cause) for s in said.jamo[: site.sound])


def test_special_tokens_shift_rows_and_keys():
    said = pronounce("국물")
    plain = hand_made(said)["encoder"]
    begin, end = Token("<s>", 0, 0), Token("</s>", 2, 2)
    weights = np.zeros((1, 4, 8, 8), np.float32)
    weights[:, :, 1:7, 1:7] = plain.weights
    weights[:, :, 0, 0] = weights[:, :, 7, 7] = 1
    marked = AttentionRecord(said.text, (begin, *plain.queries, end), (begin, *plain.keys, end), weights, kind="encoder")
    (look,) = locate_sites(said, marked, changed_sites(said))
    assert (look.row, look.own, look.cause) == (3, (3,), (4,)) and letter_keys(said, marked) == [1, 2, 3, 4, 5, 6]
    rows, own = own_keys(said, marked)
    assert rows == [1, 2, 3, 4, 5, 6] and own[:, 1:7].trace() == own.sum() == 6


def test_own_places_in_cross_attention_are_the_letters_a_sound_is_made_of():
    said = pronounce("놓고")
    rows, own = own_keys(said, hand_made(said)["cross"])
    assert len(rows) == len(said.jamo)
    for row, sound in zip(own, said.jamo):
        assert np.flatnonzero(row).tolist() == list(sound.source)


def test_a_record_of_another_word_is_an_error():
    with pytest.raises(RecordError, match="Make it with sounds='궁물'"):
        locate_sites(pronounce("국물"), hand_made(pronounce("갈등을"))["cross"], [])
    with pytest.raises(RecordError, match="expected a record of kind encoder"):
        said = pronounce("국물")
        tokens = hand_made(said)["encoder"].queries
        locate_sites(said, AttentionRecord("국물", tokens, tokens, np.full((1, 1, 6, 6), 1 / 6)), [])
