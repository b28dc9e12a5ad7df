"""The words of `plain_page`, in Korean and English."""

from __future__ import annotations

from typing import Any


class _Korean:
    no_script = "이 페이지의 그림과 단추는 자바스크립트로 움직입니다. 지금은 쓸 수 없어 같은 내용을 표로 보입니다."
    no_script_map = "지도를 그리려면 자바스크립트가 필요합니다. 지금은 쓸 수 없어 헤드별 수치와 문장을 보입니다."
    sentences, number, sentence, verdict_column, truth = "문장 목록", "번호", "문장", "판단", "정답"
    strongest = "영향이 큰 말"
    word, score, received, looks_at = "말", "영향", "받은 어텐션", "가장 많이 보는 말"
    heads, layer_and_head, strongest_link = "헤드별 가장 강한 연결", "층과 헤드", "가장 강한 연결"
    maps, before, after, scale = "헤드별 내적과 거리의 상관(−1에 가까울수록 좋음)", "모델 그대로", "옮긴 뒤", "배율"

    @staticmethod
    def first_of(count: int, all_: int) -> str:
        return f"{all_}개 가운데 앞의 {count}개"

    @staticmethod
    def table_of(count: int, all_: int) -> str:
        return "각 말의 영향과 어텐션" + ("" if count == all_ else f"({all_}개 가운데 가장 큰 {count}개)")

    @staticmethod
    def head_name(layer: int, head: int) -> str:
        return f"층 {layer} 헤드 {head}"


class _English:
    no_script = (
        "This page's pictures and buttons need JavaScript, which does not run here. The same data is shown as "
        "tables."
    )
    no_script_map = (
        "The map needs JavaScript, which does not run here. Below are the figures of each head and the sentences."
    )
    sentences, number, sentence, verdict_column, truth = "Sentences", "No.", "Sentence", "Label", "True label"
    strongest = "Words with the largest effect"
    word, score, received, looks_at = "Word", "Score", "Attention received", "Attends most to"
    heads, layer_and_head, strongest_link = "The strongest link of each head", "Layer and head", "Strongest link"
    maps, before, after, scale = (
        "Each head: correlation of dot product and distance (−1 is best)",
        "as in the model",
        "moved",
        "scale",
    )

    @staticmethod
    def first_of(count: int, all_: int) -> str:
        return f"the first {count} of {all_}"

    @staticmethod
    def table_of(count: int, all_: int) -> str:
        return "Score and attention of each word" + ("" if count == all_ else f" (the {count} largest of {all_})")

    @staticmethod
    def head_name(layer: int, head: int) -> str:
        return f"layer {layer} head {head}"


PLAIN_WORDS: dict[str, Any] = {"ko": _Korean, "en": _English}
