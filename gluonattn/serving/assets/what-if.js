"use strict";
// What-if questions: a word is removed or replaced, and the model answers at once.
{
  const { make, askServer } = gluonattn;

  // The controls for some tokens of a record. lang; words: those of the live page; show(data): shows the record before
  // and after; fail(error): shows why there is no answer.
  function whatIf(record, tokens, { lang, words, show, fail }) {
    let running = null;
    async function ask(change) {
      running?.abort();
      const own = (running = new AbortController());
      try {
        const data = await askServer("/page/explain", { text: record.text, models: [record.model], lang, change }, own.signal);
        if (!own.signal.aborted) show(data);
      } catch (error) {
        if (error.name !== "AbortError") fail(error);
      }
    }
    const field = make("input", { type: "text", maxlength: 200, size: 12, onkeydown: (event) => {
      if (event.key === "Enter" && !event.isComposing) replace();
    } });
    const replace = () => ask({ replace: { token: tokens[0], text: field.value } });
    const button = (text, press, name) => make("button", { type: "button", class: "small", "data-name": name, onclick: press }, text);
    return make("div", { class: "what-if", role: "group", "aria-label": words.whatIf },
      button(words.drop, () => ask({ drop: tokens }), "drop"),
      tokens.length === 1 && [make("label", { class: "field" }, make("span", {}, words.replaceWith), field), button(words.replace, replace, "replace")]);
  }

  Object.assign(gluonattn, { whatIf });
}
