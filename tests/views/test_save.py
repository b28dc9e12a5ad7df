"""Views as files, by the ending of their name."""

import json

import matplotlib
import numpy as np
import pytest

from gluonattn.errors import DataError, OptionError, RecordError
from gluonattn.record import AttentionRecord, Prediction, Token, load_record
from gluonattn.views.save import VIEWS, save_view, view_of

matplotlib.use("agg")
BEGINNING = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".html": b"<!doctype html>", ".npz": b"PK"}


def record(text="연기 좋다"):
    tokens = [Token("연기", 0, 2), Token("좋다", 3, 5)]
    weights = np.array([[[[0.75, 0.25], [0.5, 0.5]]]])
    return AttentionRecord(text, tokens, tokens, weights, prediction=Prediction("1", {"0": 0.2, "1": 0.8}),
                           source={"label_names": {"0": "부정", "1": "긍정"}})


@pytest.mark.parametrize(("view", "ending"), [(v, e) for v, endings in VIEWS.items() for e in endings])
def test_every_view_writes_every_ending_it_names(view, ending, tmp_path):
    path = save_view(record(), tmp_path / f"made{ending}", view=view)
    content = path.read_bytes()
    assert content.lower().startswith(BEGINNING.get(ending, content[:1]).lower())
    assert [p.name for p in tmp_path.iterdir()] == [path.name]  # nothing half-written beside it
    if ending in (".svg", ".html", ".txt", ".json"):
        assert "연기" in content.decode("utf-8")


@pytest.mark.parametrize(("name", "view"), [
    ("a.png", "overlay"), ("a.SVG", "overlay"), ("a.html", "page"), ("a.txt", "terminal"), ("a.json", "record"),
])
def test_the_ending_picks_the_view(name, view):
    assert view_of(name) == view


@pytest.mark.parametrize(("name", "view", "message"), [
    ("a.bmp", None, "cannot write a.bmp: expected a name that ends in .png, .svg, .pdf, .html, .txt, .npz, .json"),
    ("a.png", "page", "the view page cannot be written to a.png: expected a name that ends in .html"),
    ("a.png", "poster", "unknown view 'poster'"),
])
def test_what_does_not_suit_is_said(name, view, message):
    with pytest.raises(OptionError, match=message):
        view_of(name, view)


def test_overlay_and_heatmap_are_different_pictures(tmp_path):
    a, b = (save_view(record(), tmp_path / f"{v}.svg", view=v).read_text("utf-8") for v in ("overlay", "heatmap"))
    assert "looks ahead" in a and "looks ahead" not in b


def test_a_saved_record_is_the_record(tmp_path):
    assert load_record(save_view(record(), tmp_path / "r.npz")) == record()
    assert json.loads(save_view(record(), tmp_path / "r.json").read_text("utf-8")) == json.loads(
        json.dumps(record().to_dict()))


def test_several_records_make_one_page_one_text_and_one_list(tmp_path):
    two = [record(), record("연출 좋다")]
    page = save_view(two, tmp_path / "two.html").read_text("utf-8")
    assert "연기 좋다" in page and "연출 좋다" in page
    assert save_view(two, tmp_path / "two.txt").read_text("utf-8").count("→ 긍정") == 2
    assert [r["text"] for r in json.loads((save_view(two, tmp_path / "two.json")).read_text("utf-8"))] == [
        "연기 좋다", "연출 좋다"]


@pytest.mark.parametrize("ending", [".png", ".npz"])
def test_a_picture_holds_one_sentence(ending, tmp_path):
    with pytest.raises(OptionError, match=f"two{ending} can hold one sentence, got 2: give a name that ends in .html"):
        save_view([record(), record()], tmp_path / f"two{ending}")
    assert not list(tmp_path.iterdir())


def test_a_head_that_is_not_there_leaves_no_file(tmp_path):
    for ending in (".png", ".html", ".txt"):
        with pytest.raises(RecordError, match="head 3 does not exist"):
            save_view(record(), tmp_path / f"a{ending}", head=3)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("ending", [".png", ".html", ".txt", ".json"])
def test_a_folder_that_is_not_there_is_named(ending, tmp_path):
    with pytest.raises(DataError, match="cannot write .*nowhere"):
        save_view(record(), tmp_path / "nowhere" / f"a{ending}")
