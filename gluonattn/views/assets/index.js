"use strict";
// The list of sentences: searched by word, filtered by label or error, sorted. It is one tab stop.
{
  const { make, label, word, percent, rove } = gluonattn;
  const SEARCH_FROM = 6; // number of records from which the list can be searched
  const AT_ONCE = 200; // number of entries in the list; more are added on request

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
    const list = make("ol");
    const made = new Map();
    const item = (i) => made.get(i) ?? made.set(i, entry(records[i], i, words, open)).get(i);
    const more = make("button", { type: "button", class: "small", "data-name": "more", onclick: () => {
      const next = list.childElementCount;
      most += AT_ONCE;
      show();
      list.children[next].firstChild.focus();
    } });
    let [most, current] = [AT_ONCE, null];
    const found = make("span", { class: "quiet", role: "status" });
    const state = { text: "", label: "", errors: "", sort: "place" };
    const orders = {
      place: (a, b) => a - b,
      high: (a, b) => confidence(records[b]) - confidence(records[a]) || a - b,
      low: (a, b) => confidence(records[a]) - confidence(records[b]) || a - b,
      wrong: (a, b) => wrong(records[b]) - wrong(records[a]) || confidence(records[b]) - confidence(records[a]) || a - b,
    };
    const roving = rove(list, "button");

    function showFirst() {
      most = AT_ONCE;
      show();
    }
    function show() {
      const fits = (record) => `${record.text}\n${record.keyText}`.toLowerCase().includes(state.text)
        && (!state.label || labelOf(record) === state.label)
        && (!state.errors || (record.truth !== null && wrong(record) === (state.errors === "wrong")));
      const all = records.map((_, i) => i).filter((i) => fits(records[i])).sort(orders[state.sort]);
      list.replaceChildren(...all.slice(0, most).map(item));
      found.textContent = all.length < records.length ? words.found(all.length, records.length) : "";
      more.hidden = all.length <= most;
      more.textContent = words.more(Math.min(AT_ONCE, all.length - most));
      roving.stop(list.querySelector("[aria-current]") ?? undefined);
    }

    const pick = (name, text, choices) => make("label", { class: "field" }, make("span", {}, text),
      make("select", { "data-name": name, onchange: (event) => {
        state[name] = event.target.value;
        showFirst();
      } }, choices.map(([key, shown]) => make("option", { value: key }, shown))));
    const labels = [...new Set(records.map(labelOf).filter((l) => l !== null))];
    const known = records.some((record) => record.truth !== null);
    const sorts = ["place", "high", "low", ...(known ? ["wrong"] : [])];
    const search = make("input", { type: "search", id: `${id}-search`, placeholder: words.search, "aria-label": words.search, oninput: (event) => {
      state.text = event.target.value.trim().toLowerCase();
      showFirst();
    }, onkeydown: (event) => {
      if (event.key !== "Escape") return;
      event.target.value = "";
      state.text = "";
      showFirst();
    } });
    const tools = records.length < SEARCH_FROM ? null : make("div", { class: "search" }, search,
      labels.length > 1 && pick("label", words.label, [["", words.all], ...labels.map((l) => [l, label(l, 24)])]),
      known && pick("errors", words.errors, [["", words.all], ["right", words.right], ["wrong", words.wrong]]),
      labels.length > 0 && pick("sort", words.sort, sorts.map((s) => [s, words.sorts[s]])), found);
    show();
    return {
      parts: [tools, list, more].filter(Boolean),
      mark(i) {
        if (current !== null) item(current).firstChild.removeAttribute("aria-current");
        current = i;
        const button = item(i).firstChild;
        button.setAttribute("aria-current", "true");
        if (list.contains(button)) roving.stop(button);
      },
    };
  }

  Object.assign(gluonattn, { index });
}
