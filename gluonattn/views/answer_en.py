"""The sentences of `answer`, in English."""

from __future__ import annotations

from typing import Any, ClassVar

from .answer_words import Named, Sentences


def _listed(words: list[Named]) -> list[Any]:
    """“수준” (+0.84) and “떨어지” (+0.65)"""
    parts: list[Any] = []
    for i, (text, _, score) in enumerate(words):
        joint = "" if not i else " and " if i == len(words) - 1 else ", "
        parts += [joint + "“", [text], f"” ({score})"]
    return parts


class ENGLISH(Sentences):
    labels: ClassVar[dict[str, str]] = {"긍정": "positive", "부정": "negative"}
    no_label = "The text has no visible character, so there is no decision."
    doubt = "This is no better than chance, so these words are not a reliable reason."

    @staticmethod
    def verdict(label: str, share: str) -> list[Any]:
        return [f"The model labels this sentence {label}, {share}."]

    @staticmethod
    def because(words: list[Named], target: str) -> list[Any]:
        if not target:
            return ["This is mostly because of ", *_listed(words), "."]
        lead = "The word that speaks most for {} is " if len(words) == 1 else "The words that speak most for {} are "
        return [lead.format(target), *_listed(words), "."]

    @staticmethod
    def moved_little(words: list[Named], target: str) -> list[Any]:
        return ["The scores are highest for ", *_listed(words), ", but removing them changes the probability no more than "
                                                                "removing other words, "
                "so they are hardly the reason."]

    @staticmethod
    def against(words: list[Named]) -> list[Any]:
        return ["Against it: ", *_listed(words), "."]

    @staticmethod
    def contradiction(words: list[tuple[str, float, str, str, str, bool]], method: str) -> list[Any]:
        parts: list[Any] = []
        for text, _, score, before, after, positive in words:
            moved = "rises" if positive else "falls"
            parts += ["“", [text], f"” scores {score}, but when only this word is removed the probability {moved} from "
                                   f"{before} to {after}. "]
        if method == "integrated-gradients":
            why = ("A score measures what the word adds as all words gradually return to an empty text. "
                   "Removal deletes one word and keeps the others. ")
        else:
            why = ("A score is an estimate made without removing the word. Removal deletes one word and keeps the others. ")
        return [*parts, why, "The two can differ if words of "
                "similar meaning remain, or if removal brings the neighbouring words together."]

    @staticmethod
    def looked_elsewhere(word: list[str]) -> list[Any]:
        return ["Attention gathers most on “", word, "”. A word that receives much attention does not always "
                                                     "matter for the decision."]

    @staticmethod
    def deletion(count: int, target: str, before: str, after: str, random: str) -> str:
        many = "the word with the largest effect" if count == 1 else f"the {count} words with the largest effect"
        other = "one random word" if count == 1 else f"{count} random words"
        return f"Without {many}, {target} goes from {before} to {after}; without {other}, to {random} on average."

    @staticmethod
    def no_choice(target: str, before: str, after: str) -> str:
        return f"Without any word, {target} goes from {before} to {after}. No words are left for a random comparison."

    @staticmethod
    def draws(further: int, draws: int) -> str:
        if further == draws:
            return f"This change is larger than in any of {draws} random draws."
        if further == 0:
            return f"All {draws} random draws changed it at least as much."
        return f"This change is larger than in {further} of {draws} random draws."

    only_word = "It is the only word, so it cannot be removed."

    @staticmethod
    def not_asked(size: int | None) -> str:
        many = f"This text has {size} words, so they" if size else "Words"
        return f"{many} were not removed one by one. Pressing a word shows only its score."

    @staticmethod
    def validated(own: str, floor: str) -> str:
        return (f"On validation reviews, removing this method's words lowers the probability by {own} percentage points on "
                f"average, removing random words by {floor}.")

    @staticmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        return f"The scores are approximate ({steps} steps): their sum differs by {missing} from the exact {of} in log-odds."
