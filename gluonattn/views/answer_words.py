"""The sentences of `answer` that every language defines."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

Named = tuple[str, float, str]  # a word of the text, its score, and the score as it is printed


class Sentences(ABC):
    """The wording about a record, in one language. A line is a list of strings and, for words of the text, [word].

    Attributes
    ----------
    labels : dict of str to str
        Names of labels in the language, by the label.
    no_label, doubt, only_word : str
        The sentences for a text without a decision, an explanation no better than chance, and a text of one word.
    """

    labels: ClassVar[dict[str, str]]
    no_label: ClassVar[str]
    doubt: ClassVar[str]
    only_word: ClassVar[str]

    @staticmethod
    @abstractmethod
    def verdict(label: str, share: str) -> list[Any]:
        """The decision.

        Parameters
        ----------
        label, share : str
            The label and its probability, as they are printed.
        """

    @staticmethod
    @abstractmethod
    def because(words: list[Named], target: str) -> list[Any]:
        """Name the words that moved the decision.

        Parameters
        ----------
        words : list of Named
        target : str
            The explained label; "" for the predicted one.
        """

    @staticmethod
    @abstractmethod
    def moved_little(words: list[Named], target: str) -> list[Any]:
        """State that even the words with the highest scores are hardly the reason.

        Parameters
        ----------
        words : list of Named
        target : str
            As for `because`.
        """

    @staticmethod
    @abstractmethod
    def against(words: list[Named]) -> list[Any]:
        """Name the words that speak for another label."""

    @staticmethod
    @abstractmethod
    def contradiction(words: list[tuple[str, float, str, str, str, bool]], method: str) -> list[Any]:
        """Explain why scores and removal seem to contradict each other.

        Parameters
        ----------
        words : list of tuple
            Each as `Named`, then the probability with and without the word, and whether its score is positive.
        method : str
            The method of the scores.
        """

    @staticmethod
    @abstractmethod
    def looked_elsewhere(word: list[str]) -> list[Any]:
        """State that attention concentrates on a word that moved the decision little."""

    @staticmethod
    @abstractmethod
    def deletion(count: int, target: str, before: str, after: str, random: str) -> str:
        """Describe the effect of removing the words with the highest scores.

        Parameters
        ----------
        count : int
            Number of removed words.
        target : str
            The label.
        before, after, random : str
            The label's probability with all words, without these, and on average without as many random words.
        """

    @staticmethod
    @abstractmethod
    def no_choice(target: str, before: str, after: str) -> str:
        """Describe the effect of removing all words, if there are no others to compare with.

        Parameters
        ----------
        target, before, after : str
            As for `deletion`.
        """

    @staticmethod
    @abstractmethod
    def draws(further: int, draws: int) -> str:
        """State whether the change is larger than by chance.

        Parameters
        ----------
        further : int
            Number of random draws with a smaller change.
        draws : int
            Number of random draws.
        """

    @staticmethod
    @abstractmethod
    def not_asked(size: int | None) -> str:
        """State that no words were removed one by one; `size` is the number of words if there were too many."""

    @staticmethod
    @abstractmethod
    def validated(own: str, floor: str) -> str:
        """Describe the method's result on validation reviews.

        Parameters
        ----------
        own, floor : str
            Percentage points by which the probability falls without the method's words, and without random words.
        """

    @staticmethod
    @abstractmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        """Describe how exact the scores are.

        Parameters
        ----------
        steps : int
            Number of steps of the integration.
        missing, of : str
            The error of the scores' sum, and the exact sum, in log-odds.
        """
