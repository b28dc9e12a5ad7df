"use strict";
// Elements, text that may be hostile (it only becomes text nodes), and moving among elements by keys.
globalThis.gluonattn ??= {};
{
  const SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
    return element;
  }
  // A number of things: 35,490.
  const count = (number) => number.toLocaleString("en");
  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

  // Controls, direction changes, zero-width spaces and halves of characters. A joiner inside an
  // emoji and a combining mark are part of what is seen and stay as they are.
  const INVISIBLE = // eslint-disable-next-line no-control-regex
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const code = (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

  // Text as typed. Each invisible character is followed by a mark that is shown and read aloud, but not copied.
  function typed(text) {
    const parts = [];
    let from = 0;
    for (const found of text.matchAll(INVISIBLE)) {
      if (found[0] === "\t") continue;
      parts.push(text.slice(from, found.index),
        make("bdi", { class: "raw" }, found[0]), make("span", { class: "code" }, code(found[0])));
      from = found.index + found[0].length;
    }
    return [...parts, text.slice(from)].filter((part) => part !== "");
  }

  // The same as an accessible name: every character on the page, and the marks.
  const heard = (text) => text.replace(INVISIBLE, (found) => (found === "\t" ? found : found + code(found)));

  // Created once, because that takes longer than cutting a word.
  const segmenter = typeof Intl === "object" && Intl.Segmenter ? new Intl.Segmenter() : null;
  const PLAIN = /^[ -~가-힣ㄱ-ㅎㅏ-ㅣ]*$/; // one character each
  const characters = (text) => segmenter && !PLAIN.test(text)
    ? Array.from(segmenter.segment(text), (part) => part.segment) : Array.from(text);

  // A token as a label: invisible characters as dots, long ones shortened, never inside an emoji.
  function label(text, longest = 12) {
    const clear = text.slice(0, 40 * longest).replace(INVISIBLE, "·").replace(/[^\S ]|^ +$/g, "·");
    const parts = characters(clear);
    return parts.length <= longest ? clear : `${parts.slice(0, longest - 1).join("")}…`;
  }

  // The language of a text, for speech: Korean if it has Hangul, else the page's.
  const languageOf = (text) => (/[ᄀ-ᇿㄱ-ㆎ가-힣]/.test(text) ? "ko" : null);
  // A word of the text inside a sentence, with its own direction and language.
  const word = (text, longest, more) => make("bdi", { lang: languageOf(text), ...more }, label(text, longest));
  // A sentence whose parts come from Python: strings, and words of the text as [word].
  const line = (parts) => parts.map((part) => typeof part === "string" ? part : word(part[0], 24));

  // One tab stop for many elements. Arrow keys move among the visible ones, Escape leaves.
  // steps: {key: (at, list) => place}. Without it, the arrow keys move in order.
  function rove(container, selector, { steps = {}, escape = null } = {}) {
    const every = () => Array.from(container.querySelectorAll(selector));
    const seen = () => every().filter((element) => !element.closest("[hidden]"));
    const stop = (element) => every().forEach((each) => (each.tabIndex = each === element ? 0 : -1));
    container.addEventListener("focusin", (event) => {
      const at = event.target.closest(selector);
      if (at) stop(at);
    });
    container.addEventListener("keydown", (event) => {
      const list = seen();
      const at = list.indexOf(event.target.closest(selector));
      if (at < 0) return;
      if (event.key === "Escape") escape?.();
      const ways = { ArrowRight: () => at + 1, ArrowLeft: () => at - 1, ArrowDown: () => at + 1, ArrowUp: () => at - 1,
        Home: () => 0, End: () => list.length - 1, ...steps };
      const to = Object.hasOwn(ways, event.key) ? ways[event.key](at, list) : undefined;
      if (to === undefined) return;
      event.preventDefault();
      list[Math.max(0, Math.min(list.length - 1, to))].focus();
    });
    return { stop: (element = seen()[0]) => element && stop(element) };
  }

  // In running text, the nearest element in the line above or below.
  function nextLine(at, list, way) {
    const here = list[at].getBoundingClientRect();
    let [best, nearest, top] = [at, Infinity, null];
    for (let i = at + way; list[i]; i += way) {
      const box = list[i].getBoundingClientRect();
      if (way > 0 ? box.top < here.bottom : box.bottom > here.top) continue;
      top ??= box.top;
      if (Math.abs(box.top - top) > here.height) break;
      const distance = Math.abs(box.left + box.right - here.left - here.right);
      if (distance < nearest) [best, nearest] = [i, distance];
    }
    return best;
  }
  const byLines = { ArrowDown: (at, list) => nextLine(at, list, 1), ArrowUp: (at, list) => nextLine(at, list, -1) };

  Object.assign(gluonattn, { count, make, draw, typed, heard, label, languageOf, word, line, rove, byLines });
}
