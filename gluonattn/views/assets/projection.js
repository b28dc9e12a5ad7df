"use strict";
// The joint map of one head: queries are circles, keys triangles. Hovering shows the sentence.
{
  const { make, label, word, languageOf, count } = gluonattn;
  const minus = (value) => (value === null ? "–" : String(value).replace("-", "−"));
  const WORDS = {
    ko: { layer: "층", head: "헤드", space: "공간", joint: "옮기고 맞춘 뒤", original: "모델 그대로", colour: "색", lines: "선", side: "보는 말과 주목받는 말", position: "문장 속 자리", tag: "품사", norm: "벡터의 길이",
      theme: "화면 모드", system: "시스템 설정", light: "밝은 화면", dark: "어두운 화면",
      query: "보는 말 ●", key: "주목받는 말 ▲", other: "그 밖", first: "앞", last: "뒤", short: "짧음", long: "긺",
      about: (m, method) => `${method} · 내적과 거리의 상관: 옮기기 전 ${minus(m.before)}, 옮긴 뒤 ${minus(m.after)}(−1에 가까울수록 좋음), 배율 ${m.scale}`,
      some: (n, all) => `문장 ${count(all)}개로 계산하고 앞의 ${count(n)}개를 그렸습니다.`,
      hint: "점에 마우스를 올리면 그 문장과 어텐션이 가는 곳이 나옵니다. 가까울수록 내적이 큽니다. 누르면 고정됩니다.",
      keys: "지도에 초점을 두고 ←→ 다음 말 · ↑↓ 보는 말과 주목받는 말 사이 · Esc 풀기",
      map: (layer, head, n, queries, keys, m) => `지도, 층 ${layer} 헤드 ${head}: 문장 ${count(n)}개의 보는 말 ${count(queries)}개(동그라미)와 주목받는 말 ${count(keys)}개(세모). 내적과 거리의 상관 ${minus(m.after)}`,
      looks: "이 말이 가장 많이 보는 말", from: "이 말에 가장 주목하는 말" },
    en: { layer: "Layer", head: "Head", space: "Space", joint: "keys moved and scaled", original: "as in the model", colour: "Colour", lines: "Lines", side: "query or key", position: "position", tag: "part of speech", norm: "vector length",
      theme: "Theme", system: "system", light: "light", dark: "dark",
      query: "query ●", key: "key ▲", other: "other", first: "first", last: "last", short: "short", long: "long",
      about: (m, method) => `${method} · correlation of dot product and distance: ${minus(m.before)} before, ${minus(m.after)} after (−1 is best), scale ${m.scale}`,
      some: (n, all) => `Computed from ${count(all)} sentences; the first ${count(n)} are drawn.`,
      hint: "Point at a mark to see its sentence and where its attention goes. Marks that are nearer have a larger dot product. Press a mark to pin it.",
      keys: "With the map in focus: ←→ next word · ↑↓ between query and key · Esc lets go",
      map: (layer, head, n, queries, keys, m) => `Map of layer ${layer} head ${head}: ${count(queries)} queries (circles) and ${count(keys)} keys (triangles) of ${count(n)} sentences; correlation of dot product and distance ${minus(m.after)}`,
      looks: "Looks most at", from: "Most looked at by" },
  };
  const TAGS = 6; // in the legend: not everyone can distinguish more colours
  const numbers = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

  const channels = (colour) => colour.match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16));
  // Between two colours of the page that both contrast with the paper.
  const between = ([low, high], share) => `rgb(${low.map((c, i) => Math.round(c + (high[i] - c) * Math.min(1, Math.max(0, share)))).join(" ")})`;

  function start() {
    const data = JSON.parse(document.getElementById("gluonattn-data").textContent).projection;
    const words = WORDS[data.lang];
    const tokens = (stored, text) => stored.map(([from, to, tag, name]) => ({ from, to, tag: tag ?? null, text: name ?? text.slice(from, to) }));
    const sentences = data.sentences.map((s) => {
      const queries = tokens(s.queries, s.text);
      return { text: s.text, queries, keyText: s.keyText ?? s.text, keys: s.keys ? tokens(s.keys, s.keyText) : queries };
    });
    // Marks: every query of every sentence, then every key.
    const marks = ["queries", "keys"].flatMap((side) => sentences.flatMap((sentence, number) =>
      sentence[side].map((token, place) => ({ side, number, token, place, share: place / Math.max(1, sentence[side].length - 1) }))));
    const queryCount = marks.filter((m) => m.side === "queries").length;
    const firstOf = { queries: [], keys: [] };
    marks.forEach((mark, i) => (firstOf[mark.side][mark.number] ??= i));
    const counts = new Map();
    marks.forEach(({ token }) => token.tag && counts.set(token.tag, (counts.get(token.tag) ?? 0) + 1));
    const tags = [...counts].sort((a, b) => b[1] - a[1]).map(([tag]) => tag).slice(0, TAGS);
    const state = { map: data.maps[0], space: "joint", colour: "side", lines: 3, theme: "system", hovered: null, pinned: null };
    let [points, norms, places, weights] = [];
    let colours = null; // the page's colours for the theme

    const canvas = make("canvas", { role: "img", tabindex: 0, "aria-describedby": "gluonattn-keys" });
    const aside = make("div", { "aria-live": "polite" });
    const [about, legend] = [make("p", { class: "quiet" }), make("p", {})];
    const select = (name, values, value, change) => make("label", { class: "field" }, make("span", {}, words[name]),
      make("select", { "data-name": name, onchange: (event) => change(event.target.value) },
        values.map(([key, text]) => make("option", { value: key, selected: String(key) === String(value) }, text))));
    const unique = (name) => [...new Set(data.maps.map((m) => m[name]))].map((n) => [n, n]);
    const choose = (name) => (value) => {
      const wanted = { layer: state.map.layer, head: state.map.head, [name]: Number(value) };
      state.map = data.maps.find((m) => m.layer === wanted.layer && m.head === wanted.head);
      read();
    };
    const page = document.getElementById("gluonattn-page");
    page.className = "gluonattn gluonattn-map";
    page.replaceChildren(make("div", { class: "top" }, make("h1", { class: "title" }, data.title),
      select("theme", ["system", "light", "dark"].map((t) => [t, words[t]]), state.theme, (value) => {
        state.theme = value;
        paint();
      })), make("div", { class: "controls" },
      select("layer", unique("layer"), state.map.layer, choose("layer")), select("head", unique("head"), state.map.head, choose("head")),
      select("space", ["joint", "original"].map((s) => [s, words[s]]), state.space, (value) => {
        state.space = value;
        read();
      }),
      select("colour", ["side", "position", ...(tags.length ? ["tag"] : []), "norm"].map((c) => [c, words[c]]), state.colour, (value) => {
        state.colour = value;
        drawLegend();
        draw();
      }),
      select("lines", Array.from({ length: data.top + 1 }, (_, n) => [n, n]), state.lines, (value) => {
        state.lines = Number(value);
        draw();
      })), about, legend, make("p", { class: "quiet" }, words.hint), make("p", { class: "quiet", id: "gluonattn-keys" }, words.keys),
    data.all > sentences.length ? make("p", { class: "quiet" }, words.some(sentences.length, data.all)) : "",
    make("div", { class: "board" }, canvas, aside));

    function read() {
      points = numbers(state.map[state.space].points, Uint16Array);
      norms = numbers(state.map[state.space].norms, Uint8Array);
      places = numbers(state.map.places, state.map.wide ? Uint16Array : Uint8Array);
      weights = numbers(state.map.weights, Uint8Array);
      about.textContent = words.about(state.map, data.method.toUpperCase());
      canvas.setAttribute("aria-label", words.map(state.map.layer, state.map.head, sentences.length, queryCount, marks.length - queryCount, state.map));
      draw();
    }

    const dark = matchMedia("(prefers-color-scheme: dark)");
    function paint(paper) {
      page.dataset.theme = paper ?? (state.theme === "system" ? (dark.matches ? "dark" : "light") : state.theme);
      const value = (name) => getComputedStyle(page).getPropertyValue(name).trim();
      colours = { queries: value("--query"), keys: value("--key"), tags: Array.from({ length: TAGS }, (_, i) => value(`--tag-${i}`)), other: value("--tag-other"),
        ramp: [channels(value("--least")), channels(value("--most"))], ink: value("--ink"), paper: value("--paper") };
      drawLegend();
      draw();
    }

    function drawLegend() {
      const keyed = (colour, text) => {
        const square = make("i");
        square.style.background = colour;
        return make("span", { class: "keyed" }, square, text);
      };
      const shade = (share) => between(colours.ramp, share);
      const scale = (from, to) => [keyed(shade(0), from), keyed(shade(0.5), "…"), keyed(shade(1), to)];
      const shapes = make("span", { class: "keyed" }, `${words.query}  ${words.key}`);
      const parts = { side: () => [keyed(colours.queries, words.query), keyed(colours.keys, words.key)], position: () => [shapes, ...scale(words.first, words.last)],
        norm: () => [shapes, ...scale(words.short, words.long)],
        tag: () => [shapes, ...tags.map((tag, i) => keyed(colours.tags[i], tag)), keyed(colours.other, words.other)] };
      legend.replaceChildren(...parts[state.colour]());
    }

    const colourOf = (mark, i) => ({
      side: () => colours[mark.side], position: () => between(colours.ramp, mark.share), norm: () => between(colours.ramp, norms[i] / 255),
      tag: () => colours.tags[tags.indexOf(mark.token.tag)] ?? colours.other,
    })[state.colour]();
    const at = (i) => [0, 1].map((axis) => 12 + (points[2 * i + axis] / 65535) * (canvas.clientWidth - 24));

    // Pairs of a mark, strongest first: the keys of a query, or the queries that attend to a key.
    function partners(i) {
      const mark = marks[i];
      if (mark.side === "queries") {
        return Array.from({ length: data.top }, (_, n) => ({ i: firstOf.keys[mark.number] + places[i * data.top + n], weight: weights[i * data.top + n] / 255 }))
          .filter(({ weight }) => weight > 0);
      }
      const from = firstOf.queries[mark.number];
      return sentences[mark.number].queries.map((_, q) => {
        const found = Array.from({ length: data.top }, (_, n) => n).find((n) => places[(from + q) * data.top + n] === mark.place);
        return { i: from + q, weight: found === undefined ? 0 : weights[(from + q) * data.top + found] / 255 };
      }).filter(({ weight }) => weight > 0).sort((a, b) => b.weight - a.weight);
    }

    function draw() {
      if (!colours || !points) return; // nothing to draw yet
      const sharp = devicePixelRatio || 1;
      const size = canvas.clientWidth;
      canvas.width = canvas.height = size * sharp;
      const pen = canvas.getContext("2d");
      pen.scale(sharp, sharp);
      const chosen = state.hovered ?? state.pinned;
      const radius = Math.max(1.5, Math.min(4, 160 / Math.sqrt(marks.length)));
      const one = (i, grow) => {
        const [[x, y], r] = [at(i), radius * grow];
        pen.fillStyle = colourOf(marks[i], i);
        pen.beginPath();
        if (marks[i].side === "queries") pen.arc(x, y, r, 0, 7);
        else [[0, -1.2], [1.1, 0.9], [-1.1, 0.9]].forEach(([dx, dy], n) => pen[n ? "lineTo" : "moveTo"](x + dx * r, y + dy * r));
        pen.closePath();
        pen.fill();
        pen.strokeStyle = colours.paper; // a thin edge separates overlapping marks
        pen.lineWidth = 0.5;
        pen.stroke();
      };
      pen.globalAlpha = chosen === null ? 1 : 0.3;
      marks.forEach((_, i) => one(i, 1));
      pen.globalAlpha = 1;
      aside.replaceChildren();
      if (chosen === null) return;
      marks.forEach((mark, i) => mark.number === marks[chosen].number && one(i, 1.3));
      const found = partners(chosen);
      pen.strokeStyle = colours.ink;
      found.slice(0, state.lines).forEach(({ i, weight }) => {
        pen.lineWidth = 0.5 + 3.5 * weight;
        pen.beginPath();
        pen.moveTo(...at(chosen));
        pen.lineTo(...at(i));
        pen.stroke();
      });
      one(chosen, 2.2);
      tell(chosen, found);
    }

    // A mark's word: the model's name, and the word in the text if it differs ([UNK]).
    function named({ side, number, token }) {
      const raw = sentences[number][side === "queries" ? "text" : "keyText"].slice(token.from, token.to);
      const same = !raw || raw === token.text;
      return [word(same ? token.text : raw, 24), same ? "" : ` (${label(token.text)})`];
    }

    function tell(chosen, found) {
      const mark = marks[chosen];
      const sentence = sentences[mark.number];
      const other = mark.side === "queries" ? "keys" : "queries";
      const share = new Map(found.map(({ i, weight }) => [marks[i].place, weight]));
      const text = (side, inside) => {
        const parts = [];
        let done = 0;
        const raw = side === "queries" ? sentence.text : sentence.keyText;
        sentence[side].forEach((token, place) => {
          if (token.from > done) parts.push(raw.slice(done, token.from));
          const name = token.to > token.from && token.from >= done ? raw.slice(token.from, token.to) : label(token.text);
          const span = make("bdi", { class: `seen ${inside(place)}` }, name);
          if (side === other) span.style.background = `rgb(var(--shade) / ${0.9 * (share.get(place) ?? 0)})`;
          parts.push(span);
          done = Math.max(done, token.to);
        });
        return make("p", { class: "sentence", lang: languageOf(raw) }, parts, raw.slice(done));
      };
      const here = (side) => (place) => (side === mark.side && place === mark.place ? "here" : "");
      const same = sentence.keys === sentence.queries;
      aside.replaceChildren(...[
        make("p", { class: "quiet" }, `${mark.side === "queries" ? words.query : words.key} `, make("strong", {}, named(mark)),
          mark.token.tag && ` (${label(mark.token.tag)})`),
        same ? text(other, (place) => (place === mark.place ? "here" : "")) : [text("queries", here("queries")), text("keys", here("keys"))],
        make("h2", {}, mark.side === "queries" ? words.looks : words.from),
        make("ol", {}, found.slice(0, data.top).map(({ i, weight }) => make("li", {}, named(marks[i]), ` ${(100 * weight).toFixed(1)}%`))),
      ].flat().filter(Boolean));
    }

    function nearest(event) {
      const box = canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - box.left, event.clientY - box.top];
      let [best, least] = [null, 144];
      marks.forEach((_, i) => {
        const [px, py] = at(i);
        const far = (px - x) ** 2 + (py - y) ** 2;
        if (far < least) [best, least] = [i, far];
      });
      return best;
    }
    canvas.addEventListener("pointermove", (event) => {
      const found = nearest(event);
      if (found === state.hovered) return;
      state.hovered = found;
      draw();
    });
    canvas.addEventListener("pointerleave", () => {
      state.hovered = null;
      draw();
    });
    canvas.addEventListener("click", (event) => {
      state.pinned = nearest(event);
      draw();
    });
    canvas.addEventListener("keydown", (event) => { // moves along the sentence; Tab focuses the canvas
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: queryCount, ArrowUp: -queryCount }[event.key];
      if (step === undefined && event.key !== "Escape") return;
      event.preventDefault();
      const next = (state.pinned ?? -1) + (step ?? 0);
      state.pinned = step === undefined ? null : marks[next] ? next : state.pinned;
      draw();
    });
    addEventListener("resize", draw);
    dark.addEventListener("change", () => paint());
    addEventListener("beforeprint", () => paint("light"));
    addEventListener("afterprint", () => paint());
    paint();
    read();
  }

  const carried = document.getElementById("gluonattn-font").textContent;
  if (carried) document.fonts.load('1em "gluonattn Hangul"').then(start, start);
  else start();
}
