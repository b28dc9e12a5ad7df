"""Measure the page's speed in a real browser, by length of the text: hovering over words and opening the heatmap.

    python scripts/benchmark_page.py 150 512

Needs Chromium and playwright. Two times are measured: the page's own work (event handler, styles and layout), and the
time until the next frame is on the screen.
"""

import argparse
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np

import gluonattn

# Points at a word after the other: milliseconds of handler, style and layout for each.
HOVER = """(count) => { const tokens = [...document.querySelectorAll('.overlay .token')], spent = [];
  for (let i = 0; i < count; i++) {
    const token = tokens[(i * 37) % tokens.length];
    const from = performance.now();
    token.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, pointerType: 'mouse' }));
    document.body.getBoundingClientRect();
    spent.push(performance.now() - from);
  }
  return spent; }"""
# Switches the view: milliseconds until its layout is done, and until the picture after it is drawn.
OPEN = """(view) => new Promise((done) => { const from = performance.now();
  document.querySelector(`input[value=${view}]`).click();
  document.body.getBoundingClientRect();
  const laid = performance.now() - from;
  requestAnimationFrame(() => setTimeout(() => done([laid, performance.now() - from]))); })"""


def record_of(tokens: int) -> gluonattn.AttentionRecord:
    """A text of so many words with peaked, made-up attention."""
    text, places = "", []
    for i in range(tokens):
        places.append(gluonattn.Token(f"말{i}", len(text), len(text) + len(f"말{i}")))
        text += f"말{i} "
    weights = np.random.default_rng(0).dirichlet(np.full(tokens, 0.05), (1, 1, tokens))
    return gluonattn.AttentionRecord(text, places, places, weights)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("tokens", type=int, nargs="*", default=[150, 512])
    parser.add_argument("--hovers", type=int, default=40)
    arguments = parser.parse_args()
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as running, tempfile.TemporaryDirectory() as folder:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        print("tokens  hover: median  worst   heatmap: laid out  drawn   list: laid out  drawn   (ms)")
        for tokens in arguments.tokens:
            path = gluonattn.save_view(record_of(tokens), Path(folder) / f"{tokens}.html")
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(path.as_uri())
            page.wait_for_selector(".overlay .token")
            page.evaluate(HOVER, 5)  # the first ones compile the script
            spent = page.evaluate(HOVER, arguments.hovers)
            heatmap, listed = page.evaluate(OPEN, "heatmap"), page.evaluate(OPEN, "list")
            print(f"{tokens:6} {statistics.median(spent):14.1f} {max(spent):6.1f} {heatmap[0]:19.0f} {heatmap[1]:6.0f} "
                  f"{listed[0]:16.0f} {listed[1]:6.0f}")
            page.close()
        browser.close()


if __name__ == "__main__":
    main()
