"""Replacing letters: what edits are made, and what they show of a speaker whose mind is known."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.pronunciation.causes import changed_sites
from gluonattn.pronunciation.intervention import after_labial, edits_of, effects, roles_of
from gluonattn.pronunciation.pronounce import pronounce

from .speaking import DOUBT, RuleSpeaker


def site_of(word, rule):
    said = pronounce(word)
    return said, next(site for site in changed_sites(said) if site.rule == rule)


@pytest.mark.parametrize("word, rule", [("국밥이", "tensification_after_obstruent"), ("국물", "nasalisation"),
                                        ("갈등을", "tensification_sino_korean"), ("신라", "liquidisation")])
def test_edits_keep_the_rest_of_the_word_and_do_what_they_are_for(word, rule):
    said, site = site_of(word, rule)
    sound, plain = said.jamo[site.sound], pronounce(word, lexical=False).jamo[site.sound].jamo

    def there(version):
        return next(s.jamo for s in version.jamo if (s.syllable, s.place) == (sound.syllable, sound.place))

    edits = edits_of(said, site)
    assert {edit.letter for edit in edits} >= set(site.cause) and not {edit.letter for edit in edits} & set(site.own)
    for edit in edits:
        differing = [i for i, (a, b) in enumerate(zip(word, edit.spelling)) if a != b]
        assert len(edit.spelling) == len(word) and differing == [said.letters[edit.letter].syllable]
        assert edit.said.text == edit.spelling
        if edit.letter in site.cause:
            assert there(edit.said) != sound.jamo
        else:
            assert there(pronounce(edit.spelling, lexical=False)) == plain
    assert edits == edits_of(said, site) and edits != edits_of(said, site, seed=1)
    assert max(sum(edit.letter == letter for edit in edits) for letter in range(len(said.letters))) <= 3


def test_who_speaks_by_rule_changes_its_mind_with_the_cause_alone():
    words = [site_of(*pair) for pair in (("국밥이", "tensification_after_obstruent"), ("국물", "nasalisation"))]
    for found in effects(RuleSpeaker(), words):
        cause = list(found.site.cause)
        others = [i for i in np.flatnonzero(~np.isnan(found.flips)) if i not in cause]
        assert found.correct and others
        assert (found.flips[cause] == 1).all() and (found.flips[others] == 0).all() and (found.as_ruled[cause] == 1).all()
        assert found.change[cause] == pytest.approx(np.log(1 - 67 * DOUBT) - np.log(DOUBT), abs=0.01)
        assert found.change[others] == pytest.approx(0)
        assert np.isnan(found.flips[list(found.site.own)]).all()
        assert {edit.letter for edit, flipped in found.each if flipped} == set(cause)


def test_who_knows_no_lists_is_wrong_on_listed_words():
    (found,) = effects(RuleSpeaker(lexical=False), [site_of("갈등을", "tensification_sino_korean")])
    assert not found.correct


def test_who_knows_lists_needs_every_letter_of_a_listed_word():
    """The speaker has 갈등 in a list: without its ㄱ or its ㅏ it is another word, and plain."""
    (found,) = effects(RuleSpeaker(), [site_of("갈등을", "tensification_sino_korean")])
    assert found.correct and (found.flips[[0, 1, 2]] == 1).all()  # another vowel after may make another listed word
    assert (found.flips[[7, 8]] == 0).all(), "the particle does not matter"


def test_a_speaker_who_says_no_syllables_has_the_sound_wrong():
    class Mumbling(RuleSpeaker):
        def say(self, words):
            return ["ㄱㄴ" for _ in words]

    (found,) = effects(Mumbling(), [site_of("국물", "nasalisation")])
    assert not found.correct


def test_roles_of_letters():
    said, site = site_of("갈등을", "tensification_sino_korean")
    before, after = ["previous onset", "previous vowel", "cause"], ["next vowel", "coda", "later", "later", "later"]
    assert roles_of(said, site) == [*before, "own", *after]
    assert not after_labial(said, site) and after_labial(*site_of("발전", "tensification_sino_korean"))
