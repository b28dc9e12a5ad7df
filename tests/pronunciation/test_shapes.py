"""Forms put together by rule: every coda before every kind of ending, and no stem in two splits."""

from __future__ import annotations

from gluonattn.pronunciation.pairs import SPLITS, PairSets, word_pairs
from gluonattn.pronunciation.sets import add_shapes
from gluonattn.pronunciation.shapes import shapes
from gluonattn.text.jamo import CODAS, split


def test_every_coda_meets_every_kind_of_sound():
    met = {(split(lemma[-1])[2], split(form[len(lemma)])[0]) for form, lemma, _ in shapes()}
    codas = {coda for coda, _ in met} - {""}
    assert codas == set(CODAS) - {"", "ㅆ"}  # 있- is in every corpus
    for coda in codas:
        assert {"ㄱ", "ㄷ", "ㅇ"} <= {onset for before, onset in met if before == coda}, coda
    clusters = {"ㄵ", "ㄶ", "ㄺ", "ㄻ", "ㄼ", "ㄾ", "ㄿ", "ㅀ", "ㅄ"}
    assert all({"ㄱ", "ㄴ", "ㄷ", "ㅅ", "ㅇ", "ㅈ"} <= {o for before, o in met if before == coda} for coda in clusters)


def test_forms_are_those_of_a_native():
    forms = {form for form, _, _ in shapes()}
    assert {"핥고", "핥네", "밟네", "밟아", "부엌도", "앉는다", "앓느라", "얇은데", "젊었다"} & forms >= {
        "핥고", "핥네", "밟네", "밟아", "부엌도", "앉는다", "앓느라", "젊었다"}
    assert not {"많는다", "낫아", "물으로", "젊는다"} & forms


def test_a_stem_is_in_one_split_the_corpus_included():
    corpus = word_pairs(["밟고 밟는다 부엌에 부엌이 앉고 앉아 핥고 끝이 꽃을 많은 많고 없는 없다"])
    sets = add_shapes(corpus)
    homes: dict[str, set[str]] = {}
    for name in SPLITS:
        for pair in getattr(sets, name):
            homes.setdefault(pair.lemma, set()).add(name)
    assert all(len(splits) == 1 for splits in homes.values()) and len(homes) > 150
    assert all(getattr(sets, name) for name in SPLITS)
    spellings = [pair.spelling for name in SPLITS for pair in getattr(sets, name)]
    assert len(spellings) == len(set(spellings)) > 4000
    assert add_shapes(PairSets()).left_out == {}
