"use strict";
// Attention weights with changed cells. Numbers and strings only, no elements.
globalThis.gluonattn ??= {};
{
  gluonattn.wholeCharacters = (text) => text.replace(/\p{Cs}/gu, "\ufffd");
  const nameOf = ({ query, key }) => (query === null ? `${key}` : `${query}-${key}`);

  // One row (T weights at `from`) with the given weights {key: weight}. The other keys share the rest in their old
  // proportions. Without others, or if the given weights exceed 1, these share the row.
  function fillRow(weights, from, length, given) {
    const free = Array.from({ length }, (_, i) => i).filter((i) => !given.has(i));
    const total = [...given.values()].reduce((sum, weight) => sum + weight, 0);
    const all = free.length && total <= 1 ? 1 : total; // the sum of which the given weights are parts
    const mass = free.reduce((sum, i) => sum + weights[from + i], 0);
    const row = new Float64Array(length);
    for (const [i, weight] of given) row[i] = all > 0 ? weight / all : 1 / length;
    for (const i of free) row[i] = Math.max(0, 1 - total) * (mass > 1e-6 ? weights[from + i] / mass : 1 / free.length);
    return row;
  }

  // cells: [{query, key, weight}]; a query of null means every query. A cell with a query has precedence.
  // weights: (heads, T, T).
  function withCells(weights, length, cells) {
    const found = Float64Array.from(weights);
    const [every, own] = [cells.filter(({ query }) => query === null), cells.filter(({ query }) => query !== null)];
    for (let from = 0; from < weights.length; from += length) {
      const query = (from / length) % length;
      const given = new Map([...every, ...own.filter((one) => one.query === query)].map(({ key, weight }) => [key, weight]));
      if (given.size) found.set(fillRow(weights, from, length, given), from);
    }
    return found;
  }

  // The cells after one more is set. Cells of the same row (or of all rows) are adjusted, so that it gets its value:
  // they shrink if the sum is too large, and grow if no other key is left for the rest.
  function setCell(cells, length, { query, key, weight }) {
    const others = cells.filter((one) => one.query === query && one.key !== key);
    const sum = others.reduce((all, one) => all + one.weight, 0);
    const left = 1 - weight;
    const full = others.length === length - 1;
    const kept = full && sum === 0 ? [] : others.map((one) => (sum > left || full ? { ...one, weight: Math.min(1, (one.weight * left) / sum) } : one));
    return [...cells.filter((one) => one.query !== query), ...kept, { query, key, weight }];
  }

  // Encoded for a link, in thousandths: "3:400_2-7:125".
  const writeCells = (cells) => cells.map((cell) => `${nameOf(cell)}:${Math.round(1000 * cell.weight)}`).join("_");
  function readCells(text) {
    const found = new Map();
    for (const part of (text ?? "").split("_").slice(0, 1000)) {
      const [, query, key, weight] = /^(?:(\d{1,4})-)?(\d{1,4}):(\d{1,4})$/.exec(part) ?? [];
      if (!key || Number(weight) > 1000) continue; // truncated, or typed by hand
      const cell = { query: query === undefined ? null : Number(query), key: Number(key), weight: Number(weight) / 1000 };
      found.set(nameOf(cell), cell);
    }
    return [...found.values()];
  }

  // A sentence and its changed cells as the fragment of a link. Half a character cannot be in a link; it becomes U+FFFD.
  const CELLS = "&attention=";
  const writeLink = (text, cells) => `#text=${encodeURIComponent(gluonattn.wholeCharacters(text))}${cells.length ? CELLS + writeCells(cells) : ""}`;
  function readLink(hash) { // {text, cells}, or null
    const [text, cells] = hash.slice(6).split(CELLS);
    try {
      return hash.startsWith("#text=") ? { text: decodeURIComponent(text), cells: readCells(cells) } : null;
    } catch { // truncated inside a character
      return null;
    }
  }

  Object.assign(gluonattn, { withCells, setCell, writeCells, readCells, writeLink, readLink });
}
