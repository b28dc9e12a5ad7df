"""A comparison on a few reviews: alike for all cells, resumed, counted and put into words."""

from __future__ import annotations

import copy
import json
import re
from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gluonattn.classifier import compare as module
from gluonattn.classifier.attribution import METHODS
from gluonattn.classifier.compare import compare
from gluonattn.classifier.compare_report import to_csv, to_table, write_report
from gluonattn.classifier.compare_summary import _divergences, _more_than_seeds, _pairs, summarise
from gluonattn.classifier.compare_words import in_words
from gluonattn.classifier.predictor import load
from gluonattn.classifier.settings import ClassifierSettings
from gluonattn.data.tables import write_rows
from gluonattn.errors import OptionError, TextError
from gluonattn.models.checkpoint import load_checkpoint
from gluonattn.statistics import Figure

CELLS = ("mlp", "dot", "none")
SMALL = dict(epochs=2, tokenizer="whitespace", device="cpu", model={"embed_size": 8, "hidden_size": 4})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "reviews.tsv"
    rng = np.random.default_rng(0)
    with write_rows(path) as write:
        for i in range(120):
            words = rng.choice(["좋다", "최고", "재밌다"] if i % 2 else ["별로", "최악", "지루하다"], 2).tolist()
            write({"document": " ".join(rng.permutation([*words, "영화", "정말", "<b>"]).tolist()), "label": str(i % 2)})
    return path


@pytest.fixture(scope="module")
def compared(data, tmp_path_factory):
    out = tmp_path_factory.mktemp("compare")
    return out, compare(CELLS, 2, str(data), out, settings=ClassifierSettings(**SMALL), explained=6,
                        sentences=["정말 최고 영화", "<b> 별로"])


@pytest.fixture(scope="module")
def summary(compared):
    return summarise(compared[1])


def test_each_cell_and_seed_is_a_checkpoint_and_a_result(compared):
    out, comparison = compared
    assert [(r["cell"], r["seed"]) for r in comparison.results] == [(c, s) for c in CELLS for s in (0, 1)]
    for result in comparison.results:
        config = load_checkpoint(out / f"{result['cell']}-{result['seed']}").config
        assert config["model"]["cell"] == result["cell"] and config["training"]["seed"] == result["seed"]
    assert len(comparison.test) == 24 and len(comparison.explained) == 6


def test_shared_parts_begin_alike_and_the_data_is_the_same(compared):
    """Of one seed: the vocabulary, and the parameters before the first step."""
    from gluonattn.data.packed import Packed
    from gluonattn.models.checkpoint import get_weights
    from gluonattn.training.loop import Part, new_run

    out, _ = compared
    vocabularies = {load_checkpoint(out / f"{cell}-0").vocabulary for cell in CELLS}
    assert len(vocabularies) == 1
    starts = []
    for cell in ("mlp", "dot", "general", "multi-head", "none"):
        settings = ClassifierSettings(cell=cell, **SMALL).resolve(120)
        texts = Packed(np.arange(2, 6, dtype=np.int32), np.zeros(4, int), np.full(4, 4),
                       np.arange(9, dtype=np.int32), None, 1)
        part = Part(texts, np.eye(2, dtype=np.float32)[[0, 1, 0, 1]])
        run = new_run(settings, dict(vocab_size=9, cell=cell, embed_size=8, hidden_size=4), part, part, 4)
        starts.append({k: v for k, v in get_weights(run.model).items() if not k.startswith("attention")})
    for other in starts[1:]:
        for name, values in starts[0].items():
            np.testing.assert_array_equal(values, other[name])


def test_what_is_done_is_not_done_again(compared, data, monkeypatch):
    out, comparison = compared
    monkeypatch.setattr(module, "train", lambda *_, **__: pytest.fail("trained again"))
    again = compare(CELLS, 2, str(data), out, settings=ClassifierSettings(**SMALL), explained=6,
                    sentences=["정말 최고 영화", "<b> 별로"])
    assert again.results == comparison.results


def test_other_settings_are_not_taken_for_the_same(compared, data, tmp_path):
    import shutil

    out = shutil.copytree(compared[0], tmp_path / "copy")
    said = []
    compare(["none"], 1, str(data), out, settings=ClassifierSettings(**{**SMALL, "epochs": 1}), explained=6,
            sentences=["정말 최고 영화", "<b> 별로"], report=said.append)
    assert any("training" in line for line in said)
    assert load_checkpoint(out / "none-0").config["training"]["epochs"] == 1


def test_figures_are_counted_from_the_results(compared, summary):
    _, comparison = compared
    truth = np.array([int(label) for label in comparison.test.labels])
    for cell in CELLS:
        own = [np.array(r["probabilities"]).argmax(1) == truth for r in comparison.results if r["cell"] == cell]
        found = summary["cells"][cell]
        assert found["accuracy"].mean == pytest.approx(np.mean(own))
        assert found["accuracy"].low <= found["accuracy"].mean <= found["accuracy"].high
        assert found["weights"]["entropy"].mean == pytest.approx({"none": 0}.get(cell, found["weights"]["entropy"].mean))
    assert [pair["cells"] for pair in summary["pairs"]] == [["mlp", "dot"], ["mlp", "none"], ["dot", "none"]]
    assert summary["cells"]["mlp"]["seeds_agree"]["divergence"].mean >= 0
    kinds = summary["cells"]["mlp"]["kinds"]
    assert sum(found["attention"].mean for found in kinds.values()) == pytest.approx(1, abs=1e-4)


def test_the_report_is_one_page_with_pictures_that_escapes_what_it_shows(summary, tmp_path):
    files = write_report(summary, tmp_path / "report")
    page = files["html"].read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 4 and "<b>&lt;b&gt;" not in page
    assert "&lt;b&gt;" in page and not re.search(r"<td class=\"word\"[^>]*><b>", page)
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "<script" not in page
    assert all(html_text in page for html_text in ("mlp", "dot", "none", "leave-one-out", "negation"))
    read = json.loads(files["json"].read_text(encoding="utf-8"))
    assert read["cells"]["dot"]["accuracy"][0] == pytest.approx(summary["cells"]["dot"]["accuracy"].mean)
    assert read["words"] == in_words(summary)
    for name in ("accuracy", "reliability", "faithfulness", "kinds"):
        assert files[name].read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("word", ["\ud83d", "\udc4d좋다", "</script>", "$x$", "{lang}"])
def test_every_file_of_a_report_is_utf_8_whatever_its_sentences_hold(summary, tmp_path, word):
    (shown, *_) = summary["sentences"]
    shown = {**shown, "text": word, "tokens": [word] * len(shown["tokens"]), "labels": [word] * len(shown["labels"])}
    files = write_report({**summary, "sentences": [shown]}, tmp_path)
    for ending in ("html", "csv", "json"):
        files[ending].read_bytes().decode("utf-8")
    json.loads(files["json"].read_text(encoding="utf-8"))


def test_the_csv_has_every_figure_once(summary):
    header, *lines = to_csv(summary).splitlines()
    assert header == "cell,figure,mean,low,high" and all(line.count(",") == 4 for line in lines)
    names = [tuple(line.split(",")[:2]) for line in lines]
    assert len(set(names)) == len(names)
    assert ("mlp", "methods.norm.comprehensiveness") in names and ("dot - mlp", "mcnemar_p_holm") in names


def test_the_table_fits_a_terminal(summary):
    from io import StringIO

    from rich.console import Console

    out = StringIO()
    Console(file=out, width=80).print(to_table(summary))
    assert all(name in out.getvalue() for name in (*CELLS, "accuracy", "random"))


def pair(first, second, mean, low, high, beyond):
    agree = {"divergence": Figure(0.05, 0.04, 0.06), "overlap": Figure(0.5, 0.4, 0.6),
             "more_than_seeds": {first: Figure(0.01, -0.01, 0.02), second: Figure(0.01, 0.001, 0.02)}}
    return {"cells": [first, second], "difference": Figure(mean, low, high), "p": 0.001, "p_holm": 0.003 if beyond else 0.4,
            "beyond_chance": beyond, "agree": agree}


def test_the_words_say_what_differs_and_what_does_not(summary):
    quiet = {**summary, "pairs": [pair("mlp", "dot", 0.001, -0.002, 0.004, False)]}
    assert any("No two cells differ in accuracy beyond chance" in text for text in in_words(quiet))
    loud = {**summary, "pairs": [pair("mlp", "dot", -0.012, -0.02, -0.004, True), pair("mlp", "none", 0, -0.1, 0.1, False)]}
    said = " ".join(in_words(loud))
    assert "Beyond chance: mlp above dot by 1.20 points (p 0.003)." in said and "other 1 pair cannot" in said
    assert "mlp +0.00 [-10, +10]" in said


def rewritten(comparison, cell, figure="comprehensiveness", **methods):
    """The comparison with another figure of a cell, (seeds, reviews) by method; AOPC-comprehensiveness by default."""
    results = copy.deepcopy(comparison.results)
    for seed, result in enumerate(r for r in results if r["cell"] == cell):
        for method, rows in methods.items():
            result["measured"]["methods"][method.replace("_", "-")][figure] = rows[seed].tolist()
    return comparison._replace(results=results)


@pytest.mark.parametrize("above, below, seed", [(-0.03, 0.03, 0), (0.0, 0.03, 1), (0.03, 0.03, 2), (0.03, 0.0, 3)])
def test_a_verdict_on_methods_comes_from_the_same_reviews(compared, above, below, seed):
    """Reviews differ far more than methods do: intervals of each overlap, and that says nothing."""
    rng = np.random.default_rng(seed)
    floor = rng.uniform(0, 0.9, (2, 300))
    noise = rng.normal(0, 0.02, (3, 2, 300))
    noise -= noise.mean(axis=(1, 2), keepdims=True)
    attention = floor + above + noise[0]
    lowest = np.full((2, 300), -1.0)
    others = [name.replace("-", "_") for name in METHODS if name not in ("random", "attention", "leave-one-out")]
    given = dict.fromkeys(others, lowest)
    own = summarise(rewritten(compared[1], "mlp", random=floor, attention=attention,
                              leave_one_out=attention + below + noise[1], **given))
    methods = own["cells"]["mlp"]["methods"]
    assert methods["attention"]["comprehensiveness"].low < methods["random"]["comprehensiveness"].high
    said = next(text for text in in_words(own) if text.startswith("How much of the decision"))
    place = ("not told apart from random" if not above else "below random" if above < 0 else
             "above random, below the best method" if below else "level with the best method")
    assert f"mlp: attention {methods['attention']['comprehensiveness']} is {place}" in said
    assert f"difference {own['cells']['mlp']['attention_less']['random']}" in said


def test_cells_are_compared_by_normalised_aopc_only(compared):
    """A model whose probabilities fall further has more raw AOPC with the same explanations."""
    floor = np.random.default_rng(0).uniform(0.2, 0.6, (2, 300))
    comparison = compared[1]
    for cell, share, most in (("mlp", 0.0, 0.9), ("dot", 0.1, 0.5), ("none", 0.2, 0.1)):
        comparison = rewritten(comparison, cell, "normalised_aopc", attention=floor + share)
        comparison = rewritten(comparison, cell, "raw_aopc", attention=(floor + share) * most)
    found = summarise(comparison)
    said = next(text for text in in_words(found) if text.startswith("How well attention finds"))
    first, other = re.findall(r"(none|mlp|dot)[^,]*, (none|mlp|dot)[^,]*, (none|mlp|dot)", said)
    assert first == ("none", "dot", "mlp") and other == ("mlp", "dot", "none") and "in 3 of 3 pairs" in said
    (pair,) = (one for one in found["attention_pairs"] if one["cells"] == ["mlp", "none"])
    assert pair["difference"].low == pytest.approx(0.2) and pair["difference"].high == pytest.approx(0.2)
    table, drawn = to_table(found), found["cells"]["none"]["methods"]["attention"]["normalised_aopc"].mean
    assert f"{drawn:.3f}" in list(table.columns[4].cells)


def test_the_order_says_nothing_of_one_cell(compared):
    alone = compared[1]._replace(results=[one for one in compared[1].results if one["cell"] == "dot"])
    assert not any(text.startswith("How well attention finds") for text in in_words(summarise(alone)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 99), st.floats(0, 1), st.floats(0, 1), st.sampled_from([1, 3]))
def test_beyond_chance_is_what_both_tests_find_in_one_direction(seed, first, second, seeds):
    """Single models may be less often right, and the mean of their probabilities more often."""
    rng, texts = np.random.default_rng(seed), 300
    truth = rng.integers(0, 2, texts)
    sure = np.array([0.95, 0.45, 0.45])[:seeds, None]  # one seed sure, two a little wrong
    probabilities = {}
    for cell, share in (("mlp", first), ("dot", second)):
        right = np.where(rng.random((seeds, texts)) < share, rng.uniform(0.5, 1, (seeds, texts)), sure)
        probabilities[cell] = np.stack([np.where(truth == label, right, 1 - right) for label in (0, 1)], axis=-1)
    right = {cell: p.argmax(axis=-1) == truth for cell, p in probabilities.items()}
    received = {cell: [[np.array([0.5, 0.5])] * 2] * seeds for cell in right}
    (pair,) = _pairs(right, probabilities, truth, received, _divergences(received))
    together = [(probabilities[cell].mean(axis=0).argmax(axis=-1) == truth).mean() for cell in ("mlp", "dot")]
    if pair["beyond_chance"]:
        assert np.sign(pair["difference"].mean) == np.sign(together[1] - together[0])
    elif pair["p_holm"] < 0.05 and pair["difference"].sign:
        assert np.sign(pair["difference"].mean) != np.sign(together[1] - together[0])


def test_tests_that_disagree_are_not_beyond_chance():
    truth = np.zeros(400, int)
    right = np.repeat([[0.95]] * 2 + [[0.48]] * 7, 400, axis=1)  # the mean is always right, most seeds never
    other = np.tile(np.where(np.arange(400) % 10 < 8, 0.9, 0.1), (9, 1))
    probabilities = {cell: np.stack([p, 1 - p], axis=-1) for cell, p in (("mlp", right), ("dot", other))}
    marks = {cell: p.argmax(axis=-1) == truth for cell, p in probabilities.items()}
    received = {cell: [[np.array([0.5, 0.5])]] * 9 for cell in marks}
    (pair,) = _pairs(marks, probabilities, truth, received, _divergences(received))
    assert pair["p_holm"] < 1e-9 and pair["difference"].sign == 1 and pair["mcnemar_sign"] == -1
    assert not pair["beyond_chance"]


@pytest.mark.parametrize("own, across, told", [(0.0, 0.0, False), (0.02, 0.0, False), (0.0, 0.1, True), (0.02, 0.1, True)])
def test_two_cells_differ_more_than_seeds_where_the_same_reviews_say_so(own, across, told):
    rng, reviews = np.random.default_rng(0), 200
    base = rng.dirichlet(np.full(6, 0.5), reviews)

    def model(*mixed):
        return [row + sum(share * (rng.dirichlet(np.ones(6)) - row) for share in mixed) for row in base]

    shift = np.roll(np.eye(6), 1, axis=0)
    received = {"mlp": [model(own) for _ in range(3)],
                "dot": [[(1 - across) * row + across * row @ shift for row in model(own)] for _ in range(3)]}
    diverge = _divergences(received)
    found = [_more_than_seeds(diverge, cell, other, 3) for cell, other in (("mlp", "dot"), ("dot", "mlp"))]
    assert all((one.sign > 0) == told for one in found)
    assert np.isnan(_more_than_seeds(diverge, "mlp", "dot", 1).mean)


def test_a_comparison_goes_on_only_where_it_can(data, tmp_path):
    """Nobody asked to resume: a fresh one says nothing of it, nor one over another's models; a killed one goes on."""
    options = dict(explained=2, sentences=["정말 최고 영화"])
    once = ClassifierSettings(**{**SMALL, "epochs": 1})
    said = []
    compare(["none"], 1, str(data), tmp_path, settings=once, report=said.append, **options)
    compare(["none"], 1, str(data), tmp_path, settings=ClassifierSettings(**SMALL), report=said.append, **options)
    (tmp_path / "none-0.json").unlink()  # killed while measuring
    compare(["none"], 1, str(data), tmp_path, settings=ClassifierSettings(**SMALL), report=said.append, **options)
    assert sum("training" in line for line in said) == 3 and "resume" not in " ".join(said)
    assert sum("to train" in line for line in said) == 2  # the third time it is measured only


def test_a_file_that_was_changed_is_not_taken_for_the_same(data, tmp_path):
    """Nor a test file: what was measured on other reviews under its name would be counted on these."""
    path, said = tmp_path / "reviews.tsv", []
    lines = data.read_text(encoding="utf-8").splitlines(keepends=True)
    for content in (lines, lines, [*lines[:1], *lines[:0:-1]]):
        path.write_text("".join(content), encoding="utf-8")
        settings = ClassifierSettings(**{**SMALL, "epochs": 1})
        found = compare(["none"], 1, str(path), tmp_path / "out", settings=settings, explained=2,
                        sentences="정말 최고 영화", report=said.append)
        predicted = load(tmp_path / "out" / "none-0").predict(found.test.texts)
        assert found.results[0]["probabilities"] == [[round(p, 5) for p in one.probabilities.values()] for one in predicted]
        assert [one["text"] for one in found.results[0]["shown"]] == ["정말 최고 영화"]
    assert sum("already done" in line for line in said) == 1


@pytest.mark.parametrize("sentences", [[""], ["좋다", "\u200b "], [None], 3])
def test_a_sentence_without_anything_to_see_is_said_before_training(data, tmp_path, sentences, monkeypatch):
    monkeypatch.setattr(module, "train", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(TextError):
        compare(["none"], 1, str(data), tmp_path, settings=ClassifierSettings(**SMALL), explained=2, sentences=sentences)


def test_what_cannot_be_compared_is_said(tmp_path):
    with pytest.raises(OptionError, match="unknown attention cell 'bahdanau'"):
        compare(["bahdanau"], 1, "sample", tmp_path)
    for cells, seeds in ((["mlp", "mlp"], 1), ([], 1), (["mlp"], 0)):
        with pytest.raises(OptionError, match="compare takes cells that are all different"):
            compare(cells, seeds, "sample", tmp_path)
    assert not list(chain(tmp_path.iterdir()))
