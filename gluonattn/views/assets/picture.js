"use strict";
// The shown content as one SVG or PNG. Boxes, lines of text and drawings are read from the page.
{
  const { draw, make } = gluonattn;
  const PADDING = 16;
  const PIXELS = 16e6; // maximum of a PNG; larger pictures are scaled less
  const KEPT = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity", "visibility", "font-family", "font-size",
    "font-weight", "text-anchor", "image-rendering"];
  // Characters that XML does not allow (the page shows their codes beside them), and those that
  // change direction (each word is placed separately).
  const DROPPED = // eslint-disable-next-line no-control-regex
    /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

  const canvas = make("canvas").getContext("2d");
  function baseline(style, box) {
    canvas.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = canvas.measureText("가");
    return box.top + (box.height * up) / (up + down);
  }

  // A text node's lines: [text, box].
  function lines(node) {
    const range = document.createRange();
    const found = [];
    for (let at = 0; at < node.length; ) {
      const length = node.data.codePointAt(at) > 0xffff ? 2 : 1;
      range.setStart(node, at);
      range.setEnd(node, at + length);
      const box = range.getBoundingClientRect();
      const last = found.at(-1);
      if (last && (box.width === 0 || Math.abs(last[1].top - box.top) < 2)) last[0] += node.data.slice(at, at + length);
      else if (box.width > 0) found.push([node.data.slice(at, at + length), box]);
      at += length;
    }
    return found;
  }

  function copyStyled(source) {
    const copy = source.cloneNode(false);
    const style = getComputedStyle(source);
    for (const name of KEPT) {
      const value = style.getPropertyValue(name);
      if (value) copy.setAttribute(name, value);
    }
    for (const child of source.childNodes) {
      copy.append(child.nodeType === Node.TEXT_NODE ? child.data.replace(DROPPED, "") : copyStyled(child));
    }
    return copy;
  }

  function read(node, origin, into) {
    if (node.nodeType === Node.TEXT_NODE) {
      const style = getComputedStyle(node.parentElement);
      for (const [text, box] of lines(node)) {
        const clean = text.replace(DROPPED, "");
        if (clean.trim()) {
          into.append(draw("text", { "xml:space": "preserve", x: box.left - origin.left, y: baseline(style, box) - origin.top, fill: style.color,
            "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight }, clean));
        }
      }
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE || node.dataset.picture === "no") return;
    const style = getComputedStyle(node);
    if (style.display === "none" || style.visibility === "hidden" || node.classList.contains("unseen")) return;
    const box = node.getBoundingClientRect();
    const [x, y] = [box.left - origin.left, box.top - origin.top];
    if (node instanceof SVGSVGElement) {
      const copy = copyStyled(node);
      for (const [name, value] of Object.entries({ x, y, width: box.width, height: box.height })) copy.setAttribute(name, value);
      into.append(copy);
      return;
    }
    if (!/^(transparent|rgba\(.*, 0\))$/.test(style.backgroundColor)) {
      into.append(draw("rect", { x, y, width: box.width, height: box.height, rx: parseFloat(style.borderRadius) || 0, fill: style.backgroundColor }));
    }
    if (parseFloat(style.borderBottomWidth)) {
      into.append(draw("rect", { x, y: y + box.height - 1, width: box.width, height: 1, fill: style.borderBottomColor }));
    }
    for (const child of node.childNodes) read(child, origin, into);
    if (style.outlineStyle === "solid") {
      into.append(draw("rect", { x, y, width: box.width, height: box.height, rx: 4, fill: "none", stroke: style.outlineColor, "stroke-width": 2 }));
    }
  }

  // Elements of one width, one below the other. fontCss: the page's @font-face rule, so that the picture has
  // its Hangul font everywhere.
  function toSvg(elements, background, fontCss) {
    const boxes = elements.map((element) => element.getBoundingClientRect());
    const width = Math.ceil(Math.max(...boxes.map((box) => box.width), ...elements.map((e) => e.scrollWidth)) + 2 * PADDING);
    const height = Math.ceil(boxes.reduce((sum, box) => sum + box.height, 2 * PADDING));
    const picture = draw("svg", { xmlns: "http://www.w3.org/2000/svg", width, height, viewBox: `0 0 ${width} ${height}` },
      fontCss ? draw("style", {}, fontCss) : null, draw("rect", { width, height, fill: background }));
    let top = PADDING;
    elements.forEach((element, i) => {
      read(element, { left: boxes[i].left - PADDING, top: boxes[i].top - top }, picture);
      top += boxes[i].height;
    });
    return new XMLSerializer().serializeToString(picture);
  }

  async function toPng(svg) {
    const url = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    try {
      const image = new Image();
      image.src = url;
      await image.decode();
      const scale = Math.min(2, Math.sqrt(PIXELS / (image.width * image.height)));
      const sheet = make("canvas", { width: Math.round(image.width * scale), height: Math.round(image.height * scale) });
      const context = sheet.getContext("2d");
      context.scale(scale, scale);
      context.drawImage(image, 0, 0);
      return await new Promise((done, fail) => sheet.toBlob((blob) => (blob ? done(blob) : fail()), "image/png"));
    } finally {
      URL.revokeObjectURL(url);
    }
  }

  function download(blob, name) {
    const url = URL.createObjectURL(blob);
    make("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  }

  Object.assign(gluonattn, { toSvg, toPng, download });
}
