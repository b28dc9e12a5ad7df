from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path

from gluonattn.views.arcs import End, Link, ground, way

BODY, WIDTH = 20.0, 300.0


def laid(*links, lines=4):
    links = [Link(End(*q), End(*k), bundle) for q, k, bundle in links]
    on = ground(links, lines=lines, body=BODY, width=WIDTH)
    return on, [way(link, on) for link in links]


def points_of(found):
    """Points close together all along a way."""
    curve = Path(found.vertices, found.codes).interpolated(1).to_polygons(closed_only=False)[0]
    ends = zip(curve, curve[1:])
    return np.concatenate([np.linspace(a, b, 20) for a, b in ends])


def test_a_later_word_on_the_line_is_reached_from_above_and_an_earlier_one_from_below():
    on, (ahead, back) = laid(((1, 10), (1, 90), 0), ((1, 90), (1, 10), 1))
    assert ahead.from_above and points_of(ahead)[:, 1].max() < on.tops[1]
    assert not back.from_above and points_of(back)[:, 1].min() > on.tops[1] + BODY
    assert (ahead.vertices[0][0], ahead.vertices[-1][0]) == (10, 90)


def test_neighbouring_lines_are_joined_across_the_gap_between_them():
    on, (down, up) = laid(((0, 10), (1, 290), 0), ((3, 10), (2, 290), 1))
    for found, gap in ((down, 1), (up, 3)):
        y = points_of(found)[:, 1]
        assert on.tops[gap - 1] + BODY < y.min() and y.max() < on.tops[gap]
    assert down.from_above and not up.from_above


def test_lines_further_apart_are_joined_round_the_nearer_margin():
    on, (left, right) = laid(((0, 30), (3, 40), 0), ((3, 280), (1, 250), 1))
    assert points_of(left)[:, 0].min() < 0 and points_of(left)[:, 0].max() == 40
    assert points_of(right)[:, 0].max() > WIDTH and points_of(right)[:, 0].min() == 250
    assert -on.left <= points_of(left)[:, 0].min() and points_of(right)[:, 0].max() <= WIDTH + on.right


def test_what_meets_at_one_token_shares_its_lane_and_others_keep_apart():
    _, ways = laid(((3, 30), (0, 40), "a"), ((3, 60), (0, 40), "a"), ((3, 80), (0, 90), "b"))
    lanes = [{y for _, y in found.vertices[2:-2]} for found in ways]
    assert lanes[0] == lanes[1] and not lanes[0] & lanes[2]
    edges = [min(x for x, _ in found.vertices) for found in ways]
    assert edges[0] == edges[1] != edges[2]


def test_lines_without_arcs_stay_close():
    bare = ground([], lines=3, body=BODY, width=WIDTH)
    assert bare.tops[0] == 0 and (bare.left, bare.right) == (0, 0)
    assert all(BODY < step < BODY + 10 for step in np.diff(bare.tops[:3]))


def test_arcs_of_unlike_reach_stand_one_inside_the_other():
    _, (short, long) = laid(((0, 50), (0, 100), 0), ((0, 20), (0, 100), 1))
    assert points_of(long)[:, 1].min() < points_of(short)[:, 1].min()
    assert 0 <= points_of(long)[:, 1].min() < 6  # and there is just room for it


ENDS = st.tuples(st.integers(0, 5), st.floats(0, WIDTH))


@given(st.lists(st.tuples(ENDS, ENDS, st.integers(0, 5)), min_size=1, max_size=40))
def test_no_arc_ever_touches_a_line_of_text(links):
    on, ways = laid(*links, lines=6)
    for found, (query, key, _) in zip(ways, links):
        x, y = points_of(found).T
        inside = (x > 0) & (x < WIDTH)
        for top in on.tops[:-1]:
            assert not (inside & (y > top - 2) & (y < top + BODY + 2)).any()
        assert y.min() >= -0.5 and y.max() <= on.tops[-1] + 0.5
        assert x.min() >= -on.left and x.max() <= WIDTH + on.right
        assert found.vertices[0][0] == query[1] and found.vertices[-1][0] == key[1]
