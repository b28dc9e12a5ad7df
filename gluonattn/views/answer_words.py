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
        Labels that have a name of their own in the language.
    no_label, doubt, only_word : str
        Sentences: there is no decision; the explanation is no better than chance; there is no other word.
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
            Whose scores they are.
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
            How many were removed.
        target : str
            The label.
        before, after, random : str
            Its probability with all words, without these, and on average without as many random ones.
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
        """State whether that is more than chance.

        Parameters
        ----------
        further : int
            Of the random draws, those that changed less.
        draws : int
        """

    @staticmethod
    @abstractmethod
    def not_asked(size: int | None) -> str:
        """State that no words were removed one by one; `size` is the number of words if they were too many."""

    @staticmethod
    @abstractmethod
    def validated(own: str, floor: str) -> str:
        """Describe the method's result on validation reviews.

        Parameters
        ----------
        own, floor : str
            Percentage points that the probability loses without its words, and without random ones.
        """

    @staticmethod
    @abstractmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        """Describe how exact the scores are.

        Parameters
        ----------
        steps : int
            Of the integration.
        missing, of : str
            The gap of the scores' sum, and the sum that is expected, in log-odds.
        """
