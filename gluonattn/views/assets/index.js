"use strict";
// The list of sentences: found by word, kept by label or by error, put in order; one tab stop for all.
{
  const { make, label, word, percent, rove } = gluonattn;
  const SEARCH_FROM = 6; // records: fewer are seen at a glance

  const confidence = (record) => Math.max(0, ...(record.prediction?.probabilities ?? []).map(([, share]) => share));
  const labelOf = (record) => record.prediction?.label ?? null;
  const wrong = (record) => record.truth !== null && labelOf(record) !== null && record.truth !== labelOf(record);

  function entry(record, i, words, open) {
    return make("li", {}, make("button", { type: "button", "data-record": i, onclick: () => open(i) },
      make("span", { class: "number" }, `${i + 1}`), word(record.text, 60, { class: "text" }),
      wrong(record) && make("span", { class: "wrong" }, `✗ ${words.truth(label(record.truth, 24))}`),
      labelOf(record) !== null && make("span", { class: "verdict" }, word(labelOf(record), 24), ` ${percent(confidence(record))}`)));
  }

  // open(i) shows a record; returns {element, mark(i)}.
  function index(records, words, id, open) {
    const list = make("ol", {}, records.map((record, i) => entry(record, i, words, open)));
    const items = Array.from(list.children);
    const found = make("span", { class: "quiet", role: "status" });
    const state = { text: "", label: "", errors: "", sort: "place" };
    const orders = {
      place: (a, b) => a - b,
      high: (a, b) => confidence(records[b]) - confidence(records[a]) || a - b,
      low: (a, b) => confidence(records[a]) - confidence(records[b]) || a - b,
      wrong: (a, b) => wrong(records[b]) - wrong(records[a]) || confidence(records[b]) - confidence(records[a]) || a - b,
    };
    const roving = rove(list, "button");

    function show() {
      const fits = (record) => `${record.text}\n${record.keyText}`.toLowerCase().includes(state.text)
        && (!state.label || labelOf(record) === state.label)
        && (!state.errors || (record.truth !== null && wrong(record) === (state.errors === "wrong")));
      const all = records.map((_, i) => i);
      list.append(...all.sort(orders[state.sort]).map((i) => items[i]));
      items.forEach((item, i) => (item.hidden = !fits(records[i])));
      const count = items.filter((item) => !item.hidden).length;
      found.textContent = count < records.length ? words.found(count, records.length) : "";
      const current = list.querySelector("[aria-current]");
      roving.stop(current && !current.closest("[hidden]") ? current : undefined);
    }

    const pick = (name, text, choices) => make("label", { class: "field" }, make("span", {}, text),
      make("select", { "data-name": name, onchange: (event) => {
        state[name] = event.target.value;
        show();
      } }, choices.map(([key, shown]) => make("option", { value: key }, shown))));
    const labels = [...new Set(records.map(labelOf).filter((l) => l !== null))];
    const known = records.some((record) => record.truth !== null);
    const sorts = ["place", "high", "low", ...(known ? ["wrong"] : [])];
    const search = make("input", { type: "search", id: `${id}-search`, placeholder: words.search, "aria-label": words.search, oninput: (event) => {
      state.text = event.target.value.trim().toLowerCase();
      show();
    }, onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.target.value = "";
      state.text = "";
      show();
    } });
    const tools = records.length < SEARCH_FROM ? null : make("div", { class: "search" }, search,
      labels.length > 1 && pick("label", words.label, [["", words.all], ...labels.map((l) => [l, label(l, 24)])]),
      known && pick("errors", words.errors, [["", words.all], ["right", words.right], ["wrong", words.wrong]]),
      labels.length > 0 && pick("sort", words.sort, sorts.map((s) => [s, words.sorts[s]])), found);
    show();
    return {
      parts: [tools, list].filter(Boolean),
      mark(i) {
        items.forEach((item, j) => {
          const button = item.firstChild;
          if (i === j) button.setAttribute("aria-current", "true");
          else button.removeAttribute("aria-current");
        });
        roving.stop(items[i].firstChild);
      },
    };
  }

  Object.assign(gluonattn, { index });
}
