"""A trained pronunciation model: its pronunciations, their probabilities, and where it attends.

    >>> pronouncer = load_pronouncer("runs/pronunciation")
    >>> pronouncer.say(["국물"])
    ['궁물']
    >>> pronouncer.records("국물")["cross"].weights.shape     # layers, heads, said, written
    (2, 4, 7, 7)

Written token i is ``pronounce(word).letters[i]``, spoken token j is ``pronounce(word).jamo[j]``. Both sequences end with
`</s>`.

Stays whole: it is one public class. A third of it is docstrings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.padding import plan_by_length
from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, DataError, OptionError, TextError
from ..models.snapshots import snapshot_epochs
from ..models.transformer_config import build_at_epoch
from ..record import AttentionRecord, Token
from ..reference import softmax
from ..text.jamo import ALPHABET, write
from .config import load_pronunciation
from .pairs import SPLITS, Pair
from .sets import from_table
from .settings import RECIPE
from .training import WORDS
from .word_letters import Word, to_jamo, to_list, to_tokens

Array = NDArray[Any]
Forced = tuple[list[int], list[list[int]], Array, list[Array]]
_BATCH = 256
_MAX_PAIRS = 500_000


def load_pronouncer(folder: str | os.PathLike[str], epoch: int | None = None) -> Pronouncer:
    """Load a checkpoint folder of `gluonattn pronunciation train`.

    Parameters
    ----------
    folder : path
    epoch : int or None
        Epoch of a snapshot. 0 is before training. None is the epoch that was best on validation.

    Raises
    ------
    CheckpointError
        If the folder is missing, incomplete, of another kind of model, or has no such snapshot.
    """
    return Pronouncer(Path(folder), epoch)


class Pronouncer:
    """A trained pronunciation model.

    A word is a string of Hangul syllables, or a list of conjoining jamo as in `Pronunciation.written`. The jamo need not
    form syllables, so a word can be changed letter by letter. Sounds have the same two forms.

    Attributes
    ----------
    folder : pathlib.Path
    config : dict
        The checkpoint's config.json.
    epoch : int
        The epoch of the weights.
    epochs : tuple of int
        Epochs with a snapshot.
    model : Transformer
    max_length : int
        Maximum number of letters of a word.
    alphabet : tuple of str
        The columns of `distributions`: conjoining jamo, and `</s>`.
    """

    def __init__(self, folder: Path, epoch: int | None = None):
        checkpoint = load_pronunciation(folder)
        from ..models.transformer import Transformer

        self.folder, self.config = folder, checkpoint.config
        self.epochs = snapshot_epochs(folder)
        self.epoch = self.config["epoch"] if epoch is None else epoch
        self.model = build_at_epoch(Transformer, checkpoint, folder, epoch)
        self.max_length = self.config["max_length"] - 1  # without the end or beginning mark
        vocabulary = Vocabulary(checkpoint.vocabulary)
        if len(vocabulary) != self.config["model"]["vocab_size"] or not all(
                letter in vocabulary for letter in ("<s>", "</s>", *ALPHABET)):
            raise CheckpointError(f"{folder}: vocab.json does not have the letters of this model. Copy the whole folder "
                                  "again.")
        self._padding, (self._begin, self._end) = vocabulary.padding, vocabulary[["<s>", "</s>"]]
        self._letters = vocabulary.idx_to_token
        self._ids = {letter: vocabulary[[letter]][0] for letter in ALPHABET}
        self.alphabet = (*ALPHABET, "</s>")
        self._columns = [*self._ids.values(), self._end]

    @property
    def longest(self) -> int:
        """The former name of `max_length`."""
        return int(self.max_length)

    def pairs(self, split: str = "test") -> list[Pair]:
        """The words of a split of the training run: "train", "valid", or "test", which the model has not seen."""
        if split not in SPLITS:
            raise OptionError(f"expected one of {', '.join(SPLITS)}; got {split!r}.")
        try:
            table = (self.folder / WORDS).read_text(encoding="utf-8")
            found: list[Pair] = getattr(from_table(table, [split]), split)
            return found
        except OSError as error:
            raise CheckpointError(f"{self.folder / WORDS}: {error.strerror}. Copy the whole folder again.") from None
        except (ValueError, DataError) as error:
            raise CheckpointError(f"{self.folder / WORDS} is not the table of words that training wrote ({error}). "
                                  "Copy the whole folder again.") from None

    def say(self, words: Iterable[Word], beam: int = 1) -> list[str]:
        """Pronounce each word, in syllables.

        Parameters
        ----------
        words : iterable of words
        beam : int, default 1
            Width of the beam. 1 is greedy.

        Raises
        ------
        TextError
            If a word does not consist of Hangul syllables (or conjoining jamo), or is too long.
        """
        return [write(letters)[0] for letters in self.spoken(words, beam)]

    def say_letters(self, letters: Sequence[str], beam: int = 1) -> str:
        """Pronounce a list of conjoining jamo.

        Parameters
        ----------
        letters : sequence of str
            Conjoining jamo.
        beam : int, default 1
            Width of the beam. 1 is greedy.
        """
        return self.say([list(letters)], beam)[0]

    def spoken(self, words: Iterable[Word], beam: int = 1) -> list[tuple[str, ...]]:
        """Pronounce each word, in conjoining jamo.

        Parameters
        ----------
        words : iterable of word
        beam : int, default 1
            Width of the beam. 1 is greedy.
        """
        from ..models.decoding import decode

        words = to_list(words)
        if beam < 1:
            raise OptionError(f"beam must be at least 1; got {beam}.")
        written = [self._encode(word) for word in words]
        forbidden = [i for i in range(len(self._letters)) if i not in self._columns]
        found: list[tuple[str, ...]] = [()] * len(words)
        for batch in plan_by_length([len(row) for row in written], _BATCH, _MAX_PAIRS):
            source, lengths = self._source([written[i] for i in batch])
            said, _ = decode(self.model, source, lengths, self._begin, self._end, beam, self.max_length, forbidden)
            for i, readings in zip(batch, said):
                found[i] = tuple(self._letters[number] for number in readings[0])
        return found

    def distributions(self, words: Iterable[Word], sounds: Iterable[Word]) -> list[Array]:
        """Return the probabilities of the next letter at every step of given sounds.

        Parameters
        ----------
        words : iterable of word
        sounds : iterable of word
            Given sounds of each word (teacher forcing).

        Returns
        -------
        list of numpy.ndarray, float32, shape (letters said + 1, len(alphabet))
            Row j: the probability of each letter after the first j of `sounds`; rows sum to 1.
        """
        words, sounds = to_list(words), to_list(sounds)
        found: list[Array] = [np.zeros(0)] * len(words)
        for batch, said, logits, _ in self._teacher_force(words, sounds):
            for row, i in enumerate(batch):
                scores = logits[row, : len(said[row])][:, self._columns]
                found[i] = softmax(scores.astype(np.float64)).astype(np.float32)
        return found

    def probabilities(self, word: Word, sounds: Word) -> Array:
        """Probability of each letter of `sounds` after the preceding ones, and of the end mark; shape (letters + 1,).

        Parameters
        ----------
        word : word
        sounds : word
            Given sounds (teacher forcing).
        """
        table = self.distributions([word], [sounds])[0]
        letters = [*to_jamo(sounds), "</s>"]
        return table[np.arange(len(letters)), [self.alphabet.index(letter) for letter in letters]]

    def score(self, word: Word, sounds: Word) -> float:
        """Log probability of a pronunciation, including the end mark, in nats.

        Parameters
        ----------
        word : word
        sounds : word
            The pronunciation.
        """
        return float(np.log(self.probabilities(word, sounds).astype(np.float64)).sum())

    def records(self, word: Word, sounds: Word | None = None) -> dict[str, AttentionRecord]:
        """Return the attention of the model while it pronounces a word.

        Parameters
        ----------
        word : word
        sounds : word or None
            Given sounds (teacher forcing). None is the model's own greedy pronunciation.

        Returns
        -------
        dict of str to AttentionRecord, weights (layers, heads, queries, keys)
            "encoder": written letters attend to written letters. The last one is the end mark. "cross": row j is the step
            that generates letter j (``target_text`` has the sounds), and the last row is the step that ends the word.
            Keys are the written letters. "decoder": the same rows. Keys are the beginning mark `<s>` and the spoken
            letters, of which row j sees the first j + 1 keys.
        """
        return self.all_records([word], None if sounds is None else [sounds])[0]

    def all_records(self, words: Iterable[Word], sounds: Iterable[Word] | None = None) -> list[dict[str, AttentionRecord]]:
        """`records` of many words, computed in batches.

        Parameters
        ----------
        words : iterable of word
        sounds : iterable of word or None
            Given sounds (teacher forcing). None is the model's own greedy pronunciation.
        """
        words = to_list(words)
        decoded = sounds is None
        sounds = self.spoken(words) if sounds is None else to_list(sounds)
        found: list[dict[str, AttentionRecord]] = [{}] * len(words)
        for batch, _, _, weights in self._teacher_force(words, sounds):
            for row, i in enumerate(batch):
                found[i] = self._records_of(words[i], sounds[i], decoded, [kind[:, row] for kind in weights])
        return found

    def _records_of(self, word: Word, sounds: Word, decoded: bool, weights: Sequence[Array]) -> dict[str, AttentionRecord]:
        text, keys = to_tokens(word)
        said, spoken = to_tokens(sounds)
        before = (Token("<s>", 0, 0), *spoken[:-1])
        source = {"model": self.folder.name, "recipe": RECIPE, "epoch": self.epoch, "framework": "mxnet",
                  "versions": self.config["versions"], "decoded": decoded}
        sides = {"encoder": (keys, keys), "decoder": (spoken, before), "cross": (spoken, keys)}
        return {
            kind: AttentionRecord(text, rows, columns, matrix[:, :, : len(rows), : len(columns)], kind,
                                  target_text=None if kind == "encoder" else said, source=source)
            for (kind, (rows, columns)), matrix in zip(sides.items(), weights)
        }

    def _teacher_force(self, words: Sequence[Word], sounds: Sequence[Word]) -> Iterator[Forced]:
        """Teacher forcing. Yield (positions, target ids, logits (B, T, V), [weights (layers, B, heads, T, S)]) by batch."""
        from ..runtime import mx

        if len(words) != len(sounds):
            raise TextError(f"expected as many pronunciations as words; got {len(words)} words and {len(sounds)} "
                            "pronunciations.")
        written, spoken = [self._encode(word) for word in words], [self._encode(word)[:-1] for word in sounds]
        lengths = [max(map(len, both)) for both in zip(written, spoken)]
        for batch in plan_by_length(lengths, _BATCH, _MAX_PAIRS):
            said = [[self._begin, *spoken[i]] for i in batch]
            logits, weights = self.model(*self._source([written[i] for i in batch]), mx.nd.array(self._table(said)))
            yield batch, said, logits.asnumpy(), [np.stack([one.asnumpy() for one in kind]) for kind in weights]

    def _source(self, rows: Sequence[Sequence[int]]) -> tuple[Any, Any]:
        from ..runtime import mx

        return mx.nd.array(self._table(rows)), mx.nd.array([len(row) for row in rows])

    def _table(self, rows: Sequence[Sequence[int]]) -> Array:
        table = np.full((len(rows), max(map(len, rows))), self._padding, np.float32)
        for line, row in zip(table, rows):
            line[: len(row)] = row
        return table

    def _encode(self, word: Word) -> list[int]:
        letters = to_jamo(word)
        if len(letters) > self.max_length:
            raise TextError(f"{word!r:.60} has {len(letters)} letters; this model reads up to {self.max_length}.")
        return [*(self._ids[letter] for letter in letters), self._end]
