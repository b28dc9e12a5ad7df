"""Turn the ids of a Hugging Face tokenizer into tokens on the raw text."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from ..record import Token
from .placing import place, place_bytes


def hf_tokens(tokenizer: Any, text: str, ids: NDArray[Any]) -> list[Token]:
    """The tokens of ids, with spans in the raw text.

    A fast tokenizer's own offsets are used if the ids are its encoding of the text, or a part of it (truncated at
    either end, without special tokens, followed by generated ones). Other ids are aligned by their letters.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    text : str
    ids : int, shape (T,)
    """
    return _tokens(tokenizer, text, [int(i) for i in ids])


def _tokens(tokenizer: Any, text: str, ids: list[int]) -> list[Token]:
    names = tokenizer.convert_ids_to_tokens(ids)
    if not getattr(tokenizer, "is_fast", False):
        return _placed(tokenizer, text, names)
    encoded = _encoded(tokenizer, text)
    if ids != encoded.ids:
        bare = _encoded(tokenizer, text, add_special_tokens=False)
        encoded = bare if ids == bare.ids else encoded
    spans = _spans(text, encoded.offsets)
    of = _aligned(ids, encoded.ids, left=getattr(tokenizer, "truncation_side", "right") == "left")
    if len(of) < len(ids):  # generated pieces may be joined differently from the tokenizer's encoding
        of = {**_aligned_words(ids, encoded.ids), **of}
    if not of:
        return _placed(tokenizer, text, names)
    shown = [t.text for t in place_bytes(text, names)] if byte_level(tokenizer) else names
    found = [Token(shown[i], *spans[of[i]]) if i in of else names[i] for i in range(len(ids))]
    if len(of) < len(ids):
        found = _placed(tokenizer, text, found)
    done, tokens = 0, []
    for i, token in enumerate(found):
        if i in of and token.end <= token.start:  # special tokens keep their positions instead of 0
            token = token._replace(start=done, end=done)
        tokens.append(token)
        done = max(done, token.end)
    return tokens


def byte_level(tokenizer: Any) -> bool:
    """Whether a tokenizer's pieces are bytes (GPT-2, RoBERTa, BART, Llama 3), not characters."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return "ByteLevel" in repr(backend.decoder)
    return hasattr(tokenizer, "byte_encoder")


def continuation(tokenizer: Any) -> str | None:
    """The prefix of pieces that continue a word (``##``), if the vocabulary marks such pieces."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return getattr(backend.model, "continuing_subword_prefix", None) or None
    return "##" if hasattr(tokenizer, "wordpiece_tokenizer") else None


def _encoded(tokenizer: Any, text: str, **options: Any) -> Any:
    """Encode the whole text, regardless of the tokenizer's truncation and padding."""
    backend = tokenizer.backend_tokenizer
    truncation, padding = backend.truncation, backend.padding
    try:
        return tokenizer(text, truncation=False, padding=False, verbose=False, **options).encodings[0]
    finally:
        backend.no_truncation() if truncation is None else backend.enable_truncation(**truncation)
        backend.no_padding() if padding is None else backend.enable_padding(**padding)


def _aligned(ids: list[int], whole: list[int], *, left: bool = False) -> dict[int, int]:
    """Positions of ids in the whole encoding: an equal start, an equal end, or one run in between.

    If words repeat, truncation at the right keeps the first ones, truncation at the `left` the last ones.
    """
    if left:
        last = _aligned(ids[::-1], whole[::-1])
        return {len(ids) - 1 - i: len(whole) - 1 - at for i, at in last.items()}
    if ids == whole:
        return {i: i for i in range(len(ids))}
    start = _common(ids, whole)
    end = min(_common(ids[::-1], whole[::-1]), len(ids) - start, len(whole) - start)
    found = {i: i for i in range(start)}
    found.update({len(ids) - 1 - i: len(whole) - 1 - i for i in range(end)})
    middle = ids[start:len(ids) - end]
    if middle:  # a window cut from the middle, or the text without its special tokens
        places = [at for at in range(start, len(whole) - len(middle) + 1) if whole[at:at + len(middle)] == middle]
        if places:
            found.update({start + i: places[0] + i for i in range(len(middle))})
    return found


def _aligned_words(ids: list[int], whole: list[int]) -> dict[int, int]:
    """The longest start of the ids that is in the encoding: a prompt without special tokens, then more."""
    for at in range(min(3, len(whole))):
        length = _common(ids, whole[at:])
        if length > 1:
            return {i: at + i for i in range(length)}
    return {}


def _common(one: Sequence[Any], other: Sequence[Any]) -> int:
    return next((i for i, (a, b) in enumerate(zip(one, other)) if a != b), min(len(one), len(other)))


def _spans(text: str, offsets: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The tokenizer's offsets, without leading blanks, and with all letters that its normaliser composed."""
    found = []
    for i, (start, end) in enumerate(offsets):
        while start < end - 1 and text[start].isspace():
            start += 1
        after = min((s for s, e in offsets[i + 1:] if e > s and s >= end), default=len(text))
        while start < end < after and composes(text[start:end], text[end]):
            end += 1  # offsets cover only the first letter
        found.append((start, end))
    return found


def composes(before: str, character: str) -> bool:
    """Whether a character joins the previous letters: a mark, or a letter of decomposed or partial Hangul.

    Parameters
    ----------
    before, character : str
    """
    if unicodedata.category(character) in ("Mn", "Mc", "Me"):
        return True
    whole, alone = (unicodedata.normalize("NFKC", part) for part in (before + character, character))
    return whole != unicodedata.normalize("NFKC", before) + alone


def _placed(tokenizer: Any, text: str, pieces: Sequence[str | Token]) -> list[Token]:
    """Place runs of pieces between tokens that are already placed."""
    put = place_bytes if byte_level(tokenizer) else place
    found: list[Token] = []
    done = i = 0
    while i < len(pieces):
        piece = pieces[i]
        if isinstance(piece, Token):
            found.append(piece)
            done, i = max(done, piece.end), i + 1
            continue
        run = [str(p) for p in itertools.takewhile(lambda p: isinstance(p, str), pieces[i:])]
        i += len(run)
        end = next((t.start for t in pieces[i:] if isinstance(t, Token) and t.end > t.start), len(text))
        found += [t._replace(start=t.start + done, end=t.end + done) for t in put(text[done:max(done, end)], run)]
        done = max(done, found[-1].end)
    return found
