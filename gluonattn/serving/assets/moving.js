"use strict";
// The attention of a sentence as bars that can be dragged or moved by arrow keys, to see the changed answer.
{
  const { make, word, label, percent, askServer, select, received, withCells, setCell } = gluonattn;
  const PAUSE = 120; // ms after the last move

  // lang; words: those of the live page; show(data): shows the record before and after; fail(error): shows why there is
  // no answer; changed(): called when the cells have changed. Returns {element, cells, start(record, cells), set(cells), stop()}.
  function moving({ lang, words, show, fail, changed }) {
    let [record, before, cells, bars, timer, running] = [null, null, [], [], null, null];
    const title = make("h3", { class: "part" }, words.moving);
    const looks = make("select", { "data-name": "looks", onchange: () => drawBars() });
    const rows = make("div", { class: "bars", role: "group", "aria-label": words.moving });
    const said = make("output", { class: "answer", role: "status" });
    const button = (name, press) => make("button", { type: "button", class: "small", "data-name": name, onclick: press }, words[name]);
    const [undo, both] = [button("takeBack", () => {
      set([]);
      bars[0]?.slider.focus();
    }), button("beside2", async () => {
      clearTimeout(timer);
      const data = await ask();
      if (data) show(data);
    })];
    const element = make("section", { class: "moving", "aria-label": words.moving, "data-picture": "no" }, title,
      make("p", { class: "legend" }, words.movingHint), make("label", { class: "field" }, make("span", {}, words.looks), looks),
      rows, make("p", { class: "controls" }, said, undo, both));

    const query = () => (looks.value === "" ? null : Number(looks.value));
    const probability = (entry) => entry.prediction.probabilities.find(([name]) => name === before.label)[1];

    // The values of the bars: one row, or the mean attention that each token receives.
    function shares(weights) {
      const shown = { weights, rows: record.keys.length, columns: record.keys.length };
      return query() === null ? received(shown) : gluonattn.row(shown, query());
    }
    function drawShares(weights) {
      const found = shares(weights);
      bars.forEach(({ slider, figure }, i) => {
        const text = percent(found[i]);
        slider.value = 100 * found[i];
        slider.setAttribute("aria-valuetext", text);
        figure.classList.toggle("moved", cells.some((cell) => cell.key === i && (cell.query === null || cell.query === query() || query() === null)));
        figure.textContent = text;
      });
    }
    function draw() {
      drawShares(withCells(before.weights, record.keys.length, cells));
      undo.hidden = both.hidden = !cells.length;
    }
    function drawBars() {
      bars = record.keys.map((key, i) => {
        const slider = make("input", { type: "range", min: 0, max: 100, step: 1, "data-token": i, "aria-label": label(key.text, 24), oninput: () => {
          set(setCell(cells, record.keys.length, { query: query(), key: i, weight: Number(slider.value) / 100 }));
        } });
        return { slider, figure: make("span", { class: "figure", "aria-hidden": "true" }) };
      });
      rows.replaceChildren(...bars.map(({ slider, figure }, i) => make("label", {}, word(record.keys[i].text, 12, { "aria-hidden": "true" }), slider, figure)));
      draw();
    }

    async function ask() {
      running?.abort();
      const own = (running = new AbortController());
      try {
        const data = await askServer("/page/explain", { text: record.text, models: [record.model], lang, change: { cells } }, own.signal);
        return own.signal.aborted ? null : data;
      } catch (error) {
        if (error.name !== "AbortError") fail(error);
        return null;
      }
    }
    async function answer() {
      const data = await ask();
      if (!data) return;
      drawShares(select(gluonattn.record(data.records[1])).weights); // heads are changed separately, so their mean may differ
      said.textContent = words.changed(before.label, ...data.records.map((one) => percent(probability(one))));
    }
    function set(wanted) {
      cells = wanted;
      draw();
      clearTimeout(timer);
      running?.abort();
      if (cells.length) timer = setTimeout(answer, PAUSE);
      else said.textContent = "";
      changed();
    }

    // For a record of one model, with the cells of a link.
    function start(entry, wanted = []) {
      record = gluonattn.record(entry);
      const size = record.keys.length;
      element.hidden = size < 2 || !record.prediction;
      if (element.hidden) return stop();
      before = { weights: select(record).weights, label: record.prediction.label };
      said.textContent = "";
      cells = [];
      looks.replaceChildren(make("option", { value: "" }, words.everyWord), ...record.keys.map((key, i) => make("option", { value: i }, `${i + 1}. ${label(key.text)}`)));
      drawBars();
      const known = wanted.filter(({ query: own, key }) => key < size && (own ?? 0) < size);
      if (known.length) set(known);
      return undefined;
    }
    function stop() {
      clearTimeout(timer);
      running?.abort();
      cells = [];
    }
    return { element, start, set, stop, cells: () => cells };
  }

  Object.assign(gluonattn, { moving });
}
