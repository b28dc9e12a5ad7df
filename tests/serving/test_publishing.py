"""A model in a folder without a server: the same answers as Python's, and in a real browser."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import threading
import unicodedata
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gluonattn.classifier.predictor import Predictor
from gluonattn.errors import DataError, OptionError
from gluonattn.models.cells import CELLS
from gluonattn.models.checkpoint import Checkpoint
from gluonattn.serving import publishing
from gluonattn.serving.graph import OPERATIONS, graph_of
from gluonattn.serving.page_files import ASSETS

from ..classifier.known import TEXTS, predictor_of
from ..tolerance import tolerance
from ..views.access import TAGS, axe, complaints
from ..views.conftest import browser, watched_page  # noqa: F401 (a fixture)

HOSTILE = [
    "", " \t\n", "\u200b", "최고 영화", "최고영화최고", "좋ㅋㅋㅋㅋㅋㅋㅋ다!!!!! 또",
    unicodedata.normalize("NFD", "최고 영화 또"),
    "\uff83\uff7d\uff84 \u0130STANBUL \u0391\u03a3 \u017f", "😭❤️👍 최고", "또  \u3000또\x1c또\x85별로",
    "e\u0323\u0301x a\u0301\u0323 별로", "\u2800최고\u2800영화", "</script><b>{s0}", "가\u200b나\ufeff다 \x00별로",
    "최고 " * 40,
]


def load_script(name: str):
    path = Path(__file__).parents[2] / "scripts" / name
    spec = importlib.util.spec_from_file_location(path.stem, path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def split_by(predictor: Predictor, tokenizer: str) -> Predictor:
    """The same model with another tokenizer."""
    given = predictor.checkpoint
    return Predictor(Checkpoint({**given.config, "tokenizer": tokenizer}, given.vocabulary, given.weights, []),
                     Path("made/by-hand"), "cpu", "numpy")


def write_model(predictor: Predictor, folder: Path) -> None:
    """Only the files that the model is read from."""
    if not shutil.which("node"):
        pytest.skip("needs Node, which runs what a browser runs")
    about, numbers = publishing._model_files(predictor.checkpoint, "made")
    (folder / "model.json").write_text(json.dumps(about), "utf-8")
    (folder / "model.bin").write_bytes(numbers)
    (folder / publishing.KERNEL).write_bytes((ASSETS / publishing.KERNEL).read_bytes())


def require_the_same(predictor: Predictor, texts, folder: Path, **options) -> None:
    write_model(predictor, folder)
    said = load_script("check_published.py").ask_node(folder, texts, len(texts), folder, **options)
    for text, wanted, (row, _), (seen, _) in zip(texts, predictor.predict(texts), said["predicted"], said["answers"]):
        if wanted.label is None:
            assert row is None and seen is None, text
            continue
        close = tolerance(64, 64)
        np.testing.assert_allclose(row, list(wanted.probabilities.values()), atol=close, err_msg=repr(text))
        record = predictor.explain(text, "leave-one-out")
        units = [len(character.encode("utf-16-le")) // 2 for character in text]  # as JavaScript counts
        at = np.concatenate([[0], np.cumsum(units)])
        assert [(t["text"], t["start"], t["end"]) for t in seen["tokens"]] == [
            (t.text, at[t.start], at[t.end]) for t in record.keys], repr(text)
        np.testing.assert_allclose(seen["weights"], record.weights.ravel(), atol=close)
        if seen["scores"] is not None:
            np.testing.assert_allclose(seen["scores"], record.attributions["leave-one-out"], atol=close)


@pytest.mark.parametrize("web_assembly", [True, False])
@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_computes_in_a_browser_what_it_computes_here(cell, web_assembly, tmp_path):
    require_the_same(predictor_of({"cell": cell}), TEXTS, tmp_path, web_assembly=web_assembly)


@pytest.mark.parametrize("web_assembly", [True, False])
def test_widths_that_no_block_divides_are_computed(web_assembly, tmp_path):
    model = {"cell": "mlp", "evidence": 6, "hidden_size": 13, "embed_size": 11, "units": 9}
    require_the_same(predictor_of(model), [*TEXTS, " ".join(TEXTS * 4)], tmp_path, web_assembly=web_assembly)


@pytest.mark.parametrize("tokenizer", publishing.TOKENIZERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_hostile_texts_have_the_same_tokens_evidence_and_answer(tokenizer, classes, tmp_path):
    model = {"cell": "mlp", "classes": classes, "evidence": 6 if classes == 2 else 18}
    require_the_same(split_by(predictor_of(model), tokenizer), [*TEXTS, *HOSTILE], tmp_path)


def test_scores_that_would_overflow_an_exponential_are_computed(tmp_path):
    def change(weights):
        weights["attention._query_mid_layer.bias"] += 400
        weights["attention._key_mid_layer.weight"] *= 300

    require_the_same(predictor_of({"cell": "mlp"}, change), TEXTS, tmp_path)


def test_the_browser_has_every_operation():
    script = (ASSETS / "tensors.js").read_text("utf-8")
    for name in (*OPERATIONS, "add", "subtract", "multiply", "divide"):
        assert re.search(rf"^ {{6}}{name}[:(,]", script, re.MULTILINE), name
    for cell in CELLS:
        model = predictor_of({"cell": cell}).config["model"]
        assert {node["does"] for node in graph_of(model)["nodes"]} <= {*OPERATIONS, "add", "subtract", "multiply", "divide"}


def test_the_kernel_was_compiled_from_its_source():
    source = (ASSETS / "kernel.ts").read_text("utf-8").encode()
    assert (ASSETS / publishing.KERNEL).read_bytes().endswith(hashlib.sha256(source).digest()), "run scripts/build_kernel.sh"


def test_evidence_of_variants_is_what_a_scan_of_them_gives(tmp_path):
    """With n-grams that stand several times, removed in part, and loose ones; of several classes."""
    texts = ["또 또 최고 최고 영화 또 또", "최고 최고 최고 최고 최고 또", "별로 . . 최고 별로 . .", " ".join(TEXTS * 3)]
    for classes in (2, 3):
        model = {"cell": "mlp", "classes": classes, "evidence": 6 if classes == 2 else 18}
        require_the_same(split_by(predictor_of(model), "syllable"), texts, tmp_path)


# The page's own way of asking, without a page. The older text is given up as soon as its first stage is there.
ASKING = """
const fs = require("fs"), vm = require("vm");
const [site, ...scripts] = process.argv.slice(1);
globalThis.document = { documentElement: { lang: "ko" }, hidden: true };
globalThis.location = { protocol: "http:" };
globalThis.fetch = async (name) => new Response(fs.readFileSync(`${site}/${name}`));
for (const one of scripts) vm.runInThisContext(fs.readFileSync(one, "utf-8"), one);
const noted = [];
function stage({ records: [{ text, prediction, attribution }] }) {
  if (!attribution) return [text, prediction.label, "prediction", null];
  return [text, prediction.label, attribution.trust.join("") === "…" ? "scores" : "test", attribution.scores];
}
function ask(text, then) {
  const own = new AbortController();
  return gluonattn.askServer("/page/explain", { text, lang: "ko" }, own.signal, (data) => {
    noted.push(["early", ...stage(data)]);
    then?.(own);
  }).then((data) => noted.push(["whole", ...stage(data)]), (error) => noted.push([error.name, text]));
}
let newer = null;
ask("또 별로 최고 영화", (own) => {
  own.abort();
  newer = ask("최고 영화 또");
}).then(() => newer).then(() => console.log(JSON.stringify(noted)));
"""


def test_an_answer_comes_in_stages_and_a_newer_text_ends_an_older_one(tmp_path):
    write_model(predictor_of({"cell": "mlp", "evidence": 6}), tmp_path)
    scripts = [str(ASSETS / name) for name in (*publishing.MODEL_SCRIPTS, "answering.js")]
    found = subprocess.run([shutil.which("node"), "-e", ASKING, str(tmp_path), *scripts], capture_output=True,
                           encoding="utf-8", check=False)
    assert not found.returncode, found.stderr
    noted = json.loads(found.stdout)
    assert [(how, text) for how, text, *_ in noted if text == "또 별로 최고 영화"] == [
        ("early", "또 별로 최고 영화"), ("AbortError", "또 별로 최고 영화")]
    stages = [one for one in noted if one[1] == "최고 영화 또"]
    assert [(how, said) for how, _, _, said, _ in stages] == [
        ("early", "prediction"), ("early", "scores"), ("whole", "test")]
    assert len({label for _, _, label, _, _ in stages}) == 1 and stages[1][4] == stages[2][4]


def test_a_model_that_a_browser_cannot_read_is_refused_with_a_cure(tmp_path):
    with pytest.raises(OptionError, match="mecab.*--tokenizer syllable"):
        publishing.publish(None, tmp_path / "site")
    for model, recipe in (({"subword_buckets": 31, "ngrams": 5}, "default"), ({}, "post")):
        made = predictor_of({}).checkpoint
        config = {**made.config, "recipe": recipe, "model": {**made.config["model"], **model}}
        with pytest.raises(OptionError, match="train a model"):
            publishing._require_publishable(Checkpoint(config, made.vocabulary, made.weights, []), tmp_path)
    assert not (tmp_path / "site").exists()


def test_a_folder_that_holds_something_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "load_classifier", lambda folder: split_by(predictor_of({}), "syllable").checkpoint)
    (tmp_path / "site").mkdir()
    (tmp_path / "site/mine.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty"):
        publishing.publish("any", tmp_path / "site")
    assert [path.name for path in (tmp_path / "site").iterdir()] == ["mine.txt"]
    sizes = publishing.publish("any", tmp_path / "new")
    assert {path.name: path.stat().st_size for path in (tmp_path / "new").iterdir()} == sizes
    wanted = ("index.html", "en.html", "model.bin", "model.json", "kernel.wasm", "page.ko.js", "kept.en.html")
    assert all(name in sizes for name in wanted)


# ---- in a real browser


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A published model behind a plain file server: (its address, its predictor)."""
    predictor = split_by(predictor_of({"cell": "multi-head", "evidence": 6}), "syllable")
    folder = tmp_path_factory.mktemp("site")
    for name, content in publishing.site_files(predictor.checkpoint, "made").items():
        (folder / name).write_bytes(content)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/", predictor, folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit_site(browser, site):  # noqa: F811
    """Opens the page; afterwards nothing was said on the console and no request has left the folder."""
    contexts, wrong = [], []

    def open_(file="index.html", without=None, **options):
        page = watched_page(browser, contexts, wrong, **{"viewport": {"width": 1280, "height": 900}, **options})
        page.on("request", lambda r: r.url.startswith((site[0], "data:", "blob:")) or wrong.append(r.url))
        page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
        if without:
            page.add_init_script(f"delete globalThis.{without}")
        page.goto(site[0] + file)
        page.wait_for_selector(".panel")
        return page

    yield open_
    for context in contexts:
        context.close()
    assert wrong == []


def write(page, text: str) -> None:
    page.locator("textarea").fill(text)
    page.wait_for_function("text => document.querySelector('.panel .stage .sentence')?.textContent === text && "
                           "!document.querySelector('[aria-busy=true]')", arg=text)


@pytest.mark.browser
def test_the_page_answers_without_a_server(visit_site, site):
    page = visit_site()
    write(page, "또 별로 최고 영화")
    wanted = site[1].predict(["또 별로 최고 영화"])[0]
    assert f"{100 * wanted.confidence:.1f}%" in page.locator(".answer-first").first.inner_text()
    page.locator(".strip .token").nth(1).click()
    page.locator("[data-name=drop]").click()
    page.wait_for_selector(".panels.two")
    left = site[1].explain("또 별로 최고 영화").drop(1).prediction
    assert f"{100 * left.confidence:.1f}%" in page.locator(".panels > .panel").nth(1).inner_text()
    page.get_by_role("button", name="원래 문장으로").click()
    for text, why in (("또", "하나뿐"), ("또" * 150, "말이 많아")):
        write(page, text)
        assert why in page.locator(".said-first").inner_text()
    write(page, "또 별로 최고 영화")
    page.locator(".strip .token").nth(1).click()
    page.locator(".what-if input[type=text]").fill("고")
    page.locator("[data-name=replace]").click()
    page.wait_for_selector(".panels.two")


# Notes what the page shows whenever it changes, and what a screen reader hears.
WATCH = """() => {
  const [root, heard] = [document.querySelector("#gluonattn-live"), document.querySelector("#gluonattn-live > .unseen")];
  Object.assign(window, { shown: [], said: [], then: null });
  const look = () => {
    const sentence = root.querySelector(".panel .stage .sentence")?.textContent;
    const trust = root.querySelector(".trust")?.textContent;
    const now = `${sentence}: ${trust === undefined ? "prediction" : trust.endsWith("…") ? "scores" : "test"}`;
    if (shown.at(-1) !== now) shown.push(now);
    then?.(now);
  };
  new MutationObserver(look).observe(root, { childList: true, subtree: true });
  new MutationObserver(() => said.push(heard.textContent)).observe(heard, { childList: true });
}"""


@pytest.mark.browser
def test_the_page_shows_stages_and_says_one_answer(visit_site):
    page = visit_site()
    page.wait_for_selector(".trust")
    write(page, "또 최고")
    page.evaluate(WATCH)
    write(page, "또 별로 최고 영화")
    assert page.evaluate("shown")[-3:] == [f"또 별로 최고 영화: {stage}" for stage in ("prediction", "scores", "test")]
    assert page.evaluate("said") == [page.locator(".answer-first").first.inner_text()]
    # A newer text is typed as soon as the first stage of one is there: its other stages never come.
    page.evaluate("""() => {
      then = (now) => {
        if (now !== "최고 영화: prediction") return;
        then = null;
        const field = document.querySelector("textarea");
        field.value = "별로 또";
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
      };
      shown.length = said.length = 0;
    }""")
    page.locator("textarea").fill("최고 영화")
    page.wait_for_function("() => shown.at(-1) === '별로 또: test'")
    assert [one for one in page.evaluate("shown") if one.startswith("최고 영화")] == ["최고 영화: prediction"]
    page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
    assert page.evaluate("said") == [page.locator(".answer-first").first.inner_text()]


@pytest.mark.browser
def test_a_token_that_has_the_focus_keeps_it_through_the_stages(visit_site):
    page = visit_site()
    write(page, "또 최고")
    page.evaluate(WATCH)
    page.evaluate("""() => { then = (now) => {
        if (now !== "또 별로 최고: prediction") return;
        then = null;
        document.querySelector(".panels .token").focus();
    }; }""")
    write(page, "또 별로 최고")
    assert page.evaluate("document.activeElement.matches('.panels .token')") and page.locator(".strip").count() == 1


@pytest.mark.browser
def test_a_browser_without_web_assembly_answers_too(visit_site, site):
    page = visit_site("en.html", without="WebAssembly")
    write(page, "또 별로 최고 영화")
    wanted = site[1].predict(["또 별로 최고 영화"])[0]
    assert f"{100 * wanted.confidence:.1f}%" in page.locator(".answer-first").first.inner_text()


@pytest.mark.browser
def test_a_file_is_scored_without_a_server(visit_site, site, tmp_path):
    page = visit_site("en.html")
    texts = [f"{text} {i}" for i in range(40) for text in TEXTS]
    (tmp_path / "many.txt").write_text("\n".join(texts), "utf-8")
    page.set_input_files("#gluonattn-file", tmp_path / "many.txt")
    page.wait_for_selector(".reviews .index li")
    wanted = site[1].predict(texts)
    for label in {one.label for one in wanted}:
        assert f"{label} {sum(one.label == label for one in wanted)} (" in page.locator("[data-name=summary]").inner_text()
    shares = [f"{one.label} {100 * one.confidence:.1f}%" for one in wanted]
    assert page.locator(".reviews .index .verdict").all_inner_texts() == shares


@pytest.mark.browser
@pytest.mark.parametrize("file, theme", [("index.html", "light"), ("en.html", "dark")])
def test_axe_finds_nothing_on_it(visit_site, file, theme):
    page = visit_site(file, color_scheme=theme, bypass_csp=True)
    page.evaluate(axe())
    assert complaints(page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)) == []


@pytest.mark.browser
def test_a_page_that_is_kept_opens_by_itself(visit_site, browser, site, tmp_path):  # noqa: F811
    page = visit_site()
    text = "또 별로 최고 </script><img src=x> gluonattn-records &amp;"
    write(page, text)
    with page.expect_download() as waiting:
        page.locator("[data-action=saveHtml]").click()
    waiting.value.save_as(tmp_path / "kept.html")
    kept, wrong = browser.new_page(), []
    kept.on("pageerror", lambda error: wrong.append(str(error)))
    kept.on("console", lambda message: wrong.append(message.text))
    kept.goto((tmp_path / "kept.html").as_uri())
    kept.wait_for_selector(".panel")
    assert kept.locator(".panel .stage .sentence").first.text_content() == text
    assert kept.locator("img").count() == 0 and wrong == [] and kept.title() == text
    kept.close()
    with page.expect_download() as waiting:
        page.locator("[data-action=saveJson]").click()
    waiting.value.save_as(tmp_path / "kept.json")
    [record] = json.loads((tmp_path / "kept.json").read_text("utf-8"))
    assert record["text"] == text
    np.testing.assert_allclose(record["weights"], site[1].explain(text).weights, atol=tolerance(64, 64))


@pytest.mark.browser
def test_a_folder_that_was_cut_says_so(browser, site, tmp_path):  # noqa: F811
    page = browser.new_page()
    page.route("**/model.bin", lambda route: route.fulfill(body=b"cut"))
    page.goto(site[0])
    page.wait_for_function("() => document.querySelector('.state.wrong')?.textContent.includes('model.bin')")
    page.close()
