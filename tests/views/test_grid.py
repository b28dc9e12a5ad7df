from __future__ import annotations

import re

import numpy as np
import pytest

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord, Part, Token
from gluonattn.record.modes import roll_out, subtract_weights
from gluonattn.views.grid import difference, epochs, grid
from gluonattn.views.grid_page import grid_page

from .pages import changed, hostile, numbered, random_weights, record_of

SENTENCE = "정말 좋은 영화였다"


@pytest.fixture(autouse=True)
def no_screen():
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_every_head_stands_in_its_place_on_one_scale():
    record = record_of(SENTENCE, layers=3, heads=2)
    ax = grid(record)
    (image,) = ax.get_images()
    mosaic, size = np.ma.filled(image.get_array(), np.nan), len(record.queries)
    for layer, y in enumerate(ax.get_yticks()):
        for head, x in enumerate(ax.get_xticks()):
            top, left = round(y - (size - 1) / 2), round(x - (size - 1) / 2)
            assert (mosaic[top : top + size, left : left + size] == record.weights[layer, head]).all()
    assert np.isfinite(mosaic).sum() == record.weights.size
    assert (image.norm.vmin, image.norm.vmax) == (0, pytest.approx(float(record.weights.max())))
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "2"]
    assert grid(record, ax=ax, highest=0.5) is ax and ax.get_images()[1].norm.vmax == 0.5


def test_difference_is_second_minus_first_around_white():
    first = record_of(SENTENCE, layers=2, heads=2)
    second = changed(first, 5)
    change = subtract_weights(first, second)
    assert (change == second.weights - first.weights).all()
    image = difference(first, second).get_images()[0]
    assert image.norm.vmax == -image.norm.vmin == pytest.approx(np.abs(change).max())
    assert image.cmap(image.norm(0.0))[:3] == pytest.approx((1, 1, 1), abs=0.02)
    with pytest.raises(RecordError, match="same tokens"):
        difference(first, record_of("다른 말이다", layers=2, heads=2))
    with pytest.raises(RecordError, match=r"got \(2, 2\) and \(1, 2\)"):
        difference(first, record_of(SENTENCE, layers=1, heads=2))


@pytest.mark.parametrize("layers", [1, 2])
def test_the_label_of_the_scale_fits_beside_a_small_grid(layers):
    record = record_of("국물", layers=layers, heads=2)
    for ax in (grid(record), difference(record, changed(record, 5))):
        figure = ax.figure
        figure.canvas.draw()
        (bar,) = [other for other in figure.axes if other is not ax]
        label = bar.yaxis.label.get_window_extent()
        assert label.y0 >= 0 and label.y1 <= figure.bbox.height


def test_epochs_have_a_row_for_each_head_a_column_each_and_one_scale():
    from matplotlib.patches import Rectangle

    first = record_of(SENTENCE, layers=2, heads=2)
    second = changed(first, 5)
    ax = epochs({"학습 전": first, "1에폭": second}, marks=[(0, 2)])
    (image,) = ax.get_images()
    mosaic, size = np.ma.filled(image.get_array(), np.nan), len(first.queries)
    for row, at in enumerate(np.ndindex(2, 2)):
        for column, record in enumerate((first, second)):
            top, left = row * (size + 1), column * (size + 1)
            assert (mosaic[top : top + size, left : left + size] == record.weights[at]).all()
    assert np.isfinite(mosaic).sum() == 2 * first.weights.size
    assert image.norm.vmax == pytest.approx(max(float(r.weights.max()) for r in (first, second)))
    assert [t.get_text() for t in ax.get_xticklabels()] == [t.text for t in first.keys] * 2
    said = {t.get_text() for t in ax.texts}
    assert {"학습 전", "1에폭", "layer 1, head 0"} <= said
    frames = [p.get_xy() for p in ax.patches if isinstance(p, Rectangle)]
    assert len(frames) == 8 and frames[0] == (1.5, -0.5)
    assert epochs({"a": first}, highest=0.5, ax=ax) is ax
    with pytest.raises(RecordError, match="same tokens"):
        epochs({"a": first, "b": record_of("다른 말이다", layers=2, heads=2)})
    with pytest.raises(RecordError, match="at least one record"):
        epochs({})


def test_twelve_layers_of_twelve_heads_of_128_tokens_stay_below_3_megabytes():
    one = numbered(128)
    record = AttentionRecord(one.text, one.queries, one.keys, random_weights((12, 12, 128, 128), sharpness=0.05))
    page = grid_page(record)
    assert 1_000_000 < len(page.encode()) < 3_000_000
    assert '"layers":12,"heads":12' in page and '"averaged":{}' in page


def test_names_and_languages_are_checked():
    with pytest.raises(OptionError, match="got 2 records and 1 names"):
        grid_page([numbered(3), numbered(3)], names=["a"])
    with pytest.raises(OptionError, match="language"):
        grid_page(numbered(3), lang="fr")


@pytest.mark.browser
def test_pressing_a_head_opens_it(visit):
    record = record_of(SENTENCE, layers=3, heads=4)
    page = visit(grid_page([record, roll_out(record)], lang="en"))
    assert page.locator(".heads button").count() == 12
    page.locator(".heads button").nth(6).click()
    assert page.locator("select[data-name=layerfalse]").input_value() == "1"
    assert page.locator("select[data-name=headfalse]").input_value() == "2"
    assert page.locator(".heads button[aria-pressed=true]").count() == 1
    shade = page.locator(".heads canvas").nth(6).evaluate(
        "c => Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data).filter((_, i) => i % 4 === 0)")
    order = np.argsort(record.weights[1, 2].ravel())
    assert shade[order[0]] > shade[order[-1]], "larger weights are darker"
    page.locator("select[data-name=record]").select_option("1")
    assert page.locator(".heads button").count() == 3
    page.locator("select[data-name=theme]").select_option("dark")
    page.wait_for_function("document.querySelector('.gluonattn-heads').dataset.theme === 'dark'")


CHOSEN = Part(layers=[0, 2], heads=[3, 1])


def test_a_part_keeps_the_numbers_of_its_model():
    from gluonattn.views.heatmap import heading

    part = CHOSEN.of(record_of(SENTENCE, layers=3, heads=4))
    ax = grid(part)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "2"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["3", "1"]
    assert "layer 2" in heading(part, 1, 0) and "head 3" in heading(part, 1, 0)
    written = [text.get_text() for text in epochs({"1": part, "2": part}).texts]
    assert "layer 2, head 3" in written and "layer 1, head 0" not in written
    assert re.search("layer 2,? head 3", grid_page(part, lang="en"))  # for readers without scripts


@pytest.mark.browser
def test_a_part_keeps_the_numbers_of_its_model_on_the_page(visit):
    page = visit(grid_page(CHOSEN.of(record_of(SENTENCE, layers=3, heads=4)), lang="en"))
    assert page.locator("table.heads thead th").all_inner_texts()[1:] == ["3", "1"]
    assert page.locator("table.heads tbody th").all_inner_texts() == ["0", "2"]
    page.locator(".square").nth(2).click()
    assert page.locator("section .title").inner_text() == "layer 2 · head 3"
    assert page.locator("select[data-name=layerfalse] option").all_inner_texts()[1:] == ["0", "2"]


@pytest.mark.browser
def test_hostile_tokens_stay_text(visit):
    page = visit(grid_page(hostile(), names=["<img src=x onerror=window.pwned=1>"]))
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize("words", [["난", "과학", "에", "관심", "있어"], ["I", "got", "a", "D", "in", "science"],
                                   list("가나다라")])
def test_tokens_of_any_length_stand_clear_of_one_another(words):
    tokens, start = [], 0
    for word in words:
        tokens.append(Token(word, start, start + len(word)))
        start += len(word) + 1
    weights = np.full((1, 2, len(words), len(words)), 1 / len(words), np.float32)
    record = AttentionRecord(" ".join(words), tuple(tokens), tuple(tokens), weights, "encoder")
    ax = epochs({"one": record, "two": record})
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in (*ax.get_xticklabels(), *ax.texts)]
    for i, box in enumerate(boxes):
        # Letters leave a little of their box empty.
        assert not any(box.padded(-1).overlaps(other.padded(-1)) for other in boxes[:i])


@pytest.mark.parametrize("highest", [0.004, 0.0525, 0.316, 0.505, 0.97, 1.0])
def test_the_labels_of_the_scale_stand_clear_of_one_another(highest):
    ax = grid(record_of(SENTENCE, layers=2, heads=2), highest=highest)
    ax.figure.canvas.draw()
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    shown = [label.get_window_extent() for label in bar.get_yticklabels() if label.get_text()]
    boxes = sorted(shown, key=lambda box: box.y0)
    assert len(boxes) >= 4 and all(low.y1 <= high.y0 for low, high in zip(boxes, boxes[1:]))
