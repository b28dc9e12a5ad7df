"""The types of requests. msgspec checks requests against them, and the OpenAPI document is made from them."""

from __future__ import annotations

from typing import Annotated, Any, Optional, Union

import msgspec
from msgspec import Meta, Struct

from .limits import Limits
from .models import Change
from .refusals import Refusal

BOUNDS = Limits()  # limits in the types, and so in the document. A server's own limits are checked too

Text = Annotated[str, Meta(max_length=BOUNDS.text, description="A text.")]
Name = Annotated[str, Meta(max_length=200)]
Token = Annotated[int, Meta(ge=0, le=10_000, description="A token's number, counted from 0.")]
Share = Annotated[float, Meta(ge=0, le=1)]


class PredictParameters(Struct, forbid_unknown_fields=True):
    """Parameters like those of Hugging Face's text-classification pipeline."""

    top_k: Optional[Annotated[int, Meta(ge=1, le=1000)]] = None


class PredictRequest(Struct, forbid_unknown_fields=True):
    """Texts to label."""

    inputs: Union[Text, Annotated[list[Text], Meta(min_length=1, max_length=BOUNDS.predicted)]]
    parameters: PredictParameters = msgspec.field(default_factory=PredictParameters)
    model: Optional[Name] = None


class ExplainParameters(Struct, forbid_unknown_fields=True):
    """Parameters like those of `Predictor.explain`. A method of null computes no attribution and is faster."""

    method: Optional[Name] = "default"
    target: Optional[Name] = None
    draws: Annotated[int, Meta(ge=1, le=BOUNDS.draws)] = BOUNDS.draws
    what_if: bool = False


class ExplainRequest(Struct, forbid_unknown_fields=True):
    """Texts to explain."""

    inputs: Union[Text, Annotated[list[Text], Meta(min_length=1, max_length=BOUNDS.explained)]]
    parameters: ExplainParameters = msgspec.field(default_factory=ExplainParameters)
    model: Optional[Name] = None


class Replacement(Struct, forbid_unknown_fields=True):
    """A token and the characters that replace it."""

    token: Token
    text: Annotated[str, Meta(max_length=200)]


class Attention(Struct, forbid_unknown_fields=True):
    """The total attention from every token to some tokens."""

    tokens: Annotated[list[Token], Meta(min_length=1, max_length=512)]
    share: Share


class Cell(Struct, forbid_unknown_fields=True):
    """The attention from one token to another. Without `query`, the attention from every token to it."""

    key: Token
    weight: Share
    query: Optional[Token] = None


class ChangeShape(Struct, forbid_unknown_fields=True):
    """A change. Exactly one of the five fields must be given."""

    drop: Optional[Annotated[list[Token], Meta(min_length=1, max_length=512)]] = None
    replace: Optional[Replacement] = None
    attention: Optional[Attention] = None
    weights: Optional[list[Any]] = None
    cells: Optional[Annotated[list[Cell], Meta(min_length=1, max_length=1000)]] = None

    def read(self) -> Change:
        """Return the change. Raises Refusal 422 unless exactly one field is given."""
        given = [name for name in self.__struct_fields__ if getattr(self, name) is not None]
        if len(given) != 1:
            raise Refusal(422, f"expected one of drop, replace, attention, weights and cells in `change`; "
                               f"got {given or 'none'}.")
        return Change(tuple(self.drop or ()), (self.replace.token, self.replace.text) if self.replace else None,
                      (tuple(self.attention.tokens), self.attention.share) if self.attention else None, self.weights,
                      tuple((cell.query, cell.key, cell.weight) for cell in self.cells or ()))


class WhatIfRequest(Struct, forbid_unknown_fields=True):
    """A text and a change."""

    inputs: Text
    change: ChangeShape
    model: Optional[Name] = None


class PageRequest(Struct, forbid_unknown_fields=True):
    """A request of the page: a text for one model or several."""

    text: Text
    models: Annotated[list[Name], Meta(min_length=1, max_length=4)]
    lang: Annotated[str, Meta(pattern="^(ko|en)$")] = "ko"
    change: Optional[ChangeShape] = None


class InferInput(Struct):
    """A tensor of the Open Inference Protocol."""

    name: str
    datatype: str
    shape: list[Annotated[int, Meta(ge=0)]]
    data: Optional[list[Any]] = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class InferOutput(Struct):
    """A tensor that the client requests."""

    name: str
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class InferRequest(Struct):
    """An inference request of the Open Inference Protocol, version 2."""

    inputs: Annotated[list[InferInput], Meta(min_length=1, max_length=1)]
    id: Optional[Name] = None
    outputs: Optional[list[InferOutput]] = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)


class Label(Struct):
    """A label and its probability. Both are null for a text without a visible character."""

    label: Optional[str]
    score: Optional[float]
    name: Optional[str] = None


class Problem(Struct):
    """The reason why a request failed."""

    error: str


def read(content: bytes, kind: Any) -> Any:
    """Parse a JSON body as one of the types. Raises Refusal 400 if it is not JSON, 422 if it has another form.

    Parameters
    ----------
    content : bytes
    kind : type
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as problem:
        raise Refusal(422, f"the body does not have the expected form: {problem}. GET /openapi.json describes it.") from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as problem:
        raise Refusal(400, f"the body is not JSON in UTF-8 ({problem}).") from None


def require_bounds(texts: list[str], most: int, longest: int) -> None:
    """Raise Refusal 413 if there are too many texts, or a text is too long.

    Parameters
    ----------
    texts : list of str
    most : int
        Maximum number of texts.
    longest : int
        Maximum number of characters of a text.
    """
    if len(texts) > most:
        raise Refusal(413, f"expected at most {most} texts in a request, got {len(texts)}: send several requests.")
    for i, text in enumerate(texts):
        if len(text) > longest:
            raise Refusal(413, f"text {i} (counted from 0) has {len(text)} characters, at most {longest} are read: cut it.")
