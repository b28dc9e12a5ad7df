"""What a model was trained on is known from a small sample, and only where it is its own."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.data import seen
from gluonattn.data.seen import SEEN, estimate_seen_fraction, write_seen
from gluonattn.errors import DataError
from gluonattn.plain import text_key

MANY = [f"리뷰 {i}번" for i in range(40_000)]


@settings(max_examples=50, deadline=None)
@given(known=st.sets(st.text(min_size=1), min_size=1, max_size=30), others=st.sets(st.text(min_size=1), max_size=30))
def test_a_small_corpus_is_known_whole(tmp_path_factory, known, others):
    folder = tmp_path_factory.mktemp("model")
    write_seen(folder, known, "a")
    assert estimate_seen_fraction(folder, [unicodedata.normalize("NFD", text) for text in known], "a") == (1, len(known))
    keys = set(map(text_key, known))
    both = [*known, *(text for text in others if text_key(text) not in keys)]
    assert estimate_seen_fraction(folder, both, "a") == pytest.approx((len(known) / len(both), len(both)))


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_of_a_large_corpus_the_fraction_is_estimated(tmp_path, fraction):
    write_seen(tmp_path, MANY, "a")
    assert (tmp_path / SEEN).stat().st_size < 100_000
    asked = [*MANY[: int(4000 * fraction)], *(f"다른 리뷰 {i}" for i in range(int(4000 * (1 - fraction))))]
    found, sampled = estimate_seen_fraction(tmp_path, asked, "a")
    assert abs(found - fraction) < 4 * np.sqrt(max(fraction * (1 - fraction), 1e-6) / sampled) and sampled > 1000


def test_another_models_sample_or_none_or_a_broken_one_says_nothing(tmp_path):
    assert estimate_seen_fraction(tmp_path, MANY[:10], "a") is None
    write_seen(tmp_path, MANY[:10], "a")
    assert estimate_seen_fraction(tmp_path, MANY[:10], "b") is None
    assert estimate_seen_fraction(tmp_path, MANY[:10], None) is None
    assert estimate_seen_fraction(tmp_path, [], "a") is None
    for broken in ("{", "[]", '{"fingerprint": "a", "texts": 1, "smallest_hashes": "abc"}', "null"):
        (tmp_path / SEEN).write_text(broken, encoding="utf-8")
        assert estimate_seen_fraction(tmp_path, MANY[:10], "a") is None


def test_where_it_cannot_be_written_the_file_is_named(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(seen, "replace_file", full)
    with pytest.raises(DataError, match=f"{SEEN}: No space left on device"):
        write_seen(tmp_path, ["좋다"], "a")


@given(st.text(max_size=6), st.sampled_from(["NFC", "NFD"]), st.sampled_from("\u200b\u3164\u00ad\x00\u2800"))
def test_a_text_is_known_again_however_it_is_written(text, form, odd):
    typed = unicodedata.normalize(form, f" {text}영화 ").replace(" ", f" {odd} ")
    assert (seen._hashes([typed]) == seen._hashes([f"{text}영화"])).all()
