"use strict";
// The interactive page: a text field, and below it the page of the typed text.
{
  const { make, line, request, askServer, useToken, writeLink, readLink } = gluonattn;
  const PAUSE = 250; // ms without a key before the text is read
  const SLOW = 300; // ms before a note that the answer takes time
  const REST = 1500; // ms after which an answered text is added to the earlier sentences
  const MOST_BEFORE = 50;

  function live(root) {
    const { lang } = root.dataset;
    const words = gluonattn.words[lang].live;
    const asking = make("form", { class: "asking", onsubmit: (event) => event.preventDefault() });
    const field = make("textarea", { id: "gluonattn-text", rows: 2, maxlength: 10000, spellcheck: "false", lang: "ko", autocomplete: "off", "aria-describedby": "gluonattn-hint" });
    const state = make("p", { class: "state quiet", role: "status" });
    const heard = make("p", { class: "unseen", role: "status" }); // the answer, for screen readers
    const result = make("div", {});
    const actions = make("div", { class: "actions" });
    const before = make("details", { class: "before", hidden: true });
    const languages = make("nav", { class: "languages", "aria-label": words.languages });
    const drawLanguages = () => languages.replaceChildren(...[["ko", "한국어"], ["en", "English"]].map(([code, name]) =>
      make("a", { href: root.dataset[code], lang: code, "aria-current": code === lang ? "true" : null, onclick: (event) => (event.currentTarget.hash = writeLink(committed, moves.cells())) }, name)));
    let [models, mounted, chosen, timer, running, composing] = [[], null, {}, null, null, false];
    let unfinished = null; // the request of which only early stages are shown
    let committed = ""; // the text without a syllable that is still being composed
    let answered = null;
    let wanted = []; // changed cells of attention from a link or an earlier sentence
    const earlier = [];
    const moves = gluonattn.moving({ lang, words, show: showChange, fail, changed: () => rest(committed) });
    const many = gluonattn.reviews({ lang, ask: askServer, model: () => models.find(({ name }) => name === models.asked[0]), open: (text) => {
      write(text);
      field.focus();
      asking.scrollIntoView({ block: "nearest" });
    } });

    function say(text, wrong) {
      state.textContent = text;
      state.classList.toggle("wrong", Boolean(wrong));
    }
    const announce = (record) => (heard.textContent = record.answer.slice(0, 1).map((parts) => line(parts).map((part) => part.textContent ?? part).join("")).join(" "));
    // ---- answers

    function clear() {
      if (mounted) chosen = mounted.destroy();
      mounted = null;
      result.removeAttribute("aria-busy");
      actions.hidden = true;
    }
    function show(data, options = {}) {
      clear();
      mounted = gluonattn.mount(result, data, { more: data.records.length > 1 ? null : moves.element, lang, level: 2, title: words.answer, chosen, second: data.records.length > 1 ? 1 : undefined,
        whatIf: (record, tokens) => gluonattn.whatIf(record, tokens, { lang, words, show: showChange, fail }), ...options });
      actions.hidden = false;
      back.hidden = true;
    }
    function showChange(data) {
      show(data);
      back.hidden = false;
      back.focus();
      say("");
      announce(data.records[1]);
    }
    const back = make("button", { type: "button", class: "small", hidden: true, onclick: () => {
      show(answered.data);
      field.focus();
    } }, words.back);

    function fail(error) {
      if (error.status === 401) return enter(error);
      say(error.status === 0 ? words.offline : error.message, true);
      if (error.status === 503) timer = setTimeout(ask, 1000 * (error.after || 1));
    }

    async function ask() {
      clearTimeout(timer);
      running?.abort();
      const text = committed;
      if (!text.trim()) {
        clear();
        moves.stop();
        answered = null;
        return say(words.blank);
      }
      const asked = models.asked.join("\n");
      if (answered?.text === text && answered.models === asked && answered.whole) return undefined;
      const own = (running = new AbortController());
      const slow = setTimeout(() => say(words.reading), SLOW);
      // An answer may come in stages. Only the first draws everything, and only the last, the whole one, is announced.
      function take(data, whole) {
        if (own.signal.aborted) return;
        const first = unfinished !== own;
        unfinished = whole ? null : own;
        answered = { text, data, models: asked, whole };
        if (first) {
          clearTimeout(slow);
          say(composing ? words.composing : "");
          if (data.records.length > 1) moves.stop();
          else moves.start(data.records[0], wanted);
          wanted = [];
          show(data);
        } else if (back.hidden) mounted.renew(data);
        if (whole) {
          if (back.hidden) announce(data.records[0]); // otherwise the answer to a change was heard last
          rest(text);
        } else if (back.hidden) result.setAttribute("aria-busy", "true");
      }
      try {
        take(await askServer("/page/explain", { text, models: models.asked, lang }, own.signal, (data) => take(data, false)), true);
      } catch (error) {
        if (error.name !== "AbortError") fail(error);
      } finally {
        clearTimeout(slow);
        if (running === own) result.removeAttribute("aria-busy");
      }
      return undefined;
    }

    // ---- typing. A syllable that is still being composed is not sent: requests contain only committed text.

    function typed(at) {
      if (committed !== field.value) { // another sentence has other attention
        unfinished?.abort();
        moves.stop();
        wanted = [];
      }
      committed = field.value;
      clearTimeout(timer);
      timer = setTimeout(ask, at);
    }
    field.addEventListener("compositionstart", () => {
      composing = true;
    });
    field.addEventListener("compositionend", () => {
      composing = false;
      typed(PAUSE);
    });
    field.addEventListener("input", (event) => {
      if (composing || event.isComposing) return say(words.composing);
      return typed(PAUSE);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey) return;
      if (event.isComposing || composing) return; // Enter ends the composition, which sends the request
      event.preventDefault();
      typed(0);
    });
    field.addEventListener("blur", () => {
      if (committed !== field.value) typed(0);
    });

    // ---- earlier sentences, and the link

    let resting = null;
    function rest(text) {
      clearTimeout(resting);
      resting = setTimeout(() => {
        if (committed !== text) return;
        const [cells, now] = [moves.cells(), readLink(location.hash)];
        const link = writeLink(text, cells);
        if (!now || writeLink(now.text, now.cells) !== link) history.pushState(null, "", link);
        const known = earlier.findIndex((one) => writeLink(one.text, one.cells) === link);
        if (known >= 0) earlier.splice(known, 1);
        earlier.unshift({ text, cells });
        earlier.length = Math.min(earlier.length, MOST_BEFORE);
        before.hidden = earlier.length < 2;
        before.replaceChildren(make("summary", {}, words.before), make("ol", {}, earlier.map((each) => make("li", {},
          make("button", { type: "button", class: "small", onclick: () => write(each.text, each.cells) }, gluonattn.word(each.text, 60),
            each.cells.length ? ` · ${words.moved(each.cells.length)}` : "")))));
      }, REST);
    }
    function write(text, cells = []) {
      const same = answered?.text === text && field.value === text;
      field.value = text;
      if (same) {
        if (!back.hidden) show(answered.data);
        return moves.set(cells);
      }
      typed(0);
      wanted = cells;
      return undefined;
    }
    addEventListener("popstate", () => {
      const { text, cells } = readLink(location.hash) ?? {};
      if (text !== undefined && (text !== field.value || gluonattn.writeCells(cells) !== gluonattn.writeCells(moves.cells()))) write(text, cells);
    });

    async function copyLink() {
      history.replaceState(null, "", writeLink(answered.text, moves.cells()));
      try {
        await navigator.clipboard.writeText(location.href);
        say(words.linked);
      } catch {
        say(words.notLinked);
      }
    }
    async function save(path, body, name) {
      try {
        gluonattn.download(await (await request(path, body)).blob(), name);
        say(gluonattn.words[lang].saved(name));
      } catch (error) {
        fail(error);
      }
    }
    const action = (name, press) => make("button", { type: "button", "data-action": name, onclick: press }, words[name]);
    actions.append(action("link", copyLink),
      action("saveHtml", () => save("/page/export", { text: answered.text, models: models.asked, lang, ...(moves.cells().length ? { change: { cells: moves.cells() } } : {}) }, "attention.html")),
      action("saveJson", () => save("/v1/explain", { inputs: answered.text, model: models.asked[0], parameters: { what_if: true } }, "attention.json")));
    actions.hidden = true;

    // ---- models, and the token

    function pickModels() {
      const names = models.map(({ name }) => name);
      models.asked = [names[0]];
      if (names.length < 2) return null;
      const select = (text, list, change) => make("label", { class: "field" }, make("span", {}, text),
        make("select", { onchange: (event) => change(event.target.value) }, list.map(([value, shown]) => make("option", { value }, shown))));
      const own = names.map((name) => [name, name]);
      return make("div", { class: "controls" }, select(words.model, own, (name) => {
        models.asked[0] = name;
        ask();
      }), select(words.beside, [["", words.nothing], ...own], (name) => {
        models.asked = [models.asked[0], ...(name ? [name] : [])];
        ask();
      }));
    }

    function enter(error) {
      const given = make("input", { type: "password", autocomplete: "current-password" });
      asking.replaceChildren(make("label", {}, words.token, " ", given), make("button", { class: "small" }, words.enter), state);
      say(sessionStorage.getItem("gluonattn token") ? words.wrongToken : error.message, true);
      clear();
      asking.onsubmit = (event) => {
        event.preventDefault();
        useToken(given.value);
        start();
      };
      given.focus();
    }

    async function start() {
      try {
        models = await askServer("/v1/models");
      } catch (error) {
        return fail(error);
      }
      asking.onsubmit = null;
      asking.replaceChildren(...[make("label", { for: field.id }, words.ask), field, make("p", { class: "quiet", id: "gluonattn-hint" }, words.hint), pickModels(), state].filter(Boolean));
      before.after(many.element);
      const linked = readLink(location.hash);
      field.value = linked?.text ?? words.example;
      field.focus();
      field.select();
      typed(0);
      wanted = linked?.cells ?? [];
      return undefined;
    }

    root.replaceChildren(make("div", { class: "top" }, make("h1", {}, "gluonattn"), languages), asking, heard, back, result, actions, before);
    asking.append(state);
    drawLanguages();
    document.fonts.addEventListener("loadingdone", drawLanguages); // Chromium does not redraw text that it drew without the font
    // The whole page has the theme that is chosen in the part below.
    new MutationObserver(() => (root.dataset.theme = result.dataset.theme ?? root.dataset.theme)).observe(result, { attributeFilter: ["data-theme"] });
    root.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    start();
  }

  Object.assign(gluonattn, { live });
  live(document.getElementById("gluonattn-live"));
}
