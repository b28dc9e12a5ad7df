"""Records that the tests of the page share."""

from __future__ import annotations

import numpy as np

from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.text import tokenizer

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
REVIEW = (
    "배우들 연기는 정말 좋았는데 이야기가 중간부터 산으로 가서 아쉬웠다. 그래도 음악이랑 영상미는 최고였고 특히 마지막 "
    "장면에서는 눈물이 날 뻔했어요 ㅠㅠ 시간이 아깝지는 않았지만 두 번 볼 영화는 아닌 것 같네요. 별점 세 개 드립니다!!"
)
HOSTILE = [
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "<svg/onload=window.pwned=1>",
    "\"'><b onmouseover=window.pwned=1>",
    "javascript:window.pwned=1",
    "<!--<script>",
    "]]>&lt;&amp;&#60;",
    "{{script}}${window.pwned=1}`",
    "https://evil.example/x.png",
    "\u202e뒤집기\u202c",
    "\u2066\u200f\u061c",
    "a\x00b\x01\x1b[31m",
    "\ud800",
    "x\udc00y",
    "\u2028\u2029",
    "가\u200b나\ufeff",
    "👨\u200d👩\u200d👧\u200d👦",
    "👍🏽",
    "Z" + "\u0334\u0353\u0301" * 12 + "algo",
    "한\u0301\u0302",
    "ㅋ" * 200,
    "W" * 200,
    "\u1112\u119e\u11ab",
    "\uffff\ufdd0",
]


def random_weights(shape, *, seed: int = 0, sharpness: float = 0.3) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(shape[-1], sharpness), shape[:-1])


def record_of(text, name="mecab", *, layers=1, heads=1, seed=0, **parts) -> AttentionRecord:
    """Real tokens of a text with made-up weights."""
    tokens = tokenizer(name)(text)
    weights = random_weights((layers, heads, len(tokens), len(tokens)), seed=seed)
    return AttentionRecord(text, tokens, tokens, weights, **parts)


def spread(words) -> tuple[str, list[Token]]:
    """A text of the given words (a list, or a string to be split), one token each."""
    text, tokens = "", []
    for word in words.split() if isinstance(words, str) else words:
        tokens.append(Token(word, len(text), len(text) + len(word)))
        text += word + " "
    return text, tokens


def numbered(count, **parts) -> AttentionRecord:
    """A record of any number of tokens."""
    text, tokens = spread([f"말{i}" for i in range(count)])
    return AttentionRecord(text, tokens, tokens, random_weights((1, 1, count, count), sharpness=0.05), **parts)


def hostile() -> AttentionRecord:
    text, tokens = spread(HOSTILE)
    tokens.append(Token("<script>window.pwned=1</script>", len(text), len(text)))
    weights = random_weights((1, 1, len(tokens), len(tokens)))
    return AttentionRecord(
        text, tokens, tokens, weights, prediction=Prediction(HOSTILE[0], {HOSTILE[0]: 0.9, HOSTILE[1]: 0.1}),
        source={"model": HOSTILE[1], "cell": HOSTILE[9]},
    )


def cross(**shape) -> AttentionRecord:
    text, keys = spread("나는 어제 친구와 재미있는 영화를 보았다")
    target, queries = spread("I watched an interesting movie with a friend yesterday")
    weights = random_weights((shape.get("layers", 1), shape.get("heads", 1), len(queries), len(keys)))
    return AttentionRecord(text, queries, keys, weights, kind="cross", target_text=target)


def overlapping() -> AttentionRecord:
    """What Komoran does to 비해, with special tokens before and after."""
    text = "이야기에 비해 길다"
    tokens = [
        Token("[CLS]", 0, 0), Token("이야기", 0, 3), Token("에", 3, 4), Token("비하", 5, 7), Token("어", 5, 7),
        Token("길", 8, 9), Token("다", 9, 10), Token("[SEP]", 10, 10),
    ]
    return AttentionRecord(text, tokens, tokens, random_weights((1, 1, 8, 8)))


def changed(record, seed) -> AttentionRecord:
    """The same tokens with other weights."""
    return AttentionRecord(record.text, record.queries, record.keys, random_weights(record.weights.shape, seed=seed))
