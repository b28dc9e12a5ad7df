"use strict";
// The n-gram evidence of each token: gluonattn/data/evidence.py and spread.py for one text, in a browser.
globalThis.gluonattn ??= {};
{
  const [CHARACTERS, TOKENS] = [[1, 2, 3, 4], [2, 3]];
  const ORDERS = CHARACTERS.length + TOKENS.length;
  const KEPT = 3; // characters kept of a run of one character
  const BASE = 1_000_003;
  const OF_TOKENS = 0x9e3779b9;

  const power = (length) => {
    let found = 1;
    for (let i = 0; i < length; i++) found = Math.imul(found, BASE);
    return Math.imul(found, length);
  };
  function finish(value) { // MurmurHash3's
    let v = value;
    v = Math.imul(v ^ (v >>> 16), 0x85ebca6b);
    v = Math.imul(v ^ (v >>> 13), 0xc2b2ae35);
    return (v ^ (v >>> 16)) >>> 0;
  }
  function hashRun(codes, start, length) {
    let sum = 0;
    for (let i = start; i < start + length; i++) sum = (Math.imul(sum, BASE) + codes[i]) | 0;
    return finish((sum + power(length)) | 0);
  }
  const codesOf = (characters) => characters.map((character) => character.codePointAt(0));
  const hashToken = (token) => {
    const codes = codesOf(Array.from(token)).slice(0, 20);
    return codes.length ? hashRun(codes, 0, codes.length) : 0;
  };

  // The place of a hash among the sorted ones, counted from 1. 0 if it is unknown.
  function numberOf(hash, known) {
    let [low, high] = [0, known.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (known[middle] < hash) low = middle + 1;
      else high = middle;
    }
    return known[low] === hash ? low + 1 : 0;
  }

  // The characters of n-grams, as codes, and the tokens of each. A space has none.
  function charactersOf(characters, tokens) {
    const split = gluonattn.wordsOf(characters.join("").toLowerCase());
    const codes = codesOf(Array.from(` ${split.join(" ")} `));
    const joined = tokens.map(({ text }) => text).join("");
    const whose = [];
    if (joined.toLowerCase() === split.join("") && Array.from(joined.toLowerCase()).length === Array.from(joined).length) {
      tokens.forEach(({ text }, i) => Array.from(text).forEach(() => whose.push([i])));
    } else {
      characters.forEach((character, at) => {
        if (gluonattn.isSpace(character)) return;
        const own = tokens.flatMap(({ start, end }, i) => (start <= at && at < end ? [i] : []));
        Array.from(character.toLowerCase()).forEach(() => whose.push(own));
      });
    }
    let next = 0;
    const owners = codes.map((code) => (code === 32 ? [] : whose[next++] ?? []));
    return collapse(codes, owners);
  }

  // Runs of one character are cut to three. The last one has the tokens of the rest.
  function collapse(codes, owners) {
    const [kept, whose] = [[], []];
    let run = 0;
    codes.forEach((code, i) => {
      run = i && codes[i - 1] === code ? run + 1 : 1;
      if (run <= KEPT) {
        kept.push(code);
        whose.push(new Set(owners[i]));
      } else owners[i].forEach((token) => whose.at(-1).add(token));
    });
    return { codes: kept, whose: whose.map((own) => [...own]) };
  }

  // The known n-grams: [{number, order, parts: [[token, part]]}] (no parts if no token was read), and the
  // mass of each token.
  function findPlaces(characters, tokens, known) {
    const { codes, whose } = charactersOf(characters, tokens);
    const mass = new Float64Array(tokens.length);
    whose.forEach((own) => own.forEach((token) => (mass[token] += 1 / own.length)));
    const found = [];
    const gather = (number, order, shares) => {
      const parts = new Map();
      shares.forEach(([token, part]) => parts.set(token, (parts.get(token) ?? 0) + part));
      found.push({ number, order, parts: [...parts] });
    };
    CHARACTERS.forEach((length, order) => {
      for (let start = 0; start + length <= codes.length; start++) {
        const number = numberOf(hashRun(codes, start, length), known);
        if (!number) continue;
        const covered = whose.slice(start, start + length).filter((own) => own.length);
        gather(number, order, covered.flatMap((own) => own.map((token) => [token, 1 / (covered.length * own.length)])));
      }
    });
    const hashes = tokens.map(({ text }) => hashToken(text));
    TOKENS.forEach((length, n) => {
      for (let start = 0; start + length <= tokens.length; start++) {
        const number = numberOf((hashRun(hashes, start, length) ^ OF_TOKENS) >>> 0, known);
        if (!number) continue;
        const run = Array.from({ length }, (_, i) => start + i);
        const all = run.reduce((sum, token) => sum + mass[token], 0);
        gather(number, CHARACTERS.length + n, run.map((token) => [token, mass[token] / all]));
      }
    });
    return { places: found, mass };
  }

  // The shares (tokens, channels) of a text without some tokens, as the network's input. 0 for removed tokens.
  // tables: {known, scores, squares, spread} with the width of the scores, columns.
  function evidenceWithout({ places, mass }, { scores, squares, spread, columns }, gone) {
    const size = mass.length;
    const found = new Float64Array(size * ORDERS * columns);
    if (gone.every(Boolean)) return found;
    const left = places.filter(({ parts }) => !parts.some(([token]) => gone[token]));
    const times = new Map();
    left.forEach(({ number }) => times.set(number, (times.get(number) ?? 0) + 1));
    let norm = 1e-12;
    for (const number of times.keys()) norm += squares[number];
    norm = Math.sqrt(norm);
    let all = 0;
    mass.forEach((own, i) => (all += gone[i] ? 0 : own));
    left.forEach(({ number, order, parts }) => {
      for (let column = 0; column < columns; column++) {
        const value = scores[number * columns + column] / (times.get(number) * norm);
        const add = (token, part) => (found[(token * ORDERS + order) * columns + column] += value * part);
        if (parts.length) parts.forEach(([token, part]) => add(token, part));
        else mass.forEach((own, token) => gone[token] || add(token, own / Math.max(all, 1e-300)));
      }
    });
    return found.map((value, i) => value / spread[i % (ORDERS * columns)]);
  }

  Object.assign(gluonattn, { findPlaces, evidenceWithout });
}
