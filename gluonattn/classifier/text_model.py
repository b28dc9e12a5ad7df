"""A trained classifier as a function of texts: it encodes them, puts them in batches and runs its engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.evidence import Evidence, cut
from ..data.examples import Example
from ..data.ngrams import known_ngrams
from ..data.packed import Packed, pack
from ..data.padding import pad_batch, plan_by_length
from ..data.vocabulary import Vocabulary
from ..errors import CheckpointError, TextError
from ..models.checkpoint import CONFIG, EVIDENCE, KNOWN_NGRAMS, Checkpoint
from ..plain import plain, read_texts
from ..record import Token
from ..reference import softmax
from ..runtime import total_threads
from ..text import tokenizer
from ..text.tokenizers import KNOWN as TOKENIZERS
from ..text.tokens import Tokens
from ..threads import ahead
from .engines.choice import make_engine
from .reader import EncodedText, Reader

LONGEST = 512  # tokens of a text that the default recipe reads
_CHUNK = 2048  # texts whose n-grams are looked up together, and from which batches are made
_AHEAD = 32  # batches that wait for a thread while the next chunk is tokenized


class TextModel:
    """A checkpoint that encodes texts, puts them in batches and computes logits and weights.

    Parameters
    ----------
    checkpoint : Checkpoint
    folder : pathlib.Path
        The folder from which it was read, for error messages.
    device, engine : str
        As for `gluonattn.load`.

    Attributes
    ----------
    labels : list of str
    tokenizer : Tokenizer
    max_length : int
        Number of tokens of a text that are read. A record says if a text was truncated.
    config : dict
        The checkpoint's config.json.
    engine : str
        Name of the engine that computes.
    classifier : callable
        The forward pass, from the arrays of `inputs` to logits and weights.
    checkpoint : Checkpoint
    evidence : Evidence or None
        Computes the evidence of tokens, if the model reads any.
    unknown, padding : int
        Ids of the unknown word and of padding.
    fixed_length : int or None
        Length to which every text is padded (the post's recipe); None is the text's own.
    """

    def __init__(self, checkpoint: Checkpoint, folder: Path, device: str = "auto", engine: str = "auto"):
        config = checkpoint.config
        self.checkpoint, self.config, self.folder = checkpoint, config, folder
        self.labels: list[str] = config["labels"]
        if config["tokenizer"] not in TOKENIZERS:
            raise CheckpointError(
                f"{folder / CONFIG} names the tokenizer {config['tokenizer']!r:.40}; this version has "
                f"{', '.join(TOKENIZERS)}. Copy the whole folder again, or install the version that wrote it."
            )
        self.tokenizer = tokenizer(config["tokenizer"])
        self._vocabulary = Vocabulary(checkpoint.vocabulary)
        if len(self._vocabulary) != config["model"]["vocab_size"]:
            raise CheckpointError(
                f"{folder}: vocab.json has {len(self._vocabulary)} words, the model was built for "
                f"{config['model']['vocab_size']}: they belong to different models."
            )
        self.unknown, self.padding = self._vocabulary.unknown, self._vocabulary.padding
        self.fixed_length: int | None = config["max_length"] if config["recipe"] == "post" else None
        self.max_length = self.fixed_length or LONGEST
        self._known = checkpoint.weights.get(KNOWN_NGRAMS)
        if config["model"].get("ngrams", 0) != (0 if self._known is None else len(self._known)):
            raise CheckpointError(f"{folder}: model.safetensors does not hold the n-grams of this model.")
        self.evidence = None
        if config["model"].get("evidence"):
            self.evidence = Evidence(*(checkpoint.weights[name] for name in EVIDENCE))
        self.reader = Reader(self.tokenizer, self._vocabulary, self.max_length,
                             config["model"].get("subword_buckets", 0), self._known, self.evidence)
        self.engine, self.classifier = make_engine(checkpoint, engine, device)
        self._workers = total_threads() if self.classifier.parallel else 1

    @property
    def label_names(self) -> dict[str, str]:
        """Display names of the labels, if the model has them."""
        result: dict[str, str] = self.config.get("label_names", {})
        return result

    def look(self, encoded_texts: Sequence[EncodedText]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """Probabilities (classes,) and padded attention weights of each text, computed by this engine in one batch."""
        logits, weights = self.classifier(*self.pad([encoded.example for encoded in encoded_texts]))
        return zip(softmax(logits), weights)

    def inputs(self, texts: Iterable[str]) -> tuple[NDArray[Any], ...]:
        """Make the classifier's inputs for some texts, as one batch.

        Returns
        -------
        ids : numpy.ndarray, int32, shape (B, T)
        valid_length : numpy.ndarray, int32, shape (B,)
        subwords : numpy.ndarray, int32, shape (B, T, K)
            Like `ngrams`, only for a model that reads n-grams.
        ngrams : numpy.ndarray, int32, shape (B, N)
        evidence : numpy.ndarray, float32, shape (B, T, channels)
            Only for a model that reads evidence.

        Raises
        ------
        TextError
            If there is no text, or one is blank or not a string.
        """
        texts = read_texts(texts, "inputs")
        if not texts:
            raise TextError("inputs makes a batch of texts: give at least one.")
        return self.pad([self.read(text).example for text in texts])

    def probabilities(self, examples: Sequence[Example]) -> NDArray[Any]:
        """Probabilities (examples, classes) of examples, in input order. `example` makes them."""
        found = np.zeros((len(examples), len(self.labels)))
        for batch, (logits, _) in self._run_examples(examples):
            found[batch] = softmax(logits)
        return found

    def _pack(self, texts: list[str], words: list[list[str]]) -> Packed:
        """Encode texts and their tokens (at least one in each) as the model's numbers."""
        ngrams = None
        if self._known is not None:
            seen = list(texts)
            for i, found in enumerate(words):
                if len(found) > self.max_length:  # n-grams after the last token are not read either
                    seen[i] = plain(texts[i])
                    seen[i] = seen[i][: self.tokenizer(seen[i])[self.max_length - 1].end]
            ngrams = known_ngrams(seen, [found[: self.max_length] for found in words], self._known)
        evidence = None
        if self.evidence is not None:
            read, kept = cut(texts, words, self.tokenizer, self.max_length)
            shares = self.evidence.read(read, kept, self.tokenizer)
            behind = (np.zeros((len(own) - len(rows), rows.shape[1]), np.float32) for own, rows in zip(words, shares))
            evidence = np.concatenate([part for pair in zip(shares, behind) for part in pair])
        return pack(Tokens.gather([words]), slice(None), self._vocabulary, self.max_length,
                    subword_buckets=self.config["model"].get("subword_buckets", 0), fixed=self.fixed_length, ngrams=ngrams,
                    evidence=evidence)

    def _batches(self, texts: list[str]) -> Iterator[tuple[list[int], tuple[Any, ...]]]:
        """Yield batches of texts of similar length: their places and input arrays. A text without tokens is in none."""
        for start in range(0, len(texts), _CHUNK):
            part = texts[start : start + _CHUNK]
            words = [self.tokenizer.words(text) for text in part]
            kept = [i for i, found in enumerate(words) if found]
            if not kept:
                continue
            packed = self._pack([part[i] for i in kept], [words[i] for i in kept])
            for batch in self._plan(packed.lengths.tolist()):
                yield [start + kept[i] for i in batch], packed.batch(batch)

    def _run_examples(self, examples: Sequence[Example]) -> Iterator[Any]:
        plan = self._plan([len(e.ids) for e in examples])
        return self._run(((batch, self.pad([examples[i] for i in batch])) for batch in plan), len(examples))

    def _plan(self, lengths: list[int]) -> list[list[int]]:
        return plan_by_length(lengths, self.classifier.batch_size, self.classifier.batch_pairs)

    def _run(self, batches: Iterator[tuple[list[int], tuple[Any, ...]]], count: int) -> Iterator[Any]:
        """Yield (places, (logits, weights)) of batches. The next batches are made while threads compute.

        Parameters
        ----------
        batches : iterator of (places, arrays)
        count : int
            Maximum number of texts.
        """
        waiting: deque[list[int]] = deque()

        def arrays() -> Iterator[tuple[Any, ...]]:
            for places, given in batches:
                waiting.append(places)
                yield given

        workers = self._workers if count > self.classifier.batch_size else 1
        for found in ahead(self.classifier, arrays(), workers, _AHEAD):
            yield waiting.popleft(), found

    def read(self, text: str, tokens: Sequence[Token] | None = None) -> EncodedText:
        """Encode a text. TextError if it is blank.

        Parameters
        ----------
        text : str
        tokens : sequence of Token or None
            The result of `visible` for the text; None computes it.
        """
        return self.reader.read(text, tokens)

    def visible(self, text: str) -> list[Token]:
        """The tokens of a text. TextError if it has none."""
        return self.reader.visible(text)

    def example(self, text: str, tokens: Sequence[Token]) -> Example:
        """Encode a text and its tokens as the model's numbers.

        Parameters
        ----------
        text : str
        tokens : sequence of Token
        """
        return self.read(text, tokens).example

    def pad(self, examples: Sequence[Example]) -> tuple[NDArray[Any], ...]:
        """Pad examples to one batch, as `inputs` returns it."""
        return pad_batch(examples, self.padding, self.fixed_length)
