"""Korean words and their pronunciation, and a small fairseq model that learns one from the other."""

from __future__ import annotations

import argparse
import re

import numpy as np

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
FINALS = ["", *"ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"]
SPLIT = {"ㄳ": "ㄱㅅ", "ㄵ": "ㄴㅈ", "ㄺ": "ㄹㄱ", "ㄻ": "ㄹㅁ", "ㄼ": "ㄹㅂ", "ㄾ": "ㄹㅌ", "ㄿ": "ㄹㅍ", "ㅄ": "ㅂㅅ"}


def pronounced(word: str) -> str:
    """A word with its final consonants carried over to a following vowel: 음악이 is said 으마기."""
    parts = [list(np.unravel_index(ord(c) - 0xAC00, (19, 21, 28))) for c in word]
    for one, following in zip(parts, parts[1:]):
        final = FINALS[one[2]]
        if INITIALS[following[0]] != "ㅇ" or final in ("", "ㅇ", "ㅎ"):
            continue
        kept, carried = SPLIT.get(final, ["", final])
        if carried in INITIALS:
            one[2], following[0] = FINALS.index(kept), INITIALS.index(carried)
    return "".join(chr(0xAC00 + int(np.ravel_multi_index(part, (19, 21, 28)))) for part in parts)


def pairs(texts: list[str]) -> list[tuple[str, str]]:
    words = dict.fromkeys(w for text in texts for w in re.findall("[가-힣]{2,7}", text))
    return [(word, pronounced(word)) for word in words]


def dictionary(words):
    from fairseq.data import Dictionary

    made = Dictionary()
    for word in words:
        for syllable in word:
            made.add_symbol(syllable)
    made.finalize(padding_factor=1)
    return made


def build(source, target):
    """An untrained model of two encoder and two decoder layers with four heads."""
    from fairseq.models.transformer import TransformerModel, base_architecture

    size = dict(embed_dim=64, ffn_embed_dim=128, attention_heads=4, layers=2)
    options = {f"{part}_{k}": v for part in ("encoder", "decoder") for k, v in size.items()}
    args = argparse.Namespace(**options, dropout=0.1, max_source_positions=64, max_target_positions=64)
    base_architecture(args)
    task = argparse.Namespace(source_dictionary=source, target_dictionary=target)
    return TransformerModel.build_model(args, task)


def batch(pairs, source, target, left: bool = True):
    """fairseq's own input: ids padded on the left (its default for sources) or on the right."""
    import torch
    from fairseq.data import data_utils

    sides = [[torch.tensor([d.index(s) for s in pair[i]] + [d.eos()]) for pair in pairs]
             for i, d in ((0, source), (1, target))]
    pad, eos = source.pad(), source.eos()
    tokens = data_utils.collate_tokens(sides[0], pad, eos, left_pad=left)
    previous = data_utils.collate_tokens(sides[1], pad, eos, left_pad=False, move_eos_to_beginning=True)
    wanted = data_utils.collate_tokens(sides[1], pad, eos, left_pad=False)
    return dict(src_tokens=tokens, src_lengths=torch.tensor([len(s) for s in sides[0]]),
                prev_output_tokens=previous), wanted
