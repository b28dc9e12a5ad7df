"""Sound changes between two neighbouring morphemes, by the kinds of the morphemes.

These are rules of word formation, not of sounds: an ending after a stem (24), a noun after adnominal -(으)ㄹ (27), the
second part of a compound (15, 20 다만, 26, 28, 29, 30). Facts that need a dictionary are in
`words.txt`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Optional

from ..text.jamo import CLUSTERS, NEUTRAL, SILENT, TENSE, coda_of, is_syllable, join, split
from .morphemes import Morpheme, is_noun, is_verb
from .state import Mark
from .words import I_VOWELS

SINO = "tensification_sino_korean"
COMPOUND = "tensification_in_compounds"
ADNOMINAL = Mark("tense", "tensification_after_adnominal")
BOUNDARY, INSERT = Mark("boundary"), Mark("insert")
_DETERMINERS = ("MM", "XPN")

# Second parts that are tense after any noun (28). After an adjective they are not: 잔소리, 장거리.
_TENSE_PARTS = {"속", "값", "길", "빛", "바닥", "덩어리", "덩이", "구멍", "줄기"}
_TENSE_AFTER_CODA = {"소리", "거리", "자리", "더미"}
_ADJECTIVES = {"잔", "큰", "군", "신", "단", "흰", "된", "센", "생", "딴", "장", "중", "근", "원", "왕", "빈", "헛"}
# Sino-Korean second parts that are tense after two syllables or more: 症, 權 圈 券, 病, 法; also 性; 點 (but not 店); and 科
# (but not the particle).
_TENSE_SUFFIXES = {"증", "권", "병", "법"}
_SHOPS = {"편의", "할인", "전문", "판매", "가맹", "대리", "체인", "면세",
          "소매", "도매", "제과", "백화", "잡화", "커피", "정육"}
_DEPARTMENTS = {"산부인", "소아", "정신", "피부", "비뇨기", "이비인후", "국문", "영문", "불문", "독문", "중문", "일문"}
_SINO_SUFFIXES = {"적", "성", "증", "자"}  # 的, 性, 症, 者 after ㄹ (26)
_SINO_PREFIXES = {"실", "월", "열", "탈", "몰", "별"}  # 實, 月, 熱, 脫, 沒, 別
_N_SUFFIX = re.compile("[력론란량료례로류록]")
_NOT_N = {"루", "령", "릉", "라", "리"}  # names: 마천루, 대관령
# Sino-Korean parts of one syllable before which ㄴ is put in after a word of two or more: 교육열, but 한약.
_INSERTED_SUFFIXES = {"역", "약", "용", "욕", "염", "율", "유", "열"}
_INSERTED_AFTER_ONE = {
    "여름", "이불", "여우", "이익", "여성", "여인", "여자", "유리", "이끼", "요기", "이야기", "연필", "열차", "영화",
    "이빨", "이마", "입술", "여드름", "양말", "양복", "이슬",
}
_INSERTED_VERBS = re.compile("입|읽|잊|익|이기|이루|여물|여의")
_NEVER_INSERTED = re.compile(
    "인(?!분|용|출)|임|일(?!$|기|본|거리|자리)|이상|이하|이전|이후|이외|이내|이래|이런|이렇|이것|이거|이건|이게|이나|여기|요일|요즘|있|이번|이제|여러|유일"
)
# 웃음, 높이: one word, and 엇, 어여: typed for 었, 어요.
_SUFFIXES_OF_VERBS = {"음", "이", "암", "엄", "애", "어", "아", "개", "기", "은", "을", "인",
                      "이나", "이야", "이냐", "엇", "었", "어여", "엇다", "엇어"}
_DEPENDENT = re.compile(
    r" *(?:수(?:(?:가|는|도|조차|만)? *(?:있|없)|밖에)|줄(?:은|도|을|이야|만)? *(?:알|안|아|몰|모)"
    r"|바[를가는도]|적[이에도은]|지[도는가]? *(?:모|알|궁)|데[가도는없])"
)
_DEPENDENT_FORMS = ("것", "거", "걸", "건", "게", "수", "줄", "바", "적", "데", "듯", "지")
# These apply however Mecab analyses the preceding ㄹ.
_AFTER_L = re.compile(
    " *(?:수 *(?:있|없)|줄(?:은|도)? *(?:알|안|아|몰|모)|바를 *(?:알|몰|모)"
    "|데[가도는]? *(?:없|있|많)|법(?:하|한|해|했|도 *하)|[둥듯](?![가-힣]))")
_L_AND_ENDING = re.compile(r"[할볼갈올될쓸](?=지[도는가를만요]?(?![가-힣]))")  # 올 of 올지도, to Mecab "this year"

# Errors of Mecab without preceding words. A short verb may be a rare noun (품고, 신다).
_SHORT_STEMS = "신안감남넘담숨심참품검삼뿜"
_SHORT_STEM = f"(?<![가-힣])[{_SHORT_STEMS}]"
_ENDINGS = "고|다|지|게|자|던|거나|겠다|더라|도록|습니다"
_ENDING = re.compile(f"{_ENDINGS}|더니|던데|거든|거라|소|지만|길래|고서")
_SHORT_VERB = re.compile(f"{_SHORT_STEM}(?=(?:{_ENDINGS})$)")
_COMMON_NOUNS = {
    "남자", "감자", "감지", "심지", "삼자", "신자", "신지", "안다", "안지", "안자", "숨지", "검지", "담지", "안게", "감다",
}
_DENIED = re.compile(f"{_SHORT_STEM}(?=지(?:는|도|를|만)? ?(?:않|못|마|말))")
_ENDINGS_AFTER_L = re.compile(r"(?<=[가-힣])(?:수록|지라도|지언정|진대|세라)|(?<=[할볼갈올될쓸줄])(?:게|걸)요?(?![가-힣])")


def marks_by_spelling(text: str, units: Sequence[Morpheme]) -> Iterator[tuple[int, Mark, bool]]:
    """Yield endings that can be recognised by their spelling, because Mecab may analyse them differently.

    Parameters
    ----------
    text : str
    units : sequence of Morpheme
        The text's morphemes from Mecab.

    Yields
    ------
    place : int
    mark : Mark
    optional : bool
        True if it may also be a noun (신고, 참고).
    """
    after_nasal = Mark("tense", "tensification_after_nasal_stem")
    sole = bool(units) and (len(units) == 1 or units[1].start > units[0].end)
    verb = _SHORT_VERB.match(text, units[0].start, units[0].end) if sole else None
    if verb and units[0].is_noun and units[0].form not in _COMMON_NOUNS:
        yield verb.end(), after_nasal, True
    for denied in _DENIED.finditer(text):
        yield denied.end(), after_nasal, True
    for ending in _ENDINGS_AFTER_L.finditer(text):
        if coda_of(text[ending.start() - 1]) == "ㄹ":
            yield ending.start(), ADNOMINAL, False


def _looks_like_ending(unit: Morpheme) -> bool:
    """Whether a unit is an ending, or a verb for Mecab that is spelled like one (안 + 다 is 안다, 안 + 돼 is not)."""
    verb = unit.tag.startswith("V") and unit.tag.split("+")[-1].startswith("E")
    return unit.is_ending or (verb and bool(_ENDING.fullmatch(unit.form)))


class Meetings:
    """The sound changes at the boundaries between the morphemes of a text.

    Parameters
    ----------
    text : str
    units : sequence of Morpheme
        Morphemes of the text.
    """

    def __init__(self, text: str, units: Sequence[Morpheme]):
        self.text, self.units = text, units
        self._starts: dict[int, int] = {}  # beginnings of the nouns that a unit ends
        begin = 0
        for before, unit in zip([None, *units], units):
            if before is None or before.end != unit.start or not before.is_noun:
                begin = unit.start
            self._starts[unit.start] = begin

    def mark_between(self, left: Morpheme, right: Morpheme) -> tuple[Optional[Mark], bool]:
        """Return the mark between two morphemes without a space, and whether it may be left out.

        Parameters
        ----------
        left, right : Morpheme
            Neighbours in one word.
        """
        onset, _, _ = split(right.form[0])
        coda = coda_of(left.form[-1])
        if onset in TENSE and self.looks_adnominal(left, right):
            return ADNOMINAL, False
        verb = left.form in _SHORT_STEMS and _looks_like_ending(right)
        if left.is_stem or verb:
            nasal = coda in ("ㄵ", "ㅁ", "ㄻ") or left.form[-1] in "신안"  # no other stem ends in ㄴ
            # Of 남깁니다 Mecab makes 남- + -기 + -ㅂ니다.
            tense = nasal and onset in "ㄱㄷㅅㅈ" and (right.is_ending or verb) and not right.tag.startswith("ETN+")
            return (Mark("tense", "tensification_after_nasal_stem") if tense else None), False
        noun = right.tag.startswith(("N", "XPN", "XR", "MM")) or right.form == "밖에"
        if (right.form, right.tag, coda) == ("란", "JX", "ㄴ") and left.is_noun and left.end - self._starts[left.start] > 1:
            return Mark("n-n"), False  # 사진란: the particle is 이란 here
        if onset in TENSE and left.is_adnominal and noun:
            return ADNOMINAL, False
        if left.is_noun or left.tag.startswith(("MM", "MAG")):
            return self._after_noun(left, right, onset, coda)
        return None, False

    def looks_adnominal(self, left: Morpheme, right: Morpheme) -> bool:
        """Whether -(으)ㄹ is the adnominal ending although Mecab analyses it differently (참을 수 없다).

        Parameters
        ----------
        left, right : Morpheme
            Neighbours, with or without a space.
        """
        if right.tag.startswith("ETM+NNB") and coda_of(left.form[-1]) == "ㄹ":
            return True  # 잘 거야: 잘/VA 거야/ETM+NNB+VCP+EC
        if right.form == "분" and right.tag in ("NNB", "XSN") and left.is_noun and left.form.endswith("실"):
            return is_verb(left.form[:-1])  # 오실 분: 오실/NNG 분/XSN; but 사무실 분
        if (left.form, left.tag) == ("를", "JKO"):  # no particle stands before these: 이를 데 없다
            return right.tag.startswith("NNB") and right.form in ("수", "데", "줄", "바")
        if left.form != "을" or left.tag != "JKO":
            if coda_of(left.form[-1]) == "ㄹ" and left.tag != "JKO" and _AFTER_L.match(self.text, left.end):
                return True
            begins = left.start == 0 or not is_syllable(self.text[left.start - 1])
            return begins and len(left.form) == 1 and bool(_L_AND_ENDING.match(self.text, left.start))
        dependent = right.tag.startswith("NNB") and right.form.startswith(_DEPENDENT_FORMS)
        return dependent or bool(_DEPENDENT.match(self.text, left.end))

    def is_bound(self, left: Morpheme, right: Morpheme) -> bool:
        """Whether the right word is bound to the left one, and a sound changes at their boundary.

        Parameters
        ----------
        left, right : Morpheme
            Neighbours with a space between them.
        """
        if not (is_syllable(left.form[-1]) and is_syllable(right.form[0])) or split(right.form[0])[0] not in TENSE:
            return False
        return self.looks_adnominal(left, right) or (left.is_adnominal and right.tag.startswith("NNB"))

    def across(self, left: Morpheme, right: Morpheme) -> Mark:
        """Return the mark before a word that follows the word before without a pause.

        Parameters
        ----------
        left, right : Morpheme
            Neighbours with a space between them.
        """
        onset, vowel, _ = split(right.form[0])
        coda = coda_of(left.form[-1])
        if onset in TENSE and (left.is_adnominal or self.looks_adnominal(left, right)):
            return ADNOMINAL
        if coda and onset == SILENT and vowel in I_VOWELS and not _NEVER_INSERTED.match(right.form):
            return INSERT
        return BOUNDARY

    def _after_noun(self, left: Morpheme, right: Morpheme, onset: str, coda: str) -> tuple[Optional[Mark], bool]:
        content = right.tag.startswith(("N", "XSN", "XR", "VV", "VA", "MAG", "VX")) and not right.tag.startswith("NNBC")
        if not content or left.tag.startswith(("NR", "SN")):
            return None, False
        size = left.end - self._starts[left.start]
        if onset == SILENT:
            return (self._before_vowel(left, right, coda, size) if coda else None), False
        if not right.tag.startswith(("N", "XSN", "XR")):
            return None, False
        if coda == "ㅅ" and onset in TENSE and _takes_linking_s(left):
            return Mark("linking-s"), True
        if (coda, onset) == ("ㄴ", "ㄹ") and size > 1 and left.is_noun and right.form not in _NOT_N:
            return (Mark("n-n") if len(right.form) > 1 or _N_SUFFIX.match(right.form) else None), False
        if coda == "ㅀ" and onset in TENSE:
            return Mark("tense", COMPOUND), False  # 싫증: no ending, so ㅎ does not meet the consonant
        if onset in TENSE and coda in ("", "ㄴ", "ㄹ", "ㅁ", "ㅇ") and not left.tag.startswith(_DETERMINERS):
            return self._tense(left, right, coda, size), False
        return None, False

    def _tense(self, left: Morpheme, right: Morpheme, coda: str, size: int) -> Optional[Mark]:
        suffix = len(left.form) > 1 and (right.form in _SINO_SUFFIXES or (right.form, right.tag) == ("상", "XSN"))
        prefix = size == 1 and left.form in _SINO_PREFIXES and len(right.form) > 1
        if coda == "ㄹ" and split(right.form[0])[0] in "ㄷㅅㅈ" and (suffix or prefix):
            return Mark("tense", SINO)
        part = right.form in _TENSE_PARTS or (right.form in _TENSE_AFTER_CODA and coda)
        suffix = right.form in _TENSE_SUFFIXES or (right.form == "성" and left.tag != "NNP")
        spot = right.form == "점" and left.form not in _SHOPS
        field = right.form == "과" and left.form in _DEPARTMENTS
        if (part and left.form not in _ADJECTIVES) or field or (size > 1 and (suffix or spot)):
            return Mark("tense", COMPOUND)
        return None

    def _before_vowel(self, left: Morpheme, right: Morpheme, coda: str, size: int) -> Optional[Mark]:
        """ㄴ insertion (29), or a coda that is neutralised before it is carried over (15)."""
        form = right.form
        if right.tag.startswith("XSN") and form not in _INSERTED_SUFFIXES:
            return None
        if split(form[0])[1] in I_VOWELS and self._takes_inserted_n(left, right, coda, size):
            return INSERT
        changes = coda in NEUTRAL or coda in CLUSTERS
        return BOUNDARY if changes and form not in _SUFFIXES_OF_VERBS else None

    def _takes_inserted_n(self, left: Morpheme, right: Morpheme, coda: str, size: int) -> bool:
        form = right.form
        if left.form == "옛" or _takes_linking_s(left):
            return True
        if right.tag.startswith(("VV", "VA", "VX")):
            return bool(_INSERTED_VERBS.match(form)) and left.tag.startswith(("N", "MAG"))
        if right.tag.startswith("MAG") or _NEVER_INSERTED.match(form):
            return False
        if len(form) == 1:
            return (form in _INSERTED_SUFFIXES and size > 1) or form == "잎" or (form == "일" and left.form in ("옛", "훗"))
        return size > 1 or form in _INSERTED_AFTER_ONE


_LINKING = set("뒷윗콧귓혓뱃빗촛잿핏냇샛찻횟텃훗깻댓툇깃죗볏쇳갯셋밧샛툇젓")  # of one syllable
_NOT_LINKING = re.compile("(?:옷|맛|멋|뜻|못|웃|릇|섯|곳|것|엇|짓|벗|낫)$")


def _takes_linking_s(left: Morpheme) -> bool:
    """Whether the final ㅅ of a noun only links it to the next noun (나뭇 of 나뭇잎)."""
    onset, vowel, coda = split(left.form[-1])
    if coda != "ㅅ" or left.tag != "NNG" or len(left.form) == 1:
        return coda == "ㅅ" and left.form in _LINKING
    # 장맛 is 장마 + ㅅ as Mecab knows no such noun, and so is 가짓; 손맛 and 몸짓 are nouns of their own.
    return is_noun(left.form[:-1] + join(onset, vowel)) and not (_NOT_LINKING.search(left.form) and is_noun(left.form))


def existence_places(unit: Morpheme) -> Iterator[int]:
    """Yield the place of 없 or 있 in a word that Mecab does not divide, after a neutralised coda (덧없다)."""
    if unit.tag.startswith(("V", "MAG", "N", "XR")):
        for at in range(1, len(unit.form)):
            coda = coda_of(unit.form[at - 1])
            if unit.form[at] in "없있" and (coda in NEUTRAL or coda in CLUSTERS):
                yield unit.start + at
