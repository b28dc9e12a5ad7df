"""Names of attribution methods on pages and in reports."""

from __future__ import annotations

_KOREAN = {
    "leave-one-out": "하나씩 빼기",
    "integrated-gradients": "적분 기울기",
    "gradient-input": "기울기 × 입력",
    "account": "기여도 분해",
    "attention-gradient": "어텐션 × 기울기",
    "attnlrp": "관련도 전파",
    "attention-fitted": "헤드별로 맞춘 어텐션",
    "attention": "어텐션",
    "attention-evidence": "어텐션 × 증거",
    "norm": "벡터 크기",
    "rollout": "어텐션 롤아웃",
    "random": "무작위",
}


def method_name(name: str, lang: str, *, short: bool = False) -> str:
    """A method's readable name, followed by its name in commands. A method without a readable name keeps its own.

    Parameters
    ----------
    name : str
        The method's name, as listed by `gluonattn methods`.
    lang : {"ko", "en"}
    short : bool, default False
        Whether to return only the readable name.
    """
    known = _KOREAN.get(name) if lang == "ko" else None
    if known is None:
        return name
    return known if short else f"{known} ({name})"
