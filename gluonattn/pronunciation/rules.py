"""The rules of 표준 발음법 (Standard Pronunciation, part 2 of 표준어 규정), one function each, in the order they apply.

The numbers are those of its articles, in the National Institute of Korean Language's version of 2017. Left out are vowel
length (6 and 7), which modern speech hardly keeps, and the sounds of ㅚ and ㅟ (4), which stay as written.
A rule that needs more than letters uses a mark between syllables, from word lists, morphemes or `linked=True`.
"""

from __future__ import annotations

from ..text.jamo import ASPIRATED, CLUSTERS, CODA_SOUNDS, NASAL, NEUTRAL, SILENT, TENSE
from .state import Phrase, Slot, Syllable, rule

_OBSTRUENTS = set("ㄱㄲㅋㄳㄺㄷㅅㅆㅈㅊㅌㅂㅍㄿㅄ")  # article 23's list; ㄼ belongs to it where it is spoken ㅂ
_I_VOWELS = set("ㅣㅑㅕㅛㅠㅒㅖ")


@rule("5 다만 3", "자음 뒤 ㅢ", "ㅢ is ㅣ after a written consonant")
def ui_after_consonant(phrase: Phrase) -> None:
    for syllable in phrase.syllables:
        if syllable.vowel.jamo == "ㅢ" and syllable.onset.jamo != SILENT:
            syllable.vowel.become("ㅣ", "ui_after_consonant", syllable.onset.source)


@rule("29", "ㄴ 첨가", "ㄴ is inserted before ㅣ, ㅑ, ㅕ, ㅛ, ㅠ where two words meet", lexical=True)
def n_insertion(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "insert" and left.coda and right.onset.jamo == SILENT and right.vowel.jamo in _I_VOWELS:
            right.onset.become("ㄴ", "n_insertion", left.coda.source + right.vowel.source)


@rule("30", "사이시옷", "a linking ㅅ makes the next consonant tense and is silent", lexical=True)
def linking_s(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "linking-s" and left.coda and left.coda.jamo == "ㅅ" and right.onset.jamo in TENSE:
            right.onset.become(TENSE[right.onset.jamo], "linking_s", left.coda.source)
            phrase.silence(left.coda, "linking_s", right.onset.source)
            left.coda = None


@rule("16", "자모 이름", "the names of letters are carried over with ㅅ, ㄱ or ㅂ", lexical=True)
def letter_names(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "letter-name" and left.coda and right.onset.jamo == SILENT:
            sound = {"ㅋ": "ㄱ", "ㅍ": "ㅂ"}.get(left.coda.jamo, "ㅅ")
            phrase.carry(left, right, "", sound, "letter_names")


@rule("17", "구개음화", "ㄷ, ㅌ before ㅣ of a particle or suffix are ㅈ, ㅊ")
def palatalisation(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        # 여 is 이 + 어 (붙여), 혀 is 히 + 어 (닫혀).
        contracted = right.vowel.jamo == "ㅕ" and right.coda_jamo in ("", "ㅆ")
        if mark.kind in ("boundary", "insert") or not (right.vowel.jamo == "ㅣ" or contracted):
            continue
        kept, last = _split(left.coda_jamo)
        if right.onset.jamo == SILENT and last in ("ㄷ", "ㅌ"):
            made = "ㅈ" if last == "ㄷ" else "ㅊ"
            phrase.carry(left, right, kept, made, "palatalisation", right.onset.source + right.vowel.source)
        elif right.onset.jamo == "ㅎ" and last in ("ㄷ", "ㅌ"):
            phrase.merge(left, right, kept, "ㅊ", "palatalisation", right.vowel.source)


@rule("12.1", "거센소리되기", "ㅎ and ㄱ, ㄷ, ㅂ, ㅈ become one aspirated sound")
def aspiration(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        kept, last = _split(left.coda_jamo)
        onset = right.onset.jamo
        if last == "ㅎ" and onset in ASPIRATED and mark.kind != "tense":
            phrase.merge(left, right, kept, ASPIRATED[onset], "aspiration")
        elif onset == "ㅎ" and left.coda_jamo not in ("ㄶ", "ㅀ", "ㄽ") and left.written != "덟":
            if last == "ㅈ" and right.vowel.jamo in "ㅣㅕ" and mark.kind != "boundary":
                phrase.merge(left, right, kept, "ㅊ", "aspiration")
            elif last in NEUTRAL or last in ASPIRATED:
                if kept == "ㅂ" or kept == "ㄱ" or left.written in _NOUNS_WITH_LG:  # 값하다, 몫하고, 닭하고
                    kept, last = "", {"ㄺ": "ㄱ"}.get(left.coda_jamo, kept)
                plain = "ㄷ" if last == "ㅈ" else NEUTRAL.get(last, last)
                phrase.merge(left, right, kept, ASPIRATED[plain], "aspiration")


@rule("12.2", "ㅎ+ㅅ", "ㅎ and ㅅ become ㅆ")
def h_before_s(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        kept, last = _split(left.coda_jamo)
        if last == "ㅎ" and right.onset.jamo == "ㅅ":
            phrase.merge(left, right, kept, "ㅆ", "h_before_s")


@rule("12.3", "ㅎ+ㄴ", "ㅎ before ㄴ is ㄴ; after ㄴ, ㄹ it is not spoken")
def h_before_n(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        kept, last = _split(left.coda_jamo)
        if left.coda and last == "ㅎ" and right.onset.jamo == "ㄴ":
            left.coda.become(kept or "ㄴ", "h_before_n", right.onset.source)


@rule("12.4", "ㅎ 탈락", "a final ㅎ is not spoken before a vowel")
def h_before_vowel(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        kept, last = _split(left.coda_jamo)
        if left.coda and last == "ㅎ" and right.onset.jamo == SILENT and mark.kind != "boundary":
            cause = right.onset.source + right.vowel.source
            if kept:
                left.coda.become(kept, "h_before_vowel", cause)
            else:
                phrase.silence(left.coda, "h_before_vowel", cause)
                left.coda = None


@rule("15", "대표음 연음", "before an independent word a coda is neutralised, then carried over", lexical=True)
def liaison_across_words(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "boundary" and left.coda and left.coda.jamo != "ㅇ" and right.onset.jamo == SILENT:
            neutral = _one_sound(left)
            phrase.carry(left, right, "", neutral, "liaison_across_words")


@rule("14", "겹받침 연음", "of two consonants the second is carried over, ㅅ as ㅆ")
def cluster_liaison(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if left.coda_jamo in CLUSTERS and right.onset.jamo == SILENT:
            kept, last = _split(left.coda_jamo)
            phrase.carry(left, right, kept, "ㅆ" if last == "ㅅ" else last, "cluster_liaison")


@rule("13", "연음", "a final consonant is carried over to a vowel")
def liaison(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if left.coda and left.coda.jamo != "ㅇ" and right.onset.jamo == SILENT:
            phrase.carry(left, right, "", left.coda.jamo, "liaison")


@rule("23", "장애음 뒤 된소리되기", "ㄱ, ㄷ, ㅂ, ㅅ, ㅈ are tense after an obstruent")
def tensification_after_obstruent(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if not left.coda or right.onset.jamo not in TENSE:
            continue
        if left.coda.jamo in _OBSTRUENTS or (left.written == "밟" and left.coda.jamo == "ㄼ"):
            _make_tense(right, "tensification_after_obstruent", left.coda)


@rule("24", "어간 ㄴ, ㅁ 뒤 된소리되기", "an ending's ㄱ, ㄷ, ㅅ, ㅈ are tense after a stem in ㄴ(ㄵ), ㅁ(ㄻ)", lexical=True)
def tensification_after_nasal_stem(phrase: Phrase) -> None:
    _make_marked_tense(phrase, "tensification_after_nasal_stem")


@rule("25", "어간 ㄼ, ㄾ 뒤 된소리되기", "an ending's ㄱ, ㄷ, ㅅ, ㅈ are tense after a stem in ㄼ, ㄾ")
def tensification_after_rb_rt(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        # 여덟 is the one noun in ㄼ.
        if left.coda and left.coda.jamo in ("ㄼ", "ㄾ") and left.written != "덟" and right.onset.jamo in TENSE:
            _make_tense(right, "tensification_after_rb_rt", left.coda)


@rule("26", "한자어 ㄹ 뒤 된소리되기", "ㄷ, ㅅ, ㅈ are tense after ㄹ in Sino-Korean words", lexical=True)
def tensification_sino_korean(phrase: Phrase) -> None:
    _make_marked_tense(phrase, "tensification_sino_korean")


@rule("27", "관형사형 -(으)ㄹ 뒤 된소리되기", "ㄱ, ㄷ, ㅂ, ㅅ, ㅈ are tense after adnominal -(으)ㄹ", lexical=True)
def tensification_after_adnominal(phrase: Phrase) -> None:
    _make_marked_tense(phrase, "tensification_after_adnominal")


@rule("28", "합성어 된소리되기", "ㄱ, ㄷ, ㅂ, ㅅ, ㅈ are tense in compounds as if after a linking ㅅ", lexical=True)
def tensification_in_compounds(phrase: Phrase) -> None:
    _make_marked_tense(phrase, "tensification_in_compounds")


@rule("10, 11", "겹받침 단순화", "of two final consonants one is spoken")
def cluster_simplification(phrase: Phrase) -> None:
    for left, coda, right in phrase.codas():
        if coda.jamo in CLUSTERS:
            stem_before_k = right is not None and right.onset.jamo == "ㄲ" and left.written not in _NOUNS_WITH_LG
            if coda.jamo == "ㄺ" and stem_before_k:
                sound = "ㄹ"  # 11 다만: 맑게, but 흙과
            elif left.written == "밟" or (left.written == "넓" and right is not None and right.written in "죽둥적"):
                sound = "ㅂ"  # 10 다만
            else:
                sound = _SIMPLE[coda.jamo]
            coda.become(sound, "cluster_simplification", right.onset.source if right else ())


@rule("8, 9", "음절 끝소리", "only seven consonants end a syllable")
def neutralisation(phrase: Phrase) -> None:
    for _, coda, right in phrase.codas():
        if coda.jamo in NEUTRAL:
            coda.become(NEUTRAL[coda.jamo], "neutralisation", right.onset.source if right else ())


@rule("20 다만", "ㄴ 뒤 ㄹ의 비음화", "ㄹ is ㄴ after ㄴ in listed words", lexical=True)
def n_for_l_after_n(phrase: Phrase) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "n-n" and left.coda and left.coda.jamo == "ㄴ" and right.onset.jamo == "ㄹ":
            right.onset.become("ㄴ", "n_for_l_after_n", left.coda.source)


@rule("19", "ㄹ의 비음화", "ㄹ is ㄴ after ㅁ, ㅇ and after ㄱ, ㄷ, ㅂ")
def nasalisation_of_l(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if left.coda and right.onset.jamo == "ㄹ" and left.coda.jamo in "ㅁㅇㄱㄷㅂ":
            right.onset.become("ㄴ", "nasalisation_of_l", left.coda.source)


@rule("18", "비음화", "ㄱ, ㄷ, ㅂ are ㅇ, ㄴ, ㅁ before ㄴ, ㅁ")
def nasalisation(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if left.coda and left.coda.jamo in NASAL and right.onset.jamo in "ㄴㅁ":
            left.coda.become(NASAL[left.coda.jamo], "nasalisation", right.onset.source)


@rule("20", "유음화", "ㄴ beside ㄹ is ㄹ")
def liquidisation(phrase: Phrase) -> None:
    for left, right, _ in phrase.pairs():
        if left.coda and left.coda.jamo == "ㄴ" and right.onset.jamo == "ㄹ":
            left.coda.become("ㄹ", "liquidisation", right.onset.source)
        elif left.coda and left.coda.jamo == "ㄹ" and right.onset.jamo == "ㄴ":
            right.onset.become("ㄹ", "liquidisation", left.coda.source)


@rule("5 다만 1", "져, 쪄, 쳐", "ㅕ is ㅓ after ㅈ, ㅉ, ㅊ")
def yeo_after_palatal(phrase: Phrase) -> None:
    for syllable in phrase.syllables:
        if syllable.vowel.jamo == "ㅕ" and syllable.onset.jamo in "ㅈㅉㅊ":
            syllable.vowel.become("ㅓ", "yeo_after_palatal", syllable.onset.source)


_SIMPLE = dict(zip(CLUSTERS, "ㄱㄴㄴㄱㅁㄹㄹㄹㅂㄹㅂ"))  # ㄺ and ㄼ: see the exceptions above
_NOUNS_WITH_LG = set("닭탉흙칡삵슭")  # they end nouns (닭, 까닭, 수탉, 흙, 기슭 ...); every other ㄺ ends a stem


def _split(coda: str) -> tuple[str, str]:
    """The part of a coda that stays in its syllable, and the part that meets the next one."""
    cluster = CLUSTERS.get(coda, "")
    return (cluster[0], cluster[1]) if cluster else ("", coda)


def _one_sound(syllable: Syllable) -> str:
    sound = _SIMPLE.get(syllable.coda_jamo, syllable.coda_jamo)
    sound = NEUTRAL.get(sound, sound)
    assert sound in CODA_SOUNDS
    return sound


def _make_tense(right: Syllable, name: str, cause: Slot) -> None:
    right.onset.become(TENSE[right.onset.jamo], name, cause.source)


def _make_marked_tense(phrase: Phrase, name: str) -> None:
    for left, right, mark in phrase.pairs():
        if mark.kind == "tense" and mark.rule == name and right.onset.jamo in TENSE:
            _make_tense(right, name, left.coda or left.vowel)
