"""Hostile texts that parts of the campaign share."""

from __future__ import annotations

import unicodedata
from random import Random

KOREAN = (
    "정말 재미있게 봤습니다",
    "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출",
    "ㅋㅋㅋㅋ 최고",
    "돈 아깝다",
    "별 다섯개!!",
    "배우들 연기는 좋았지만 내용이 없다.",
    "또 보고 싶은 영화 ♥",
    "1점도 아깝다 ㅡㅡ",
    "감동 그 자체",
    "그냥 그래요",
)
_BLOCKS = (
    (0x20, 0x7F),
    (0, 0x20),
    (0x7F, 0xA0),
    (0x1100, 0x1200),
    (0x3130, 0x3190),
    (0xA960, 0xA980),
    (0xD7B0, 0xD800),
    (0xAC00, 0xD7A4),
    (0xD800, 0xE000),
    (0x200B, 0x2070),
    (0x2028, 0x202F),
    (0x300, 0x370),
    (0xFE00, 0xFE10),
    (0x1F300, 0x1FAFF),
    (0x1F1E6, 0x1F200),
    (0xE0000, 0xE0080),
    (0x4E00, 0x9FFF),
    (0xFFF0, 0x10000),
    (0xE000, 0xF900),
    (0x3000, 0x3040),
    (0x600, 0x700),
    (0xE00, 0xE80),
    (0x900, 0x980),
    (0x20000, 0x2A6E0),
    (0x1D000, 0x1D200),
    (0, 0x110000),
)
_SNIPPETS = (
    "<script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "</script><svg onload=window.pwned=1>",
    "javascript:window.pwned=1",
    '"><b>',
    "{{7*7}}",
    "${7*7}",
    "$\\frac{1}{2}$",
    "$",
    "\\",
    "\\u0000",
    "%s%n",
    "[bold]",
    "[/red]",
    ":smile:",
    "\x1b[31m",
    "\x1b]0;x\x07",
    "\x9b2J",
    "\r\n",
    "\u202e",
    "\u2066",
    "=1+1",
    "@sum",
    "&amp;",
    "&#0;",
    "-->",
    "]]>",
    "'; DROP TABLE x; --",
    "\ufeff",
    "\u200d",
    "👨\u200d👩\u200d👧",
    "👍🏽",
    "🇰🇷",
    "❤\ufe0f",
    "##다",
    "▁나",
    "[CLS]",
    "<unk>",
    "<pad>",
    "\u1112\u119e\u11ab",
    "ㄱㅏㄴ",
    "_",
    "http://example.com/?q=<x>",
    "../../etc/passwd",
    "NaN",
    "null",
    "\t",
    "\n",
    "\x00",
    "\x85",
    "\u2028",
    "\u2800",
    "\u3000",
    "é",
    "e\u0301",
    "\ud83d",
    "\udc4d",
)


def text(random: Random, longest: int = 60) -> str:
    """A text that someone could type, or that nobody would.

    Parameters
    ----------
    random : random.Random
    longest : int
        Most characters, nearly always.
    """
    pieces: list[str] = []
    while not pieces or (random.random() < 0.7 and sum(map(len, pieces)) < longest):
        way = random.random()
        if way < 0.3:
            pieces.append(random.choice(KOREAN))
        elif way < 0.5:
            pieces.append(random.choice(_SNIPPETS))
        else:
            low, high = random.choice(_BLOCKS)
            pieces.append("".join(chr(random.randrange(low, high)) for _ in range(random.choice((1, 1, 2, 5, 12)))))
    whole = random.choice(("", " ", "")).join(pieces)
    form = random.random()
    if form < 0.1:
        whole = unicodedata.normalize("NFD", whole)
    elif form < 0.13:
        whole = whole * random.randrange(2, 8)
    return whole
