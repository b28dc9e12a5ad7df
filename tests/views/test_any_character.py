"""Every view takes every character that Unicode has: alone, in a row, and as half a character."""

from __future__ import annotations

import sys
import unicodedata
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.views.fonts import standing_letter
from gluonattn.views.grid import epochs
from gluonattn.views.heatmap import heatmap
from gluonattn.views.overlay import overlay
from gluonattn.views.page import to_html
from gluonattn.views.projection import projection
from gluonattn.views.terminal import to_terminal

OLD_LETTERS = "".join(map(chr, (*range(0x1100, 0x1200), *range(0x3131, 0x318F), *range(0xA960, 0xA97D),
                                *range(0xD7B0, 0xD7FC))))
CHARACTERS = st.sampled_from(OLD_LETTERS) | st.characters(exclude_categories=())


def record_of(characters: list[str]) -> AttentionRecord:
    """Each character is a token of its own, as the jamo and syllable tokenizers have it."""
    text = "".join(characters)
    tokens = [Token(c, i, i + 1) for i, c in enumerate(text)]
    weights = np.random.default_rng(0).dirichlet(np.ones(len(tokens)), (1, 1, len(tokens)))
    return AttentionRecord(text, tokens, tokens, weights, prediction=Prediction("부정", {"부정": 1.0}),
                           attributions={"norm": np.linspace(-1, 1, len(tokens) + 2)[1:-1]})


def test_every_letter_stands_alone_or_is_itself():
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character)[0] in "LM":
            assert len(standing_letter(character)) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(CHARACTERS, min_size=1, max_size=12), st.sampled_from(["full", "16", "none"]))
@example(["\ud7d5"], "none")
def test_the_terminal_takes_any_character(characters, colours):
    record = record_of(characters)
    shown = to_terminal(record, colours=colours)
    assert shown.endswith("\n")
    shown.encode("utf-8")


@settings(max_examples=15, deadline=None)
@given(st.lists(CHARACTERS, min_size=1, max_size=6))
@example(["\ud7d5", "가"])
@example(["\U0008c587"])  # no font has it
@pytest.mark.parametrize("view", [overlay, heatmap, to_html], ids=lambda view: view.__name__)
def test_pictures_and_the_page_take_any_character(view, characters):
    import matplotlib.pyplot as plt

    record = record_of(characters)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a letter that no font has
        drawn = view(record)
        if view is to_html:
            drawn.encode("utf-8")
        else:
            drawn.figure.canvas.draw()
            plt.close(drawn.figure)


def epochs_of(record: AttentionRecord) -> object:
    return epochs({record.queries[0].text: record, "2": record})


def tags_of(record: AttentionRecord) -> object:
    return projection([record], colour="tag")


# What matplotlib would set as a formula, whole and broken.
FORMULAS = st.sampled_from(["$x$", "$x_{$", "$", "\\frac{", "}$", "\\$", "$\\alpha", "가", "\n", " "]) | CHARACTERS


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(FORMULAS, min_size=1, max_size=4).map("".join), min_size=3, max_size=4))
@example(["$x_{$", "$\\frac{$", "가"])
@pytest.mark.parametrize("view", [overlay, heatmap, epochs_of, tags_of], ids=lambda view: view.__name__)
def test_no_word_is_set_as_a_formula(view, words):
    import matplotlib.pyplot as plt

    text, tokens = "", []
    for word in words:
        tokens.append(Token(word, len(text), len(text) + len(word), word))
        text += word + " "
    random = np.random.default_rng(0)
    vectors = random.normal(size=(1, 1, len(tokens), 3))
    record = AttentionRecord(text, tokens, tokens, random.dirichlet(np.ones(len(tokens)), (1, 1, len(tokens))),
                             queries_vectors=vectors, keys_vectors=vectors + 1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a letter that no font has
        drawn = view(record)
        drawn.figure.canvas.draw()
        plt.close(drawn.figure)
