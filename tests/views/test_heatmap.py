from __future__ import annotations

import itertools
import math
import random

import matplotlib
import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.colors import to_rgb

from gluonattn.errors import RecordError
from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.text import tokenizer
from gluonattn.views.fonts import families, save_figure
from gluonattn.views.heatmap import heatmap, shown

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"


@pytest.fixture(autouse=True)
def close_figures():
    plt.close("all")
    yield
    plt.close("all")


def record_of(names, *, queries=None, layers=1, heads=1, **parts):
    """A record over made-up tokens that stand one after the other in their text."""

    def tokens(words):
        text, found = "", []
        for word in words:
            found.append(Token(word, len(text), len(text) + len(word)))
            text += word + " "
        return text, found

    text, keys = tokens(names)
    target, queries = tokens(queries) if queries else (None, keys)
    weights = np.random.default_rng(0).dirichlet(np.full(len(keys), 0.3), (layers, heads, len(queries)))
    return AttentionRecord(
        text, queries, keys, weights, kind="cross" if target else "self", target_text=target, **parts
    )


def words(n):
    syllables = itertools.cycle("가지고있는이야기에비해정말로수준떨어지는연출편집배우들의연기")
    return ["".join(itertools.islice(syllables, 1 + i % 4)) for i in range(n)]


def labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def printed(ax):
    return {(round(t.get_position()[1]), round(t.get_position()[0])): t for t in ax.texts}


# ---------------------------------------------------------------- labels


def test_labels_are_the_tokens_in_reading_order_in_a_font_with_hangul():
    tokens = tokenizer("mecab")(SENTENCE)
    record = AttentionRecord(
        SENTENCE, tokens, tokens, np.full((1, 1, len(tokens), len(tokens)), 1 / len(tokens))
    )
    ax = heatmap(record)
    for axis in (ax.xaxis, ax.yaxis):
        assert labels(axis) == [t.text for t in tokens]
        assert list(axis.get_ticklocs()) == list(range(len(tokens)))
        assert all(label.get_fontfamily() == families() for label in axis.get_ticklabels())
    assert ax.yaxis_inverted() and not ax.xaxis_inverted()  # first query on top, first key on the left
    assert ax.xaxis.get_ticks_position() == "top"


def test_queries_go_down_and_keys_across():
    record = record_of(["정말", "좋은", "영화"], queries=["a", "b"])
    ax = heatmap(record)
    assert labels(ax.yaxis) == ["a", "b"] and labels(ax.xaxis) == ["정말", "좋은", "영화"]
    assert np.asarray(ax.images[0].get_array()).shape == (2, 3)
    assert "query" in ax.get_ylabel() and "key" in ax.get_xlabel()
    for label in (ax.xaxis.label, ax.yaxis.label, ax._left_title):
        assert label.get_fontfamily() == families()


@pytest.mark.parametrize(
    "token, label",
    [
        ("영화", "영화"),
        ("$x_2$", r"\$x_2\$"),
        ("a\\$", r"a\\$"),
        ("_^{}\\frac", "_^{}\\frac"),
        ("\x00\x1b[31m", "··[31m"),
        ("가\n나\t", "가·나·"),
        ("\u202e반대\u2069", "·반대·"),
        ("\ud800", "·"),
        ("\u2028", "·"),
        ("", ""),
        ("가" * 12, "가" * 12),
        ("가" * 13, "가" * 11 + "…"),
        ("ㅋ" * 200, "ㅋ" * 11 + "…"),
        ("$" * 13, r"\$" * 11 + "…"),
        ("<script>&", "<script>&"),
    ],
)
def test_hostile_tokens_become_harmless_labels(token, label):
    assert shown(token) == label


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_no_label_is_long_or_holds_an_invisible_or_steering_character(text):
    label = shown(text)
    assert len(label.replace(r"\$", "$")) <= 12
    assert not set(label) & {
        *map(chr, range(32)),
        *"\x7f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    }
    label.encode("utf-8")  # no surrogate is left


HOSTILE = [
    "$x_2$",
    "$",
    "$\\frac$",
    "\x00",
    "\ud800",
    "\u202e반대",
    "ㅋ" * 200,
    "<b>&\"'",
    "%s{}",
    "_",
    "🔥",
    "\\$\\",
]


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_hostile_tokens_can_be_drawn_and_saved(tmp_path, ending):
    record = record_of(HOSTILE, prediction=Prediction("$\\frac$", {"$\\frac$": 1.0}), source={"cell": "$_{"})
    path = save_figure(heatmap(record), tmp_path / f"a.{ending}")
    assert path.stat().st_size > 1000


def test_an_svg_holds_the_tokens_as_escaped_selectable_text(tmp_path):
    from xml.etree import ElementTree

    path = save_figure(heatmap(record_of([*HOSTILE, "수준떨어지는"])), tmp_path / "a.svg")
    written = [e.text for e in ElementTree.parse(path).iter() if e.tag.endswith("}text")]
    for label in ("수준떨어지는", "<b>&\"'", "$x_2$", "$\\frac$", "·반대", "·", "ㅋ" * 11 + "…", ":fire:"):
        assert written.count(label) >= 2, label


def test_hangul_labels_in_an_svg_are_searchable_as_typed(tmp_path):
    from xml.etree import ElementTree

    tokens = tokenizer("mecab")(SENTENCE)
    weights = np.full((1, 1, len(tokens), len(tokens)), 1 / len(tokens))
    path = save_figure(heatmap(AttentionRecord(SENTENCE, tokens, tokens, weights)), tmp_path / "a.svg")
    written = [e.text for e in ElementTree.parse(path).iter() if e.tag.endswith("}text")]
    assert all(written.count(token.text) >= 2 for token in tokens)  # down and across


def test_labels_stand_upright_where_they_fit_and_lean_where_they_do_not():
    assert {t.get_rotation() for t in heatmap(record_of(["정말", "좋은", "영화"])).get_xticklabels()} == {0}
    assert {t.get_rotation() for t in heatmap(record_of(["수준떨어지는", "영화"])).get_xticklabels()} == {60}


def overlaps(boxes):
    return [
        (a, b)
        for (a, one), (b, two) in itertools.combinations(enumerate(boxes), 2)
        if one.x0 < two.x1 - 0.5 and two.x0 < one.x1 - 0.5 and one.y0 < two.y1 - 0.5 and two.y0 < one.y1 - 0.5
    ]


def assert_no_label_collides(ax):
    ax.figure.canvas.draw()
    renderer = ax.figure.canvas.get_renderer()
    down = [t.get_window_extent(renderer) for t in ax.get_yticklabels()]
    assert not overlaps(down)
    across = ax.get_xticklabels()
    angle = across[0].get_rotation()
    boxes = [t.get_window_extent(renderer) for t in across]
    if angle == 0:
        assert not overlaps(boxes)
    elif len(across) > 1:  # leaning lines: what is between them, at right angles, must hold a line
        step = ax.transData.transform([(1, 0), (0, 0)])
        between = (step[0] - step[1])[0] * math.sin(math.radians(angle))
        assert between >= across[0].get_fontsize() * ax.figure.dpi / 72
    # No label stands in the matrix, in the other axis' labels, or in the title.
    matrix = ax.get_window_extent(renderer)
    assert all(box.y0 >= matrix.y1 - 1 for box in boxes) and all(box.x1 <= matrix.x0 + 1 for box in down)
    if ax._left_title.get_text():
        assert ax._left_title.get_window_extent(renderer).y0 >= max(box.y1 for box in boxes) - 1


@pytest.mark.parametrize("n", [1, 2, 5, 14, 16, 17, 30, 60])
def test_labels_do_not_collide_in_a_figure_of_its_own(n):
    ax = heatmap(record_of(words(n), prediction=Prediction("긍정", {"긍정": 1.0})))
    assert_no_label_collides(ax)
    assert all(t.get_fontsize() == 9 for t in ax.get_xticklabels())  # and stay readable


@pytest.mark.parametrize(
    "names", [["수준떨어지는연출과편집"] * 16, ["WWWW"] * 10, ["ㅋ" * 200] * 60, [".", "가"] * 30]
)
def test_wide_and_narrow_labels_do_not_collide(names):
    assert_no_label_collides(heatmap(record_of(names)))


@pytest.mark.parametrize("layout", [None, "constrained"])
@pytest.mark.parametrize("n", [3, 16, 30, 60])
def test_labels_do_not_collide_in_axes_that_are_given(n, layout):
    ax = plt.figure(layout=layout).add_subplot()
    heatmap(record_of(words(n)), ax=ax, title="")
    assert_no_label_collides(ax)


@pytest.mark.nsmc
@pytest.mark.slow
def test_labels_do_not_collide_on_reviews_of_nsmc(nsmc):
    with open(nsmc / "ratings_test.txt", encoding="utf-8") as file:
        reviews = [line.rstrip("\n").split("\t")[1] for line in file][1:]
    split = tokenizer("mecab")
    for text in random.Random(0).sample([r for r in reviews if r.strip()], 60):
        tokens = split(text)
        weights = np.full((1, 1, len(tokens), len(tokens)), 1 / len(tokens))
        ax = heatmap(AttentionRecord(text, tokens, tokens, weights))
        assert_no_label_collides(ax)
        plt.close(ax.figure)


# ---------------------------------------------------------------- numbers and colours


def test_printed_numbers_are_the_weights_in_percent():
    record = record_of(words(16))
    cells = printed(heatmap(record))
    assert len(cells) == 16 * 16
    for (row, column), text in cells.items():
        assert text.get_text() == f"{100 * float(record.weights[0, 0, row, column]):.0f}"


@pytest.mark.parametrize(
    "n, asked, expected", [(16, None, 256), (17, None, 0), (17, True, 289), (3, False, 0)]
)
def test_numbers_are_printed_on_small_ones_or_when_asked(n, asked, expected):
    assert len(heatmap(record_of(words(n)), numbers=asked).texts) == expected


def test_numbers_stay_inside_their_cells():
    record = record_of(words(16))
    for ax in (heatmap(record), heatmap(record, ax=plt.figure(figsize=(3, 3)).add_subplot())):
        ax.figure.canvas.draw()
        side = ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0]
        assert all(t.get_window_extent().width <= side for t in ax.texts)


@pytest.mark.parametrize("colour_map", ["Blues", "viridis", "Greys_r", "Greys"])
def test_numbers_can_be_read_on_their_colour(colour_map):
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    record = record_of(words(12))
    ax = heatmap(record, colour_map=colour_map)
    image = ax.images[0]
    for (row, column), text in printed(ax).items():
        ground = luminance(image.cmap(image.norm(record.weights[0, 0, row, column]))[:3])
        ink = luminance(to_rgb(text.get_color()))
        contrast = (max(ground, ink) + 0.05) / (min(ground, ink) + 0.05)
        assert contrast >= 4.5, (row, column, text.get_color())


def test_the_default_colours_darken_steadily_for_grey_print():
    cmap = heatmap(record_of(words(3))).images[0].cmap
    grey = cmap(np.linspace(0, 1, 64))[:, :3] @ (0.299, 0.587, 0.114)
    assert (np.diff(grey) < 0).all()


def test_colours_run_from_0_to_the_largest_weight_or_the_one_given():
    record = record_of(words(5))
    image = heatmap(record).images[0]
    assert image.get_clim() == (0, pytest.approx(float(record.weights.max())))
    assert np.asarray(image.get_array()) == pytest.approx(record.weights[0, 0])
    assert heatmap(record, highest=0.9).images[0].get_clim() == (0, 0.9)


def test_the_bar_speaks_percent_as_the_cells_do():
    ax = heatmap(record_of(words(3)), highest=1.0)
    bar = ax.images[0].colorbar
    ax.figure.canvas.draw()
    assert "%" in bar.ax.get_ylabel()
    assert [t.get_text() for t in bar.ax.get_yticklabels()] == ["0", "20", "40", "60", "80", "100"]


@pytest.mark.parametrize("layer, head", [(None, None), (1, None), (None, 2), (0, 1), (-1, -1)])
def test_a_head_of_its_own_or_the_mean(layer, head):
    record = record_of(words(4), layers=2, heads=3)
    drawn = np.asarray(heatmap(record, layer=layer, head=head).images[0].get_array())
    assert drawn == pytest.approx(record.matrix(layer, head))


def test_a_head_that_is_not_there():
    with pytest.raises(RecordError, match="head 3 does not exist"):
        heatmap(record_of(words(4)), head=3)
    assert not plt.get_fignums()  # and no empty figure is left behind


def test_weights_that_are_all_zero_can_be_drawn():
    token = [Token("가", 0, 1)]
    ax = heatmap(AttentionRecord("가", token, token, np.zeros((1, 1, 1, 1)), normalised=False))
    assert ax.images[0].get_clim() == (0, 1)
    assert "up to 100% of a row is not shown" in ax.get_title(loc="left")


@pytest.mark.parametrize(
    "parts, title",
    [
        ({}, ""),
        (
            {"prediction": Prediction("부정", {"부정": 0.974, "긍정": 0.026}), "source": {"cell": "mlp"}},
            "부정  97.4%  ·  mlp cell",
        ),
        ({"prediction": Prediction(None)}, ""),
        ({"layers": 2, "heads": 2}, "mean of layers  ·  mean of heads"),
        ({"source": {"cell": 7}}, "7 cell"),
    ],
)
def test_the_title_names_the_prediction_and_what_was_averaged(parts, title):
    assert heatmap(record_of(words(3), **parts)).get_title(loc="left") == title


def test_a_title_of_ones_own():
    assert heatmap(record_of(words(3)), title="내 그림").get_title(loc="left") == "내 그림"


# ---------------------------------------------------------------- manners


def test_axes_that_are_given_are_drawn_in_and_given_back():
    figure, (left, right) = plt.subplots(1, 2)
    assert heatmap(record_of(words(3)), ax=right) is right
    assert plt.get_fignums() == [figure.number]
    assert right.images and not left.images and right.images[0].colorbar.ax.figure is figure


def test_axes_that_pyplot_does_not_know_stay_unknown_to_it():
    ax = matplotlib.figure.Figure().add_subplot()
    heatmap(record_of(words(3)), ax=ax)
    assert ax.images and not plt.get_fignums()


def test_without_axes_a_new_figure_is_made_and_the_others_stay(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("show() is the caller's"))
    older = plt.figure()
    ax = heatmap(record_of(words(3)))
    assert plt.get_fignums() == [older.number, ax.figure.number]


def test_nothing_global_is_changed(tmp_path):
    before, default = dict(matplotlib.rcParams), font_manager.findfont(font_manager.FontProperties())
    record = record_of(words(20))
    save_figure(heatmap(record), tmp_path / "a.svg")
    assert dict(matplotlib.rcParams) == before
    assert font_manager.findfont(font_manager.FontProperties()) == default


@settings(max_examples=10, deadline=None)
@given(st.integers(1, 8), st.integers(1, 8))
def test_any_shape_can_be_drawn(queries, keys):
    ax = heatmap(record_of(words(keys), queries=words(queries)))
    assert len(ax.texts) == queries * keys
    plt.close(ax.figure)


def test_options_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        heatmap(record_of(words(3)), 0)


def test_a_real_models_record_can_be_drawn(tiny_model, tmp_path):
    from gluonattn import load

    record = load(tiny_model, "cpu").explain(SENTENCE)
    ax = heatmap(record)
    assert labels(ax.xaxis) == [t.text for t in record.keys]
    assert record.label_name(record.prediction.label) in ax.get_title(loc="left")
    assert_no_label_collides(ax)
