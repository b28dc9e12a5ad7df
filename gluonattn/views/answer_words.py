"""The sentences that every language of `answer` has."""

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
        That there is no decision; that an explanation is no better than chance; that there is no other word.
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
        """The words that moved the decision.

        Parameters
        ----------
        words : list of Named
        target : str
            The label that is explained; "" where it is the predicted one.
        """

    @staticmethod
    @abstractmethod
    def moved_little(words: list[Named], target: str) -> list[Any]:
        """That even the words with the highest scores are hardly the reason.

        Parameters
        ----------
        words : list of Named
        target : str
            As for `because`.
        """

    @staticmethod
    @abstractmethod
    def against(words: list[Named]) -> list[Any]:
        """The words that speak for another label."""

    @staticmethod
    @abstractmethod
    def contradiction(words: list[tuple[str, float, str, str, str, bool]], method: str) -> list[Any]:
        """Why scores and removal seem to contradict each other.

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
        """That attention gathers on a word that moved the decision little."""

    @staticmethod
    @abstractmethod
    def deletion(count: int, target: str, before: str, after: str, random: str) -> str:
        """What removing the words with the highest scores changes.

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
        """What removing all words changes, where there are no others to remove.

        Parameters
        ----------
        target, before, after : str
            As for `deletion`.
        """

    @staticmethod
    @abstractmethod
    def draws(further: int, draws: int) -> str:
        """Whether that is more than chance.

        Parameters
        ----------
        further : int
            Of the random draws, those that changed less.
        draws : int
        """

    @staticmethod
    @abstractmethod
    def not_asked(size: int | None) -> str:
        """That no word was left out to see what changes; size: the words, where they were too many."""

    @staticmethod
    @abstractmethod
    def validated(own: str, floor: str) -> str:
        """How the method did on validation reviews.

        Parameters
        ----------
        own, floor : str
            Percentage points that the probability loses without its words, and without random ones.
        """

    @staticmethod
    @abstractmethod
    def approximated(steps: int, missing: str, of: str) -> str:
        """How exact the scores are.

        Parameters
        ----------
        steps : int
            Of the integration.
        missing, of : str
            What the scores' sum lacks, and what it should be, in log-odds.
        """
