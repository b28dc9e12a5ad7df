"use strict";
// The page: what is chosen, the controls that choose it, and the panels that show it.
{
  const { make, label, word, percent } = gluonattn;
  const VIEWS = ["overlay", "heatmap", "list"];
  const COLOURED = "colours"; // instead of a head: all heads, each in its own colour
  let mounted = 0;

  // Replaces the content of an element by the page. data: page_data's; options: {lang, title, layer, head,
  // view, theme, fontCss; level (of its heading, 1), scale and highest (of heatmaps: "root", and the weight drawn
  // darkest), changed(layer, head); second: record beside the first; beside: the attribution
  // shown beside the explained one; whatIf: see attribution.js; more: an element below the panels; chosen: what an
  // earlier mount's destroy returned}. Returns {destroy, renew(data)}: data of the same texts and weights, with more said
  // about them.
  function mount(root, data, options = {}) {
    const words = gluonattn.words[options.lang] ?? gluonattn.words.ko;
    const id = `gluonattn-${++mounted}`;
    const level = options.level ?? 1;
    let records = data.records.map(gluonattn.record);
    const within = (index, size) => (index === null || index === undefined || index >= size ? null : (index + size) % size);
    const side = (record) => ({
      record,
      layer: within(options.layer, records[record].layers),
      head: within(options.head, records[record].heads),
    });
    const state = { view: options.view ?? "overlay", unit: "token", threshold: null, theme: options.theme ?? "system",
      first: side(0), second: null, hovered: null, pinned: null, method: null, beside: options.beside ?? null, towards: null, hidden: new Set(), ...options.chosen };
    if (options.second) state.second = { ...side(options.second), layer: null, head: null };
    const dark = matchMedia("(prefers-color-scheme: dark)");
    let panels = [];

    const index = make("nav", { class: "index", "aria-label": words.index, "data-picture": "no" });
    const list = records.length > 1 ? gluonattn.index(records, words, id, open) : null;
    const controls = make("div", { class: "controls" });
    const lead = make("div", {});
    const stage = make("div", { class: "panels" });
    const said = make("p", { class: "message", role: "status" });
    const actions = make("div", { class: "actions" });
    root.classList.add("gluonattn");
    root.replaceChildren(make("div", { class: "top" }, make(`h${level}`, { class: "title" }, options.title ?? words.title), themeChoice()), ...(list ? [index] : []),
      lead, controls, make("p", { class: "quiet hint" }, words.hint, " ", make("span", { class: "nowrap" }, words.hintKeys)), stage, ...(options.more ? [options.more] : []), actions, said,
      make("details", { class: "help" }, make("summary", {}, words.help), make("ul", {}, words.helpLines.map((line) => make("li", {}, line)))));

    // ---- controls

    function field(name, control) {
      return make("label", { class: "field" }, make("span", {}, name), control);
    }

    // name: identifies the control after it was redrawn.
    function selection(name, choices, value, change) {
      return make("select", { "data-name": name, onchange: (event) => change(event.target.value) },
        choices.map(([key, text]) => make("option", { value: key, selected: key === String(value) }, text)));
    }

    // Buttons, one of which is pressed.
    function choice(name, values, value, change) {
      return make("div", { class: "choice", role: "radiogroup", "aria-label": name }, values.map((each) =>
        make("label", {}, make("input", { type: "radio", name: `${id}-${name}`, value: each, checked: each === value,
          onchange: () => change(each) }), make("span", {}, words[each]))));
    }

    function themeChoice() {
      return field(words.theme, selection("theme", ["system", "light", "dark"].map((t) => [t, words[t]]), state.theme, (theme) => {
        state.theme = theme;
        paint();
      }));
    }

    function settle() { // colours, fonts or the width have changed
      panels.forEach((p) => p.resize());
      highlight();
    }

    function paint(paper) {
      const theme = paper ?? (state.theme === "system" ? (dark.matches ? "dark" : "light") : state.theme);
      if (root.dataset.theme === theme) return;
      root.dataset.theme = theme;
      settle();
    }
    const follow = () => paint();

    const numbered = (record, axis) => [["", words.mean], ...Array.from({ length: record[axis] }, (_, n) => [String(n), record.numberOf(axis, n)])];
    function parts(which) { // layer and head of one side, if there are several
      const record = records[which.record];
      const heads = (name) => [...numbered(record, `${name}s`), ...(name === "head" && which === state.first && !state.second ? [[COLOURED, words.coloured]] : [])];
      return [["layer", record.layers], ["head", record.heads]].filter(([, size]) => size > 1).map(([name]) =>
        field(words[name], selection(name + (which === state.second), heads(name), which[name] ?? "", (value) => {
          which[name] = value === "" ? null : value === COLOURED ? value : Number(value);
          options.changed?.(state.first.layer, state.first.head);
          show();
        })));
    }

    function comparison() {
      const record = records[state.first.record];
      if (records.length < 2 && record.layers * record.heads < 2) return null;
      return field(words.compare, selection("compare", [["", words.nothing], ...records.map((r, i) => [String(i), `${i + 1}. ${label(r.text, 24)}`])],
        state.second?.record ?? "", (value) => {
          if (state.first.head === COLOURED) state.first.head = null;
          state.second = value === "" ? null : { ...side(Number(value)), layer: null, head: null };
          show(true);
        }));
    }

    const slider = make("input", { type: "range", min: 0, max: 100, step: 1, oninput: (event) => setThreshold(event.target.value) });
    const sliderValue = make("output", {});
    const automatic = make("button", { type: "button", class: "small", onclick: () => setThreshold(null) }, words.automatic);
    let highest = 1;
    function setThreshold(value) {
      state.threshold = value === null ? null : (Number(value) / 100) * highest;
      show();
    }
    function sayThreshold() {
      const text = state.threshold === null ? words.auto : percent(state.threshold);
      sliderValue.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      if (state.threshold === null) slider.value = 0;
      automatic.hidden = state.threshold === null;
    }

    function drawControls() {
      const shown = [state.first, state.second].filter(Boolean).map((s) => records[s.record]);
      controls.replaceChildren(...[
        choice(words.view, VIEWS, state.view, (view) => {
          state.view = view;
          show();
        }),
        shown.some(gluonattn.canMerge) && choice(words.unit, ["token", "word"], state.unit, (unit) => {
          Object.assign(state, { unit, pinned: null, hovered: null });
          show();
        }),
        ...(state.second ? [] : parts(state.first)),
        make("div", { class: "field" }, make("label", { for: `${id}-threshold` }, words.threshold), slider, sliderValue, automatic),
        comparison(),
      ].filter(Boolean));
      slider.id = `${id}-threshold`;
    }

    function open(i) {
      Object.assign(state, { first: side(i), hovered: null, pinned: null });
      list.mark(i);
      show(true);
    }

    // ---- panels

    function heading(text, which) {
      const { source } = records[which.record];
      const from = [source.cell && words.ofCell(source.cell), source.model, source.tokenizer].filter(Boolean).map((s) => label(s, 30)).join(" · ");
      return make("div", { class: "heading" }, make(`h${level + 1}`, { class: text ? null : "unseen" }, text || word(records[which.record].text, 40)),
        from && make("p", { class: "quiet" }, from), state.second && make("div", { class: "parts" }, parts(which)));
    }

    // One colour for each head, with its own weights and a button that hides it.
    function inColours(record, which) {
      if (which.head !== COLOURED) return {};
      const heads = Array.from({ length: record.heads }, (_, head) => head);
      const matrices = heads.filter((head) => !state.hidden.has(head))
        .map((head) => ({ head, shown: gluonattn.select(record, { layer: which.layer, head, unit: state.unit }) }));
      const sample = (head) => gluonattn.draw("svg", { class: "sample", width: 30, height: 10, "aria-hidden": "true" },
        gluonattn.draw("g", { class: `link of-head head-${head % 8}` }, gluonattn.draw("path", { class: "line", d: "M0 5H30", "stroke-width": 3 })));
      const keyed = make("div", { class: "keyed", role: "group", "aria-label": words.head }, make("p", { class: "legend" }, words.legendHeads), heads.map((head) =>
        make("button", { type: "button", class: "small", "data-name": `head-${head}`, "aria-pressed": String(!state.hidden.has(head)), onclick: () => {
          if (!state.hidden.delete(head)) state.hidden.add(head);
          show();
        } }, sample(head), ` ${words.head} ${record.numberOf("heads", head)}`)));
      return { keyed, matrices: matrices.length ? matrices : null };
    }

    function show(others) { // others: whether the records have changed
      const { name, side, token } = document.activeElement.dataset;
      const sides = [state.first, state.second].filter(Boolean);
      const shown = sides.map((s) => gluonattn.select(records[s.record], { ...s, head: s.head === COLOURED ? null : s.head, unit: state.unit }));
      const coloured = state.view === "overlay" && sides.length === 1 ? inColours(records[state.first.record], state.first) : {};
      const strongest = (one) => one.weights.reduce((a, b) => Math.max(a, b), 0);
      highest = Math.max(...shown.map(strongest), ...(coloured.matrices ?? []).map((m) => strongest(m.shown))) || 1;
      if (options.highest) highest = Math.max(highest, options.highest);
      if (others) drawControls();
      sayThreshold();
      const common = { words, apart: sides.length === 1, view: state.view, unit: state.unit, threshold: state.threshold, root, highest, level: level + 1, scale: options.scale,
        method: state.method, beside: state.beside, towards: state.towards, whatIf: options.whatIf, ...coloured, choose: (what, value) => {
          state[what] = value || null;
          show();
        } };
      panels = sides.map((which, i) => gluonattn.panel(records[which.record], shown[i],
        { ...common, heading: heading(state.second && [words.baseline, words.other][i], which),
          title: state.second && `${[words.baseline, words.other][i]}: ${label(shown[i].text, 40)}` }, choose));
      stage.classList.toggle("two", sides.length === 2);
      const extra = sides.length === 2 ? differencePanel(shown, common) : [];
      lead.replaceChildren(...(sides.length === 1 ? [panels[0].lead] : []));
      stage.replaceChildren(...panels.map((p) => p.element), ...extra);
      width = stage.clientWidth;
      settle();
      const focused = name ? `[data-name="${name}"]` : side && document.activeElement === document.body && `.panels .token[data-side="${side}"][data-token="${token}"]`;
      if (focused) root.querySelector(focused)?.focus();
    }

    function differencePanel([first, second], common) {
      const title = make("div", { class: "heading" }, make(`h${level + 1}`, {}, words.difference));
      const change = gluonattn.difference(first, second);
      if (!change) return [make("section", { class: "panel wide" }, title, make("p", { class: "legend" }, words.noneAgree))];
      if (!change.complete) title.append(make("p", { class: "legend" }, words.someAgree(change.agree, Math.max(first.columns, second.columns))));
      const made = gluonattn.panel(null, change, { ...common, apart: false, heading: title, title: words.difference }, choose);
      made.element.classList.add("wide");
      panels.push(made);
      return [made.element];
    }

    const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
    function choose(token, pin) {
      if (!pin && same(token, state.hovered)) return;
      if (pin) state.pinned = same(token, state.pinned) ? null : token;
      state.hovered = pin ? null : token;
      highlight();
    }
    function highlight() {
      panels.forEach((p) => p.highlight(state.hovered ?? state.pinned, state.pinned));
    }

    // ---- pictures

    const fileName = (ending) => `attention-${state.first.record + 1}.${ending}`;
    const svg = () => gluonattn.toSvg([lead, stage], getComputedStyle(root).backgroundColor, options.fontCss);
    async function attempt(work) {
      try {
        said.textContent = await work();
      } catch {
        said.textContent = words.failed;
      }
    }
    async function copyPng() {
      const png = gluonattn.toPng(svg());
      try { // a promise, so that the button press still counts as user activation when the picture is ready
        await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
        return words.copied;
      } catch {
        gluonattn.download(await png, fileName("png"));
        return words.notCopied(fileName("png"));
      }
    }
    async function savePng() {
      gluonattn.download(await gluonattn.toPng(svg()), fileName("png"));
      return words.saved(fileName("png"));
    }
    function saveSvg() {
      gluonattn.download(new Blob([svg()], { type: "image/svg+xml" }), fileName("svg"));
      return words.saved(fileName("svg"));
    }
    actions.append(...Object.entries({ copyPng, savePng, saveSvg }).map(([name, work]) =>
      make("button", { type: "button", "data-action": name, onclick: () => attempt(work) }, words[name])));

    // ---- changes from outside

    let width = 0;
    const watch = new ResizeObserver(() => {
      if (Math.abs(stage.clientWidth - width) < 1) return;
      width = stage.clientWidth;
      settle();
    });
    // Text breaks differently on paper, so the page takes the paper's width before it is drawn for printing.
    const beforePrint = () => {
      root.classList.add("paper");
      root.dataset.theme = "light";
      settle();
    };
    const afterPrint = () => {
      root.classList.remove("paper");
      delete root.dataset.theme;
      paint();
    };
    dark.addEventListener("change", follow);
    addEventListener("beforeprint", beforePrint);
    addEventListener("afterprint", afterPrint);
    root.dataset.theme = "light";
    if (list) index.replaceChildren(...list.parts);
    list?.mark(0);
    show(true);
    paint();
    watch.observe(stage);
    document.fonts?.ready.then(settle);

    return {
      renew(more) {
        records = more.records.map(gluonattn.record);
        const shown = [state.first, state.second].filter(Boolean).map(({ record }) => records[record]);
        if (!panels.every((p, i) => shown[i] && p.renew(shown[i]))) show();
      },
      destroy() {
        watch.disconnect();
        dark.removeEventListener("change", follow);
        removeEventListener("beforeprint", beforePrint);
        removeEventListener("afterprint", afterPrint);
        root.replaceChildren();
        const { view, unit, threshold, theme, method, beside, towards } = state;
        return { view, unit, threshold, theme, method, beside, towards };
      },
    };
  }

  Object.assign(gluonattn, { mount });
}
