"use strict";
// Answers the page's requests without a server. The model is read from the page's folder and runs here.
{
  const BREATH = 30; // ms of computing before the page may react
  const LONGEST_FRAME = 100; // ms to wait for the screen
  let [model, reading] = [null, null];

  class Refused extends Error {
    constructor(status, reason) {
      super(reason);
      Object.assign(this, { status, after: 0 });
    }
  }
  const words = () => gluonattn.words[document.documentElement.lang].live;

  async function file(name) {
    const response = await fetch(name, { redirect: "error" }).catch(() => null);
    if (!response?.ok) throw new Refused(1, location.protocol === "file:" ? words().fromDisk : words().incomplete(name));
    return response;
  }
  // What kernel.wasm exports. null if the browser or the host's own policy refuses WebAssembly: kernel.js computes then.
  async function compile(kernel) {
    try {
      return (await WebAssembly.instantiate(kernel)).instance.exports;
    } catch {
      return null;
    }
  }
  async function readModel() {
    const bytes = (name) => file(name).then((one) => one.arrayBuffer());
    const [about, numbers, kernel] = await Promise.all([file("model.json").then((one) => one.json()), bytes("model.bin"), bytes("kernel.wasm").then(compile)]);
    if (numbers.byteLength !== about.bytes) throw new Refused(1, words().incomplete("model.bin"));
    model = gluonattn.browserModel(about, numbers, kernel);
  }
  async function pause(signal) {
    await new Promise((done) => { setTimeout(done); });
    if (signal?.aborted) throw new DOMException("stopped", "AbortError");
  }

  // Until what was shown is on the screen. A hidden page draws nothing, so it does not wait.
  async function painted(signal) {
    if (!document.hidden) await new Promise((done) => { requestAnimationFrame(done); setTimeout(done, LONGEST_FRAME); });
    await pause(signal);
  }

  function look(text) {
    const encoded = model.read(text);
    if (!encoded) throw new Refused(422, words().blank);
    return model.look(encoded);
  }

  function changed(seen, change) {
    const { encoded } = seen;
    if (change.replace) {
      const { start, end } = encoded.tokens[change.replace.token];
      return look(encoded.text.slice(0, start) + change.replace.text + encoded.text.slice(end));
    }
    if (change.drop) {
      const gone = encoded.tokens.map((_, i) => change.drop.includes(i));
      if (gone.every(Boolean)) throw new Refused(422, words().onlyWord);
      return model.lookWithout(encoded, gone);
    }
    const length = encoded.tokens.length;
    const weights = change.cells ? gluonattn.withCells(seen.weights, length, change.cells)
      : model.shared(seen.weights, length, change.attention.tokens, change.attention.share);
    return { ...seen, weights, probabilities: model.underWeights(seen.values, weights) };
  }

  const answers = {
    "/v1/models": () => [{ name: model.about.name, labels: model.about.labels.map(({ id }) => id),
      label_names: Object.fromEntries(model.about.labels.map(({ id, name }) => [id, name])) }],
    async "/v1/predict"({ inputs }, signal) {
      const found = [];
      let began = performance.now();
      for (const text of inputs) {
        const row = model.predict(text);
        const best = row && row.indexOf(Math.max(...row));
        found.push(row ? { label: model.about.labels[best].id, score: row[best], name: model.about.labels[best].name } : { label: null, score: null, name: null });
        if (performance.now() - began < BREATH) continue;
        await pause(signal);
        began = performance.now();
      }
      return found;
    },
    // early(data) gets what is known before the rest is computed: first without the words' effects, then without the test.
    async "/page/explain"({ text, lang, change }, signal, early) {
      await pause(signal);
      const data = (...records) => ({ format: 1, records });
      const seen = look(text);
      if (change) return data(...[seen, changed(seen, change)].map((one) => gluonattn.entryOf(model, one, lang, false)));
      const stages = gluonattn.stagesOf(model, seen, lang, true);
      let began = performance.now();
      for (;;) {
        const { done, value } = stages.next();
        if (done) return data(value);
        const shown = value !== null && early !== undefined;
        if (shown) early(data(value));
        if (!shown && performance.now() - began < BREATH) continue;
        await (shown ? painted : pause)(signal);
        began = performance.now();
      }
    },
    // The saved page is one that Python prepared, with these records added.
    async "/page/export"(asked, signal) {
      const page = await (await file(`kept.${asked.lang}.html`)).text();
      const data = { ...await answers["/page/explain"](asked, signal), options: { lang: asked.lang, title: null, layer: null, head: null } };
      const json = JSON.stringify(data).replace(/[<>&'`\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u00ad\u061c\ufeff\ufffe\uffff\ud800-\udfff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
      const title = asked.text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
      return new Response(page.replaceAll("gluonattn-title", () => title).replace('"gluonattn-records"', () => json));
    },
    "/v1/explain"({ inputs }) {
      const { encoded, probabilities, weights, heads } = look(inputs);
      const [size, names] = [encoded.tokens.length, model.about.labels.map(({ id }) => id)];
      const matrix = (head) => Array.from({ length: size }, (_, q) => Array.from(weights.subarray((head * size + q) * size, (head * size + q + 1) * size)));
      const place = (at) => Array.from(encoded.text.slice(0, at)).length; // in characters, as Python counts
      const tokens = encoded.tokens.map(({ text, start, end }) => [text, place(start), place(end), null]);
      return [{ text: encoded.text, queries: tokens, keys: tokens, weights: [Array.from({ length: heads }, (_, head) => matrix(head))],
        prediction: { label: names[probabilities.indexOf(Math.max(...probabilities))], probabilities: Object.fromEntries(names.map((name, i) => [name, probabilities[i]])) } }];
    },
  };

  async function askServer(path, body, signal, early) {
    reading ??= readModel();
    await reading;
    return answers[path](body, signal, early);
  }
  async function request(path, body, signal) {
    const found = await askServer(path, body, signal);
    return found instanceof Response ? found : new Response(JSON.stringify(found));
  }
  Object.assign(gluonattn, { request, askServer, useToken() {} });
}
