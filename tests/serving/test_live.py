"""The page to type into, in a real Chromium against a real server."""

from __future__ import annotations

import json

import pytest

from ..views.access import TAGS, axe, complaints
from .conftest import NEEDS

pytest.importorskip("starlette", reason=NEEDS)

pytestmark = [pytest.mark.serve, pytest.mark.browser]
TOKEN = "a-secret-of-enough-characters"


def texts_asked(page) -> list[str]:
    return [json.loads(r.post_data)["text"] for r in page.asked if r.url.endswith("/page/explain")]


def answered(page, text: str) -> None:
    """Wait for the answer to a text."""
    page.wait_for_function("text => document.querySelector('.panel .stage .sentence')?.textContent === text", arg=text)


def compose(page, syllables: list[list[str]]) -> None:
    """Type as a Korean input method does: each syllable is put together from its parts, then committed."""
    client = page.context.new_cdp_session(page)
    for parts in syllables:
        for part in parts:
            client.send("Input.imeSetComposition", {"text": part, "selectionStart": len(part), "selectionEnd": len(part)})
        client.send("Input.insertText", {"text": parts[-1]})


def test_an_answer_comes_as_one_types(page):
    page.locator("textarea").press_sequentially("정말 좋다", delay=5)
    answered(page, "정말 좋다")
    assert "긍정" in page.locator(".answer-first").first.inner_text()
    assert texts_asked(page)[1:] == ["정말 좋다"]  # one question for nine keys: the first was the example
    page.locator("textarea").fill("정말 싫다")
    answered(page, "정말 싫다")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"


def test_no_half_syllable_is_asked(page):
    page.locator("textarea").fill("")
    page.wait_for_selector(".panel", state="detached")
    client = page.context.new_cdp_session(page)
    seen = len(page.asked)
    for part in ("ㅈ", "조", "좋"):
        client.send("Input.imeSetComposition", {"text": part, "selectionStart": 1, "selectionEnd": 1})
    page.wait_for_timeout(900)  # three times as long as it waits for the next key
    assert len(page.asked) == seen and "Enter" in page.locator(".asking .state").inner_text()
    client.send("Input.insertText", {"text": "좋"})
    answered(page, "좋")
    compose(page, [["ㄷ", "다"], ["ㅈ", "지", "진"], ["ㅉ", "짜"]])
    answered(page, "좋다진짜")
    assert all(not any("ㄱ" <= c <= "ㅣ" for c in text) for text in texts_asked(page))


def test_every_view_and_what_was_chosen_stays_while_one_types(page):
    for view in ("heatmap", "list", "overlay"):
        page.locator(f".choice input[value={view}]").check(force=True)
        page.wait_for_selector(f".panel.{view}-view")
    page.locator(".choice input[value=heatmap]").check(force=True)
    page.locator("[data-name=theme]").select_option("dark")
    page.locator("textarea").fill("재미있고 좋다")
    answered(page, "재미있고 좋다")
    assert page.locator(".panel.heatmap-view").count() == 1
    assert page.locator("#gluonattn-live").get_attribute("data-theme") == "dark"
    page.locator(".account summary").click()
    assert page.locator(".account tbody tr").count() >= 4


def test_what_if_is_asked_of_the_model(page):
    answered(page, "가지고 있는 이야기에 비해 정말로 수준떨어지는 연출, 편집")
    strip = page.locator(".strip .token")
    strip.filter(has_text="떨어지").click()
    page.locator("[data-name=drop]").click()
    page.wait_for_selector(".panels.two")
    assert page.locator(".panels > .panel").count() == 3  # before, after, and the difference
    page.get_by_role("button", name="원래 문장으로").click()
    page.wait_for_selector(".strip")
    page.locator(".strip .token").filter(has_text="떨어지").click()
    page.locator(".what-if input[type=text]").fill("높")
    page.locator("[data-name=replace]").click()
    page.wait_for_selector(".panels.two")
    assert "높" in page.locator(".panels .sentence").nth(1).inner_text()


def test_everything_can_be_done_by_keyboard(page):
    page.locator("textarea").fill("정말 재미있다")
    page.keyboard.press("Enter")
    answered(page, "정말 재미있다")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("Boolean(document.activeElement.closest('.strip'))"):
            break
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".what-if")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.name") == "drop"
    page.keyboard.press("Enter")
    page.wait_for_selector(".panels.two")
    assert page.evaluate("document.activeElement.textContent") == "원래 문장으로"
    page.keyboard.press("Enter")
    page.wait_for_selector(".panels:not(.two)")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"


@pytest.mark.parametrize("lang, theme", [("ko", "light"), ("en", "dark")])
def test_axe_finds_nothing(visit, lang, theme):
    page = visit[0](f"/?lang={lang}", color_scheme=theme, bypass_csp=True)  # axe's own script is none of the page's
    page.wait_for_selector(".panel")
    page.locator(".strip .token").nth(1).click()
    page.wait_for_selector(".what-if")
    page.evaluate(axe())
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    assert complaints(found) == []
    page.locator("[data-name=drop]").click()
    page.wait_for_selector(".panels.two")
    found = page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)
    assert complaints(found) == []
    page.goto(page.url.partition("?")[0] + "docs")
    page.evaluate(axe())
    assert complaints(page.evaluate("tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", TAGS)) == []


def test_a_phone_scrolls_in_one_direction(visit):
    page = visit[0](viewport={"width": 390, "height": 800}, has_touch=True, is_mobile=True)
    page.wait_for_selector(".panel")
    page.locator("textarea").fill("가나다라마바사아자차카타파하" * 8 + " 끝")
    page.wait_for_function("() => document.querySelector('.panel .sentence').textContent.includes('끝')")
    page.locator(".strip .token").first.tap()
    page.wait_for_selector(".what-if")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_what_is_typed_does_nothing(page):
    hostile = '<img src=x onerror=alert(1)>"></script><script>alert(2)</script> 좋다'
    page.locator("textarea").fill(hostile)
    answered(page, hostile)
    assert page.locator("img").count() == 0


def test_a_blank_text_and_a_server_that_is_gone_are_said(visit, start):
    open_, wrong = visit
    own = start()
    page = open_(url=own.url)
    page.wait_for_selector(".panel")
    page.locator("textarea").fill("  ")
    page.wait_for_function("() => document.querySelector('.state').textContent.includes('글자가 없습니다')")
    page.locator("textarea").fill("\u200b\u200b")
    page.wait_for_function("() => document.querySelector('.state.wrong')?.textContent.includes('no visible character')")
    own.process.kill()
    page.locator("textarea").fill("아무도 없나")
    page.wait_for_function("() => document.querySelector('.state.wrong').textContent.includes('서버가 답하지 않습니다')")
    assert wrong and all("422" in one or "ERR_" in one for one in wrong)  # the browser's own words on a failed request
    wrong.clear()


def test_the_page_asks_for_the_token(visit, start):
    open_, wrong = visit
    page = open_(url=start("--token", TOKEN).url)
    given = page.locator("input[type=password]")
    given.fill("not-the-token")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('.state').textContent.includes('맞지 않습니다')")
    given.fill(TOKEN)
    page.keyboard.press("Enter")
    page.wait_for_selector(".panel")
    assert TOKEN not in page.url and wrong and all("401" in one for one in wrong)
    wrong.clear()


def test_a_link_holds_the_sentence_and_one_can_go_back(page):
    for text in ("정말 좋다", "정말 싫다"):
        page.locator("textarea").fill(text)
        answered(page, text)
        page.wait_for_function("text => decodeURIComponent(location.hash) === `#text=${text}`", arg=text)
    page.go_back()
    answered(page, "정말 좋다")
    page.locator(".before summary").click()
    page.locator(".before button").filter(has_text="정말 싫다").click()
    answered(page, "정말 싫다")
    assert all("text" not in r.url for r in page.asked)  # a fragment is never sent


def test_a_link_opens_on_its_sentence(visit):
    page = visit[0]("/?lang=en#text=%EC%A0%95%EB%A7%90%20%EC%A2%8B%EB%8B%A4")
    answered(page, "정말 좋다")
    assert visit[0]("/?lang=en#text=%EC%A0").locator("textarea").input_value() != "%EC%A0"  # cut


def test_an_answer_can_be_kept(page, tmp_path):
    for action, sign in (("saveHtml", "Content-Security-Policy"), ("saveJson", '"weights"'), ("saveSvg", "<svg")):
        with page.expect_download() as waiting:
            page.locator(f"[data-action={action}]").click()
        path = tmp_path / action
        waiting.value.save_as(path)
        assert sign in path.read_text("utf-8")
