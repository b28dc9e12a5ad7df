"use strict";
// One record on show: its prediction, its text as buttons, and the chosen view of its weights.
{
  const { make, draw, label, percent, row, column, received, pairs, readable } = gluonattn;
  const MOST_LINKS = 300; // drawn at once
  const ONE_WAY = 12; // links of a chosen token, each way, while the threshold is automatic
  const FAINT = 0.08; // and at least this share of the record's strongest

  function prediction(record, words) {
    if (!record.prediction) return null;
    const { label: name, probabilities } = record.prediction;
    if (name === null) return make("p", { class: "prediction" }, words.noPrediction);
    return make("dl", { class: "prediction", "aria-label": words.prediction }, probabilities.map(([each, share]) => {
      const bar = make("span", { class: "plus" });
      bar.style.setProperty("width", `${100 * share}%`);
      return make("div", { class: each === name ? "best" : null },
        make("dt", {}, make("bdi", {}, label(each, 20))),
        make("dd", {}, make("span", { class: "bar", "aria-hidden": "true" }, bar), make("span", { class: "figure" }, percent(share))));
    }));
  }

  // What the file could not hold, and what the record itself lacks.
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

  // shown: what data.js selected; options: {words, title, view, threshold, root}; changed(choice, pinned)
  // is called when a token is pointed at (choice null: at none) or pinned.
  function panel(record, shown, options, changed) {
    const { words, view, threshold } = options;
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
    const element = make("section", { class: `panel ${view}-view`, "aria-label": options.title ?? label(shown.text, 40) },
      options.heading, record && prediction(record, words), stage, legend, said, below,
      gluonattn.attribution?.(record, words), record && notes(record, words));

    const buttons = Array.from(stage.querySelectorAll(".token"));
    const placeOf = (button) => ({ side: button.dataset.side, index: Number(button.dataset.token) });
    const buttonOf = new Map(buttons.map((b) => [`${b.dataset.side} ${b.dataset.token}`, b]));
    const token = ({ side, index }) => shown[side][index];
    for (const button of buttons) {
      const { side, index } = placeOf(button);
      button.setAttribute("aria-label", say[side](index));
      button.setAttribute("aria-pressed", "false");
      if (shown.signed && side === (shown.same ? "queries" : "keys")) button.append(make("span", { class: "delta", "aria-hidden": "true" }));
    }
    if (buttons.length) buttons[0].tabIndex = 0;

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
      if (!tokenAt(event)) return;
      buttons.forEach((b) => (b.tabIndex = b === tokenAt(event) ? 0 : -1));
      if (event.target.matches(":focus-visible")) choose(tokenAt(event), false);
    });
    stage.addEventListener("focusout", (event) => {
      if (!stage.contains(event.relatedTarget)) changed(null, false);
    });
    stage.addEventListener("click", (event) => tokenAt(event) && choose(tokenAt(event), true));
    stage.addEventListener("keydown", (event) => {
      const at = buttons.indexOf(tokenAt(event));
      if (at < 0) return;
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1,
        ArrowDown: nextLine(at, 1), ArrowUp: nextLine(at, -1) }[event.key];
      if (event.key === "Escape") changed(null, true);
      if (to === undefined) return;
      event.preventDefault();
      buttons[Math.max(0, Math.min(buttons.length - 1, to))].focus();
    });

    // The token nearest in the next line of text up or down.
    function nextLine(at, way) {
      const here = buttons[at].getBoundingClientRect();
      let [best, nearest, line] = [at, Infinity, null];
      for (let i = at + way; buttons[i]; i += way) {
        const box = buttons[i].getBoundingClientRect();
        if (way > 0 ? box.top < here.bottom : box.bottom > here.top) continue;
        line ??= box.top;
        if (Math.abs(box.top - line) > here.height) break;
        const distance = Math.abs(box.left + box.right - here.left - here.right);
        if (distance < nearest) [best, nearest] = [i, distance];
      }
      return best;
    }

    // ---- where the tokens stand

    let places = null;
    function measure() {
      const origin = stage.getBoundingClientRect();
      const boxes = buttons.map((b) => b.getBoundingClientRect());
      const lines = [];
      places = new Map();
      boxes.forEach((box, i) => {
        const middle = (box.top + box.bottom) / 2;
        let line = lines.find((l) => middle > l.top && middle < l.bottom);
        if (!line) lines.push((line = { top: box.top, bottom: box.bottom }));
        line.top = Math.min(line.top, box.top);
        line.bottom = Math.max(line.bottom, box.bottom);
        places.set(buttons[i], { line, id: i, width: box.width, x: (box.left + box.right) / 2 - origin.left });
      });
      lines.forEach((line, i) => Object.assign(line, { index: i, top: line.top - origin.top, bottom: line.bottom - origin.top }));
      const style = getComputedStyle(stage);
      const [margin, lane] = [style.paddingLeft, style.getPropertyValue("--lane")].map(parseFloat);
      return { width: origin.width, margin, lane };
    }
    const place = (side, index) => {
      const { line, ...own } = places.get(buttonOf.get(`${side} ${index}`));
      return { ...own, line: line.index, top: line.top, bottom: line.bottom };
    };

    // ---- links

    let every = null;
    function links({ query, key }) {
      const automatic = threshold === null;
      const keySide = shown.same ? "queries" : "keys";
      const [leave, enter] = shown.same ? [-1, -1] : [1, -1];
      const link = (pair, kind, way = [leave, enter]) => ({ ...pair, kind, leave: way[0], enter: way[1],
        from: place("queries", pair.query), to: place(keySide, pair.key) });
      if (query === null && key === null) {
        if (shown.signed) return { found: [], all: 0 };
        every ??= pairs(shown, { itself: false, least });
        const found = every.slice(0, automatic ? readable(shown) : MOST_LINKS);
        return { found: found.map((pair) => link(pair, "out")), all: every.length };
      }
      const some = (chosen) => {
        const all = pairs(shown, { ...chosen, itself: false, least });
        return automatic ? all.filter((p) => Math.abs(p.weight) >= FAINT * highest).slice(0, ONE_WAY) : all.slice(0, MOST_LINKS / 2);
      };
      const out = query === null ? [] : some({ query }).map((pair) => link(pair, "out"));
      const into = key === null || shown.signed ? [] : some({ key }).map((pair) => link(pair, "in", shown.same ? [1, 1] : [leave, enter]));
      return { found: [...out, ...into], all: out.length + into.length };
    }

    // ---- showing a choice

    let cells = null;
    let cell = null;
    function drawCells() {
      cells = gluonattn.heatmap(options.root, shown, words, { width: below.clientWidth, least, highest });
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
        const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
        if (!step) return;
        event.preventDefault();
        const clamp = (n, most) => Math.max(0, Math.min(most - 1, n));
        show(cell ? { query: clamp(cell.query + step[0], shown.rows), key: clamp(cell.key + step[1], shown.columns) } : { query: 0, key: 0 });
      });
      status.textContent = words.cellHint;
      below.replaceChildren(status, frame);
    }

    // The choice in this panel's own tokens: the same place in the list, else the same characters.
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
      // An even row is to look even and pale, but not to vanish.
      const top = values.reduce((high, v) => Math.max(high, Math.abs(v) || 0), 0) || 1;
      const most = values === shares ? top : Math.max(top, highest / 2);
      const labelled = Array.from(values.keys()).filter((i) => Math.abs(values[i]) > most / 6)
        .sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, 10);
      for (const button of buttons) {
        const { side: own, index } = placeOf(button);
        const value = own === side ? values[index] : 0;
        const share = Math.abs(value) >= least || values === shares ? Math.abs(value) / most : 0;
        button.style.setProperty("--share", (share || 0).toFixed(3));
        button.classList.toggle("minus", value < 0);
        button.classList.toggle("unmatched", Number.isNaN(value));
        button.classList.toggle("chosen", own === "queries" ? index === chosen.query : index === chosen.key);
        const delta = button.querySelector(".delta");
        if (delta) delta.textContent = labelled.includes(index) && own === side ? percent(value, true) : "";
      }
      const kept = [];
      for (const i of shown.signed ? labelled : []) { // the smaller of two that touch gives way
        const delta = buttonOf.get(`${side} ${i}`).querySelector(".delta");
        const box = delta.getBoundingClientRect();
        if (kept.some((k) => k.left < box.right + 3 && box.left < k.right + 3 && k.top < box.bottom && box.top < k.bottom)) delta.textContent = "";
        else kept.push(box);
      }
    }

    function explain(chosen, count) {
      const any = chosen.query !== null || chosen.key !== null;
      if (shown.signed) legend.replaceChildren(words.legendDifference);
      else if (view !== "overlay") legend.replaceChildren();
      else if (any) legend.replaceChildren(shown.same ? words.legendOne : `${words.legendArrow} ${words.shadeOne}`);
      else legend.replaceChildren(words.legendAll(count.found.length, count.all, percent(count.found.at(-1)?.weight ?? 0)), make("br"), `${words.legendArrow} ${words.shadeAll}`);
      if (view === "list") return; // which has the numbers
      said.replaceChildren(...(any ? gluonattn.readout(shown, words, chosen) : [gluonattn.overview(shown, words)]));
    }

    function highlight(choice, pinned) {
      const chosen = resolve(choice);
      const fixed = resolve(pinned);
      shade(chosen);
      buttons.forEach((b) => {
        const { side, index } = placeOf(b);
        b.setAttribute("aria-pressed", String(side === "queries" ? index === fixed.query : index === fixed.key));
      });
      const room = view === "overlay" ? measure() : null; // text moves when fonts, zoom or width change
      const count = room ? links(chosen) : { found: [], all: 0 };
      arcs.replaceChildren(...gluonattn.arrows(count.found, highest, room));
      explain(chosen, count);
      if (view === "list") below.replaceChildren(gluonattn.list(shown, words, { query: chosen.query, key: chosen.key }, least));
      if (view === "heatmap" && cells && !cell) cells.mark(chosen.query, null);
    }

    function resize() {
      if (view === "heatmap") drawCells();
    }

    return { element, highlight, resize };
  }

  Object.assign(gluonattn, { panel });
}
