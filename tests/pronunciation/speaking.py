"""A model of pronunciation whose heads and decisions are known: it speaks by the rules over sounds."""

from __future__ import annotations

import numpy as np

from gluonattn.pronunciation.causes import changed_sites
from gluonattn.pronunciation.pronounce import Pronunciation, pronounce
from gluonattn.record import AttentionRecord, Token
from gluonattn.text.jamo import ALPHABET, conjoin

HEADS = ("cause", "even", "own", "next")
DOUBT = 1e-4


def decided_by(said: Pronunciation) -> dict[str, dict[int, int]]:
    """Rows whose sound a letter changed, by kind, and the key where it stands."""
    sites = changed_sites(said)
    heard = {}
    for site in sites:
        before = [n for n in range(site.sound) if set(said.jamo[n].source) & set(site.cause)]
        if before:
            heard[site.sound] = before[0] + 1  # the key that begins comes first
    return {"encoder": {site.own[0]: site.cause[0] for site in sites}, "decoder": heard,
            "cross": {site.sound: site.cause[0] for site in sites}}


def hand_made(said: Pronunciation, heads=HEADS, layers: int = 1) -> dict[str, AttentionRecord]:
    """Records by kind. Heads: "cause" looks at the cause and else at its own letter, "even" everywhere alike, "own" at its
    own place, "next" at the key after that, "elsewhere" at the last it may see."""
    causes, records = decided_by(said), {}
    written = [Token(letter.jamo, letter.syllable, letter.syllable + 1) for letter in said.letters]
    spoken = [Token(sound.jamo, sound.syllable, sound.syllable + 1) for sound in said.jamo]
    sides = {"encoder": (written, written), "cross": (spoken, written),
             "decoder": (spoken, [Token("<s>", 0, 0), *spoken[:-1]])}
    for kind, (queries, keys) in sides.items():
        weights = np.zeros((layers, len(heads), len(queries), len(keys)))
        for row in range(len(queries)):
            own = said.jamo[row].source[0] if kind == "cross" else row
            seen = row + 1 if kind == "decoder" else len(keys)
            aim = {"cause": causes[kind].get(row, own), "own": own, "next": min(own + 1, seen - 1), "elsewhere": seen - 1}
            for head, name in enumerate(heads):
                if name == "even":
                    weights[:, head, row, :seen] = 1 / seen
                else:
                    weights[:, head, row, :seen] = 1e-6
                    weights[:, head, row, aim[name]] = 1 - 1e-6 * (seen - 1)
        records[kind] = AttentionRecord(said.text, queries, keys, weights, kind=kind,
                                        target_text=None if kind == "encoder" else said.sounds)
    return records


class RuleSpeaker:
    """Speaks by the rules, with or without the word lists, and looks with the heads of `hand_made`."""

    alphabet = (*ALPHABET, "</s>")

    def __init__(self, heads=HEADS, lexical: bool = True, layers: int = 1):
        self.heads, self.lexical, self.layers = heads, lexical, layers

    def say(self, spellings):
        return [pronounce(spelling, lexical=self.lexical).sounds for spelling in spellings]

    def distributions(self, words, sounds):
        """Sure of what the rules say, whatever was said before; every other letter has the same small share."""
        found = []
        for word, given in zip(words, sounds):
            table = np.full((len(pronounce(given).letters) + 1, len(self.alphabet)), DOUBT)
            for row, sound in zip(table, pronounce(word, lexical=self.lexical).jamo):
                row[self.alphabet.index(conjoin(sound.jamo, sound.place))] = 1 - DOUBT * (len(self.alphabet) - 1)
            found.append(table)
        return found

    def all_records(self, words, sounds):
        return [hand_made(pronounce(word), self.heads, self.layers) for word in words]
