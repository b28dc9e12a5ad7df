"use strict";
// One shown record: its sentences, its text as buttons, and the chosen view of its weights.
{
  const { make, draw, label, line, languageOf, percent, row, column, received, largest } = gluonattn;

  function answer(record) {
    if (!record.answer.length) return null;
    return make("div", { class: "said-first" }, record.answer.map((parts, i) => make("p", { class: i ? "quiet" : "answer-first" }, line(parts))));
  }

  function prediction(record, words) {
    if (!record.prediction || record.prediction.label === null) return null;
    const { label: name, probabilities } = record.prediction;
    return make("dl", { class: "prediction" }, probabilities.map(([each, share]) => {
      const bar = make("span", { class: "plus" });
      bar.style.setProperty("width", `${100 * share}%`);
      return make("div", { class: each === name ? "best" : null },
        make("dt", {}, make("bdi", { lang: languageOf(each) }, label(each, 24)), each === record.truth && make("span", { class: "quiet" }, ` (${words.right})`)),
        make("dd", {}, make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "figure" }, percent(share))));
    }), record.truth !== null && record.truth !== name && make("div", { class: "wrong" }, make("dt", {}, words.wrong), make("dd", {}, words.truth(label(record.truth, 24)))));
  }

  // Notes on what was left out of the file, and what the record itself lacks.
  function notes(record, words) {
    const { averaged, kept, dropped, error } = record.weights;
    const said = [
      record.seen && record.seen[0] < record.seen[1] && words.seen(...record.seen),
      record.lost && words.lost(percent(record.lost)),
      (averaged.layers || averaged.heads) && words.averaged(averaged.layers, averaged.heads),
      kept !== null && words.kept(kept, record.keys.length, percent(dropped)),
      error > 0.0005 && words.rounded(percent(error)),
    ].filter(Boolean);
    return said.length ? make("ul", { class: "notes" }, said.map((text) => make("li", {}, text))) : null;
  }

  // shown: the selection from data.js; options: {words, title, view, unit, threshold, root, highest, level, matrices, scale,
  // apart: whether the page shows the first sentences (`lead`) elsewhere};
  // changed(choice, pinned) is called when a token is pointed at (choice null: at none) or pinned.
  function panel(record, shown, options, changed) {
    const { words, view, threshold, level } = options;
    const least = threshold ?? 0;
    const shares = received(shown);
    const highest = shown.signed ? shown.weights.reduce((high, w) => Math.max(high, Math.abs(w) || 0), 0) || 1 : options.highest;
    const say = gluonattn.spoken(shown, words);
    const blocks = shown.same
      ? [gluonattn.sentence(shown.text, shown.queries, "queries")]
      : [gluonattn.sentence(shown.text, shown.queries, "queries"), gluonattn.sentence(shown.keyText, shown.keys, "keys")];
    const arcs = draw("svg", { class: "arcs", "aria-hidden": "true" });
    const stage = make("div", { class: `stage ${view}`, role: "group", "aria-label": words.sentence },
      !shown.same && make("p", { class: "block-name" }, words.queryText), blocks,
      !shown.same && make("p", { class: "block-name" }, words.keyText), arcs);
    const said = make("div", { class: "readout" });
    const legend = make("p", { class: "legend" });
    const below = make("div", { class: "below" });
    const status = make("p", { class: "status", role: "status", "data-picture": "no" });
    const inner = `h${level + 1}`;
    const attribution = gluonattn.attribution?.(record, words, options) ?? null;
    const lead = make("div", { class: "lead" }, options.heading, record && answer(record), record && prediction(record, words), attribution);
    const element = make("section", { class: `panel ${view}-view`, "aria-label": options.title ?? label(shown.text, 40) },
      options.apart ? null : lead, attribution && make(inner, { class: "part" }, words.attention), stage, options.keyed, legend, said, below, record && notes(record, words));

    const buttons = Array.from(stage.querySelectorAll(".token"));
    const placesOf = new Map(buttons.map((b) => [b, { side: b.dataset.side, index: Number(b.dataset.token) }]));
    const placeOf = (button) => placesOf.get(button);
    const buttonOf = new Map(buttons.map((b) => [`${b.dataset.side} ${b.dataset.token}`, b]));
    const token = ({ side, index }) => shown[side][index];
    for (const button of buttons) {
      const { side, index } = placeOf(button);
      button.setAttribute("aria-label", say[side](index));
      button.setAttribute("aria-pressed", "false");
      if (shown.signed && side === (shown.same ? "queries" : "keys")) button.append(make("span", { class: "delta", "aria-hidden": "true" }));
    }

    // ---- pointing, tapping and keys

    const choose = (button, pinned) => {
      const place = placeOf(button);
      changed({ side: place.side, start: token(place).start, end: token(place).end, index: place.index }, pinned);
    };
    const tokenAt = (event) => event.target.closest?.(".token");
    stage.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch" && tokenAt(event)) choose(tokenAt(event), false);
    });
    stage.addEventListener("pointerleave", (event) => {
      if (event.pointerType !== "touch") changed(null, false);
    });
    stage.addEventListener("focusin", (event) => {
      if (tokenAt(event) && event.target.matches(":focus-visible")) choose(tokenAt(event), false);
    });
    stage.addEventListener("focusout", (event) => {
      if (!stage.contains(event.relatedTarget)) changed(null, false);
    });
    stage.addEventListener("click", (event) => tokenAt(event) && choose(tokenAt(event), true));
    gluonattn.rove(stage, ".token", { steps: gluonattn.byLines, escape: () => changed(null, true) }).stop(buttons[0]);

    // ---- showing a choice

    const places = gluonattn.placing(stage, buttons);
    const linksOf = gluonattn.links(options.matrices ?? [{ shown }], places.at, highest, threshold);
    let cells = null;
    let cell = null;
    function drawCells() {
      const scale = options.scale ?? "linear";
      cells = gluonattn.heatmap(options.root, shown, words, { width: below.clientWidth, least, highest, scale });
      cell = null;
      const frame = make("div", { class: "scroll", tabindex: "0", role: "img", "aria-label": words.heatmapOf(shown.rows, shown.columns) }, cells.picture);
      const show = (pair) => {
        cell = pair;
        cells.mark(pair?.query ?? null, pair);
        const weight = pair && shown.weights[pair.query * shown.columns + pair.key];
        status.textContent = !pair ? words.cellHint : words.cell(label(shown.queries[pair.query].text, 24),
          label(shown.keys[pair.key].text, 24), Number.isNaN(weight) ? "–" : percent(weight, shown.signed));
      };
      cells.picture.addEventListener("pointermove", (event) => show(cells.cellAt(event)));
      cells.picture.addEventListener("pointerleave", () => show(null));
      cells.picture.addEventListener("click", (event) => {
        const pair = cells.cellAt(event);
        if (pair) choose(buttonOf.get(`queries ${pair.query}`), true);
      });
      frame.addEventListener("keydown", (event) => {
        if (event.key === "Escape") {
          show(null);
          changed(null, true);
        }
        const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
        if (!step) return;
        event.preventDefault();
        const clamp = (n, most) => Math.max(0, Math.min(most - 1, n));
        show(cell ? { query: clamp(cell.query + step[0], shown.rows), key: clamp(cell.key + step[1], shown.columns) } : { query: 0, key: 0 });
      });
      status.textContent = words.cellHint;
      below.replaceChildren(status, frame);
    }

    // The choice among this panel's tokens: the same place in the list, else the same characters.
    function resolve(choice) {
      const none = { query: null, key: null };
      if (!choice) return none;
      const side = shown.same ? "queries" : choice.side;
      const fits = (t) => t !== undefined && t.start === choice.start && t.end === choice.end;
      const index = fits(shown[side][choice.index]) ? choice.index : shown[side].findIndex(fits);
      if (index < 0) return none;
      return shown.same ? { query: index, key: index } : { ...none, [side === "queries" ? "query" : "key"]: index };
    }

    function shade(chosen) {
      const onQueries = chosen.query === null && chosen.key !== null;
      const values = onQueries ? column(shown, chosen.key) : chosen.query !== null ? row(shown, chosen.query) : shares;
      const side = onQueries || shown.same ? "queries" : "keys";
      // A uniform row must look even and pale, but remain visible.
      const top = values.reduce((high, v) => Math.max(high, Math.abs(v) || 0), 0) || 1;
      const most = values === shares ? top : Math.max(top, highest / 2);
      const labelled = shown.signed ? largest(values, 10).filter((i) => Math.abs(values[i]) > most / 6) : [];
      for (const button of buttons) {
        const { side: own, index } = placeOf(button);
        const value = own === side ? values[index] : 0;
        const share = Math.abs(value) >= least || values === shares ? Math.abs(value) / most : 0;
        button.style.setProperty("--share", (share || 0).toFixed(3));
        button.classList.toggle("minus", value < 0);
        button.classList.toggle("unmatched", Number.isNaN(value));
        button.classList.toggle("chosen", own === "queries" ? index === chosen.query : index === chosen.key);
        if (!shown.signed) continue;
        const delta = button.querySelector(".delta");
        if (delta) delta.textContent = labelled.includes(index) && own === side ? percent(value, true) : "";
      }
      const kept = [];
      for (const i of labelled) { // if two labels touch, the smaller is removed
        const delta = buttonOf.get(`${side} ${i}`).querySelector(".delta");
        const box = delta.getBoundingClientRect();
        if (kept.some((k) => k.left < box.right + 3 && box.left < k.right + 3 && k.top < box.bottom && box.top < k.bottom)) delta.textContent = "";
        else kept.push(box);
      }
      if (!shown.signed) return;
      for (const button of buttons) { // the accessible name begins with the visible text
        const { side: own, index } = placeOf(button);
        const [said, name] = [say[own](index), gluonattn.heard(token({ side: own, index }).text)];
        button.setAttribute("aria-label", `${name}${button.querySelector(".delta")?.textContent ?? ""}${said.slice(name.length)}`);
      }
    }

    function explain(chosen, count) {
      const any = chosen.query !== null || chosen.key !== null;
      if (shown.signed) legend.replaceChildren(words.legendDifference);
      else if (view !== "overlay") legend.replaceChildren();
      else if (any) legend.replaceChildren(shown.same ? words.legendOne : `${words.legendArrow} ${words.shadeOne}`);
      else legend.replaceChildren(words.legendAll(count.found.length, count.all, percent(count.found.at(-1)?.weight ?? 0)), make("br"), `${words.legendArrow} ${words.shadeAll}`);
      if (view === "list") return; // the list has the numbers
      const parts = `h${level + (attribution ? 2 : 1)}`;
      said.replaceChildren(...(any ? gluonattn.readout(shown, words, chosen, parts) : [gluonattn.overview(shown, words, parts)]));
    }

    function highlight(choice, pinned) {
      const chosen = resolve(choice);
      const fixed = resolve(pinned);
      // Measured before any change. A panel that is taken out of the page loses the focus, but has no places any more.
      const arrowed = view === "overlay" && arcs.isConnected;
      const count = arrowed ? linksOf(chosen) : { found: [], all: 0 };
      const drawn = gluonattn.arrows(count.found, highest, arrowed ? places.room() : null);
      shade(chosen);
      for (const b of buttons) {
        const { side, index } = placeOf(b);
        const pressed = String(side === "queries" ? index === fixed.query : index === fixed.key);
        if (b.getAttribute("aria-pressed") !== pressed) b.setAttribute("aria-pressed", pressed);
      }
      arcs.replaceChildren(...drawn);
      explain(chosen, count);
      if (view === "list") below.replaceChildren(gluonattn.list(shown, words, { query: chosen.query, key: chosen.key }, least));
      if (view === "heatmap" && cells && !cell) cells.mark(chosen.query, null);
    }

    function resize() {
      places.forget();
      if (view === "heatmap") drawCells();
    }

    // Shows what a record of the same text and weights says beside them, and keeps what was pressed. false if the panel
    // has to be made again.
    function renew(more) {
      if (!record || !more.attribution !== !record.attribution) return false;
      lead.querySelector(".said-first")?.replaceWith(answer(more) ?? "");
      if (attribution) attribution.querySelector(".trust")?.replaceWith(gluonattn.trust(more.attribution, words));
      return true;
    }

    return { lead, element, highlight, resize, renew };
  }

  Object.assign(gluonattn, { panel });
}
