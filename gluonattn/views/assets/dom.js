"use strict";
// Elements, and text that may be hostile: it only ever becomes text nodes.
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
  const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
  const draw = (name, attributes, ...children) => fill(document.createElementNS(SVG, name), attributes, children);

  // Controls, direction changes, zero-width spaces and halves of characters. A joiner inside an
  // emoji and a combining mark are part of what is seen and stay as they are.
  const INVISIBLE = // eslint-disable-next-line no-control-regex
    /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
  const code = (character) => `U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;

  // Text as typed, each invisible character followed by a mark that is seen but not copied.
  function typed(text) {
    const parts = [];
    let from = 0;
    for (const found of text.matchAll(INVISIBLE)) {
      if (found[0] === "\t") continue;
      parts.push(text.slice(from, found.index),
        make("bdi", { class: "raw" }, found[0]), make("span", { class: "code", "aria-hidden": "true" }, code(found[0])));
      from = found.index + found[0].length;
    }
    return [...parts, text.slice(from)].filter((part) => part !== "");
  }

  const characters = typeof Intl === "object" && Intl.Segmenter
    ? (text) => Array.from(new Intl.Segmenter().segment(text), (part) => part.segment)
    : (text) => Array.from(text);

  // A token as a label: invisible characters as dots, long ones shortened, never inside an emoji.
  function label(text, longest = 12) {
    const clear = text.slice(0, 40 * longest).replace(INVISIBLE, "·").replace(/[^\S ]|^ +$/g, "·");
    const parts = characters(clear);
    return parts.length <= longest ? clear : `${parts.slice(0, longest - 1).join("")}…`;
  }

  Object.assign(gluonattn, { make, draw, typed, label });
}
