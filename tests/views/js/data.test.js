"use strict";
// The page's numbers, without a page. Run with: node --test tests/views/js/
const assert = require("node:assert/strict");
const { test } = require("node:test");

const assets = "../../../gluonattn/views/assets/";
globalThis.document = { createElementNS: () => ({}), createElement: () => ({}) };
for (const name of ["dom", "words.ko", "words.en", "data", "sentence", "arcs", "heatmap"]) require(`${assets}${name}.js`);
const page = globalThis.gluonattn;

const base64 = (array) => Buffer.from(array.buffer).toString("base64");

// A record of single characters, one token each, with the given rows of weights.
function stored(text, rows, words) {
  const places = [...text].map((c, i) => [c, i]).filter(([c]) => c !== " ").map(([, i]) => i);
  const levels = rows.flatMap((row) => row.map((w) => Math.round(65535 * Math.sqrt(w / Math.max(...row)))));
  return {
    kind: "self", text, keyText: null, queries: places.map((i) => [i, i + 1]), keys: null, queryWords: words, keyWords: null,
    weights: { layers: 1, heads: 1, bits: 16, kept: null, averaged: {}, error: 0, dropped: 0,
      levels: base64(Uint16Array.from(levels)), mass: base64(Float32Array.from(rows, (row) => row.reduce((a, b) => a + b))) },
  };
}
const near = (a, b) => assert.ok(a.length === b.length && Array.from(a).every((x, i) => Math.abs(x - b[i]) < 1e-4), `${a} is not ${b}`);

const ROWS = [[0.5, 0.25, 0.25], [0.1, 0.2, 0.7], [0, 0.4, 0.6]];
const record = page.record(stored("가나 다", ROWS, [0, 0, 1]));

test("weights are read as they were stored", () => near(page.select(record).weights, ROWS.flat()));

test("merging sums keys and averages queries", () => {
  const merged = page.select(record, { unit: "word" });
  near(merged.weights, [0.525, 0.475, 0.4, 0.6]);
  assert.deepEqual(merged.queries.map((t) => t.text), ["가나", "다"]);
});

test("pairs come strongest first, without a token's look at itself", () => {
  const found = page.pairs(page.select(record), { itself: false }).map(({ query, key }) => [query, key]);
  assert.deepEqual(found, [[1, 2], [2, 1], [0, 1], [0, 2], [1, 0]]);
  assert.deepEqual(page.pairs(page.select(record), { query: 2, key: 2, least: 0.5 }).map((p) => p.weight.toFixed(1)), ["0.7", "0.6"]);
});

test("the strongest keys of a row stand in their places", () => {
  const sparse = stored("가나 다", [[0.5, 0.25], [0.2, 0.7], [0.4, 0.6]], [0, 0, 1]);
  Object.assign(sparse.weights, { kept: 2, places: base64(Uint8Array.from([0, 2, 1, 2, 0, 1])) });
  near(page.select(page.record(sparse)).weights, [0.5, 0, 0.25, 0, 0.2, 0.7, 0.4, 0.6, 0]);
});

test("a difference is taken where both have the token", () => {
  const other = page.record(stored("가나 다", [[0, 1, 0], [0.1, 0.2, 0.7], [0, 0.4, 0.6]], [0, 0, 1]));
  const change = page.difference(page.select(record), page.select(other));
  near(change.weights.slice(0, 3), [-0.5, 0.75, -0.25]);
  assert.ok(change.complete && change.signed);
  const words = page.select(other, { unit: "word" });
  const some = page.difference(page.select(record), words);
  assert.equal(some.agree, 1); // 다 alone
  assert.ok(!some.complete && Number.isNaN(some.weights[0]) && Math.abs(some.weights[8]) < 1e-4);
  assert.equal(page.difference(page.select(record), page.select(page.record(stored("라마 바", ROWS, [0, 0, 1])))), null);
});

test("pieces joined are the text, and every token has one", () => {
  const token = (start, end, text) => ({ start, end, text });
  for (const [text, tokens, expected] of [
    ["비해 길", [token(0, 2, "비하"), token(0, 2, "어"), token(3, 4, "길")], [["비해", "비하"], ["", "어"], [" "], ["길", null]]],
    ["가나", [token(0, 0, "[CLS]"), token(0, 2, "가나"), token(2, 2, "[SEP]")], [["", "[CLS]"], ["가나", null], ["", "[SEP]"]]],
    ["가나다", [token(0, 2, "가나"), token(1, 3, "나다")], [["가", "가나"], ["나다", "나다"]]],
    [" 가 나!", [token(0, 2, "▁가"), token(2, 4, "▁나")], [[" "], ["가", null], [" "], ["나", null], ["!"]]],
  ]) {
    const found = page.pieces(text, tokens);
    assert.equal(found.map((p) => p.text).join(""), text);
    assert.deepEqual(found.map((p) => (p.token === undefined ? [p.text] : [p.text, p.name])), expected);
    assert.deepEqual(found.filter((p) => p.token !== undefined).map((p) => p.token), tokens.map((_, i) => i));
  }
});

test("labels show what is invisible and never cut an emoji", () => {
  assert.equal(page.label("a\u0000b\u202ec\ud800\u2028"), "a·b·c··");
  assert.equal(page.label("👨‍👩‍👧‍👦".repeat(3), 2), "👨‍👩‍👧‍👦…");
  assert.equal(page.label("ㅋ".repeat(200)).length, 12);
  assert.equal(page.label("  "), "·");
});

test("numbers carry their sign", () => {
  assert.deepEqual([0.245, 0.0042, 0, 1].map((w) => page.percent(w)), ["24.5%", "0.42%", "0.0%", "100.0%"]);
  assert.deepEqual([0.081, -0.0042].map((w) => page.percent(w, true)), ["+8.1", "−0.42"]);
});

const RAMPS = { light: ["#f5f8fc", "#a9c9ea", "#3d7fc4", "#0a2c5c"], dark: ["#1b222a", "#1f4a7a", "#4a90d9", "#d8ebff"] };
test("the style's ramps are these", () => {
  const style = require("node:fs").readFileSync(require.resolve(`${assets}page.css`), "utf8");
  assert.deepEqual([...style.matchAll(/--ramp-\d: (#\w+)/g)].map((m) => m[1]), [...RAMPS.light, ...RAMPS.dark]);
});

for (const [name, stops] of Object.entries(RAMPS)) {
  test(`lightness changes steadily along the ${name} ramp, and numbers on it can be read`, () => {
    const lightness = (y) => (y > 0.008856 ? 116 * Math.cbrt(y) - 16 : 903.3 * y);
    const steps = Array.from({ length: 21 }, (_, i) => page.blend(stops, i / 20));
    const values = steps.map((c) => lightness(page.luminance(c)));
    const way = Math.sign(values.at(-1) - values[0]);
    values.slice(1).forEach((v, i) => assert.ok(way * (v - values[i]) > 1.5, `step ${i}: ${values[i]} to ${v}`));
    assert.ok(Math.abs(values.at(-1) - values[0]) > 70);
    for (const colour of steps) {
      const y = page.luminance(colour);
      const contrast = page.ink(colour) === "#000000" ? (y + 0.05) / 0.05 : 1.05 / (y + 0.05);
      assert.ok(contrast >= 4.5, `${colour}: ${contrast}`);
    }
  });
}

test("routes between lines of text keep to the gaps and the margin", () => {
  const from = { x: 100, top: 30, bottom: 60, line: 0 };
  const to = { x: 200, top: 150, bottom: 180, line: 1 };
  const path = page.route(from, to, { leave: -1, enter: -1, lane: 32, width: 400, margin: 30, track: 0, longest: 1 });
  const points = path.match(/-?[\d.]+ -?[\d.]+/g).map((p) => p.split(" ").map(Number));
  for (const [x, y] of points) {
    const inText = [from, to].some((place) => y > place.top + 0.1 && y < place.bottom);
    assert.ok(!inText || x < 30 || x > 370, `${x} ${y}`);
  }
  assert.deepEqual(points[0], [100, 30]);
});

test("Korean and English have the same words", () => {
  const shape = (words) => Object.entries(words).map(([key, value]) => [key, typeof value, value.length]).sort()
    .map(([key, kind, length]) => [key, kind, kind === "string" ? 0 : length]);
  assert.deepEqual(shape(page.words.ko), shape(page.words.en));
  for (const words of [page.words.ko, page.words.en]) assert.match(words.legendAll(12, 35490, "1%"), /35,490/);
});
