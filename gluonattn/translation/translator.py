"""A trained translation model: its translations, and where each of its heads attends.

    >>> translator = load_translator("runs/en-fr")
    >>> translator.translate(["I am happy."])[0].text
    'Je suis heureux.'
    >>> translator.records("I am happy.")["cross"].weights.shape     # layers, heads, target, source
    (2, 8, 5, 5)

Both sequences end with `</s>`.

Stays whole: it is one public class. A third of it is docstrings.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..data.padding import plan_by_length
from ..errors import CheckpointError, DataError, OptionError, TextError
from ..models.folder import VOCABULARY
from ..models.snapshots import snapshot_epochs
from ..models.transformer_config import build_at_epoch
from ..plain import is_blank, plain, read_texts
from ..record import AttentionRecord, Token
from ..reference import softmax
from .config import load_translation
from .decoding import FORBIDDEN, as_arrays, translate_ids
from .pairs import SentencePair, from_table
from .settings import RECIPE
from .subwords import BEGIN, BEGIN_TEXT, END, END_TEXT, PADDING, from_json
from .training import HELD_OUT

Array = NDArray[Any]
KINDS = ("encoder", "decoder", "cross")
_BATCH, _MAX_CELLS = 128, 400_000


class Translation(NamedTuple):
    """One translation.

    Attributes
    ----------
    source, text : str
    score : float
        Log probability of the subwords and the end mark, in nats, divided by the length penalty of the search.
    ended : bool
        Whether the model generated the end mark. Otherwise the translation was cut at the model's maximum length.
    unknown : tuple of str
        Characters of the source that occurred in no training text. The model reads a placeholder for each.
    ids : tuple of int
        Ids of the subwords of `text`.
    """

    source: str
    text: str
    score: float
    ended: bool
    unknown: tuple[str, ...]
    ids: tuple[int, ...]


def load_translator(folder: str | os.PathLike[str], epoch: int | None = None) -> Translator:
    """Load a checkpoint folder of `gluonattn translation train`.

    Parameters
    ----------
    folder : path
    epoch : int or None
        Epoch of a snapshot. 0 is before training. None is the epoch with the highest BLEU on validation.

    Raises
    ------
    CheckpointError
        If the folder is missing, incomplete, of another kind of model, or has no such snapshot.
    DependencyError
        If SentencePiece is not installed.
    """
    return Translator(Path(folder), epoch)


class Translator:
    """A trained translation model.

    Attributes
    ----------
    folder : pathlib.Path
    config : dict
        The checkpoint's config.json.
    epoch : int
        The epoch of the weights.
    epochs : tuple of int
        Epochs with a snapshot.
    model : TranslationTransformer
    subwords : Subwords
    max_length : int
        Maximum number of subwords of a sentence.
    """

    def __init__(self, folder: Path, epoch: int | None = None):
        checkpoint = load_translation(folder)
        from .network import TranslationTransformer

        self.folder, self.config = folder, checkpoint.config
        self.subwords = from_json(checkpoint.vocabulary, folder / VOCABULARY)
        if len(self.subwords) != self.config["model"]["vocab_size"]:
            raise CheckpointError(f"{folder / VOCABULARY} has {len(self.subwords):,} subwords, but the model has "
                                  f"{self.config['model']['vocab_size']:,}. Copy the whole folder again.")
        self.epochs = snapshot_epochs(folder)
        self.epoch = self.config["epoch"] if epoch is None else epoch
        self.model = build_at_epoch(TranslationTransformer, checkpoint, folder, epoch)
        self.max_length = self.config["max_length"] - 1  # without the end or beginning mark

    def held_out(self, split: str = "test") -> list[SentencePair]:
        """Pairs that the model was not trained on: "test", or "valid", with which its best epoch was chosen."""
        if split not in ("valid", "test"):
            raise OptionError(f"expected valid or test; got {split!r}.")
        try:
            return from_table(self.folder / HELD_OUT, split)
        except DataError as error:
            raise CheckpointError(f"{error} Copy the whole folder again.") from None

    def translate(self, texts: Iterable[str], *, beam: int = 5, alpha: float = 1.0,
                  progress: Any = None) -> list[Translation]:
        """Translate sentences.

        Parameters
        ----------
        texts : iterable of str
        beam : int, default 5
            Number of translations that the search keeps. 1 is greedy.
        alpha : float, default 1.0
            Length penalty of the search (Wu et al. 2016): 0 prefers short translations.
        progress : callable or None
            Called with (sentences done, all sentences).

        Raises
        ------
        TextError
            If a sentence is empty or has more subwords than the model reads.
        OptionError
            If `beam` is below 1, or `alpha` below 0 or not a number.
        """
        if not isinstance(beam, int) or not 1 <= beam <= 100:
            raise OptionError(f"beam must be a whole number from 1 to 100; got {beam!r}.")
        if not 0 <= alpha <= 10:
            raise OptionError(f"alpha must be a number from 0 to 10; got {alpha!r}.")
        sources = [plain(text) for text in read_texts(texts, "translate")]
        read = [self._read(text) for text in sources]
        found = translate_ids(self.model, [ids for ids, _ in read], beam=beam, alpha=alpha, max_length=self.max_length + 1,
                              progress=progress)
        return [Translation(text, self.subwords.decode(one.ids), one.score, one.ended, tuple(self.subwords.unknown(text)),
                            tuple(one.ids)) for text, one in zip(sources, found)]

    def records(self, text: str, target: str | None = None, *, beam: int = 5) -> dict[str, AttentionRecord]:
        """Return the attention of the model while it translates a sentence.

        Parameters
        ----------
        text : str
        target : str or None
            A given translation (teacher forcing). None is the model's own translation.
        beam : int, default 5
            Number of translations that the search for the model's own one keeps. The weights are those of the result.

        Returns
        -------
        dict of str to AttentionRecord, weights (layers, heads, queries, keys)
            "encoder": source subwords attend to source subwords. The last is the end mark. "cross": row j is the step that
            generates target subword j, and the last row is the step that ends the sentence. Keys are the source subwords.
            "decoder": the same rows. Keys are the beginning mark `<s>` and the target subwords, of which row j sees the
            first j + 1 keys.
        """
        return self.all_records([text], None if target is None else [target], beam=beam)[0]

    def all_records(self, texts: Iterable[str], targets: Iterable[str] | None = None, *,
                    beam: int = 1) -> list[dict[str, AttentionRecord]]:
        """Return `records` of many sentences, computed in batches.

        Parameters
        ----------
        texts : iterable of str
        targets : iterable of str or None
            Given translations (teacher forcing). None takes the model's own.
        beam : int, default 1
            As for `records`.
        """
        sources = [plain(text) for text in read_texts(texts, "records")]
        decoded = targets is None
        if targets is None:
            own = self.translate(sources, beam=beam)
            said = [(list(one.ids), self._places(one)) for one in own]
            spoken = [one.text for one in own]
        else:
            spoken = [plain(text) for text in read_texts(targets, "records")]
            said = [self._read(text) for text in spoken]
        found: list[dict[str, AttentionRecord]] = [{}] * len(sources)
        read = [self._read(text) for text in sources]
        for batch, _, weights in self._force([ids for ids, _ in read], [ids for ids, _ in said]):
            for row, i in enumerate(batch):
                keys, rows = _ended(sources[i], read[i][1]), _ended(spoken[i], said[i][1])
                before = (Token(BEGIN_TEXT, 0, 0), *rows[:-1])
                sides = {"encoder": (keys, keys), "decoder": (rows, before), "cross": (rows, keys)}
                found[i] = {
                    kind: AttentionRecord(sources[i], queries, columns, matrix[:, row, :, : len(queries), : len(columns)],
                                          kind, target_text=None if kind == "encoder" else spoken[i],
                                          source=self._about(decoded))
                    for (kind, (queries, columns)), matrix in zip(sides.items(), weights)}
        return found

    def score(self, text: str, target: str) -> float:
        """Log probability of a translation, including its end mark, in nats.

        Parameters
        ----------
        text : str
        target : str
        """
        (source, _), (said, _) = self._read(plain(text)), self._read(plain(target))
        (_, logits, _), = self._force([source], [said])
        scores = logits[0].astype(np.float64)
        scores[:, list(FORBIDDEN)] = -np.inf  # as in the search
        p = softmax(scores)
        ids = [*said, END]
        return float(np.log(p[np.arange(len(ids)), ids]).sum())

    @contextmanager
    def without_head(self, kind: str, layer: int, head: int) -> Iterator[None]:
        """Remove a head until the end of the block: it adds nothing to its layer. The model is restored afterwards.

        Parameters
        ----------
        kind : {"encoder", "decoder", "cross"}
        layer, head : int
            Counted from 0.
        """
        parameter = self._output_of(kind, layer)
        heads = self.config["model"]["num_heads"]
        if not 0 <= head < heads:
            raise OptionError(f"head must be from 0 to {heads - 1}; got {head}.")
        kept = parameter.data().copy()
        width = kept.shape[1] // heads
        try:
            parameter.data()[:, head * width : (head + 1) * width] = 0
            yield
        finally:
            parameter.set_data(kept)

    def _output_of(self, kind: str, layer: int) -> Any:
        """The weights that project the heads' concatenated contexts into the states."""
        if kind not in KINDS:
            raise OptionError(f"expected one of {', '.join(KINDS)}; got {kind!r}.")
        layers = self.config["model"]["num_layers"]
        if not 0 <= layer < layers:
            raise OptionError(f"layer must be from 0 to {layers - 1}; got {layer}.")
        side = self.model.encoder if kind == "encoder" else self.model.decoder
        cell = side.transformer_cells[layer]
        name = {"encoder": "proj", "decoder": "proj_in", "cross": "proj_inter"}[kind]
        return getattr(cell, name).weight

    def _about(self, decoded: bool) -> dict[str, Any]:
        return {"model": self.folder.name, "recipe": RECIPE, "epoch": self.epoch, "framework": "mxnet",
                "versions": self.config["versions"], "decoded": decoded}

    def _places(self, translation: Translation) -> tuple[Token, ...]:
        """The places of a translation's subwords in its text. The search may have used other subwords than
        SentencePiece would."""
        tokens, start = [], 0
        for i in range(len(translation.ids)):
            end = max(start, len(self.subwords.decode(translation.ids[: i + 1])))
            piece = translation.text[start:end]
            begin = min(end, start + len(piece) - len(piece.lstrip()))
            tokens.append(Token(translation.text[begin:end], begin, end))
            start = end
        return tuple(tokens)

    def _force(self, sources: Sequence[list[int]],
               targets: Sequence[list[int]]) -> Iterator[tuple[list[int], Array, list[Array]]]:
        """Teacher forcing. Yield (positions, logits (B, T, V), [weights (layers, B, heads, queries, keys)]) by batch."""
        from ..runtime import mx

        if len(sources) != len(targets):
            raise TextError(f"expected as many translations as sentences; got {len(sources)} sentences and {len(targets)} "
                            "translations.")
        lengths = [max(map(len, both)) + 1 for both in zip(sources, targets)]
        for batch in plan_by_length(lengths, _BATCH, _MAX_CELLS):
            said = [[BEGIN, *targets[i]] for i in batch]
            table = np.full((len(said), max(map(len, said))), PADDING, np.float32)
            for line, row in zip(table, said):
                line[: len(row)] = row
            logits, weights = self.model(*as_arrays([sources[i] for i in batch]), mx.nd.array(table))
            yield batch, logits.asnumpy(), [np.stack([one.asnumpy() for one in kind]) for kind in weights]

    def _read(self, text: str) -> tuple[list[int], tuple[Token, ...]]:
        if is_blank(text):
            raise TextError("a sentence is empty: give a text to translate.")
        ids, tokens = self.subwords.encode(text)
        if len(ids) > self.max_length:
            raise TextError(f"{text!r:.60} has {len(ids)} subwords; this model reads up to {self.max_length}. Split it into "
                            "sentences, or train with a higher --max-length.")
        return ids, tokens


def _ended(text: str, tokens: Sequence[Token]) -> tuple[Token, ...]:
    return (*tokens, Token(END_TEXT, len(text), len(text)))
