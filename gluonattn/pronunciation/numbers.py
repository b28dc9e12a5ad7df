"""Numbers in digits as Korean reads them: 16 is 십육, 3개 is 세 개, 10월 is 시월; and the sound changes in numbers.

Whole numbers with or without commas, decimals, dates of events (6·25) and percent are read. A number before one of the
counters below is native up to 99 (세 개, 스무 살), before everything else Sino-Korean (삼 층, 이십 년). Of a range (3~5개)
both ends are read so, and the sign stays. Not read: fractions, times with a colon, signs and Latin letters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from ..text.jamo import TENSE, coda_of, is_syllable, split
from .morphemes import Morpheme
from .state import Mark

SINO = "영일이삼사오육칠팔구"
_SMALL, _LARGE = ("", "십", "백", "천"), ("", "만", "억", "조", "경")
_MAX_DIGITS = 4 * len(_LARGE)  # digits of a number that has words
_ONES = ("", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉")
_TENS = ("", "열", "스물", "서른", "마흔", "쉰", "예순", "일흔", "여든", "아흔")
# Each with what must not follow: 3개월 and 2달러 are Sino-Korean.
_NATIVE = re.compile(
    r"개(?!월|국|년|소|사|교|조|념|봉)|명(?!령|작)|번(?!지|호|\s*(?:출구|버스|국도|타자|방))|마리|권(?!력)|장(?!관|사|군)|잔(?!디)|병(?!원|사)"
    r"|시간|가지|사람|곳|배(?!우|경|급)|달(?!러)|켤레|벌(?!점)|송이|그루|채(?!널)|척|자루|줄(?!거리)|쌍|군데|끼|살(?!인|해)|곡|컷|마디"
    r"|판(?!정|단)|표(?!정|현)|바퀴|그릇|봉지|조각|다발|포기|모금|걸음|대(?!박|사|본|상|학|회|륙)"
)
# Nouns that count with Sino-Korean numbers (일세기, 칠 단계); Mecab has no tag of its own for them.
_SINO_COUNTERS = ("세기", "세대", "단계", "주기", "주년", "등급", "등분")
_HOUR = re.compile(r"시(?!간|즌|리즈|대|청|장|민|도|험)")
_MONTH = re.compile(r"월(?!드|급|세)")
_RANGE = re.compile(r" ?[~∼〜] ?[0-9]+")
_SPACE = re.compile(" ?")
_NUMBER = re.compile(
    r"(?P<phone>(?<![0-9])0[0-9]{1,2}[-. ][0-9]{3,4}[-. ][0-9]{4}(?![0-9]))"
    r"|(?P<event>(?<![0-9·])[0-9]{1,2}·[0-9]{1,2}(?![0-9·]))"  # 6·25: the dot is not said
    r"|(?P<dotted>[0-9]+(?:\.[0-9]+){2,})"  # 2024.5.1, no decimal
    r"|(?P<number>[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?)"
)


def spell_numbers(text: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Spell the numbers of a text in Hangul.

    Parameters
    ----------
    text : str

    Returns
    -------
    read : str
        The text with spelled numbers. The same text if it has no digit.
    spans : tuple of (int, int)
        Spans of the spelled numbers in `read`, without their counters.
    """
    text = text.translate({0xFF10 + digit: str(digit) for digit in range(10)})
    read, spans, at = "", [], 0
    for found in _NUMBER.finditer(text):
        read += text[at : found.start()]
        for said, following in _spell(found, text):
            if said:
                spans.append((len(read), len(read) + len(said)))
            read += said + following
        at = found.end()
        if text.startswith("%", at):
            read, at = read + "퍼센트", at + 1
    return read + text[at:], tuple(spans)


def _spell(found: re.Match[str], text: str) -> list[tuple[str, str]]:
    """The parts of a number, each with what is written after it."""
    number = found[0]
    if found.lastgroup == "phone":
        return [(_digits(group), sign) for group, sign in re.findall("([0-9]+)([^0-9]?)", number)]
    if found.lastgroup == "event":
        left, right = number.split("·")
        return [(sino(left) + (sino(right) if left == right else _digits(right, "영")), "")]
    if found.lastgroup == "dotted":
        return [(sino(group), dot) for group, dot in re.findall(r"([0-9]+)(\.?)", number)]
    return [_with_counter(number.replace(",", ""), text, found.end())]


def _with_counter(number: str, text: str, end: int) -> tuple[str, str]:
    """The reading of a number before the text that follows, and a space if the counter has none before it."""
    beyond = _RANGE.match(text, end)  # of 3~5개 both ends are native
    counter_at = _SPACE.match(text, beyond.end() if beyond else end).end()  # type: ignore[union-attr]
    if number.isdecimal() and len(number) <= _MAX_DIGITS and (len(number) == 1 or number[0] != "0"):
        value, space = int(number), " " if counter_at == end else ""
        counter = _NATIVE.match(text, counter_at)
        decade = counter and counter[0] == "대" and value % 10 == 0  # 20대
        if counter and not decade and value > 0 and (value < 100 or 0 < value % 100 < 10):
            first = value == 1 and text.startswith("번째", counter.start())
            return "첫" if first else native(value), space
        if 0 < value <= 12 and _HOUR.match(text, counter_at):
            return native(value), space
        if value in (6, 10) and _MONTH.match(text, end):
            return {6: "유", 10: "시"}[value], ""
    return sino(number), ""


def native(value: int) -> str:
    """The form of a number from 1 before a native counter: ``native(21)`` is 스물한, ``native(103)`` 백세."""
    if value >= 100:
        return sino(str(value // 100 * 100)) + native(value % 100)
    return "스무" if value == 20 else _TENS[value // 10] + _ONES[value % 10]


def sino(number: str) -> str:
    """Read digits in Sino-Korean, also decimals. Numbers with a leading 0 or too many digits are read digit by digit."""
    whole, point, decimals = number.partition(".")
    if len(whole) > _MAX_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        said = _digits(whole)
    else:
        said = _whole(int(whole))
    return said + (point and "점" + _digits(decimals, "영"))


def _digits(number: str, zero: str = "공") -> str:
    return "".join(SINO[int(digit)] if digit != "0" else zero for digit in number)


def _whole(value: int) -> str:
    if not value:
        return SINO[0]
    said = ""
    for power in reversed(range(len(_LARGE))):
        group = value // 10 ** (4 * power) % 10**4
        digits = [group // 10**place % 10 for place in range(4)]
        spelled = "".join(("" if digit == 1 and place else SINO[digit]) + _SMALL[place]
                          for place, digit in reversed(list(enumerate(digits))) if digit)
        if group:
            said += ("" if (group, power) == (1, 1) and not said else spelled) + _LARGE[power]
    return said


# --- Sound changes inside a number and before its counter

_NUMERAL = re.compile("[일이삼사오육칠팔구십백천만억조영공]+|열|여덟")


def mark_numbers(text: str, units: Sequence[Morpheme], numbers: Sequence[tuple[int, int]],
                 put: Callable[..., None]) -> set[int]:
    """Set the marks for the numbers of a text.

    Parameters
    ----------
    text : str
        A text with its numbers spelled out.
    units : sequence of Morpheme
    numbers : sequence of (int, int)
        Spans of the numbers from `spell_numbers`. Numbers written in Hangul are found among `units`.
    put : callable
        Called with (place, mark).

    Returns
    -------
    set of int
        Beginnings of counters after a space (세 개). They follow their number without a pause.
    """
    joined = set()
    for six in re.finditer("(?<=십)육|(?<=[백천만억경])육(?=[십백천만억조경])", text):  # in any word: 삼십육계
        put(six.start(), Mark("insert"))
    at = {unit.start: unit for unit in units}
    for start, end in [*numbers, *_written_numbers(units)]:
        for place in range(start + 1, end):
            before, here = text[place - 1], text[place]
            if here == "육" and coda_of(before):
                put(place, Mark("insert"))
            elif before in "일칠팔" and here in "십조":
                put(place, Mark("tense", "tensification_sino_korean"))
            elif here == "점" or (before == "열" and here in "두둘세셋다"):
                put(place, Mark("tense", "tensification_in_compounds"))
        place = end + text.startswith(" ", end)
        counted = at.get(place)
        if counted is None and (start, end) in numbers and text.startswith("점", place):
            put(place, Mark("tense", "tensification_in_compounds"))  # 9점, to Mecab one noun, 구점
        if not counted or not is_syllable(text[place]) or counted.tag.startswith(("J", "VCP", "E")) or counted.form == "도":
            continue
        onset = split(text[place])[0]
        is_counter = (start, end) in numbers or counted.tag.startswith(("NNB", "NR")) or (
            counted.tag == "NNG" and (counted.form in _SINO_COUNTERS or bool(_NATIVE.fullmatch(counted.form))))
        if text[place] == "점" or (text[start:end].endswith(("열", "여덟")) and onset in TENSE and is_counter):
            put(place, Mark("tense", "tensification_in_compounds"))
        elif text[end - 1] in "일칠팔" and onset in ("ㄷ", "ㅅ", "ㅈ") and is_counter:
            put(place, Mark("tense", "tensification_sino_korean"))
        if place > end and (counted.tag.startswith("NNB") or (is_counter and counted.tag == "NNG")):
            joined.add(place)
    return joined


def _written_numbers(units: Sequence[Morpheme]) -> Iterator[tuple[int, int]]:
    """Yield numbers in Hangul. Neighbouring numerals are one number."""
    start = end = -1
    for unit, following in zip(units, [*units[1:], None]):
        # 이십일 is twenty days to Mecab, also in 이십일세기.
        is_one = unit.form == "일" and unit.start == end and following is not None and following.form in _SINO_COUNTERS
        if is_one or (unit.tag.startswith("NR") and _NUMERAL.fullmatch(unit.form)):
            if unit.start != end and end > 0:
                yield start, end
            start, end = (start if unit.start == end else unit.start), unit.end
    if end > 0:
        yield start, end
