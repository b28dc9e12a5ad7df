"""The state that pronunciation rules work on: sounds in syllables, the letters they come from, and what changed them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Callable, NamedTuple, Optional

from ..text.jamo import SILENT


class Rule(NamedTuple):
    """One rule of the standard: its name (the function's), article, description, and whether it has a word list."""

    name: str
    article: str
    korean: str
    english: str
    lexical: bool


class Change(NamedTuple):
    """One step from `before` to `after` by `rule`. `cause` has the indices of the letters that caused it, or none."""

    rule: str
    before: str
    after: str
    cause: tuple[int, ...]

    @property
    def article(self) -> str:
        """Article of 표준 발음법, as in "18"."""
        return RULES[self.rule].article


class Letter(NamedTuple):
    """One written jamo: letter, number of its character in the text, "onset", "vowel" or "coda"."""

    jamo: str
    syllable: int
    place: str


class Sound(NamedTuple):
    """One spoken jamo.

    Attributes
    ----------
    jamo : str
        A letter. An onset ㅇ is a place without a sound.
    syllable : int
        Number of its character in `sounds`, which is as long as the text.
    place : str
        "onset", "vowel" or "coda".
    source : tuple of int
        Indices of its letters in `Pronunciation.letters`. Two if two letters became one sound (놓고, ㅋ).
    changes : tuple of Change
        The changes of the sound, in order. Empty for a letter spoken as written.
    """

    jamo: str
    syllable: int
    place: str
    source: tuple[int, ...]
    changes: tuple[Change, ...]

    @property
    def rule(self) -> Optional[str]:
        """Name of the rule that acted last. None for a letter spoken as written."""
        return self.changes[-1].rule if self.changes else None

    @property
    def cause(self) -> tuple[int, ...]:
        """Letters other than its own that changed it, in the order of the changes."""
        seen = dict.fromkeys(letter for change in self.changes for letter in change.cause)
        return tuple(letter for letter in seen if letter not in self.source)


class Silent(NamedTuple):
    """A letter that is not spoken, and the rule that silenced it."""

    letter: int
    rule: str
    cause: tuple[int, ...]


@dataclass
class Slot:
    """A place in a syllable and the sound in it."""

    jamo: str
    source: tuple[int, ...]
    changes: list[Change] = field(default_factory=list)

    def become(self, jamo: str, rule: str, cause: tuple[int, ...]) -> None:
        """Change the sound and record the change.

        Parameters
        ----------
        jamo : str
            The new sound.
        rule : str
            Name of the rule that acts.
        cause : tuple of int
            Letters that cause it.
        """
        self.changes.append(Change(rule, self.jamo, jamo, cause))
        self.jamo = jamo


@dataclass
class Syllable:
    """Three slots; `coda` is None for an open syllable. `at` is the number of its character, `written` that character."""

    onset: Slot
    vowel: Slot
    coda: Optional[Slot]
    at: int
    written: str

    @property
    def coda_jamo(self) -> str:
        return self.coda.jamo if self.coda else ""


class Mark(NamedTuple):
    """A fact about the boundary between two syllables that the letters do not show; see `marks`."""

    kind: str
    rule: str = ""


@dataclass
class Phrase:
    """Syllables said in one breath, the marks before them, and the letters that fell silent."""

    syllables: list[Syllable]
    marks: dict[int, Mark]
    silent: list[Silent] = field(default_factory=list)

    def pairs(self) -> Iterator[tuple[Syllable, Syllable, Mark]]:
        """Each syllable with the next one and the mark between them."""
        for i, (left, right) in enumerate(zip(self.syllables, self.syllables[1:]), 1):
            yield left, right, self.marks.get(i, NO_MARK)

    def codas(self) -> Iterator[tuple[Syllable, Slot, Optional[Syllable]]]:
        """Each closed syllable with its coda and the next syllable, if there is one."""
        for left, right in zip(self.syllables, [*self.syllables[1:], None]):
            if left.coda:
                yield left, left.coda, right

    def silence(self, slot: Slot, rule: str, cause: tuple[int, ...]) -> None:
        """Record that the letters of a slot are silent.

        Parameters
        ----------
        slot : Slot
        rule : str
            Name of the rule that acts.
        cause : tuple of int
            Letters that cause it.
        """
        self.silent += [Silent(letter, rule, cause) for letter in slot.source]

    def carry(self, left: Syllable, right: Syllable, kept: str, moved: str, rule: str,
              cause: Optional[tuple[int, ...]] = None) -> None:
        """Move a coda, or a part of it, to the empty onset after it. The written ㅇ becomes silent.

        `kept` stays as the coda ("" for nothing), and `moved` is the new onset.

        Parameters
        ----------
        left, right : Syllable
            Neighbours.
        kept : str
            The part that stays as the coda. "" for nothing.
        moved : str
            The new onset.
        rule : str
            Name of the rule that acts.
        cause : tuple of int or None
            Letters that cause it; None is the written ㅇ.
        """
        coda, empty = left.coda, right.onset
        assert coda is not None and empty.jamo == SILENT
        right.onset = Slot(coda.jamo, coda.source, list(coda.changes))
        right.onset.become(moved, rule, empty.source if cause is None else cause)
        self.silence(empty, rule, coda.source)
        self.leave(left, kept, rule, empty.source)

    def merge(self, left: Syllable, right: Syllable, kept: str, made: str, rule: str,
              cause: tuple[int, ...] = ()) -> None:
        """Merge a coda, or a part of it, and the onset after it into one sound, `made`. `kept` stays as the coda.

        Parameters
        ----------
        left, right : Syllable
            Neighbours.
        kept : str
            The part that stays as the coda. "" for nothing.
        made : str
            The merged sound.
        rule : str
            Name of the rule that acts.
        cause : tuple of int
            Letters that cause it, besides the two.
        """
        coda, onset = left.coda, right.onset
        assert coda is not None
        right.onset = Slot(onset.jamo, coda.source + onset.source, coda.changes + onset.changes)
        right.onset.become(made, rule, coda.source + onset.source + cause)
        self.leave(left, kept, rule, onset.source)

    def leave(self, left: Syllable, kept: str, rule: str, cause: tuple[int, ...]) -> None:
        """Keep the part `kept` of a coda. The rest has moved.

        Parameters
        ----------
        left : Syllable
        kept : str
            The part that stays. "" for nothing.
        rule : str
            Name of the rule that acts.
        cause : tuple of int
            Letters that cause it.
        """
        assert left.coda is not None
        if kept:
            left.coda.become(kept, rule, cause)
        else:
            left.coda = None


NO_MARK = Mark("")
Step = Callable[[Phrase], None]
RULES: dict[str, Rule] = {}
STEPS: list[Step] = []


def rule(article: str, korean: str, english: str, *, lexical: bool = False) -> Callable[[Step], Step]:
    """Register a function as a rule. Rules are applied in the order in which they are defined.

    Parameters
    ----------
    article : str
        Article of the standard (표준 발음법).
    korean, english : str
        Description of the rule.
    lexical : bool, default False
        Whether the rule has a word list.
    """

    def register(step: Step) -> Step:
        RULES[step.__name__] = Rule(step.__name__, article, korean, english, lexical)
        STEPS.append(step)
        return step

    return register
