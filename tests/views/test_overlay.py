from __future__ import annotations

import itertools
import random
import re
from xml.etree import ElementTree

import matplotlib
import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from matplotlib.colors import to_rgb

from gluonattn.errors import OptionError, RecordError
from gluonattn.metrics import received
from gluonattn.record import AttentionRecord, Prediction, Token
from gluonattn.text import tokenizer
from gluonattn.views.fonts import save_figure
from gluonattn.views.overlay import overlay
from gluonattn.views.pen import INK, SHADE, UNSEEN

from ..tolerance import tolerance

SENTENCE = "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집"
HOSTILE = ["$x_2$", "$", "$\\frac$", "\x00", "\ud800", "\u202e반대", "ㅋ" * 200, "<b>&\"'", "%s{}", "\u200d", "🔥", "é"]
LONG = " ".join([SENTENCE] * 4)

pytestmark = pytest.mark.filterwarnings("ignore:no installed font can draw")


@pytest.fixture(autouse=True)
def close_figures():
    plt.close("all")
    yield
    plt.close("all")


def self_record(text, tokens=None, *, layers=1, heads=1, weights=None, seed=0, spread=0.3, **parts):
    tokens = tokenizer("mecab")(text) if tokens is None else tokens
    n = len(tokens)
    if weights is None:
        weights = np.random.default_rng(seed).dirichlet(np.full(n, spread), (layers, heads, n))
    return AttentionRecord(text, tokens, tokens, weights, **parts)


def cross_record(source="어제 본 영화가 정말 재미있었다.", target="The film I saw was really fun.", seed=0):
    keys = [*tokenizer("mecab")(source), Token("</s>", len(source), len(source))]
    queries = [Token("<s>", 0, 0), *tokenizer("whitespace")(target)]
    weights = np.random.default_rng(seed).dirichlet(np.full(len(keys), 0.2), (1, 1, len(queries)))
    return AttentionRecord(source, queries, keys, weights, kind="cross", target_text=target)


def arcs(ax):
    """The drawn arcs by (query, key)."""
    found = {}
    for patch in ax.patches:
        if re.fullmatch(r"look-\d+-\d+", patch.get_gid() or ""):
            _, query, key = patch.get_gid().split("-")
            found[int(query), int(key)] = patch
    return found


def text_of(ax):
    """What stands in the size of the text: its words."""
    return [t for t in ax.texts if t.get_fontsize() == 14]


def shades(ax):
    return [p for p in ax.patches if p.get_facecolor()[:3] == to_rgb(SHADE) and p.get_gid() is None
            and p.get_zorder() == 1 and p.get_alpha() is not None]


def extents(ax, artists):
    ax.figure.canvas.draw()
    return [artist.get_window_extent() for artist in artists]


def overlaps(boxes):
    return [
        (a, b)
        for (a, one), (b, two) in itertools.combinations(enumerate(boxes), 2)
        if one.x0 < two.x1 - 0.5 and two.x0 < one.x1 - 0.5 and one.y0 < two.y1 - 0.5 and two.y0 < one.y1 - 0.5
    ]


def assert_nothing_collides(ax):
    labels = [t for t in [*ax.texts, ax._left_title] if t.get_text()]
    boxes = extents(ax, labels)
    assert [(labels[a].get_text(), labels[b].get_text()) for a, b in overlaps(boxes)] == []
    for pair, patch in arcs(ax).items():
        line = patch.get_transform().transform_path(patch.get_path()).to_polygons(closed_only=False)[0]
        x, y = np.concatenate([np.linspace(a, b, 12) for a, b in zip(line, line[1:])]).T
        reach = patch.get_linewidth() * ax.figure.dpi / 72 / 2
        for box, label in zip(boxes, labels):
            through = (x > box.x0 - reach) & (x < box.x1 + reach) & (y > box.y0 - reach) & (y < box.y1 + reach)
            assert not through.any(), (pair, label.get_text())


# ---------------------------------------------------------------- the text


def test_the_text_is_set_as_typed():
    words = text_of(overlay(self_record(SENTENCE)))
    assert [t.get_text() for t in words] == SENTENCE.split()
    lefts = [box.x0 for box in extents(words[0].axes, words)]
    assert lefts == sorted(lefts) and len({t.get_position()[1] for t in words}) == 1


def test_a_long_text_is_wrapped_between_words_and_keeps_the_width_asked_for():
    ax = overlay(self_record(LONG), width=4)
    words = text_of(ax)
    assert [t.get_text() for t in words] == LONG.split()
    boxes = extents(ax, words)
    assert max(b.x1 for b in boxes) - min(b.x0 for b in boxes) <= 4 * ax.figure.dpi
    assert len({t.get_position()[1] for t in words}) >= 5


def test_words_stand_where_they_were_measured():
    ax = overlay(self_record(SENTENCE))
    boxes = extents(ax, text_of(ax))
    frames = [p for p in shades(ax)]
    starts = {round(p.get_window_extent().x0) for p in frames}
    for box in boxes:  # a word begins where its first token's shading does
        assert any(abs(box.x0 - start) <= 2 for start in starts)


def test_morphemes_are_underlined_with_gaps_and_words_of_eojeol_level_are_not():
    record = self_record(SENTENCE)
    lines = [p for p in overlay(record).patches if len(p.get_path()) == 2 and p.get_zorder() == 3]
    assert len(lines) == len(record.keys)
    spans = sorted((p.get_path().vertices[0, 0], p.get_path().vertices[1, 0]) for p in lines)
    assert all(a[1] < b[0] for a, b in zip(spans, spans[1:]))
    assert not [p for p in overlay(record, level="eojeol").patches
                if len(p.get_path()) == 2 and p.get_zorder() == 3]


def test_tokens_that_overlap_are_underlined_one_below_the_other():
    tokens = [Token("비하", 0, 2), Token("어", 1, 2)]
    lines = [p for p in overlay(self_record("비해", tokens)).patches if len(p.get_path()) == 2 and p.get_zorder() == 3]
    first, second = (p.get_path().vertices for p in lines)
    assert first[0, 1] < second[0, 1] and first[0, 0] < second[0, 0]


def test_special_tokens_are_named_in_boxes_and_have_arcs():
    tokens = [Token("[CLS]", 0, 0), Token("가", 0, 1), Token("[SEP]", 1, 1)]
    weights = [[[[0, 0, 1.0], [1.0, 0, 0], [1.0, 0, 0]]]]
    ax = overlay(self_record("가", tokens, weights=weights))
    assert {"[CLS]", "가", "[SEP]"} <= {t.get_text() for t in ax.texts}
    assert set(arcs(ax)) == {(0, 2), (1, 0), (2, 0)}
    assert_nothing_collides(ax)


def test_words_the_model_did_not_see_are_grey_and_the_legend_says_so():
    ax = overlay(self_record("가 나 다", [Token("가", 0, 1), Token("나", 2, 3)]))
    assert [t.get_color() for t in text_of(ax)] == [INK, INK, UNSEEN]
    assert any("not seen" in t.get_text() for t in ax.texts)
    assert not any("not seen" in t.get_text() for t in overlay(self_record("가 나")).texts)


# ---------------------------------------------------------------- the arcs


def test_every_arcs_width_and_opacity_follow_its_weight():
    record = self_record(LONG)
    drawn = arcs(overlay(record, mode="all"))
    weights = np.array([record.weights[0, 0, q, k] for q, k in drawn])
    widths = np.array([patch.get_linewidth() for patch in drawn.values()])
    assert len(drawn) > 100
    assert widths == pytest.approx(widths.max() * weights / weights.max(), rel=tolerance(2))
    opacity = np.array([patch.get_alpha() for patch in drawn.values()])
    assert (np.diff(opacity[np.argsort(weights)]) >= 0).all() and 0 < opacity.min() < opacity.max() <= 1


def test_the_strongest_pairs_are_drawn_and_a_token_never_looks_at_itself():
    record = self_record(SENTENCE)
    weights = np.array(record.weights[0, 0])
    np.fill_diagonal(weights, 0)
    strongest = {tuple(map(int, np.unravel_index(i, weights.shape))) for i in np.argsort(-weights, axis=None)[:12]}
    assert set(arcs(overlay(record))) == strongest
    assert len(arcs(overlay(record, pairs=5))) == 5
    assert not [pair for pair in arcs(overlay(record, mode="all")) if pair[0] == pair[1]]


def test_no_more_arcs_than_tokens_by_default():
    assert len(arcs(overlay(self_record("재밌다ㅋㅋ", spread=5)))) == 3


@pytest.mark.parametrize("mode, expected", [(None, 5), ("query", 5), ("all", 5), ("strongest", 5)])
def test_one_query(mode, expected):
    text = "가 나 다 라 마 바"
    record = self_record(text, weights=np.full((1, 1, 6, 6), 1 / 6))
    ax = overlay(record, query=-1, mode=mode)
    assert set(arcs(ax)) == {(5, k) for k in range(expected)}


def test_one_query_is_framed_and_shading_is_what_it_looks_at():
    record = self_record(SENTENCE)
    ax = overlay(record, query=3, highest=1.0)
    assert [p.get_alpha() for p in shades(ax)] == pytest.approx(record.weights[0, 0, 3], abs=tolerance(1))
    (frame,) = [p for p in ax.patches if p.get_zorder() == 4]
    assert frame.get_linewidth() > 0


def test_arcs_to_later_words_stand_above_and_to_earlier_ones_hang_below():
    record = self_record(SENTENCE)
    ax = overlay(record, mode="all", width=20)
    middle = np.mean([(b.y0 + b.y1) / 2 for b in extents(ax, text_of(ax))])
    for (query, key), patch in arcs(ax).items():
        y = patch.get_window_extent().y0 if key > query else patch.get_window_extent().y1
        assert (y > middle) == (key > query)


def test_arcs_begin_over_the_query_and_end_at_the_key():
    text = "가나 다라 마바"
    record = self_record(text, tokenizer("whitespace")(text))
    ax = overlay(record, mode="all")
    boxes = extents(ax, text_of(ax))
    for (query, key), patch in arcs(ax).items():
        ends = patch.get_transform().transform(patch.get_path().vertices[[0, -1]])
        for (x, _), box in zip(ends, (boxes[query], boxes[key])):
            assert abs(x - (box.x0 + box.x1) / 2) < 2


def test_each_token_looked_at_has_a_head_that_points_at_it():
    text = "가나 다라 마바"
    weights = [[[[0, 1.0, 0], [0, 0.5, 0.5], [0, 1.0, 0]]]]
    ax = overlay(self_record(text, tokenizer("whitespace")(text), weights=weights), legend=False)
    boxes = extents(ax, text_of(ax))
    heads = [p for p in ax.patches if p.get_zorder() == 2.5]
    tips = [p.get_transform().transform(p.get_path().vertices[0]) for p in heads]
    rims = [p.get_transform().transform(p.get_path().vertices[1:3]).mean(0) for p in heads]
    assert len(heads) == 3  # 다라 from above and from below, 마바 from above
    pointed_at = []
    for (x, y), (_, rim) in zip(tips, rims):
        nearest = min(range(3), key=lambda i: abs(boxes[i].x0 + boxes[i].x1 - 2 * x))
        middle = (boxes[nearest].y0 + boxes[nearest].y1) / 2
        assert abs(y - middle) < abs(rim - middle)
        pointed_at.append((nearest, y > middle))
    assert sorted(pointed_at) == [(1, False), (1, True), (2, True)]


def test_shading_follows_the_attention_received():
    record = self_record(SENTENCE)
    alphas = [p.get_alpha() for p in shades(overlay(record))]
    shares = received(record.matrix())
    assert alphas == pytest.approx(shares / shares.max(), abs=tolerance(24))


def test_words_can_be_read_on_their_shading():
    def luminance(colour):
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
        return np.dot(linear, (0.2126, 0.7152, 0.0722))

    assert (luminance(SHADE) + 0.05) / (luminance(INK) + 0.05) > 7  # WCAG AAA
    assert 1.05 / (luminance(UNSEEN) + 0.05) > 4.5  # AA, on white
    assert 1.05 / (luminance("#08519c") + 0.05) > 4.5


def test_the_same_highest_makes_pictures_comparable():
    strong = self_record("가 나", weights=[[[[0.0, 1.0], [1.0, 0.0]]]])
    weak = self_record("가 나", weights=[[[[0.5, 0.5], [0.5, 0.5]]]])
    one, two = (arcs(overlay(r, highest=1.0))[0, 1].get_linewidth() for r in (strong, weak))
    assert one == pytest.approx(2 * two)
    one, two = (arcs(overlay(r))[0, 1].get_linewidth() for r in (strong, weak))
    assert one == pytest.approx(two)


def test_eojeol_level_merges_and_conserves_mass():
    record = self_record(SENTENCE)
    merged = record.merge("eojeol")
    ax = overlay(record, level="eojeol", mode="all")
    drawn = arcs(ax)
    widest = max(patch.get_linewidth() for patch in drawn.values())
    weights = {pair: merged.weights[0, 0][pair] for pair in drawn}
    top = max(weights.values())
    assert len(drawn) > 20
    for pair, patch in drawn.items():
        assert patch.get_linewidth() == pytest.approx(widest * weights[pair] / top, rel=tolerance(2))


@pytest.mark.parametrize("layer, head", [(None, None), (1, None), (None, 2), (-1, 0)])
def test_a_head_of_its_own_or_the_mean(layer, head):
    record = self_record(SENTENCE, layers=2, heads=3)
    shares = received(record.matrix(layer, head))
    alphas = [p.get_alpha() for p in shades(overlay(record, layer=layer, head=head))]
    assert alphas == pytest.approx(shares / shares.max(), abs=tolerance(24))


def test_the_legend_tells_what_is_drawn():
    record = self_record(SENTENCE)
    said = " ".join(t.get_text() for t in overlay(record).texts)
    strongest = max(record.weights[0, 0][pair] for pair in arcs(overlay(record)))
    share = sum(record.weights[0, 0][pair] for pair in arcs(overlay(record))) / len(record.queries)
    for part in ("looks ahead", "looks back", f"{strongest:.1%}", f"182쌍 중 12쌍, 어텐션의 {share:.0%}"):
        assert part in said
    assert [t.get_text() for t in overlay(record, legend=False).texts] == SENTENCE.split()


# ---------------------------------------------------------------- other kinds of records


def test_a_cross_record_has_the_text_that_looks_above_and_links_down_to_the_other():
    record = cross_record()
    ax = overlay(record, mode="all")
    words = [t.get_text() for t in text_of(ax)]
    assert words == [*record.target_text.split(), *record.text.split()]
    heights = [t.get_position()[1] for t in text_of(ax)]
    looking = len(record.target_text.split())
    assert max(heights[:looking]) < min(heights[looking:])  # y grows downwards
    assert {(q, k) for q, k in arcs(ax) if q == k}  # the same place of another text is no self
    assert len(shades(ax)) == len(record.keys)
    assert "looks down" in " ".join(t.get_text() for t in ax.texts)
    assert_nothing_collides(ax)


def test_cross_records_of_many_lines_do_not_collide():
    record = cross_record(" ".join(["어제 본 영화가 정말 재미있었다."] * 5), " ".join(["The film was fun."] * 9))
    for options in ({}, {"mode": "all"}, {"query": 20}):
        assert_nothing_collides(overlay(record, **options))


def test_a_decoder_record_shows_the_target_text():
    tokens = tokenizer("whitespace")("나는 본다")
    record = AttentionRecord("I see", tokens, tokens, [[[[1, 0], [0.4, 0.6]]]], kind="decoder", target_text="나는 본다")
    ax = overlay(record)
    assert [t.get_text() for t in text_of(ax)] == ["나는", "본다"] and set(arcs(ax)) == {(1, 0)}


def test_a_selection_of_queries_and_keys_stands_on_the_one_text():
    record = self_record("가 나 다 라", weights=np.full((1, 1, 4, 4), 0.25)).select([0, 2], [2, 3])
    ax = overlay(record, mode="all")
    assert [t.get_text() for t in text_of(ax)] == ["가", "나", "다", "라"]
    assert set(arcs(ax)) == {(0, 0), (0, 1), (1, 1)}  # 다 to itself is (1, 0)
    (x, _), (z, _) = arcs(ax)[0, 1].get_path().vertices[[0, -1]]
    assert x < z


# ---------------------------------------------------------------- nothing collides, whatever comes


@pytest.mark.parametrize("text", ["최악", "재밌다ㅋㅋ", SENTENCE, LONG, "ㅋ" * 140, "최고 😂🔥 울었음ㅠㅠ ❤️", "\n가\n\n나 "])
@pytest.mark.parametrize("options", [{}, {"mode": "all"}, {"query": 0}, {"level": "eojeol"}, {"width": 2}])
def test_nothing_collides(text, options):
    for name in ("mecab", "syllable"):
        ax = overlay(self_record(text, tokenizer(name)(text), prediction=Prediction("긍정", {"긍정": 1.0})), **options)
        assert_nothing_collides(ax)
        plt.close(ax.figure)


@pytest.mark.parametrize("layout", [None, "constrained", "tight"])
@pytest.mark.parametrize("size", [(3, 2), (8, 2), (6, 8)])
def test_nothing_collides_in_axes_that_are_given_and_all_of_it_is_inside(size, layout):
    ax = plt.figure(figsize=size, layout=layout).add_subplot()
    assert overlay(self_record(LONG), ax=ax) is ax
    ax.figure.canvas.draw()
    inside = ax.get_window_extent()
    for artist in [*ax.texts, *arcs(ax).values()]:
        box = artist.get_window_extent()
        assert inside.x0 - 2 <= box.x0 and box.x1 <= inside.x1 + 2
        assert inside.y0 - 2 <= box.y0 and box.y1 <= inside.y1 + 2
    boxes = [t.get_window_extent() for t in ax.texts]
    assert not overlaps(boxes)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.text("가나다라ㅋ.,!a$🔥 ", min_size=1, max_size=20), min_size=1, max_size=8), st.integers(0, 99))
def test_nothing_collides_in_any_text(pieces, seed):
    text = " ".join(pieces)
    tokens = tokenizer("syllable")(text) or [Token("", 0, 0)]
    ax = overlay(self_record(text, tokens, seed=seed), width=3)
    assert_nothing_collides(ax)
    plt.close(ax.figure)


@pytest.mark.nsmc
def test_nothing_collides_on_reviews_of_nsmc(nsmc):
    with open(nsmc / "ratings_test.txt", encoding="utf-8") as file:
        reviews = [line.rstrip("\n").split("\t")[1] for line in file][1:]
    split = tokenizer("mecab")
    for text in random.Random(0).sample([r for r in reviews if r.strip()], 100):
        ax = overlay(self_record(text, split(text), seed=len(text)))
        assert_nothing_collides(ax)
        plt.close(ax.figure)


def test_512_tokens():
    text = " ".join(["가나다라"] * 128)
    record = self_record(text, tokenizer("syllable")(text))
    assert len(record.keys) == 512
    assert len(arcs(overlay(record))) == 12
    assert 12 < len(arcs(overlay(record, mode="all"))) <= 2000


# ---------------------------------------------------------------- files and hostile tokens


def hostile_record():
    text, tokens = "", []
    for word in HOSTILE:
        tokens.append(Token(word, len(text), len(text) + len(word)))
        text += word + " "
    tokens.append(Token("$\\frac$", len(text), len(text)))
    return self_record(text, tokens, prediction=Prediction("$\\frac$", {"$\\frac$": 1.0}), source={"cell": "$_{"})


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_hostile_tokens_can_be_drawn_and_saved(tmp_path, ending):
    ax = overlay(hostile_record())
    assert_nothing_collides(ax)
    assert save_figure(ax, tmp_path / f"a.{ending}").stat().st_size > 1000


def written(path):
    return [e.text for e in ElementTree.parse(path).iter() if e.tag.endswith("}text")]


def test_an_svg_holds_the_words_as_searchable_text(tmp_path):
    path = save_figure(overlay(self_record(SENTENCE)), tmp_path / "a.svg")
    assert [text for text in written(path) if text in SENTENCE.split()] == SENTENCE.split()
    svg = path.read_text(encoding="utf-8")
    assert 'id="look-' in svg


def test_an_svg_holds_hostile_tokens_as_escaped_text(tmp_path):
    texts = written(save_figure(overlay(hostile_record()), tmp_path / "a.svg"))
    for word in ("$x_2$", "$", "$\\frac$", "·", "·반대", "<b>&\"'", ":fire:", "é"):
        assert word in texts


# ---------------------------------------------------------------- manners


@pytest.mark.parametrize(
    "options, error, message",
    [
        ({"mode": "most"}, OptionError, "unknown mode 'most': expected one of 'strongest', 'query', 'all'"),
        ({"level": "word"}, OptionError, "unknown level 'word': expected one of 'token', 'eojeol'"),
        ({"mode": "query"}, OptionError, "mode 'query' needs the query"),
        ({"pairs": 0}, OptionError, "pairs must be more than 0; got 0"),
        ({"highest": -1.0}, OptionError, "highest must be more than 0"),
        ({"width": 0}, OptionError, "width must be more than 0"),
        ({"query": 14}, RecordError, "query 14 does not exist: this record has 14"),
        ({"query": 8, "level": "eojeol"}, RecordError, "query 8 does not exist: this record has 8"),
        ({"head": 3}, RecordError, "head 3 does not exist"),
    ],
)
def test_wrong_options_say_what_to_do_and_leave_no_figure(options, error, message):
    with pytest.raises(error, match=message):
        overlay(self_record(SENTENCE), **options)
    assert not plt.get_fignums()


def test_one_token_has_no_arc():
    ax = overlay(self_record("최악"))
    assert not arcs(ax) and len(shades(ax)) == 1
    assert "pairs drawn" not in " ".join(t.get_text() for t in ax.texts)


def test_weights_that_are_all_zero_can_be_drawn():
    record = self_record("가 나", weights=np.zeros((1, 1, 2, 2)), normalised=False)
    ax = overlay(record)
    assert not arcs(ax) and "up to 100% of a row is not shown" in ax.get_title(loc="left")


def test_the_title_names_the_prediction_as_the_heatmap_does():
    record = self_record(SENTENCE, heads=2, prediction=Prediction("부정", {"부정": 0.974, "긍정": 0.026}))
    assert overlay(record).get_title(loc="left") == "부정  97.4%  ·  mean of heads"
    assert overlay(record, title="내 그림").get_title(loc="left") == "내 그림"


def test_figures_of_others_and_settings_stay(monkeypatch, tmp_path):
    monkeypatch.setattr(plt, "show", lambda *_, **__: pytest.fail("show() is the caller's"))
    before, default = dict(matplotlib.rcParams), font_manager.findfont(font_manager.FontProperties())
    older = plt.figure()
    ax = overlay(self_record(SENTENCE))
    save_figure(ax, tmp_path / "a.svg")
    assert plt.get_fignums() == [older.number, ax.figure.number]
    assert dict(matplotlib.rcParams) == before
    assert font_manager.findfont(font_manager.FontProperties()) == default


def test_axes_that_pyplot_does_not_know_stay_unknown_to_it():
    ax = matplotlib.figure.Figure().add_subplot()
    overlay(self_record(SENTENCE), ax=ax)
    assert arcs(ax) and not plt.get_fignums()


def test_options_are_keyword_only():
    with pytest.raises(TypeError, match="positional"):
        overlay(self_record(SENTENCE), 0)


def test_a_real_models_record_can_be_drawn(tiny_model):
    from gluonattn import load

    record = load(tiny_model, "cpu").explain(SENTENCE)
    ax = overlay(record)
    assert record.label_name(record.prediction.label) in ax.get_title(loc="left")
    assert_nothing_collides(ax)
