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
      make("p", {}, words.honest(honesty.tokens, target, percent(honesty.before), percent(honesty.after), percent(honesty.random), Math.round(100 * honesty.further)),
        honesty.further < 0.5 ? ` ${words.doubt}` : "", own.validation ? ` ${words.validated(...own.validation.map((v) => v.toFixed(3)))}` : "",
        own.approximated ? ` ${words.approximated(own.approximated.steps, own.approximated.missing.toPrecision(2), own.approximated.of.toPrecision(2))}` : ""),
      said, even);
  }

  const signed = (score) => `${score < 0 ? "−" : "+"}${Math.abs(score).toPrecision(2)}`;

  Object.assign(gluonattn, { attribution });
}
