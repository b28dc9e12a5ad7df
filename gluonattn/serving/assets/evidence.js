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

  // The evidence of variants of a text. Without some tokens three things change: n-grams that contain one of them are
  // gone, n-grams that stand elsewhere too have fewer places to share their score, and the scale of all is another
  // (their squares sum to 1). So the sums of the whole text are kept, and a variant changes only the n-grams at its
  // removed tokens, then the scale. tables: {known, scores, squares, spread} with the width of the scores, columns.
  // Returns write(gone, out, at): the shares (kept tokens, channels) as the network's input.
  function evidenceOf({ places, mass }, { scores, squares, spread, columns }) {
    const [size, channels] = [mass.length, ORDERS * columns];
    const loose = size * channels; // n-grams without a token are summed behind the tokens
    const byNumber = new Map();
    const touching = Array.from({ length: size }, () => []);
    places.forEach(({ number, parts }, i) => {
      byNumber.has(number) ? byNumber.get(number).push(i) : byNumber.set(number, [i]);
      for (const [token] of parts) touching[token].push(i);
    });

    // Adds some of an n-gram's score at one of its places.
    function add(sums, place, share) {
      const { number, order, parts } = places[place];
      for (let column = 0; column < columns; column++) {
        const [value, channel] = [share * scores[number * columns + column], order * columns + column];
        if (parts.length) for (const [token, part] of parts) sums[token * channels + channel] += value * part;
        else sums[loose + channel] += value;
      }
    }
    const whole = new Float64Array(loose + channels);
    let norm = 0;
    for (const [number, own] of byNumber) {
      norm += squares[number];
      for (const place of own) add(whole, place, 1 / own.length);
    }
    const sums = new Float64Array(whole.length);
    const lost = new Uint8Array(places.length);

    return function write(gone, out, at) {
      sums.set(whole);
      lost.fill(0);
      const changed = new Set();
      let [all, left] = [0, norm];
      for (let token = 0; token < size; token++) {
        if (!gone[token]) all += mass[token];
        else {
          for (const place of touching[token]) {
            lost[place] = 1;
            changed.add(places[place].number);
          }
        }
      }
      for (const number of changed) {
        const own = byNumber.get(number);
        let stay = 0;
        for (const place of own) stay += 1 - lost[place];
        if (!stay) left -= squares[number];
        for (const place of own) add(sums, place, (lost[place] ? 0 : 1 / stay) - 1 / own.length);
      }
      const scale = 1 / Math.sqrt(Math.max(left, 0) + 1e-12);
      let to = at;
      for (let token = 0; token < size; token++) {
        if (gone[token]) continue;
        const part = mass[token] / Math.max(all, 1e-300);
        for (let c = 0; c < channels; c++, to++) out[to] = ((sums[token * channels + c] + part * sums[loose + c]) * scale) / spread[c];
      }
    };
  }

  Object.assign(gluonattn, { findPlaces, evidenceOf });
}
