"use strict";
// Links as numbers: the table of pairs, and the description of one token.
{
  const { make, word, line, label, percent, pairs, largest, row, column, received } = gluonattn;
  const LONGEST = 100; // rows of the table
  const STRONGEST = 5; // number of tokens named in each direction

  const name = (token) => make("span", { title: token.tag }, word(token.text, 24),
    token.word && make("span", { class: "quiet" }, " (", word(token.word, 12), ")"));

  function bar(weight, highest) {
    const inner = make("span", { class: weight < 0 ? "minus" : "plus" });
    inner.style.setProperty("width", `${100 * Math.min(1, Math.abs(weight) / (highest || 1))}%`);
    return make("span", { class: "bar", "aria-hidden": "true" }, inner);
  }

  // Pairs by weight, for one query or key if one is chosen.
  function list(shown, words, chosen, least) {
    const found = pairs(shown, { ...chosen, least });
    const highest = found.length ? Math.abs(found[0].weight) : 1;
    const rows = found.slice(0, LONGEST).map(({ query, key, weight }) => make("tr", { "data-query": query, "data-key": key },
      make("th", { scope: "row" }, name(shown.queries[query])),
      make("td", {}, name(shown.keys[key]), shown.same && query === key ? make("span", { class: "quiet" }, ` (${words.itself})`) : null),
      make("td", { class: "figure" }, percent(weight, shown.signed)),
      make("td", { class: "for-bar", "aria-hidden": "true" }, bar(weight, highest))));
    const heading = (text, more) => make("th", { scope: "col", ...more }, text);
    return make("div", { class: "list" },
      make("p", { class: "legend" }, words.shownOf(rows.length, found.length)),
      make("table", {},
        make("thead", {}, make("tr", {}, heading(words.query), heading(words.key),
          heading(`${shown.signed ? words.change : words.weight} ↓`, { class: "figure", "aria-sort": "descending" }), make("td", { "aria-hidden": "true" }))),
        make("tbody", {}, rows)));
  }

  function strongest(title, weights, tokens, own, words, signed, level) {
    const order = largest(weights, STRONGEST);
    const highest = order.length ? Math.abs(weights[order[0]]) : 1;
    return make("div", {}, make(level, {}, title), make("ol", {}, order.map((i) => make("li", {},
      i === own ? make("span", { class: "quiet" }, words.itself) : name(tokens[i]),
      make("span", { class: "figure" }, percent(weights[i], signed)), bar(weights[i], highest)))));
  }

  // Without a choice: the token that receives most attention, and from which tokens.
  function overview(shown, words, level) {
    const shares = received(shown);
    const [best = 0] = largest(shares, 1);
    return make("div", { class: "ways" }, strongest(shown.signed ? words.change : words.mostReceived, shares, shown.keys, null, words, shown.signed, level),
      strongest(line(words.mostFrom(shown.keys[best].text)), column(shown, best), shown.queries, shown.same ? best : null, words, shown.signed, level));
  }

  // The tokens that a token attends to, and those that attend to it.
  function readout(shown, words, { query = null, key = null }, level) {
    const token = query !== null ? shown.queries[query] : shown.keys[key];
    const share = key === null ? null : received(shown)[key];
    const own = shown.same ? query : null;
    return [
      make("p", { class: "chosen" }, make("strong", {}, name(token)), token.tag && make("span", { class: "quiet" }, ` ${label(token.tag, 20)}`),
        share !== null && make("span", {}, ` · ${words.received} ${percent(share, shown.signed)}`)),
      make("div", { class: "ways" },
        query !== null && strongest(words.looksAt, row(shown, query), shown.keys, own, words, shown.signed, level),
        key !== null && strongest(words.lookedAtBy, column(shown, key), shown.queries, own, words, shown.signed, level)),
    ];
  }

  Object.assign(gluonattn, { list, overview, readout });
}
