"""Marks that letters do not show: from the word lists, from endings, and between words said in one breath.

The lists stand in `pronunciation_words.txt`, with their sources. What can be told from the shape of an eojeol (a
listed verb stem and an ending, -ㄹ수록, an adnominal -ㄹ before 수 있다) stands here as patterns.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from .jamo import SILENT, TENSE, VOWELS, split
from .pronunciation_state import Mark

_FILE = Path(__file__).with_name("pronunciation_words.txt")
_KINDS = {"'": "tense", "|": "boundary", "+": "insert", "^": "linking-s", "~": "n-n", "=": "keep"}
_LONGEST = 8
I_VOWELS = set("ㅣㅑㅕㅛㅠㅒㅖ")


class Entry(NamedTuple):
    """A listed word.

    Attributes
    ----------
    word : str
    marks : tuple of (int, Mark, bool)
        Syllable before which the mark stands, the mark, and whether the word may also be said without it.
    anchored : bool
        Whether it counts only where a run of syllables begins.
    section, source : str
        The heading in `pronunciation_words.txt`.
    """

    word: str
    marks: tuple[tuple[int, Mark, bool], ...]
    anchored: bool
    section: str
    source: str


@lru_cache(maxsize=1)
def entries() -> tuple[Entry, ...]:
    """Every entry of the word lists, in the order of the file."""
    found, section, source = [], "", ""
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section, _, source = line.strip("[]").partition(" ")
        elif not line.startswith("#"):
            found += [_entry(item, section, source) for item in line.split()]
    return tuple(found)


def _entry(item: str, section: str, source: str) -> Entry:
    word, marks = "", []
    for character in item.lstrip("<"):
        if character in _KINDS:
            kind = _KINDS[character]
            marks.append((len(word), Mark(kind, section if kind == "tense" else ""), kind == "linking-s"))
        elif character == "?":
            marks[-1] = (*marks[-1][:2], True)
        else:
            word += character
    return Entry(word, tuple(marks), item.startswith("<"), section, source)


def words_with(rule: str) -> tuple[str, ...]:
    """The listed words of one rule, spelling only: ``words_with("tensification_sino_korean")``.

    "loanwords" are the listed ones with ㄹ before ㄷ, ㅅ, ㅈ that stay plain, "plain" all words listed as staying so.
    """
    if rule in ("loanwords", "plain"):
        return tuple(e.word for e in entries() if e.section == "none" and (rule == "plain" or "loanwords" in e.source))
    return tuple(e.word for e in entries() if e.section == rule and any(m.kind != "keep" for _, m, _ in e.marks))


@lru_cache(maxsize=1)
def _by_word() -> dict[str, list[Entry]]:
    table: dict[str, list[Entry]] = {}
    for entry in entries():
        table.setdefault(entry.word, []).append(entry)
    return table


def marks_of_words(run: str) -> tuple[dict[int, Mark], set[int]]:
    """Marks in a run of syllables.

    Returns
    -------
    marks : dict from the number of a syllable to the mark before it
    optional : set of int
        Marks without which the word may also be said.
    """
    chosen: dict[int, tuple[int, Mark, bool]] = {}  # longer words win

    def put(place: int, mark: Mark, optional: bool, strength: int) -> None:
        if 0 < place < len(run) and chosen.get(place, (0,))[0] < strength:
            chosen[place] = (strength, mark, optional)

    for start in range(len(run)):
        for size in range(2, min(_LONGEST, len(run) - start) + 1):
            for entry in _by_word().get(run[start : start + size], ()):
                if not (entry.anchored and start):
                    for place, mark, optional in entry.marks:
                        # Staying plain wins over a mark of a word as long.
                        put(start + place, mark, optional, 2 * size + (mark.kind == "keep"))
    for place, mark, optional in [*_endings(run), *_letter_names(run)]:
        put(place, mark, optional, 3)  # the shape of an ending is weaker than a listed word
    marks = {place: mark for place, (_, mark, _) in chosen.items() if mark.kind != "keep"}
    return marks, {place for place, (_, mark, optional) in chosen.items() if optional and mark.kind != "keep"}


# Article 24: stems in ㄴ(ㄵ), ㅁ(ㄻ). The standard gives examples; these are the common stems, compiled from memory.
_PREFIX = (
    "(?:껴|끌어|얼싸|부둥켜|감싸|뛰어|살아|되|휘|건너|파고|눌러|갈라|받아|내려|들어|맞)?"
)
_STEM = (
    f"^(?:{_PREFIX}(?:신|안|감|남|넘|담|숨|심|참|품|검|삼|뿜)|서슴|머금|보듬|(?:쓰|가)?다듬|더듬|옮|삶)"
)
_STEM_ANYWHERE = "(?:앉|얹|닮|젊|굶|곪)"
_ENDING = (
    r"(?=(?:고(?:$|[서도는요나자싶있계말보난만야파])|다(?:$|[가니는고며면만던네지보시])|지(?:$|[만도는를요마말않못가라])"
    r"|게(?:$|[끔도요되하했해만는])|거(?:나|든|늘|니|라)|겠|던|더(?:라|니|군|냐)|도록|든(?:$|지|가)|듯|습|소(?:$|서)"
    r"|자(?:$|[마고는니])|죠|구(?:나|요|만)|군|길래))"
)
_NOMINAL = r"(?=기(?:$|[도가는를에엔만로]$))"  # 굶기다, 옮기다 stay plain; 참기, 닮기 do not
_AFTER_NASAL = re.compile(
    f"(?:{_STEM}|{_STEM_ANYWHERE}){_ENDING}|^(?:참|더듬|(?:쓰|가)?다듬|머금|뿜|닮|젊){_NOMINAL}|[앉얹](?=기)"
)
# Spelled like a stem with an ending, but nouns (남자), another verb's form (안다) or slang (안습).
_NOT_STEMS = re.compile(
    "^(?:남자|감자|감소|감지|담소|담지|심지|삼자|삼다도|숨지|안자|안되|안습|안다|검지|검소)"
)
_AMBIGUOUS = re.compile(r"^(?:신고|참고|삶고|신지)")  # report, reference, life and

# Article 27: syllables that are mostly an adnominal -(으)ㄹ.
_ADNOMINAL = "을할볼갈올될쓸줄릴킬낼날칠"  # 날게, 거칠게: of a stem in ㄹ
_AFTER_L = re.compile(r"수록|지라도|지언정|진대|진데|세라|게요$|걸요?$")
_AFTER_ADNOMINAL = re.compile(
    r"(?<![날칠])(?:게$|지(?:$|[는도가를만요]))|수(?=[있없가도는밖]|$)|것|거(?=$|[야다같면라니는예에])|데(?=$|[가도는없])|줄(?=[은도이알몰])"
    r"|듯|적[에이]|때"
)
_DEPENDENT_NOUN = re.compile(r"것|거[야다같면라니는]?|수[는가도밖있없]?|데[가도는없]?|줄|듯|적[에이]|바[를가]")
_PHRASE_VERBS = re.compile(r"(?:^[할볼갈올될쓸]|[할될]|만날|떠날)$")


def _endings(run: str) -> list[tuple[int, Mark, bool]]:
    found = []
    if not _NOT_STEMS.match(run):
        for match in _AFTER_NASAL.finditer(run):
            mark = Mark("tense", "tensification_after_nasal_stem")
            found.append((match.end(), mark, bool(_AMBIGUOUS.match(run))))
    adnominal = Mark("tense", "tensification_after_adnominal")
    for i in range(1, len(run)):
        after_l = split(run[i - 1])[2] == "ㄹ" and _AFTER_L.match(run, i)
        if after_l or (run[i - 1] in _ADNOMINAL and _AFTER_ADNOMINAL.match(run, i)):
            found.append((i, adnominal, False))
    return found


def _letter_names(run: str) -> list[tuple[int, Mark, bool]]:
    return [(match.end(), Mark("letter-name"), False)
            for match in re.finditer("디귿|지읒|치읓|키읔|티읕|피읖|히읗", run)]


def mark_between(left: str, right: str, lexical: bool = True) -> Mark:
    """What stands between two eojeol said in one breath (articles 15, 27 and 29 붙임 2)."""
    onset, vowel, _ = split(right[0])
    coda = split(left[-1])[2]
    # 을 before a noun is mostly the particle; before 것, 수, 데 ... it is the ending.
    if lexical and coda == "ㄹ" and onset in TENSE:
        verb = _PHRASE_VERBS.search(left) or (left[-1] in _ADNOMINAL and _DEPENDENT_NOUN.match(right))
        if verb:
            return Mark("tense", "tensification_after_adnominal")
    if lexical and coda and onset == SILENT and vowel in I_VOWELS:
        return Mark("insert")
    return Mark("boundary")


# Choices that leave a letter as it is or change it (articles 5 다만 2 and 4, 22); the first reading is the one written.
_NOUNS_IN_UI = re.compile(
    "(?:주|강|회|협|정|논|동|합|결|문|명|편|예|거|호|악|고|창|유|이|제|열|성|심|신|의|항|상|저|부|수|전|모|사|토|선|무성|주치|민주주|주)의$")
_EO = re.compile("(?<=[되피띄씌틔희뛰쉬튀끼기쥐휘비])어|^이오$|(?<=아니)오")


def optional_vowels(run: str) -> dict[int, list[str]]:
    """Other vowels a syllable may be said with: number of the syllable to vowel letters, or "여", "요" for the whole."""
    found: dict[int, list[str]] = {}
    for i, syllable in enumerate(run):
        onset, vowel, _ = split(syllable)
        assert vowel in VOWELS
        if vowel == "ㅖ" and onset not in (SILENT, "ㄹ"):
            found[i] = ["ㅔ"]
        elif syllable == "의" and i:
            particle = i == len(run) - 1 and (not _NOUNS_IN_UI.search(run) or run.endswith("의의"))
            found[i] = ["ㅔ"] if particle else ["ㅣ"]
    for match in _EO.finditer(run):
        place = match.end() - 1
        found[place] = ["ㅕ" if run[place] == "어" else "ㅛ"]
    return found


def stays_plain(run: str, place: int) -> bool:
    """Whether a list says that nothing happens before this syllable."""
    return any(
        run[start : start + size] == entry.word and (start + at, mark.kind) == (place, "keep")
        for start in range(place) for size in range(2, min(_LONGEST, len(run) - start) + 1)
        for entry in _by_word().get(run[start : start + size], ()) for at, mark, _ in entry.marks
    )


def is_homograph(run: str) -> bool:
    """Whether it may be a noun or a verb's form, said differently (신고: a report, or wearing)."""
    return bool(_AMBIGUOUS.match(run))
