"use strict";
// How much each word had to do with the decision, beside the attention; pressing a word asks what
// the model would say without it, or if nobody looked at it. The answers were asked in advance.
{
  const { make, label, percent } = gluonattn;

  // The panel's part for a record that carries an attribution; null for others.
  function attribution(record, words) {
    const own = record?.attribution;
    if (!own) return null;
    const { scores, honesty, asked } = own;
    const target = label(own.label, 20);
    const most = Math.max(...scores.map(Math.abs)) || 1;
    const said = make("p", { class: "answer", role: "status" }, asked ? words.askHint : "");
    const sentence = gluonattn.sentence(record.keyText, record.keys, "keys");
    const buttons = Array.from(sentence.querySelectorAll(".token"));
    const change = (p) => `${percent(honesty.before)} → ${percent(p)} (${percent(p - honesty.before, true)})`;

    function ask(pressed) {
      const again = pressed.getAttribute("aria-pressed") === "true";
      buttons.forEach((b) => b.setAttribute("aria-pressed", String(b === pressed && !again)));
      const i = Number(pressed.dataset.token);
      said.replaceChildren(...(again ? [words.askHint] : [make("strong", {}, label(record.keys[i].text)), ` ${signed(scores[i])} · ${target} `,
        words.without(change(asked.drop[i])), " · ", words.unseen(change(asked.unseen[i]))]));
    }

    for (const button of buttons) {
      const score = scores[button.dataset.token];
      button.style.setProperty("--share", (Math.abs(score) / most).toFixed(3));
      button.classList.toggle("minus", score < 0);
      button.setAttribute("aria-label", `${label(button.textContent)} ${signed(score)}`);
      button.title = signed(score);
      if (!asked) continue;
      button.tabIndex = 0;
      button.addEventListener("click", () => ask(button));
    }
    const even = asked && make("button", { type: "button", class: "small", "data-picture": "no", onclick: () => {
      buttons.forEach((b) => b.setAttribute("aria-pressed", "false"));
      said.replaceChildren(`${target} ${words.evenly(change(asked.uniform))}`);
    } }, words.even);
    return make("section", { class: "attribution", "aria-label": words.attribution }, make("h4", {}, `${words.attribution}: ${own.method}`),
      make("p", { class: "legend" }, own.signed ? words.speaks(target) : words.unsigned), make("div", { class: "stage" }, sentence),
      make("p", {}, words.honest(honesty.tokens, target, percent(honesty.before), percent(honesty.after), percent(honesty.random), Math.round(100 * honesty.further), honesty.draws),
        honesty.further < 0.5 ? ` ${words.doubt}` : "", own.validation ? ` ${words.validated(...own.validation.map((v) => v.toFixed(3)))}` : "",
        own.approximated ? ` ${words.approximated(own.approximated.steps, own.approximated.missing.toPrecision(2), own.approximated.of.toPrecision(2))}` : ""),
      said, even, own.account && accounts(record, own, target, words));
  }

  // What a decision is made of, as numbers that add up: what entered with each word, and what attention read of it.
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

  const signed = (score) => `${score < 0 ? "−" : "+"}${Math.abs(score).toPrecision(2)}`;

  Object.assign(gluonattn, { attribution });
}
