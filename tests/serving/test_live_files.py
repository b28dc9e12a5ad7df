"""A file of reviews on the page to type into, in a real Chromium against a real server."""

from __future__ import annotations

import json

import pytest

from .conftest import NEEDS

pytest.importorskip("starlette", reason=NEEDS)
httpx = pytest.importorskip("httpx", reason=NEEDS)

from gluonattn.models.checkpoint import save_checkpoint  # noqa: E402

from ..classifier.known import predictor_of  # noqa: E402
from .test_live import answered  # noqa: E402

pytestmark = [pytest.mark.serve, pytest.mark.browser]
DROP = """([name, content]) => {
  const given = new DataTransfer();
  given.items.add(new File([content], name));
  for (const kind of ["dragover", "drop"]) {
    document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: given, bubbles: true, cancelable: true }));
  }
}"""


def drop_file(page, name: str, content: str) -> None:
    """Drop a file beside the text field, and wait for what is said of it."""
    page.evaluate(DROP, [name, content])
    said = "name => document.querySelector('.reviews .state').textContent.startsWith(`${name}:`)"
    page.wait_for_function(said, arg=name)
    page.wait_for_selector(".reviews progress", state="hidden")


def listed(page) -> list[str]:
    return page.locator(".reviews .index .text").all_inner_texts()


def test_a_dropped_file_of_reviews_is_scored_sorted_and_searched(page, server, tmp_path):
    texts = ["정말 최고의 영화", "지루해서 죽는 줄", "그냥 그렇다", "돈이 아깝다 최악",
             "또 보고 싶다", "배우 연기가 좋다", ""]
    rows = [f"{i}\t{text}\t1\n" for i, text in enumerate(texts)]
    drop_file(page, "mine.tsv", "id\tdocument\tlabel\n" + "".join(rows))
    assert "1개는 뺐" in page.locator(".reviews .state").inner_text()  # the row without a text is told
    assert listed(page) == texts[:-1]
    asked = next(r for r in page.asked if r.url.endswith("/v1/predict"))
    known = httpx.post(server.url + "/v1/predict", json=json.loads(asked.post_data)).json()
    wrong = [text for text, one in zip(texts, known) if one["label"] != "1"]
    assert wrong and f"6개 가운데 {6 - len(wrong)}개" in page.locator("[data-name=summary]").inner_text()
    page.select_option(".reviews [data-name=errors]", "wrong")
    assert sorted(listed(page)) == sorted(wrong)
    page.select_option(".reviews [data-name=errors]", "")
    page.select_option(".reviews [data-name=sort]", "low")
    assert listed(page) == [text for _, text in sorted(zip([one["score"] for one in known], texts))]
    page.locator(".reviews input[type=search]").fill("영화")
    assert listed(page) == ["정말 최고의 영화"]
    page.locator(".reviews .index li button").click()
    answered(page, "정말 최고의 영화")
    with page.expect_download() as waiting:
        page.locator("[data-action=saveReviews]").click()
    waiting.value.save_as(tmp_path / "kept.jsonl")
    kept = [json.loads(line) for line in (tmp_path / "kept.jsonl").read_text("utf-8").splitlines()]
    assert [(one["text"], one["label"], one["true_label"]) for one in kept] == [
        (text, one["label"], "1") for text, one in zip(texts, known)]


def test_a_file_of_many_reviews_is_asked_in_parts_and_listed_in_parts(page):
    drop_file(page, "many.txt", "".join(f"좋은 영화 {i}\n" for i in range(450)))
    parts = [len(json.loads(r.post_data)["inputs"]) for r in page.asked if r.url.endswith("/v1/predict")]
    assert sum(parts) == 450 and len(parts) > 2
    assert len(listed(page)) == 200
    page.locator(".reviews [data-name=more]").click()
    assert len(listed(page)) == 400
    assert page.evaluate("document.activeElement.textContent").startswith("201")


@pytest.mark.parametrize("name, content, said", [
    ("a.tsv", "id\tstars\n1\t5\n", "열을 찾지 못했습니다"),
    ("b.jsonl", '{"text": "좋다"}\n{"text"\n', "JSON이 아닌"),
    ("c.txt", " \n\n", "하나도 없습니다"),
])
def test_a_file_that_cannot_be_read_is_told(page, name, content, said):
    drop_file(page, name, content)
    assert said in page.locator(".reviews .state.wrong").inner_text() and not listed(page)


@pytest.mark.parametrize("labels", [["constructor", "__proto__"], ["toString", "valueOf"]])
def test_a_label_is_shown_as_its_name_and_half_a_character_stops_no_other_text(visit, start, tmp_path, labels):
    checkpoint = predictor_of({}).checkpoint
    folder = save_checkpoint(tmp_path / "model", checkpoint._replace(config={**checkpoint.config, "labels": labels}))
    page = visit[0](url=start("--model", str(folder)).url)
    page.wait_for_selector(".panel")
    drop_file(page, "a.jsonl", '{"text": "최고 \\ud83d", "label": "toString"}\n{"text": "별로"}\n')
    assert len(listed(page)) == 2
    assert any(f"{label} 1 (" in page.locator("[data-name=summary]").inner_text() or
               f"{label} 2 (" in page.locator("[data-name=summary]").inner_text() for label in labels)
    assert "native code" not in page.locator("body").inner_text()


def test_quotes_and_labels_of_a_table_are_read_as_the_package_reads_them(page):
    drop_file(page, "d.csv", '\ufeffReview Text,라벨\r\n"좋다, ""정말""\n좋다",1\r\n별로,7\r\n')
    assert listed(page) == ['좋다, "정말"·좋다', "별로"] and "모르는 정답" in page.locator(".reviews .state").inner_text()
