"use strict";
// Numbers only, no elements. Reads the stored weights, merges, selects, ranks and compares them.
globalThis.gluonattn ??= {};
{
  // Stored numbers are little-endian, as every machine that runs a browser is.
  const numbers = (text, Kind) => new Kind(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
  const whole = (text, size) => numbers(text, size === 1 ? Uint8Array : size === 2 ? Uint16Array : Uint32Array);

  function tokens(stored, text) {
    return stored.map(([start, end, tag, name]) => ({ start, end, tag: tag ?? null, text: name ?? text.slice(start, end) }));
  }

  // A token that occurs more than once is named with its word.
  function setApart(list, words, text) {
    const count = new Map();
    for (const token of list) count.set(token.text, (count.get(token.text) ?? 0) + 1);
    const merged = mergedTokens(list, words, text);
    list.forEach((token, i) => {
      const word = merged[words[i]].text;
      token.word = count.get(token.text) > 1 && word !== token.text ? word : null;
    });
  }

  // A record from the page's data, with names for its tokens. Weights are read when first shown.
  function record(stored) {
    const same = stored.keys === null;
    const queries = tokens(stored.queries, stored.text);
    const keyText = same ? stored.text : stored.keyText;
    const keys = same ? queries : tokens(stored.keys, keyText);
    const keyWords = same ? stored.queryWords : stored.keyWords;
    setApart(queries, stored.queryWords, stored.text);
    if (!same) setApart(keys, keyWords, keyText);
    return {
      ...stored, same, queries, keyText, keys, keyWords,
      layers: stored.weights.layers, heads: stored.weights.heads,
      // The number of a layer or head in its model. A part of a record has selected ones, unless they were averaged to fit.
      numberOf: (axis, at) => (stored.numbers?.[axis].length === stored.weights[axis] ? stored.numbers[axis][at] : at),
    };
  }

  // Each row is its levels squared, scaled to the mass they stand for.
  function decode(record) {
    const stored = record.weights;
    const columns = record.keys.length;
    const mass = numbers(stored.mass, Float32Array);
    const levels = whole(stored.levels, stored.bits / 8);
    const each = levels.length / mass.length;
    const places = stored.kept === null ? null : whole(stored.places, columns <= 256 ? 1 : columns <= 65536 ? 2 : 4);
    const weights = new Float32Array(mass.length * columns);
    for (let row = 0; row < mass.length; row++) {
      let total = 0;
      for (let i = row * each; i < (row + 1) * each; i++) total += levels[i] ** 2;
      const scale = total > 0 ? mass[row] / total : 0;
      for (let i = 0; i < each; i++) {
        const column = places ? places[row * each + i] : i;
        weights[row * columns + column] = levels[row * each + i] ** 2 * scale;
      }
    }
    return weights;
  }

  const decodedOf = new WeakMap();
  function weightsOf(record) {
    if (!decodedOf.has(record)) decodedOf.set(record, decode(record));
    return decodedOf.get(record);
  }

  // One matrix of a record: a layer and head, or the mean over those that are null.
  function matrix(record, layer, head) {
    const all = weightsOf(record);
    const size = record.queries.length * record.keys.length;
    const weights = new Float64Array(size);
    const layers = layer === null ? [...Array(record.layers).keys()] : [layer];
    const heads = head === null ? [...Array(record.heads).keys()] : [head];
    for (const l of layers) {
      for (const h of heads) {
        const from = (l * record.heads + h) * size;
        for (let i = 0; i < size; i++) weights[i] += all[from + i];
      }
    }
    const count = layers.length * heads.length;
    return { weights: weights.map((w) => w / count), rows: record.queries.length, columns: record.keys.length };
  }

  // Sum over merged keys, mean over merged queries: every row keeps its mass.
  function merge({ weights, rows, columns }, queryWords, keyWords) {
    const newRows = queryWords[rows - 1] + 1;
    const newColumns = keyWords[columns - 1] + 1;
    const merged = new Float64Array(newRows * newColumns);
    const parts = new Float64Array(newRows);
    for (let row = 0; row < rows; row++) {
      parts[queryWords[row]] += 1;
      for (let column = 0; column < columns; column++) {
        merged[queryWords[row] * newColumns + keyWords[column]] += weights[row * columns + column];
      }
    }
    return { weights: merged.map((w, i) => w / parts[Math.floor(i / newColumns)]), rows: newRows, columns: newColumns };
  }

  function mergedTokens(parts, words, text) {
    const merged = [];
    parts.forEach((token, i) => {
      const word = merged[words[i]];
      if (!word) {
        merged[words[i]] = { ...token };
        return;
      }
      word.start = Math.min(word.start, token.start);
      word.end = Math.max(word.end, token.end);
      word.word = null;
      word.tag = [word.tag, token.tag].filter(Boolean).join("+") || null;
    });
    // A special token has no characters and keeps its name.
    return merged.map((token) => token.start === token.end ? token : { ...token, text: text.slice(token.start, token.end) });
  }

  // The shown data: tokens and weights of a record at a layer, head and unit.
  function select(record, { layer = null, head = null, unit = "token" } = {}) {
    const one = matrix(record, layer, head);
    const shown = { text: record.text, keyText: record.keyText, same: record.same };
    if (unit !== "word") return { ...shown, ...one, queries: record.queries, keys: record.keys };
    const queries = mergedTokens(record.queries, record.queryWords, record.text);
    return {
      ...shown, ...merge(one, record.queryWords, record.keyWords), queries,
      keys: record.same ? queries : mergedTokens(record.keys, record.keyWords, record.keyText),
    };
  }

  const canMerge = (record) =>
    record.queryWords.at(-1) + 1 < record.queries.length || record.keyWords.at(-1) + 1 < record.keys.length;

  const row = (shown, query) => shown.weights.slice(query * shown.columns, (query + 1) * shown.columns);
  const column = (shown, key) => Float64Array.from({ length: shown.rows }, (_, q) => shown.weights[q * shown.columns + key]);

  // Mean over the queries. For a difference, over the queries that have one.
  function received(shown) {
    const [sums, counts] = [new Float64Array(shown.columns), new Float64Array(shown.columns)];
    shown.weights.forEach((w, i) => {
      if (Number.isNaN(w)) return;
      sums[i % shown.columns] += w;
      counts[i % shown.columns] += 1;
    });
    return sums.map((w, i) => w / counts[i]);
  }

  // Whether a weight can be a link: it exists, is strong enough, and is not from a token to itself unless that counts.
  function counts(shown, pair, least, itself) {
    const size = Math.abs(pair.weight);
    return size > 0 && size >= least && (itself || !shown.same || pair.query !== pair.key);
  }
  const stronger = (a, b) => Math.abs(b.weight) - Math.abs(a.weight) || a.query - b.query || a.key - b.key;

  // Pairs with the query or the key, or all pairs if neither is given. Strongest first, ties in reading order.
  function pairs(shown, { query = null, key = null, least = 0, itself = true } = {}) {
    const { rows, columns, weights } = shown;
    const found = [];
    const add = (q, k) => {
      const pair = { query: q, key: k, weight: weights[q * columns + k] };
      if (counts(shown, pair, least, itself)) found.push(pair);
    };
    if (query === null && key === null) for (let i = 0; i < rows * columns; i++) add(Math.floor(i / columns), i % columns);
    if (query !== null) for (let k = 0; k < columns; k++) add(query, k);
    if (key !== null) for (let q = 0; q < rows; q++) if (q !== query) add(q, key);
    return found.sort(stronger);
  }

  // The strongest of all pairs and how many there are, without sorting them all.
  function strongestPairs(shown, count, least = 0) {
    const found = [];
    let [all, floor] = [0, 0];
    for (let i = 0; i < shown.weights.length; i++) {
      const pair = { query: Math.floor(i / shown.columns), key: i % shown.columns, weight: shown.weights[i] };
      if (!counts(shown, pair, least, false)) continue;
      all += 1;
      if (Math.abs(pair.weight) <= floor) continue;
      found.push(pair);
      if (found.length < 2 * count) continue;
      found.sort(stronger).length = count;
      floor = Math.abs(found.at(-1).weight);
    }
    return { found: found.sort(stronger).slice(0, count), all };
  }

  // The places of the largest absolute values, without zeros.
  function largest(values, count) {
    const found = [];
    values.forEach((value, i) => {
      const size = Math.abs(value);
      if (!(size > 0) || (found.length === count && size <= Math.abs(values[found.at(-1)]))) return;
      let at = found.length;
      while (at > 0 && Math.abs(values[found[at - 1]]) < size) at -= 1;
      found.splice(at, 0, i);
      if (found.length > count) found.pop();
    });
    return found;
  }

  // Scores of words: the sums over their tokens.
  function mergedScores(scores, words) {
    const merged = new Array(words.at(-1) + 1).fill(0);
    scores.forEach((score, i) => (merged[words[i]] += score));
    return merged;
  }

  // The number of links that is readable without a selection: about one for two tokens, 3 to 12.
  const readable = (shown) => Math.max(3, Math.min(12, Math.round(shown.rows / 2)));

  // Second minus first, for tokens that both have: the same characters of the same text.
  function difference(first, second) {
    const name = (token) => JSON.stringify([token.start, token.end, token.text]);
    const places = (list) => new Map(list.map((token, i) => [name(token), i]));
    if (first.text !== second.text || first.keyText !== second.keyText) return null;
    const theirs = { queries: places(second.queries), keys: places(second.keys) };
    const match = (side) => first[side].map((token) => theirs[side].get(name(token)) ?? -1);
    const [queries, keys] = [match("queries"), match("keys")];
    const agree = keys.filter((k) => k >= 0).length;
    if (!agree || !queries.some((q) => q >= 0)) return null;
    const weights = first.weights.map((w, i) => {
      const [q, k] = [queries[Math.floor(i / first.columns)], keys[i % first.columns]];
      return q < 0 || k < 0 ? NaN : second.weights[q * second.columns + k] - w;
    });
    return { ...first, weights, signed: true, agree, complete: agree === Math.max(first.columns, second.columns)
      && queries.every((q) => q >= 0) && first.rows === second.rows };
  }

  function percent(weight, signed) {
    const digits = Math.abs(weight) > 0 && Math.abs(weight) < 0.0095 ? 2 : 1;
    const text = (100 * Math.abs(weight)).toFixed(digits);
    return signed ? `${weight < 0 ? "−" : "+"}${text}` : `${text}%`;
  }

  Object.assign(gluonattn, {
    record, select, canMerge, row, column, received, pairs, strongestPairs, largest, mergedTokens, mergedScores, readable, difference,
    percent,
  });
}
