"use strict";
// A classifier that runs in the browser and does the server's work. It uses no elements of the page.
globalThis.gluonattn ??= {};
{
  const METHOD = "leave-one-out";
  const DRAWS = 25;
  const SHARE = 0.2; // fraction of a text's tokens that the deletion test removes
  const RESOLUTION = 1e-6; // of probabilities: smaller differences count as none
  const MOST_ASKED = 128; // maximum number of tokens of a text whose words are removed one by one
  const AT_ONCE = 32; // number of variants of a text that are computed together
  const STRONG = 0.25;
  const WAIT = "…"; // in place of a sentence that is still being computed
  const MOVED = 0.5; // fraction of random draws that must change less, or the words are no reliable reason

  function half(bits) { // a 16-bit float
    const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
    if (exponent === 0) return sign * fraction * 2 ** -24;
    return exponent === 31 ? (fraction ? NaN : sign * Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  function readTensors(table, buffer) {
    const kinds = { float32: Float32Array, uint32: Uint32Array, float16: Uint16Array };
    return Object.fromEntries(Object.entries(table).map(([name, { kind, shape, at }]) => {
      const count = shape.reduce((all, one) => all * one, 1);
      const data = new kinds[kind](buffer, at, count);
      if (kind === "uint32") return [name, gluonattn.tensor(shape, data)];
      if (kind === "float32") return [name, gluonattn.tensor(shape, data)];
      const wide = new Float32Array(count); // one type of array everywhere: loops over several types are many times slower
      for (let i = 0; i < count; i++) wide[i] = half(data[i]);
      return [name, gluonattn.tensor(shape, wide)];
    }));
  }
  function softmax(row) {
    const high = Math.max(...row);
    const shares = row.map((x) => Math.exp(x - high));
    const sum = shares.reduce((a, b) => a + b);
    return shares.map((x) => x / sum);
  }

  // The same draws for the same text, in every browser (mulberry32).
  function randomOf(text) {
    let state = 0;
    for (const character of text) state = (Math.imul(state, 31) + character.codePointAt(0)) | 0;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  // about: model.json; buffer: model.bin; exported: what an instance of kernel.wasm exports, or null. All are from
  // `gluonattn publish`.
  function browserModel(about, buffer, exported = null) {
    const tensors = readTensors(about.tensors, buffer);
    const does = gluonattn.operations((name) => tensors[name], gluonattn.machine(exported));
    const { graph } = about;
    const ids = new Map(about.vocabulary.map((word, i) => [word, i]));
    const tables = about.evidence && { known: tensors["evidence.known"].data, scores: tensors["evidence.scores"].data, squares: tensors["evidence.squares"].data,
      spread: tensors["evidence.spread"].data, columns: tensors["evidence.scores"].shape[1] };
    const channels = tables ? tables.spread.length : 0;

    // A text as the model reads it. null if no character is visible.
    function read(text) {
      const plain = gluonattn.plainOf(text);
      const everything = gluonattn.tokenizers[about.tokenizer](plain.characters);
      if (!everything.length) return null;
      const tokens = everything.slice(0, about.longest);
      const found = { text, inText: everything.length, numbers: tokens.map((token) => ids.get(token.text) ?? about.unknown),
        tokens: tokens.map(({ text: name, start, end }) => ({ text: name, start: plain.places[start][0], end: plain.places[end - 1][1] })) };
      if (tables) found.write = gluonattn.evidenceOf(gluonattn.findPlaces(plain.characters.slice(0, tokens.at(-1).end), tokens, tables.known), tables);
      return found;
    }

    // The values of the network's run over variants of a text, each without as many tokens. One unknown word if none is left.
    function run({ numbers, write }, variants) {
      const [batch, kept] = [variants.length, variants[0].reduce((count, gone) => count + !gone, 0)];
      const length = Math.max(kept, 1);
      const ids = gluonattn.tensor([batch, length], new Uint32Array(batch * length).fill(about.unknown));
      const evidence = gluonattn.tensor([batch, length, channels], new Float32Array(batch * length * channels));
      variants.forEach((gone, b) => {
        if (!kept) return;
        let at = b * length;
        for (let i = 0; i < numbers.length; i++) if (!gone[i]) ids.data[at++] = numbers[i];
        if (write) write(gone, evidence.data, b * length * channels);
      });
      const given = { ids, evidence, valid_length: null };
      const values = [];
      for (const [name, at] of Object.entries(graph.inputs)) values[at] = given[name];
      return gluonattn.runGraph(graph, values, does);
    }
    const rows = ({ shape: [count, width], data }) => Array.from({ length: count }, (_, i) => softmax(Array.from(data.subarray(i * width, (i + 1) * width))));
    const decided = (values) => rows(values[graph.logits]);

    // Probabilities of variants of a text, each without some tokens. Like every generator here, it yields null where the
    // page may react.
    function* withoutEach(encoded, variants) {
      const byLength = new Map();
      variants.forEach((gone, i) => {
        const left = gone.reduce((count, one) => count + !one, 0);
        byLength.has(left) ? byLength.get(left).push(i) : byLength.set(left, [i]);
      });
      const found = new Array(variants.length);
      for (const places of byLength.values()) {
        for (let from = 0; from < places.length; from += AT_ONCE) {
          const some = places.slice(from, from + AT_ONCE);
          decided(run(encoded, some.map((i) => variants[i]))).forEach((row, i) => (found[some[i]] = row));
          yield null;
        }
      }
      return found;
    }
    // Probabilities with other attention weights, a list of (heads, T, T).
    function underWeights(values, list) {
      const changed = [...values];
      const data = new Float32Array(list.length * list[0].length);
      list.forEach((weights, i) => data.set(weights, i * weights.length));
      changed[graph.weights] = gluonattn.tensor([list.length, ...values[graph.weights].shape.slice(1)], data);
      return decided(gluonattn.runGraph(graph, changed, does, graph.deciding));
    }

    // Weights in which each row gives some tokens a share and the others the rest. Proportions in each group stay.
    function shared(weights, length, tokens, share) {
      const chosen = new Uint8Array(length);
      for (const token of tokens) chosen[token] = 1;
      const count = [length - chosen.reduce((a, b) => a + b, 0), chosen.reduce((a, b) => a + b, 0)];
      const mass = [1 - share, share];
      const found = new Float32Array(weights.length);
      for (let from = 0; from < weights.length; from += length) {
        const sum = [0, 0];
        for (let i = 0; i < length; i++) sum[chosen[i]] += weights[from + i];
        for (let i = 0; i < length; i++) {
          const side = chosen[i];
          found[from + i] = mass[side] * (sum[side] > 1e-6 ? weights[from + i] / sum[side] : 1 / count[side]);
        }
      }
      return found;
    }

    // The result for a text without some tokens: {encoded, values, probabilities, weights, heads}. The text is not
    // tokenized again.
    function lookWithout(encoded, gone) {
      const values = run(encoded, [gone]);
      const left = gone.some(Boolean) ? { ...encoded, tokens: encoded.tokens.filter((_, i) => !gone[i]), inText: encoded.tokens.length - gone.filter(Boolean).length } : encoded;
      return { encoded: left, values, probabilities: decided(values)[0], weights: values[graph.weights].data, heads: values[graph.weights].shape[1] };
    }
    const look = (encoded) => lookWithout(encoded, encoded.tokens.map(() => false));

    function predict(text) {
      const encoded = read(text);
      return encoded && decided(run(encoded, [encoded.tokens.map(() => false)]))[0];
    }

    const canAttribute = ({ encoded: { tokens } }) => tokens.length > 1 && tokens.length <= MOST_ASKED;

    // The effect of removing words: first each alone, then the strongest together, compared with as many random words.
    // Yields the first, {target, before, scores, drop, unseen, uniform}, and returns it with the test.
    function* attribute({ encoded, values, probabilities, weights }) {
      const size = encoded.tokens.length;
      const target = probabilities.indexOf(Math.max(...probabilities));
      const only = (list) => encoded.tokens.map((_, i) => list.includes(i));
      const all = encoded.tokens.map((_, i) => i);
      const drop = yield* withoutEach(encoded, all.map((i) => only([i])));
      const scores = drop.map((row) => probabilities[target] - row[target]);
      const unseen = [];
      for (let from = 0; from < size; from += AT_ONCE) {
        unseen.push(...underWeights(values, all.slice(from, from + AT_ONCE).map((i) => shared(weights, size, [i], 0))));
        yield null;
      }
      const [uniform] = underWeights(values, [new Float32Array(weights.length).fill(1 / size)]);
      const found = { target, before: probabilities[target], scores, drop, unseen, uniform, test: null };
      yield found;
      const count = Math.max(1, Math.ceil(SHARE * size - 1e-9));
      const top = [...all].sort((a, b) => scores[b] - scores[a] || a - b).slice(0, count);
      const random = randomOf(encoded.text);
      const draws = Array.from({ length: DRAWS }, () => {
        const left = [...all];
        return only(Array.from({ length: count }, () => left.splice(Math.floor(random() * left.length), 1)[0]));
      });
      const [after, ...rest] = yield* withoutEach(encoded, [only(top), ...draws]);
      const gone = rest.map((row) => row[target]);
      return { ...found, test: { tokens: count, after: after[target], random: gone.reduce((a, b) => a + b) / DRAWS,
        further: gone.filter((p) => p - after[target] > RESOLUTION).length } };
    }

    return { about, read, predict, look, lookWithout, canAttribute, attribute, shared, underWeights: (values, weights) => underWeights(values, [weights])[0] };
  }

  // ---- as the page's data

  const percent = (share) => `${(100 * share).toFixed(Math.abs(share) > 0 && Math.abs(share) < 0.0095 ? 2 : 1)}%`;
  const digits = (value) => (value >= 0.095 && value < 100 ? value.toFixed(2) : value.toPrecision(2));
  const signed = (score) => `${score < 0 ? "−" : "+"}${digits(Math.abs(score))}`;

  // A sentence from Python with placeholders {name}. Words of the text are separate, as [word].
  const fill = (parts, values) => parts.map((part) => Array.isArray(part) ? fill(part, values) : part.replace(/\{(\w+)\}/g, (_, name) => values[name]));

  function base64(array) {
    const bytes = new Uint8Array(array.buffer);
    let text = "";
    for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
    return btoa(text);
  }
  // Stores weights like gluonattn/views/page_data.py: 16-bit levels whose squares are scaled to the mass of their row.
  function stored(weights, heads, length) {
    const [levels, mass] = [new Uint16Array(weights.length), new Float32Array(weights.length / length)];
    mass.forEach((_, row) => {
      const own = weights.subarray(row * length, (row + 1) * length);
      const high = own.reduce((a, b) => Math.max(a, b), 0) || 1;
      mass[row] = own.reduce((a, b) => a + b, 0);
      own.forEach((w, i) => (levels[row * length + i] = Math.round(65535 * Math.sqrt(w / high))));
    });
    return { layers: 1, heads, averaged: {}, bits: 16, kept: null, levels: base64(levels), mass: base64(mass), error: 0, dropped: 0 };
  }

  // The number of the space-separated word of each token.
  function wordsOf(text, tokens) {
    const found = [];
    let [word, at, inside] = [0, 0, false];
    const starts = [];
    for (const character of text) {
      const space = gluonattn.isSpace(character) || character === "\u2800";
      if (!space && !inside) word += 1;
      inside = !space;
      for (let i = 0; i < character.length; i++) starts[at + i] = Math.max(word, 1);
      at += character.length;
    }
    let [last, count] = [null, -1];
    for (const { start } of tokens) {
      if (starts[start] !== last) count += 1;
      last = starts[start];
      found.push(count);
    }
    return found;
  }

  function listed(scores, tokens, sign) {
    const high = Math.max(...scores.map(Math.abs));
    const found = new Map();
    scores.map((score, i) => [score, i]).filter(([score]) => sign * score >= STRONG * high && score !== 0)
      .sort(([a], [b]) => Math.abs(b) - Math.abs(a))
      .forEach(([score, i]) => found.has(tokens[i].text) || found.set(tokens[i].text, score));
    return [...found].slice(0, 3);
  }
  function named(template, list) {
    return fill(template[list.length], Object.fromEntries(list.flatMap(([text, score], i) => [[`w${i}`, text], [`s${i}`, signed(score)]])));
  }

  // One record in the page's form. seen: from `look`; lang; explain: whether to compute the words' effects too.
  // Yields null where the page may react, and the record in stages: without the words' effects, then without the
  // deletion test. Returns the whole record.
  function* stagesOf(model, seen, lang, explain) {
    const { about } = model;
    const [words, { encoded, probabilities, weights, heads }] = [about.words[lang], seen];
    const titles = about.labels.map(({ title }) => title[lang]);
    const best = probabilities.indexOf(Math.max(...probabilities));
    const verdict = fill(words.verdict[best], { share: percent(probabilities[best]) });
    const entry = {
      kind: "self", text: encoded.text, keyText: null, keys: null, keyWords: null,
      queries: encoded.tokens.map(({ text, start, end }) => text === encoded.text.slice(start, end) ? [start, end] : [start, end, null, text]),
      queryWords: wordsOf(encoded.text, encoded.tokens), truth: null, lost: null, model: about.name, answer: [verdict],
      seen: [encoded.tokens.length, encoded.inText], source: { model: about.name, cell: about.cell, tokenizer: about.tokenizer },
      prediction: { label: titles[best], probabilities: titles.map((title, i) => [title, Number(probabilities[i].toFixed(6))]) },
      weights: stored(weights, heads, encoded.tokens.length),
    };
    if (!explain) return entry;
    if (!model.canAttribute(seen)) return { ...entry, answer: [verdict, [encoded.tokens.length === 1 ? words.only : words.many]] };
    yield entry;
    const steps = model.attribute(seen);
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done) return attributed(step.value);
      yield step.value && attributed(step.value);
    }

    function attributed({ target, before, scores, drop, unseen, uniform, test }) {
      const asked = (at) => ({ drop: drop.map((row) => row[at]), unseen: unseen.map((row) => row[at]), uniform: uniform[at] });
      const [first, trust] = test ? tested(scores, test, before, target) : [verdict, [WAIT]];
      return { ...entry, answer: [first], attribution: {
        method: METHOD, label: titles[target], signed: true, before, scores, names: { [METHOD]: words.method }, others: {},
        trust, asked: asked(target), notAsked: null, account: null,
        classes: titles.length !== 2 ? [] : [{ label: titles[1 - target], before: probabilities[1 - target], scores: scores.map((x) => -x), asked: asked(1 - target) }],
      } };
    }
    // The first sentence, which names words only if the deletion test supports them, and the line of that test.
    function tested(scores, test, before, target) {
      const believed = test.further / DRAWS >= MOVED;
      const [pro, con] = [listed(scores, encoded.tokens, 1), listed(scores, encoded.tokens, -1).slice(0, 2)];
      const first = [...verdict, ...(pro.length && believed ? [" ", ...named(words.because, pro)] : []), ...(con.length ? [" ", ...named(words.against, con)] : [])];
      const numbers = { n: test.tokens, before: percent(before), after: percent(test.after), random: percent(test.random), further: test.further, draws: DRAWS };
      const how = test.further === DRAWS ? "every" : test.further === 0 ? "none" : "some";
      return [first, fill([[words.deletion[target], words.draws[how], ...(believed ? [] : [words.doubt]), ...(words.validated ? [words.validated] : [])].join(" ")], numbers)];
    }
  }
  // The whole record at once.
  function entryOf(model, seen, lang, explain) {
    const steps = stagesOf(model, seen, lang, explain);
    for (;;) {
      const { done, value } = steps.next();
      if (done) return value;
    }
  }

  Object.assign(gluonattn, { browserModel, stagesOf, entryOf });
}
