from __future__ import annotations

import numpy as np
import pytest

from gluonattn.errors import RecordError
from gluonattn.record import AttentionRecord, Part, Token
from gluonattn.views.patches import patch_grid, patch_overlay, patch_weights

ROWS, COLUMNS, LAYERS, HEADS = 2, 3, 2, 4


def picture_record(front: int = 1, **source) -> AttentionRecord:
    names = [*(f"[{i}]" for i in range(front)), *(f"{i},{j}" for i in range(ROWS) for j in range(COLUMNS))]
    text = " ".join(names)
    tokens = [Token(n, text.index(n), text.index(n) + len(n)) for n in names]
    weights = np.random.default_rng(0).random((LAYERS, HEADS, len(names), len(names)))
    return AttentionRecord(text, tokens, tokens, weights / weights.sum(-1, keepdims=True),
                           source={"grid": [ROWS, COLUMNS], **source})


def test_weights_stand_where_the_patches_are():
    record = picture_record()
    matrix = record.matrix(1, 2)
    assert np.array_equal(patch_weights(record, layer=1, head=2), matrix[0, 1:].reshape(ROWS, COLUMNS))
    assert np.array_equal(patch_weights(record, layer=1, head=2, query=(1, 0)), matrix[4, 1:].reshape(ROWS, COLUMNS))
    assert np.array_equal(patch_weights(record, layer=1, head=2, query=6), matrix[6, 1:].reshape(ROWS, COLUMNS))
    without = picture_record(0)
    assert np.allclose(patch_weights(without), without.matrix().mean(0).reshape(ROWS, COLUMNS))


@pytest.mark.parametrize("picture", [np.zeros((20, 30, 3)), np.full((3, 20, 30), 200), np.random.default_rng(1).normal(
    size=(3, 20, 30)), np.ones((20, 30))], ids=["channels last", "channels first", "normalised", "grey"])
def test_the_overlay_covers_the_picture(picture):
    record = picture_record()
    ax = patch_overlay(record, picture, layer=0, head=1, query=(0, 2))
    below, above = ax.images
    assert tuple(below.get_extent()) == tuple(above.get_extent()) == (-0.5, 29.5, 19.5, -0.5)
    assert np.allclose(above.get_array(), patch_weights(record, layer=0, head=1, query=(0, 2)))
    assert np.min(below.get_array()) >= 0 and np.max(below.get_array()) <= 1
    (frame,) = ax.patches
    assert (frame.get_x(), frame.get_y(), frame.get_width(), frame.get_height()) == (19.5, -0.5, 10, 10)


def test_the_grid_of_a_part_has_the_numbers_of_its_model():
    axes = patch_grid(Part(layers=[1], heads=[3, 1]).of(picture_record()), np.zeros((20, 30, 3)))
    assert [ax.get_title() for ax in axes[0]] == ["3", "1"] and axes[0, 0].get_ylabel() == "1"


def test_the_grid_has_a_picture_for_each_head():
    record = picture_record()
    axes = patch_grid(record, np.zeros((20, 30, 3)), title="a cat")
    assert axes.shape == (LAYERS, HEADS)
    for layer in range(LAYERS):
        for head in range(HEADS):
            assert np.allclose(axes[layer, head].images[1].get_array(), patch_weights(record, layer=layer, head=head))


def test_what_is_no_picture_is_said():
    tokens = [Token("가", 0, 1)]
    text = AttentionRecord("가", tokens, tokens, np.ones((1, 1, 1, 1)))
    with pytest.raises(RecordError, match="not of a picture.*records_by_position"):
        patch_overlay(text, np.zeros((2, 2)))
    with pytest.raises(RecordError, match="a picture is .* got shape"):
        patch_overlay(picture_record(), np.zeros((2, 2, 2, 2)))
    with pytest.raises(RecordError, match="not among 2 x 3 patches"):
        patch_weights(picture_record(), query=(2, 0))
    with pytest.raises(RecordError, match="not among the 7"):
        patch_weights(picture_record(), query=7)
