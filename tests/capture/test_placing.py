from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.capture.placing import place, place_bytes, spelled, to_bytes

ALPHABET = st.text("가각뷁한글abZ é👍🏽！.", min_size=1, max_size=12)


def spans(tokens):
    return [(t.start, t.end) for t in tokens]


@pytest.mark.parametrize("text, pieces, expected", [
    ("재미있다", ["[CLS]", "재미", "##있다", "[SEP]"], [(0, 0), (0, 2), (2, 4), (4, 4)]),
    ("나는 본다", ["▁나는", "▁본", "다", "</s>"], [(0, 2), (3, 4), (4, 5), (5, 5)]),
    ("나는 본다", ["나@@", "는", "본다</w>"], [(0, 1), (1, 2), (3, 5)]),
    ("Good 영화", ["good", "영화"], [(0, 4), (5, 7)]),
    ("a 뷁뷁 b", ["a", "[UNK]", "b"], [(0, 1), (2, 4), (5, 6)]),
    ("a 뷁 쀍 b", ["a", "<unk>", "<unk>", "b"], [(0, 1), (2, 3), (4, 5), (6, 7)]),
    ("가나", ["다", "가", "나"], [(0, 0), (0, 1), (1, 2)]),
    ("１２점", ["12", "점"], [(0, 2), (2, 3)]),
])
def test_pieces_are_placed(text, pieces, expected):
    assert spans(place(text, pieces)) == expected
    assert [t.text for t in place(text, pieces)] == pieces


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_composed_piece_covers_its_decomposed_letters(form):
    text = unicodedata.normalize(form, "한국 영화")
    placed = place(text, ["한", "##국", "영화"])
    assert [unicodedata.normalize("NFC", text[t.start:t.end]) for t in placed] == ["한", "국", "영화"]


def bytes_of(text: str, cuts: list[int]) -> list[str]:
    """What a byte-level vocabulary would call the bytes of a text, cut anywhere."""
    letters = {to_bytes(c): c for c in map(chr, range(0x21, 0x144)) if len(to_bytes(c)) == 1}
    spelled_out = "".join(letters[bytes([b])] for b in text.encode())
    places = sorted({c % (len(spelled_out) + 1) for c in cuts} | {0, len(spelled_out)})
    return [spelled_out[a:b] for a, b in zip(places, places[1:])]


@given(ALPHABET.filter(str.strip), st.lists(st.integers(0, 50), max_size=6))
def test_bytes_cut_anywhere_still_cover_the_text(text, cuts):
    pieces = bytes_of(text, cuts)
    placed = place_bytes(text, ["<s>", *pieces])
    assert len(placed) == len(pieces) + 1 and spans(placed)[0] == (0, 0)
    covered = {i for t in placed for i in range(t.start, t.end)}
    assert covered >= {i for i, c in enumerate(text) if not c.isspace()}
    assert b"".join(map(to_bytes, pieces)).decode() == text == spelled(pieces, byte_level=True) or text != text.strip()


def test_a_character_in_several_pieces_is_numbered():
    pieces = bytes_of("가뷁", [1, 2, 3])
    assert [t.text for t in place_bytes("가뷁", pieces)] == ["가¹", "가²", "가³", "뷁"]
    assert spans(place_bytes("가뷁", pieces)) == [(0, 1)] * 3 + [(1, 2)]


@pytest.mark.parametrize("pieces, text", [
    (["<s>", "▁나는", "▁본", "다", "</s>"], "나는 본다"), (["[CLS]", "나는", "본", "##다", "[SEP]"], "나는 본다"),
    (["나@@", "는", "본다"], "나는 본다"), (["나", "는</w>", "본다</w>"], "나는 본다"),
])
def test_spelling_joins_pieces(pieces, text):
    assert spelled(pieces) == text
