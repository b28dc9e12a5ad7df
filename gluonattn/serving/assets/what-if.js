"use strict";
// What if a word were not there, were another, or were looked at more or less: asked of the server as one tries.
{
  const { make, percent, askServer } = gluonattn;
  const PAUSE = 120; // ms after the last move of the slider

  // The controls for some tokens of a record. lang; words: those of the live page; show(data): shows the record before
  // and after; fail(error): says why there is no answer.
  function whatIf(record, tokens, { lang, words, show, fail }) {
    const share = record.attribution ? tokens.reduce((sum, i) => sum + gluonattn.received(gluonattn.select(record))[i], 0) : 0;
    let [timer, running] = [null, null];
    async function ask(change, then) {
      running?.abort();
      const own = (running = new AbortController());
      try {
        const data = await askServer("/page/explain", { text: record.text, models: [record.model], lang, change }, own.signal);
        if (!own.signal.aborted) then(data);
      } catch (error) {
        if (error.name !== "AbortError") fail(error);
      }
    }
    const probability = (entry) => entry.prediction.probabilities.find(([name]) => name === record.attribution.label)[1];
    const say = ({ records: [before, after] }) => {
      said.textContent = words.changed(record.attribution.label, percent(probability(before)), percent(probability(after)));
    };
    const attention = () => ({ attention: { tokens, share: Number(slider.value) / 100 } });
    const slider = make("input", { type: "range", min: 0, max: 100, step: 1, value: Math.round(100 * share), oninput: () => {
      slider.setAttribute("aria-valuetext", `${slider.value}%`);
      clearTimeout(timer);
      timer = setTimeout(() => ask(attention(), say), PAUSE);
    } });
    const said = make("output", { class: "figure", role: "status" });
    const field = make("input", { type: "text", maxlength: 200, size: 12, onkeydown: (event) => {
      if (event.key === "Enter" && !event.isComposing) replace();
    } });
    const replace = () => ask({ replace: { token: tokens[0], text: field.value } }, show);
    const button = (text, press, name) => make("button", { type: "button", class: "small", "data-name": name, onclick: press }, text);
    return make("div", { class: "what-if", role: "group", "aria-label": words.whatIf },
      button(words.drop, () => ask({ drop: tokens }, show), "drop"),
      tokens.length === 1 && [make("label", { class: "field" }, make("span", {}, words.replaceWith), field), button(words.replace, replace, "replace")],
      record.keys.length > tokens.length && [make("label", { class: "field" }, make("span", {}, words.attention), slider), said,
        button(words.beside2, () => ask(attention(), show), "attention")]);
  }

  Object.assign(gluonattn, { whatIf });
}
