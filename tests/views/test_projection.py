from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonattn.errors import OptionError, RecordError
from gluonattn.record import AttentionRecord, Part
from gluonattn.reference import attention_weights, softmax
from gluonattn.views import joint
from gluonattn.views.joint import best_scale, correlation, joint_heads, reduced, translated
from gluonattn.views.projection import before_and_after, projection
from gluonattn.views.projection_page import projection_page

from ..tolerance import tolerance
from .pages import record_of
from .test_patches import picture_record

TEXTS = ["정말 좋은 영화였다", "연기가 아쉽고 이야기는 더 아쉽다", "배우들이 다 했다 ㅋㅋ",
         "<img src=x onerror=window.pwned=1>"]


def with_vectors(text: str, *, layers=2, heads=2, seed=0) -> AttentionRecord:
    """A record whose weights are made of its queries and keys, which lie apart and differ in length."""
    plain = record_of(text)
    numbers = np.random.default_rng(seed)
    shape = (layers, heads, len(plain.queries), 6)
    queries = 3 * numbers.normal(size=shape) + 2
    keys = 0.5 * numbers.normal(size=shape) - 1
    return AttentionRecord(text, plain.queries, plain.keys, attention_weights(queries, keys, scale=1.0),
                           queries_vectors=queries, keys_vectors=keys)


@pytest.fixture(scope="module")
def records():
    return [with_vectors(text, seed=i) for i, text in enumerate(TEXTS * 4)]


@given(st.integers(0, 999), st.floats(0.2, 5))
def test_attention_does_not_notice_the_translation_nor_dot_products_the_scale(seed, c):
    numbers = np.random.default_rng(seed)
    queries, keys = numbers.normal(1, 2, size=(7, 4)), numbers.normal(-1, 1, size=(9, 4))
    moved = translated(queries, keys)
    assert softmax(queries @ moved.T) == pytest.approx(softmax(queries @ keys.T), abs=1e-9)
    assert moved.mean(0) == pytest.approx(queries.mean(0))
    assert (queries / c) @ (moved * c).T == pytest.approx(queries @ moved.T)


def test_correlation_is_the_formula_over_the_nearest_pairs():
    numbers = np.random.default_rng(0)
    queries, keys = numbers.normal(size=(40, 3)), numbers.normal(size=(50, 3))
    dots = [float(q @ k) for q in queries for k in keys]
    far = [float(np.linalg.norm(q - k)) for q in queries for k in keys]
    limit = sorted(far)[int(0.25 * len(far))]
    x, y, w = (np.array(v) for v in zip(*((a, d, (limit - d) ** 2) for a, d in zip(dots, far) if d < limit)))

    def covariance(a, b):
        return np.average((a - np.average(a, weights=w)) * (b - np.average(b, weights=w)), weights=w)

    expected = covariance(x, y) / np.sqrt(covariance(x, x) * covariance(y, y))
    assert correlation(queries, keys, percentile=25) == pytest.approx(expected, abs=tolerance(40 * 50, dtype=np.float64))
    assert np.isnan(correlation(np.ones((20, 3)), np.ones((20, 3))))


def test_the_best_scale_is_no_worse_than_any_of_the_list():
    numbers = np.random.default_rng(1)
    queries, keys = numbers.normal(size=(60, 4)) * 4, numbers.normal(size=(60, 4)) / 4
    c, found = best_scale(queries, keys)
    assert found == pytest.approx(correlation(queries / c, keys * c))
    assert all(found <= correlation(queries / one, keys * one) + tolerance(60 * 60, dtype=np.float64) for one in (0.2, 1, 5))


def test_pairs_are_drawn_from_all_tokens(monkeypatch):
    monkeypatch.setattr(joint, "_PAIRS", 20_000)
    numbers = np.random.default_rng(2)
    queries, keys = numbers.normal(size=(700, 3)), numbers.normal(size=(800, 3))
    left, right = joint._drawn(700, 800, 0)
    assert len(left) == len(right) == 20_000 and len(set(left)) == 700 and len(set(right)) == 800
    every = correlation(queries, keys, percentile=20)
    assert correlation(queries, keys, percentile=20, seed=1) == pytest.approx(every, abs=0.05)
    monkeypatch.setattr(joint, "_PAIRS", 700 * 800)
    assert correlation(queries, keys, percentile=20) == pytest.approx(every, abs=0.05)


def test_what_chose_the_scale_does_not_report_it(monkeypatch, records):
    """Of queries and keys that are noise, the chosen scale gains less on other pairs than on its own."""
    numbers = np.random.default_rng(0)
    noise = [replace(r, queries_vectors=numbers.normal(size=(2, 2, len(r.queries), 6)).astype(np.float32),
                     keys_vectors=numbers.normal(size=(2, 2, len(r.keys), 6)).astype(np.float32)) for r in records]
    monkeypatch.setattr(joint, "_PAIRS", 1000)
    chosen = [best_scale(*one.vectors(noise, normalised=False), seed=0)[1] for one in joint_heads(noise)]
    reported = [one.after for one in joint_heads(noise)]
    assert np.mean(reported) > np.mean(chosen)
    (alone,) = joint_heads(noise, layer=1, head=0)
    among = next(one for one in joint_heads(noise) if (one.layer, one.head) == (1, 0))
    assert (alone.before, alone.after) == (among.before, among.after)


def test_every_head_of_all_records_and_better_than_before(records):
    found = list(joint_heads(records))
    assert [(one.layer, one.head) for one in found] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert found[0].vectors(records)[0].shape == (sum(len(r.queries) for r in records), 6)
    assert all(one.after < one.before for one in found)
    with pytest.raises(RecordError, match="vectors=True when capturing"):
        list(joint_heads([record_of(TEXTS[0])]))
    with pytest.raises(RecordError, match="layer 5 does not exist"):
        list(joint_heads(records, layer=5))


@pytest.mark.parametrize("method", ["pca", "tsne", "umap"])
def test_points_in_the_plane_repeat(method):
    if method == "umap":
        pytest.importorskip("umap", reason='needs umap-learn: pip install "gluonattn[umap]"')
    points = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    assert reduced(points, method).shape == (40, 2)
    assert (reduced(points, method) == reduced(points, method)).all()
    with pytest.raises(OptionError, match="'pca', 'tsne', 'umap'"):
        reduced(points, "mds")


@pytest.mark.parametrize("colour", ["side", "position", "norm", "tag"])
def test_a_picture_has_a_mark_for_every_query_and_key(records, colour):
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    ax = projection(records, layer=1, head=0, colour=colour)
    queries, keys = (c.get_offsets() for c in ax.collections[:2])
    assert len(queries) == len(keys) == sum(len(r.queries) for r in records)
    assert "layer 1, head 0" in ax.get_title(loc="left")
    left, right = before_and_after(records)
    assert "as in the model" in left.get_title(loc="left") and "keys moved" in right.get_title(loc="left")
    plt.close("all")


def test_what_does_not_fit_is_left_out_and_said(records):
    whole, small = projection_page(records, lang="en"), projection_page(records, lang="en", limit=6000)
    assert len(small.encode()) < len(whole.encode())
    with pytest.raises(OptionError, match="not even one sentence"):
        projection_page(records, limit=100)


def test_heads_of_a_part_keep_the_numbers_of_their_model(records):
    parts = [Part(layers=[1], heads=[1]).of(record) for record in records]
    (one,) = joint_heads(parts)
    assert projection(parts, layer=0, head=0).get_title(loc="left").startswith("layer 1, head 1:")
    assert (one.layer, one.head) == (0, 0) and "layer 1 head 1" in projection_page(parts, lang="en")


@pytest.mark.browser
def test_hovering_shows_the_sentence_and_where_it_looks(browser, tmp_path, records):
    path = tmp_path / "map.html"
    path.write_text(projection_page(records, lang="en", limit=9000), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or wrong.append(r.url))
    page.goto(path.as_uri())
    page.locator("select[data-name=layer]").select_option("1")
    page.locator("canvas").focus()
    drawn = page.locator("canvas").evaluate("c => c.toDataURL()")
    page.locator("select[data-name=space]").select_option("original")
    assert page.locator("canvas").evaluate("c => c.toDataURL()") != drawn
    page.locator("select[data-name=space]").select_option("joint")
    assert page.locator("canvas").evaluate("c => c.toDataURL()") == drawn
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".board ol li")
    first = records[0]
    best = [i for i in np.argsort(-first.weights[1, 0, 0])[:3] if first.weights[1, 0, 0, i] > 0.005]
    shown = page.locator(".board ol li").all_inner_texts()[: len(best)]
    assert [s.split()[0] for s in shown] == [first.keys[i].text for i in best]
    assert float(shown[0].split()[-1].rstrip("%")) == pytest.approx(100 * float(first.weights[1, 0, 0, best[0]]), abs=0.3)
    assert "sentences; the first" in page.inner_text("main") and "false" not in page.inner_text("main")
    for colour in ("position", "tag", "norm", "side"):
        page.locator("select[data-name=colour]").select_option(colour)
    assert page.evaluate("window.pwned") is None and wrong == []


@pytest.mark.browser
def test_patches_of_pictures_are_points(browser, tmp_path):
    numbers, pictures = np.random.default_rng(1), []
    for _ in range(6):
        plain = picture_record()
        queries, keys = (numbers.normal(size=(*plain.weights.shape[:3], 6)) for _ in range(2))
        pictures.append(replace(plain, weights=attention_weights(queries, keys, scale=1.0), queries_vectors=queries,
                                keys_vectors=keys))
    path = tmp_path / "map.html"
    path.write_text(projection_page(pictures, lang="en"), encoding="utf-8")
    page = browser.new_page(viewport={"width": 1000, "height": 900})
    page.goto(path.as_uri())
    page.locator("canvas").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(".board ol li")
    first = pictures[0]
    best = np.argsort(-first.weights[0, 0, 0])[:3]
    shown = page.locator(".board ol li").all_inner_texts()[:3]
    assert [one.split()[0] for one in shown] == [first.keys[i].text for i in best]
    page.close()
