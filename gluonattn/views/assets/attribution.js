"use strict";
// The effect of each word on the decision, shown before the attention. Pressing a word shows what the model
// would say without it, or if no token attended to it. These answers were computed in advance.
{
  const { make, label, line, word, languageOf, percent, rove, byLines } = gluonattn;
  const WEAK = 0.08; // fraction of the strongest score: weaker scores are not printed on their words

  const digits = (size) => (size >= 0.095 && size < 100 ? size.toFixed(2) : size.toPrecision(2));
  const signed = (score) => `${score < 0 ? "−" : "+"}${digits(Math.abs(score))}`;
  const change = (before, after, points) => `${percent(before)} → ${percent(after)} (${percent(after - before, true)}${points})`;

  // The words of a text with a score under each that is not weak. plus: whether + is printed too; asked: called on a press,
  // or null.
  function scored(shown, scores, words, plus, asked) {
    const strip = make("div", { class: "strip stage", role: "group", "aria-label": words.scores },
      gluonattn.sentence(shown.keyText, shown.keys, "keys", { dead: !asked }));
    const most = scores.reduce((high, score) => Math.max(high, Math.abs(score)), 0) || 1;
    const tokens = Array.from(strip.querySelectorAll(".token"));
    for (const token of tokens) {
      const score = scores[token.dataset.token];
      const share = Math.abs(score) / most;
      token.style.setProperty("--share", share.toFixed(3));
      token.classList.toggle("minus", score < 0);
      token.title = signed(score);
      const text = plus ? signed(score) : digits(score);
      token.append(make("span", { class: share >= WEAK ? "score" : "score unseen" }, text));
    }
    if (asked) {
      tokens.forEach((token) => token.setAttribute("aria-pressed", "false"));
      rove(strip, ".token", { steps: byLines, escape: () => asked(null, tokens) }).stop(tokens[0]);
      strip.addEventListener("click", (event) => {
        const token = event.target.closest(".token");
        if (token) asked(token.getAttribute("aria-pressed") === "true" ? null : token, tokens);
      });
    }
    return strip;
  }

  // The part of the panel for a record with an attribution; null for other records.
  // options: {unit, level, method, beside, towards, choose, whatIf}; towards: the label of another class, whose scores are shown; choose(name, value) stores a choice; whatIf(record,
  // tokens), if a model is available, returns an element for below the answer to a pressed word.
  function attribution(record, words, { unit, level, method, beside, towards, choose, whatIf }) {
    const given = record?.attribution;
    if (!given) return null;
    const other = given.classes.find((one) => one.label === towards);
    const own = other ? { ...given, ...other, account: null } : given;
    const byWord = unit === "word";
    const merge = (scores) => (byWord ? gluonattn.mergedScores(scores, record.keyWords) : scores);
    const keys = byWord ? gluonattn.mergedTokens(record.keys, record.keyWords, record.keyText) : record.keys;
    const shown = { keyText: record.keyText, keys };
    const target = label(own.label, 24);
    const names = [own.method, ...Object.keys(own.others)];
    const scoresOf = (name) => merge(name === own.method ? own.scores
      : own.others[name] ?? Array.from(gluonattn.received(gluonattn.select(record))));
    const twoSided = (name, list) => (name === own.method ? own.signed : list.some((score) => score < 0));
    const first = names.includes(method) ? method : own.method;
    const explained = first === own.method;
    const answered = explained && own.asked;
    const scores = scoresOf(first);
    const hint = answered ? (own.asked.unseen ? words.askHint : words.askWithout) : own.notAsked;
    const said = make("p", { class: "answer", role: "status" }, explained ? hint ?? "" : "");
    const more = make("div", { "data-picture": "no" });

    function ask(pressed, tokens) {
      tokens.forEach((t) => t.setAttribute("aria-pressed", String(t === pressed)));
      more.replaceChildren();
      if (!pressed) return said.replaceChildren(hint ?? "");
      const at = Number(pressed.dataset.token);
      const parts = byWord ? Array.from(record.keyWords.keys()).filter((i) => record.keyWords[i] === at) : [at];
      if (whatIf) more.replaceChildren(whatIf(record, parts));
      return said.replaceChildren(...parts.flatMap((i) => [make("strong", {}, word(record.keys[i].text)), ` ${signed(own.scores[i])} · ${target} `,
        words.without(change(own.before, own.asked.drop[i], words.points)),
        ...(own.asked.unseen ? [" · ", words.unseen(change(own.before, own.asked.unseen[i], words.points))] : []),
        i === parts.at(-1) ? "" : make("br")]));
    }
    const even = answered && own.asked.uniform !== undefined && make("button", { type: "button", class: "small", "data-picture": "no", onclick: () => {
      section.querySelectorAll(".token[aria-pressed=true]").forEach((t) => t.setAttribute("aria-pressed", "false"));
      said.replaceChildren(`${target} ${words.evenly(change(own.before, own.asked.uniform, words.points))}`);
    } }, words.even);

    const called = (name) => own.names[name] ?? name;
    const received = words.attentionReceived;
    const pick = (name, text, list, value) => make("label", { class: "field" }, make("span", {}, text),
      make("select", { "data-name": name, onchange: (event) => choose(name, event.target.value) },
        list.map(([key, shownAs]) => make("option", { value: key, selected: key === value }, shownAs))));
    const seconds = [...names.filter((name) => name !== first), received];
    const second = seconds.includes(beside) ? beside : null;
    const classes = [given.label, ...given.classes.map((one) => one.label)];
    const controls = make("div", { class: "controls", "data-picture": "no" },
      classes.length > 1 && pick("towards", words.towards, classes.map((one) => [one, label(one, 24)]), own.label),
      names.length > 1 && pick("method", words.method, names.map((n) => [n, called(n)]), first),
      pick("beside", words.beside, [["", words.nothing], ...seconds.map((n) => [n, called(n)])], second ?? ""));
    const named = (name) => second && make("p", { class: "block-name" }, called(name));
    const section = make("section", { class: "attribution", "aria-label": words.attribution },
      make(`h${level + 1}`, { class: "part" }, `${words.attribution} `, make("span", { class: "quiet" }, called(first))),
      make("p", { class: "legend" }, own.signed || !explained ? words.speaks(target) : words.unsigned), controls,
      make("div", { class: second ? "pair" : null }, make("div", {}, named(first), scored(shown, scores, words, twoSided(first, scores), answered ? ask : null)),
        second && make("div", {}, named(second), scored(shown, scoresOf(second), words, twoSided(second, scoresOf(second)), null))),
      said, more, even,
      explained && !other && trust(own, words),
      own.account && accounts(record, own, target, words));
    return section;
  }

  // The result of the deletion test.
  const trust = (own, words) => make("p", { class: "trust", lang: languageOf(words.trust) }, make("strong", {}, `${words.trust}: `), line(own.trust));

  // The parts of a decision, which add up: what entered with each word, and what was read through attention.
  function accounts(record, own, target, words) {
    const { difference, nothing, bias, padding, words: vectors, evidence, beside, read } = own.account;
    const number = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(5)}`;
    const total = (values) => values.reduce((sum, value) => sum + value, 0);
    const columns = [[words.ofWords, vectors], [words.ofNgrams, evidence], [words.ofBeside, beside], [words.ofReading, read]]
      .filter(([, values], i) => i === 0 || i === 3 || values.some((value) => value !== 0));
    const row = (head, cells) => make("tr", {}, make("th", { scope: "row" }, head), cells.map((cell) => make("td", { class: "figure" }, cell)));
    return make("details", { class: "account" }, make("summary", {}, words.account(target, number(difference))),
      make("table", {},
        make("thead", {}, make("tr", {}, make("th", { scope: "col" }, ""), columns.map(([name]) => make("th", { scope: "col", class: "figure" }, name)))),
        make("tbody", {}, record.keys.map((key, i) => row(label(key.text), columns.map(([, values]) => number(values[i])))),
          row(words.sum, columns.map(([, values]) => number(total(values)))))),
      make("p", {}, words.entered(number(nothing), number(difference)), " ",
        words.readAgain(number(bias + padding + total(beside)), number(difference))),
      make("p", {}, words.exact));
  }

  Object.assign(gluonattn, { attribution, trust });
}
