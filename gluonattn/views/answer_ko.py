"""The sentences of `answer`, in Korean."""

from __future__ import annotations

from typing import Any, ClassVar

from .answer_words import Named, Sentences
from .josa import josa


def _listed(words: list[Named], with_scores: bool = True) -> list[Any]:
    """‘수준’(+0.84), ‘떨어지’(+0.65)"""
    parts: list[Any] = []
    for i, (text, _, score) in enumerate(words):
        parts += [", " if i else "", "‘", [text], f"’({score})" if with_scores else "’"]
    return [part for part in parts if part]


class KOREAN(Sentences):
    labels: ClassVar[dict[str, str]] = {}
    no_label = "읽을 수 있는 글자가 없어 판단하지 않았습니다."
    doubt = "우연보다 낫지 않으니 이 말들을 판단의 이유로 보지 마세요."

    @staticmethod
    def verdict(label: str, share: str) -> list[Any]:
        return [f"이 문장은 {label}{josa(label, '으로/로')} 판단했습니다({share})."]

    @staticmethod
    def because(words: list[Named], target: str) -> list[Any]:
        lead = f"{target} 쪽으로는 " if target else "주로 "
        return [lead, *_listed(words), " 때문입니다."]

    @staticmethod
    def moved_little(words: list[Named], target: str) -> list[Any]:
        return ["영향 점수는 ", *_listed(words), f"{josa(words[-1][0], '이/가')} 가장 크지만, 빼 보아도 아무 "
                                                 f"말이나 뺄 때보다 더 "
                "달라지지 않아 판단의 이유라고 하기는 어렵습니다."]

    @staticmethod
    def against(words: list[Named]) -> list[Any]:
        return ["반대쪽으로 이끈 말은 ", *_listed(words), "입니다."]

    @staticmethod
    def contradiction(words: list[tuple[str, float, str, str, str, bool]], method: str) -> list[Any]:
        parts: list[Any] = []
        for text, _, score, before, after, positive in words:
            moved = "오히려 올라갑니다" if positive else "오히려 내려갑니다"
            parts += ["‘", [text], f"’의 점수는 {score}인데 이 말만 빼면 확률이 {before}에서 {after}로 {moved}. "]
        if method == "integrated-gradients":
            why = ("점수는 모든 말을 지운 상태에서 다 함께 조금씩 되살리며 각 말이 보탠 만큼을 잰 것이고, ‘빼면’은 "
                   "다른 말을 모두 그대로 두고 "
                   "그 말만 뺀 것입니다. ")
        else:
            why = "점수는 그 말을 실제로 빼지 않고 어림한 값이고, ‘빼면’은 다른 말을 모두 그대로 두고 그 말만 뺀 것입니다. "
        return [*parts, why, "비슷한 뜻의 말이 남아 있거나 앞뒤 말이 새로 이어지면 둘이 어긋날 수 있습니다."]

    @staticmethod
    def looked_elsewhere(word: list[str]) -> list[Any]:
        return ["어텐션은 ‘", word, "’에 가장 많이 모였습니다. 많이 본 말이 늘 판단에 영향을 크게 준 말은 아닙니다."]

    @staticmethod
    def deletion(count: int, target: str, before: str, after: str, random: str) -> str:
        return (f"영향이 가장 큰 말 {count}개를 빼면 {target} 확률이 {before}에서 {after}로 바뀝니다. 아무 "
                f"말이나 {count}개를 빼면 "
                f"평균 {random}입니다.")

    @staticmethod
    def no_choice(target: str, before: str, after: str) -> str:
        return f"말을 모두 빼면 {target} 확률이 {before}에서 {after}로 바뀝니다. 뺄 말이 더 없어 우연과 견줄 수는 없습니다."

    @staticmethod
    def draws(further: int, draws: int) -> str:
        if further == draws:
            return f"아무 말이나 {draws}번 빼 보았을 때보다 매번 더 크게 바뀐 것입니다."
        if further == 0:
            return f"아무 말이나 {draws}번 빼 보았는데, 매번 그만큼 또는 그보다 더 크게 바뀌었습니다."
        return f"아무 말이나 {draws}번 빼 보았을 때 가운데 {further}번보다 더 크게 바뀐 것입니다."

    only_word = "말이 하나뿐이라 빼 볼 수 없습니다."

    @staticmethod
    def not_asked(size: int | None) -> str:
        many = f"말이 {size}개로 많아 " if size else ""
        return f"{many}말을 하나씩 빼 보지는 않았습니다. 그래서 말을 눌러도 점수만 나옵니다."

    @staticmethod
    def validated(own: str, floor: str) -> str:
        return f"검증용 리뷰에서는 이 방법이 꼽은 말을 빼면 확률이 평균 {own}%p, 아무 말이나 빼면 {floor}%p 줄었습니다."

    @staticmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        return f"점수는 {steps}단계로 어림한 값입니다. 점수를 모두 더한 값이 로그 오즈 {of}에서 {missing}만큼 어긋납니다."
