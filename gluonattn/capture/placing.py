"""Align pieces of any subword vocabulary with the raw text, one token for each piece.

Both sides are compared letter by letter after compatibility decomposition (NFKD) and lower-casing, so a
piece is found in NFC and NFD texts, and after any normalisation by the model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Any

from ..record import Token

_SPECIAL = re.compile(r"<[^<>\s]{1,30}>|\[[A-Z]{2,8}\d*\]|<\|[^<>\s]{1,30}\|>")
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_AHEAD = 200  # letters to search for a piece that does not follow immediately
_PARTS = "¹²³⁴"


def place(text: str, pieces: Sequence[str | Token]) -> list[Token]:
    """Make a token with its span for every piece.

    Parameters
    ----------
    text : str
        The raw text.
    pieces : sequence of str or Token
        In reading order. ``##`` (WordPiece), ``▁`` (SentencePiece), ``@@`` and ``</w>`` (BPE) are understood.
        Tokens stay unchanged.

    Returns
    -------
    list of Token
        One for each piece. Special tokens get an empty span. An unknown token gets the characters between its
        neighbours, or its own word if nothing follows (the text may have been truncated). A piece that is not found
        gets an empty span at its expected place. Marks that are in the text itself (``## title``) count as letters.
    """
    letters, owners = _letters(text)
    spans: list[tuple[int, int] | None] = []
    at = 0
    for piece in pieces:
        if isinstance(piece, Token):
            spans.append((piece.start, piece.end))
            at = next((i for i in range(at, len(owners)) if owners[i] >= piece.end), len(owners))
            continue
        wanted = _letters(piece)[0]
        found = at if wanted and not is_special(piece) and letters.startswith(wanted, at) else -1
        if found < 0:
            wanted = _letters(bare(piece))[0]
            found = letters.find(wanted, at, at + len(wanted)) if wanted else -1
        if found < 0 and wanted and not is_special(piece):
            found = letters.find(wanted, at, at + len(wanted) + _AHEAD)
        if found < 0:
            spans.append(None)
            continue
        at = found + len(wanted)
        spans.append((owners[found], owners[at - 1] + 1))
    return [piece if isinstance(piece, Token) else Token(piece, *span)
            for piece, span in zip(pieces, _filled(text, pieces, spans))]


def place_bytes(text: str, pieces: Sequence[str]) -> list[Token]:
    """The same for byte-level BPE, whose pieces are bytes. Tokens show the characters to which the bytes belong.

    A character split into several pieces is the text of each, numbered: 뷁¹, 뷁².

    Parameters
    ----------
    text : str
    pieces : sequence of str
    """
    parts = [b"" if is_special(piece) else to_bytes(piece) for piece in pieces]
    decoded, starts = _decoded(b"".join(parts))
    placed = place(text, list(decoded))
    found: list[Token] = []
    done = 0
    shared: dict[int, int] = {}
    for piece, part in zip(pieces, parts):
        if not part:
            at = found[-1].end if found else 0
            found.append(Token(piece, at, at))
            continue
        inside = [i for i, (start, end) in enumerate(starts) if start < done + len(part) and end > done]
        whole = starts[inside[0]][0] >= done and starts[inside[-1]][1] <= done + len(part)
        label = "".join(decoded[i] for i in inside)
        if not whole:
            shared[inside[-1]] = number = shared.get(inside[0], 0) + 1
            label += _PARTS[min(number, len(_PARTS)) - 1]
        spans = [placed[i] for i in inside if not decoded[i].isspace()] or [placed[inside[0]]]
        found.append(Token(label, min(t.start for t in spans), max(t.end for t in spans)))
        done += len(part)
    return found


def spelled(pieces: Sequence[str], *, byte_level: bool = False, continuation: str | None = "##") -> str:
    """The text of pieces, for output without a raw text.

    Parameters
    ----------
    pieces : sequence of str
    byte_level : bool, default False
        Whether pieces are bytes.
    continuation : str or None, default "##"
        Prefix of pieces that continue a word, also if its beginning is not among the pieces. None if the vocabulary
        has no such mark, so that ``##`` is literal.
    """
    kept = [p for p in pieces if not is_special(p)]
    if byte_level:
        return _decoded(b"".join(map(to_bytes, kept)))[0].strip()
    if any(p.startswith("▁") for p in kept):
        return "".join(kept).replace("▁", " ").strip()
    if any(p.endswith("</w>") for p in kept):
        return "".join(kept).replace("</w>", " ").strip()
    text = ""
    for piece in kept:
        mark = continuation or ""
        if mark and piece.startswith(mark) and len(piece) > len(mark):
            text = text.removesuffix(" ") + piece[len(mark):] + " "
        else:
            text += piece[:-2] if piece.endswith("@@") and len(piece) > 2 else f"{piece} "
    return text.strip()


def is_special(piece: str) -> bool:
    return bool(_SPECIAL.fullmatch(piece)) and not _BYTE.fullmatch(piece)


def bare(piece: str) -> str:
    """A piece without the marks that join it to its neighbours."""
    if piece.startswith("##") and len(piece) > 2:
        piece = piece[2:]
    if piece.endswith("@@") and len(piece) > 2:
        piece = piece[:-2]
    return piece.removesuffix("</w>").replace("▁", " ").strip()


def to_bytes(piece: str) -> bytes:
    """The bytes of a byte-level piece."""
    byte = _BYTE.fullmatch(piece)
    if byte:
        return bytes([int(byte[1], 16)])
    table = _byte_of()
    return b"".join(bytes([table[c]]) if c in table else c.encode("utf-8", "replace") for c in piece)


@cache
def _byte_of() -> dict[str, int]:
    """GPT-2's alphabet: printable Latin-1 is unchanged, other bytes are U+0100 and later."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(plain)]
    return {**{chr(b): b for b in plain}, **{chr(256 + i): b for i, b in enumerate(others)}}


def _decoded(raw: bytes) -> tuple[str, list[tuple[int, int]]]:
    """Decode bytes to text, with the bytes of each character. An invalid byte becomes one replacement character."""
    text = raw.decode("utf-8", "surrogateescape")
    ends, done = [], 0
    for character in text:
        size = len(character.encode("utf-8", "surrogateescape"))
        ends.append((done, done + size))
        done += size
    return "".join("\ufffd" if 0xDC80 <= ord(c) <= 0xDCFF else c for c in text), ends


def _letters(text: str) -> tuple[str, list[int]]:
    """Decomposed letters without spaces and accents, and the character each came from."""
    letters, owners = [], []
    for i, character in enumerate(text):
        for part in unicodedata.normalize("NFKD", character.lower()):
            if not part.isspace() and unicodedata.category(part) != "Mn":
                letters.append(part)
                owners.append(i)
    return "".join(letters), owners


def _filled(text: str, pieces: Sequence[Any], spans: list[Any]) -> list[tuple[int, int]]:
    """Fill in missing spans: unknown pieces share the characters between their neighbours."""
    filled = []
    done = 0
    for i, span in enumerate(spans):
        if span is None:
            after = next((s[0] for s in spans[i + 1 :] if s is not None), len(text))
            gap = text[done:after]
            if _is_unknown(pieces[i]) and gap.strip():
                start = done + len(gap) - len(gap.lstrip())
                more = any(_is_unknown(p) for p in pieces[i + 1:_next_found(spans, i)])
                cut = all(s is None or s[0] == s[1] for s in spans[i + 1:])  # no later piece was found
                end = start + (_own_word(text[start:after]) if more or cut else len(text[start:after].rstrip()))
                span = (start, end)
            else:
                span = (done, done)
        filled.append(span)
        done = max(done, span[1])
    return filled


def _is_unknown(piece: str | Token) -> bool:
    return isinstance(piece, str) and piece.strip("<[]>").lower() in ("unk", "unknown")


def _next_found(spans: list[Any], i: int) -> int:
    return next((j for j in range(i + 1, len(spans)) if spans[j] is not None), len(spans))


def _own_word(text: str) -> int:
    """Characters of the first word; a punctuation mark is a word of its own."""
    if unicodedata.category(text[0])[0] == "P":
        return 1
    return next((i for i, c in enumerate(text) if c.isspace() or unicodedata.category(c)[0] == "P"), len(text))
