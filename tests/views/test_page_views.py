"""The page in a real browser: its views, several records, pictures."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from gluonattn.views.page import to_html

from .browsing import percents, token, top
from .pages import REVIEW, SENTENCE, changed, numbered, record_of

pytestmark = pytest.mark.browser


# ---------------------------------------------------------------- views


def test_no_arrow_runs_through_letters(visit):
    page = visit(to_html(record_of(REVIEW)), viewport={"width": 640, "height": 900})
    crossing = """() => {
      const letters = [...document.querySelectorAll('.token')].map(b => b.getBoundingClientRect());
      const origin = document.querySelector('.arcs').getBoundingClientRect();
      let bad = 0, seen = 0;
      for (const path of document.querySelectorAll('.link .line')) {
        const length = path.getTotalLength();
        for (let at = 0; at <= length; at += 2) {
          const p = path.getPointAtLength(at), x = p.x + origin.left, y = p.y + origin.top;
          seen++;
          if (letters.some(r => x > r.left + 1 && x < r.right - 1 && y > r.top + 3 && y < r.bottom - 3)) bad++;
        }
      }
      return [bad, seen];
    }"""
    for index in (None, 0, 9, 30, 60):
        if index is not None:
            page.hover(token(index))
        bad, seen = page.evaluate(crossing)
        assert bad == 0 and seen > 500
    assert page.locator(".link.in").count() and page.locator(".link.out").count()


def test_the_list_is_sorted_and_says_how_much_of_it_is_shown(visit, scored):
    page = visit(to_html(scored))
    page.check("input[value=list]")
    shown = percents(page, "td.figure")
    np.testing.assert_allclose(shown, top(scored.weights.ravel(), 100), atol=0.051)
    assert page.locator(".list .legend").inner_text() == "196개 가운데 가장 큰 100개"
    page.click(token(9))
    assert page.locator("tbody tr").count() == 27  # either end is 떨어지
    row, column = page.locator("tbody tr").first.get_attribute("data-query"), scored.weights[0, 0]
    either = np.maximum(column[9].max(), column[:, 9].max())
    assert percents(page, "td.figure")[0] == pytest.approx(100 * either, abs=0.051) and row is not None


def test_the_heatmap_names_its_axes_and_reads_out_its_cells(visit):
    record = record_of(REVIEW)
    side = len(record.queries)
    assert side > 60
    page = visit(to_html(record))
    page.check("input[value=heatmap]")
    names = page.locator(".cells text:not(.axis)").all_text_contents()
    assert names == [t.text for t in record.queries] + [t.text for t in record.keys]
    sizes = page.locator(".cells text").evaluate_all("all => all.map(t => parseFloat(getComputedStyle(t).fontSize))")
    assert min(sizes) >= 9
    frame = page.locator(".scroll")
    frame.focus()
    for key in ("ArrowRight", "ArrowDown", "ArrowDown", "ArrowRight"):
        page.keyboard.press(key)  # the first one lands on the first cell
    weight = record.weights[0, 0, 2, 1]
    said = page.locator(".status").inner_text()
    assert said.startswith(f"{record.queries[2].text} → {record.keys[1].text} ")
    assert float(said.split()[-1].rstrip("%")) == pytest.approx(100 * weight, abs=0.051)
    box = page.locator(".cells image").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 5.5 / side, box["y"] + box["height"] * 3.5 / side)
    assert page.locator(".status").inner_text().startswith(f"{record.queries[3].text} → {record.keys[5].text} ")


def test_heatmap_cells_are_darker_for_larger_weights(visit, scored):
    page = visit(to_html(scored))
    page.check("input[value=heatmap]")
    pixels = page.evaluate(
        """async () => { const image = new Image(); image.src = document.querySelector('.cells image').getAttribute('href');
        await image.decode(); const c = document.createElement('canvas'); c.width = image.width; c.height = image.height;
        const x = c.getContext('2d'); x.drawImage(image, 0, 0);
        return [image.width, ...x.getImageData(0, 0, image.width, image.height).data]; }"""
    )
    assert pixels[0] == 14
    light = np.reshape(pixels[1:], (-1, 4))[:, :3] @ [0.2126, 0.7152, 0.0722]
    order = np.argsort(scored.weights.ravel())
    assert (np.diff(light[order]) <= 0.5).all() and np.ptp(light) > 150


def test_512_tokens_do_not_freeze(visit):
    page = visit(to_html(numbered(512), lang="en"))
    took = page.evaluate(
        """() => { const took = {};
        const time = (name, work) => { const start = performance.now(); work();
          document.body.offsetHeight; took[name] = performance.now() - start; };
        for (const view of ['heatmap', 'list', 'overlay'])
          time(view, () => document.querySelector(`input[value=${view}]`).click());
        const over = new PointerEvent('pointerover', {bubbles: true});
        time('hover', () => document.querySelectorAll('.token')[300].dispatchEvent(over));
        return took; }"""
    )
    assert max(took.values()) < 5000 and took["hover"] < 1000
    page.check("input[value=heatmap]")
    assert page.locator(".cells image").bounding_box()["width"] < 1000


# ---------------------------------------------------------------- several records


def test_an_index_to_choose_from_and_a_search(visit, scored):
    kinds = ["재밌는", "슬픈", "긴", "짧은", "웃긴", "무서운", "낡은", "새로운", "이상한", "좋은"]
    records = [scored, *(record_of(f"{kind} 영화였다", "whitespace") for kind in kinds)]
    page = visit(to_html(records))
    items = page.locator(".index li")
    assert items.count() == 11 and "91.7%" in items.first.inner_text()
    page.fill("input[type=search]", "슬픈")
    assert page.locator(".index li:visible").count() == 1
    assert page.locator(".search [role=status]").inner_text() == "11개 가운데 1개"
    page.click(".index li:visible button")
    assert page.locator(".sentence").inner_text() == "슬픈 영화였다"
    assert page.locator(".index [aria-current=true]").count() == 1
    page = visit(to_html(records[:3]))
    assert page.locator(".index li").count() == 3 and page.locator("input[type=search]").count() == 0
    assert visit(to_html(scored)).locator(".index").count() == 0


def test_two_records_side_by_side_with_their_difference(visit, scored):
    other = changed(scored, 7)
    page = visit(to_html([scored, other]))
    page.select_option("label:has-text('비교') select", "1")
    assert page.locator(".panel").count() == 3
    first, second = (page.locator(".panel").nth(n).bounding_box() for n in (0, 1))
    assert first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]
    change = (other.weights - scored.weights)[0, 0]
    page.locator(".panel.wide " + token(9)).hover()
    for n, weights in enumerate((scored.weights[0, 0], other.weights[0, 0])):
        shown = percents(page, f".panel:nth-child({n + 1}) .ways > div:first-child .figure")
        np.testing.assert_allclose(shown, top(weights[9]), atol=0.051)  # linked: the same token in each
    shown = page.locator(".panel.wide .ways > div:first-child .figure").all_inner_texts()
    largest = sorted(change[9], key=abs, reverse=True)[:5]
    assert [t[0] for t in shown] == ["+" if d > 0 else "−" for d in largest]
    np.testing.assert_allclose([float(t.replace("−", "-")) for t in shown], 100 * np.array(largest), atol=0.06)
    assert page.locator(".panel.wide .token.minus").count() > 0
    signs = [t for t in page.locator(".panel.wide .delta").all_inner_texts() if t]
    assert signs and all(t[0] in "+−" for t in signs)
    page.check("input[value=heatmap]")
    numbers = page.locator(".panel.wide .cells .number").all_text_contents()
    signed = [f"{100 * d:+.0f}".replace("-", "−") for d in change.ravel()]
    assert numbers == ["0" if n in ("+0", "−0") else n for n in signed]


def test_where_tokens_disagree_the_difference_says_so(visit, scored):
    words = record_of(SENTENCE, "whitespace", seed=3)
    page = visit(to_html([scored, words, record_of("다른 문장", "whitespace")]))
    page.select_option("label:has-text('비교') select", "1")
    wide = page.locator(".panel.wide")
    both = {(t.start, t.end) for t in scored.keys} & {(t.start, t.end) for t in words.keys}
    assert f"말 14개 가운데 두 기록에 모두 있는 {len(both)}개만" in wide.inner_text()
    assert wide.locator(".token.unmatched").count() == 14 - len(both)
    page.check("input[value=word]")  # as words they agree
    assert "함께 있는" not in wide.inner_text() and wide.locator(".token").count() == 8
    page.select_option("label:has-text('비교') select", "2")
    assert "차이를 구할 수 없습니다" in wide.inner_text() and wide.locator(".token").count() == 0


def test_heads_of_one_record_can_be_compared(visit):
    many = record_of(SENTENCE, heads=2)
    page = visit(to_html(many))
    page.select_option("label:has-text('비교') select", "0")
    page.select_option(".panel:nth-child(1) label:has-text('헤드') select", "0")
    page.select_option(".panel:nth-child(2) label:has-text('헤드') select", "1")
    page.locator(".panel:nth-child(1) " + token(5)).hover()
    for n in (0, 1):
        shown = percents(page, f".panel:nth-child({n + 1}) .ways > div:first-child .figure")
        np.testing.assert_allclose(shown, top(many.weights[0, n, 5]), atol=0.051)


def test_a_control_keeps_the_focus_when_it_is_used(visit):
    page = visit(to_html(record_of(SENTENCE, heads=2)))
    for control in ("label:has-text('비교') select", ".panel:nth-child(2) label:has-text('헤드') select"):
        page.locator(control).focus()
        page.select_option(control, "0")
        assert page.locator(control).evaluate("e => e === document.activeElement")
    page.locator("input[value=overlay]").focus()
    page.keyboard.press("ArrowRight")  # as radio buttons do
    assert page.locator("input[value=heatmap]").is_checked()
    assert page.locator("input[value=heatmap]").evaluate("e => e === document.activeElement")


# ---------------------------------------------------------------- pictures


def test_the_picture_is_saved_as_png_and_svg(visit, scored):
    page = visit(to_html(scored))
    page.hover(token(9))
    with page.expect_download() as download:
        page.click("[data-action=saveSvg]")
    assert download.value.suggested_filename == "attention-1.svg"
    root = ET.parse(download.value.path()).getroot()
    texts = "".join("".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text"))
    assert all(t.text in texts for t in scored.queries) and "91.7%" in texts
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 10
    assert "font/woff" in "".join(s.text or "" for s in root.iter("{http://www.w3.org/2000/svg}style"))
    for view in ("overlay", "heatmap", "list"):
        page.check(f"input[value={view}]")
        with page.expect_download() as download:
            page.click("[data-action=savePng]")
        assert download.value.suggested_filename == "attention-1.png"
        from matplotlib import image

        pixels = image.imread(str(download.value.path()))
        assert pixels.shape[0] > 300 and pixels.shape[1] > 1500
        assert len(np.unique(np.round(255 * pixels[..., :3]) @ [65536, 256, 1])) > 50  # colours


def test_the_picture_goes_to_the_clipboard_or_else_to_a_file(visit, scored):
    page = visit(to_html(scored), permissions=["clipboard-read", "clipboard-write"])
    page.click("[data-action=copyPng]")
    page.wait_for_selector(".message:has-text('그림을 복사했습니다.')")
    kinds = page.evaluate("navigator.clipboard.read().then(all => all.flatMap(item => item.types))")
    assert kinds == ["image/png"]
    page.evaluate("() => { navigator.clipboard.write = () => Promise.reject(new Error('no')); }")
    with page.expect_download() as download:
        page.click("[data-action=copyPng]")
    assert download.value.suggested_filename == "attention-1.png"
    page.wait_for_selector(".message:has-text('attention-1.png 파일로 저장했습니다.')")
