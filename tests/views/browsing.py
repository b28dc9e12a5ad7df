"""Reading an open page: what its tests share."""

from __future__ import annotations

import numpy as np


def token(index, side="queries"):
    return f".token[data-side={side}][data-token='{index}']"


def percents(page, selector):
    return [float(t.rstrip("%").replace("−", "-")) for t in page.locator(selector).all_inner_texts()]


def ways(page):
    """The readout: the weights of both lists."""
    return [percents(page, f".ways > div:nth-child({n}) li .figure") for n in (1, 2)]


def top(values, n=5):
    return sorted((100 * float(v) for v in values), reverse=True)[:n]


def raw_text(page, block=0):
    """The sentence as a reader would copy it: without the marks beside its characters."""
    return page.locator(".sentence").nth(block).evaluate(
        "e => { const c = e.cloneNode(true); c.querySelectorAll('.code, .name, .delta').forEach(m => m.remove());"
        "return Array.from(c.textContent, x => x.codePointAt(0)) }"
    )


def code_points(text):
    return [ord(c) for c in text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")]


def shares(page, side="queries"):
    found = page.locator(f".token[data-side={side}]").evaluate_all(
        "all => all.map(b => [Number(b.dataset.token), Number(b.style.getPropertyValue('--share'))])"
    )
    return np.array([share for _, share in sorted(found)])
