"""The sentences of `answer`, in English."""

from __future__ import annotations

from typing import ClassVar

from .answer_words import Named, Sentences


def _listed(words: list[Named]) -> list:
    """“수준” (+0.84) and “떨어지” (+0.65)"""
    parts: list = []
    for i, (text, _, score) in enumerate(words):
        joint = "" if not i else " and " if i == len(words) - 1 else ", "
        parts += [joint + "“", [text], f"” ({score})"]
    return parts


class ENGLISH(Sentences):
    labels: ClassVar[dict[str, str]] = {"긍정": "positive", "부정": "negative"}
    no_label = "There is no letter to read, so there is no decision."
    doubt = "That is no better than chance: do not take these words for the reason."

    @staticmethod
    def verdict(label: str, share: str) -> list:
        return [f"The model takes this sentence for {label} ({share})."]

    @staticmethod
    def because(words: list[Named], target: str) -> list:
        return [f"For {target} speak mostly " if target else "The reason is mostly ", *_listed(words), "."]

    @staticmethod
    def moved_little(words: list[Named], target: str) -> list:
        return ["The scores are highest for ", *_listed(words), ", but removing them changes no more than "
                                                                "removing any others: "
                "they are hardly the reason."]

    @staticmethod
    def against(words: list[Named]) -> list:
        return ["Against it: ", *_listed(words), "."]

    @staticmethod
    def contradiction(words: list[tuple[str, float, str, str, str, bool]], method: str) -> list:
        parts: list = []
        for text, _, score, before, after, positive in words:
            moved = "rises" if positive else "falls"
            parts += ["“", [text], f"” has {score}, yet without it alone the probability {moved} from {before} "
                                   f"to {after}. "]
        if method == "integrated-gradients":
            why = ("A score is what the word adds while all words come back together from nothing; “without it” leaves all "
                   "others where they are. ")
        else:
            why = ("A score is an estimate made without taking the word out; “without it” takes out that word alone. ")
        return [*parts, why, "The two can differ where words of like meaning remain, or where neighbours come together."]

    @staticmethod
    def looked_elsewhere(word: list[str]) -> list:
        return ["Attention gathers most on “", word, "”. A word that is looked at much is not always one that "
                                                     "decides much."]

    @staticmethod
    def deletion(count: int, target: str, before: str, after: str, random: str) -> str:
        many = "the word that moved it most" if count == 1 else f"the {count} words that moved it most"
        other = "one random word" if count == 1 else f"{count} random words"
        return f"Without {many}, {target} goes from {before} to {after}; without {other}, to {random} on average."

    @staticmethod
    def no_choice(target: str, before: str, after: str) -> str:
        return f"Without any word, {target} goes from {before} to {after}. There are no others to compare with by chance."

    @staticmethod
    def draws(further: int, draws: int) -> str:
        if further == draws:
            return f"That is a larger change than in any of {draws} random draws."
        if further == 0:
            return f"In none of {draws} random draws was the change smaller."
        return f"That is a larger change than in {further} of {draws} random draws."

    only_word = "It is the only word: it cannot be left out."

    @staticmethod
    def not_asked(size: int | None) -> str:
        many = f"With {size} words, none" if size else "No word"
        return f"{many} was left out to see what changes, so pressing one shows its score alone."

    @staticmethod
    def validated(own: str, floor: str) -> str:
        return (f"On validation reviews, removing this method's words lowers the probability by {own} percentage points on "
                f"average, removing random ones by {floor}.")

    @staticmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        return f"The scores are approximate ({steps} steps): their sum is off by {missing} of {of} in log-odds."
