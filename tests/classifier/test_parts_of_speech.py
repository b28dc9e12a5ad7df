"""What kind of word a token is, and how attention divides among the kinds."""

from __future__ import annotations

import numpy as np
import pytest

from gluonattn.classifier.parts_of_speech import KINDS, attention_by_kind, kind_of
from gluonattn.record import Token
from gluonattn.text import tokenizer


@pytest.mark.parametrize("text, expected", [
    ("안 봤다", {"안": "negation", "봤": "verbs and adjectives", "다": "eomi"}),
    ("집 안이 못 생겼다", {"안": "nouns", "이": "josa", "못": "negation"}),
    ("재미가 없고 좋지 않아요", {"없": "negation", "않": "negation", "고": "eomi"}),
    ("말이 아니다", {"말": "nouns", "아니": "negation"}),
    ("보지 말자", {"말": "negation"}),
    ("정말 최고ㅋㅋㅋ", {"정말": "adverbs", "최고": "nouns", "ㅋㅋㅋ": "laughter and tears"}),
    ("슬퍼 ㅠㅠ ^^ ♥", {"ㅠㅠ": "laughter and tears", "^^": "emoticons", "♥": "emoticons"}),
    ("영화를 봤다!", {"영화": "nouns", "를": "josa", "!": "punctuation"}),
])
def test_kinds_of_mecabs_tokens(text, expected):
    found = {token.text: kind_of(token) for token in tokenizer("mecab")(text)}
    assert {word: found[word] for word in expected} == expected


@pytest.mark.parametrize("token, kind", [
    (("의", 0, 1, "Josa"), "josa"), (("재밌다", 0, 3, "Adjective"), "verbs and adjectives"),
    (("안", 0, 1, "VerbPrefix"), "negation"), (("😀", 0, 1, None), "emoticons"), (("없다", 0, 2, None), "negation"),
    (("말", 0, 1, "NNG"), "nouns"), (("영화", 0, 2, None), "others"),
    ((":)", 0, 2, "SY"), "emoticons"), (("10", 0, 2, "SN"), "others"),
])
def test_kinds_of_other_taggers_and_of_no_tag(token, kind):
    assert kind_of(Token(*token)) == kind


def test_attention_and_tokens_are_divided_whole():
    texts = [tokenizer("mecab")(text) for text in ("정말 안 봤다ㅋㅋ", "최고의 영화!", "굿")]
    received = [np.random.default_rng(len(t)).dirichlet(np.ones(len(t))) for t in texts]
    found = attention_by_kind(texts, received)
    assert set(found) == set(KINDS)
    for part in ("attention", "tokens"):
        np.testing.assert_allclose(sum(found[kind][part] for kind in KINDS), 1)
    assert found["negation"]["tokens"].tolist() == pytest.approx([1 / len(texts[0]), 0, 0])
