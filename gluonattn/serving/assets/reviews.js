"use strict";
// A file of reviews: read here, scored by the model with progress, and listed by confidence, error or a word.
{
  const { make, count, percent } = gluonattn;
  const LARGEST = 100; // MB
  const LONGEST = 10000; // maximum number of characters of a text, as on the server
  const [MOST, BYTES] = [128, 400_000]; // maximum of a request: texts, and bytes of texts
  const wait = (seconds) => new Promise((done) => { setTimeout(done, 1000 * seconds); });

  // ask(path, body, signal): sends a request; model(): the model, as /v1/models describes it; open(text): shows one
  // text. Returns {element, take(file)}.
  function reviews({ lang, ask, model, open }) {
    const words = gluonattn.words[lang].live;
    const common = gluonattn.words[lang];
    const picker = make("input", { type: "file", accept: ".txt,.tsv,.csv,.jsonl,.ndjson", id: "gluonattn-file", hidden: true, onchange: () => {
      if (picker.files.length) take(picker.files[0]);
      picker.value = "";
    } });
    const said = make("p", { class: "state quiet", role: "status" });
    const progress = make("progress", { hidden: true, "aria-label": words.scoring });
    const stop = make("button", { type: "button", class: "small", "data-name": "stop", hidden: true, onclick: () => running?.abort() }, words.stop);
    const summary = make("p", { "data-name": "summary" });
    const list = make("nav", { class: "index", "aria-label": words.results, hidden: true });
    const keep = make("div", { class: "actions", hidden: true }, make("button", { type: "button", "data-action": "saveReviews", onclick: () => save() }, words.saveReviews));
    let [running, records, asked] = [null, [], null];

    function say(text, wrong) {
      said.textContent = text;
      said.classList.toggle("wrong", Boolean(wrong));
    }

    async function take(file) {
      running?.abort();
      if (file.size > LARGEST * 1e6) return say(words.tooLarge(LARGEST), true);
      const table = gluonattn.readTable(file.name, new Uint8Array(await file.arrayBuffer()), gluonattn.columns);
      if (typeof table === "string") return say(words.unread[table](file.name), true);
      return score(file.name, table);
    }

    // One request. A busy server gets it again at the time that it names.
    async function askOnce(texts, signal) {
      for (;;) {
        try {
          return await ask("/v1/predict", { inputs: texts, model: asked.name }, signal);
        } catch (error) {
          if (error.status !== 503) throw error;
          await wait(error.after || 1);
          if (signal.aborted) throw new DOMException("stopped", "AbortError");
        }
      }
    }

    async function score(name, { rows, skipped }) {
      asked = model();
      const own = (running = new AbortController());
      const names = asked.label_names;
      const readable = rows.map((row, i) => i).filter((i) => rows[i].text.length <= LONGEST);
      const found = new Array(rows.length).fill(null);
      list.hidden = keep.hidden = true;
      list.replaceChildren();
      summary.textContent = "";
      progress.max = readable.length;
      progress.value = 0;
      progress.hidden = stop.hidden = false;
      let trouble = null;
      try {
        for (const part of gluonattn.batches(readable.map((i) => rows[i].text), MOST, BYTES)) {
          say(words.scored(count(progress.value), count(readable.length), name));
          const places = part.map((at) => readable[at]);
          const answers = await askOnce(places.map((i) => rows[i].text), own.signal);
          answers.forEach((one, i) => (found[places[i]] = one));
          progress.value += part.length;
        }
      } catch (error) {
        trouble = error.name === "AbortError" ? words.stopped : error.status === 0 ? words.offline : error.message;
      }
      if (own !== running) return; // another file was given in the meantime
      progress.hidden = stop.hidden = true;
      const known = new Set(asked.labels);
      const titled = (label) => Object.hasOwn(names, label) ? names[label] : label;
      records = rows.flatMap(({ text, truth }, i) => found[i] === null ? [] : [{ text, keyText: "", answer: found[i],
        truth: truth !== null && known.has(truth) ? titled(truth) : null, trueLabel: truth,
        prediction: { label: found[i].label === null ? null : titled(found[i].label), probabilities: found[i].label === null ? [] : [[titled(found[i].label), found[i].score]] } }]);
      const left = [skipped && words.emptyRows(count(skipped)), readable.length < rows.length && words.tooLong(count(rows.length - readable.length), count(LONGEST)),
        rows.some(({ truth }) => truth !== null && !known.has(truth)) && words.otherLabels(asked.labels.map(titled).join(", "))].filter(Boolean);
      say([trouble ?? words.done(name), ...left].join(" "), trouble !== null && trouble !== words.stopped);
      show();
    }

    function show() {
      if (!records.length) return;
      const told = records.filter(({ truth }) => truth !== null);
      const right = told.filter(({ truth, prediction }) => truth === prediction.label).length;
      const labels = Map.groupBy ? Map.groupBy(records, ({ prediction }) => prediction.label) : grouped(records);
      const shares = [...labels].filter(([label]) => label !== null).map(([label, own]) => `${label} ${count(own.length)} (${percent(own.length / records.length)})`);
      summary.textContent = [words.counted(count(records.length)), shares.join(" · "), told.length && words.accuracy(percent(right / told.length), count(right), count(told.length))].filter(Boolean).join(" · ");
      const made = gluonattn.index(records, common, "gluonattn-reviews", (i) => {
        made.mark(i);
        open(records[i].text);
      });
      list.replaceChildren(...made.parts);
      list.hidden = keep.hidden = false;
    }
    function grouped(all) { // for browsers without Map.groupBy
      const by = new Map();
      for (const one of all) by.set(one.prediction.label, [...(by.get(one.prediction.label) ?? []), one]);
      return by;
    }

    // One JSON object per line, which the command line also reads. A table would need quotes, or change the text.
    function save() {
      const content = records.map(({ text, answer, trueLabel }) => JSON.stringify({ text, label: answer.label, name: answer.name, score: answer.score, ...(trueLabel === null ? {} : { true_label: trueLabel }) }));
      gluonattn.download(new Blob([`${content.join("\n")}\n`], { type: "application/x-ndjson" }), "reviews.jsonl");
      say(common.saved("reviews.jsonl"));
    }

    const element = make("section", { class: "reviews", "aria-label": words.file },
      make("div", { class: "controls" }, make("h2", {}, words.file), make("button", { type: "button", class: "small", "data-name": "pick", onclick: () => picker.click() }, words.pickFile), picker, progress, stop),
      make("p", { class: "quiet hint" }, words.fileHint), said, summary, list, keep);

    // A file may be dropped anywhere. Otherwise the browser would leave the page to show a file dropped beside the field.
    const holdsFile = (event) => Array.from(event.dataTransfer?.types ?? []).includes("Files");
    addEventListener("dragover", (event) => {
      if (!holdsFile(event)) return;
      event.preventDefault();
      document.documentElement.classList.add("dropping");
    });
    addEventListener("dragleave", (event) => {
      if (event.relatedTarget === null) document.documentElement.classList.remove("dropping");
    });
    addEventListener("drop", (event) => {
      document.documentElement.classList.remove("dropping");
      if (!holdsFile(event)) return;
      event.preventDefault();
      if (element.isConnected) take(event.dataTransfer.files[0]);
    });
    return { element, take };
  }

  Object.assign(gluonattn, { reviews });
}
