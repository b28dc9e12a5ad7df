"use strict";
// The joint map of one head: queries are circles, keys triangles. Hovering shows the sentence.
{
  const { make, label } = gluonattn;
  const WORDS = {
    ko: { layer: "층", head: "헤드", space: "공간", joint: "옮기고 맞춘 뒤", original: "모델 그대로", colour: "색", lines: "선", side: "보는 말/보이는 말", position: "자리", tag: "품사", norm: "벡터의 길이",
      query: "보는 말 ●", key: "보이는 말 ▲", other: "그 밖", first: "앞", last: "뒤", short: "짧음", long: "긺",
      about: (m, method) => `${method} · 내적과 거리의 상관: 옮기기 전 ${m.before ?? "–"}, 옮긴 뒤 ${m.after ?? "–"} (−1이 가장 좋음), 배율 ${m.scale}`,
      some: (n, all) => `문장 ${all}개로 계산하고 앞의 ${n}개를 그렸습니다.`,
      hint: "점에 마우스를 올리면 문장과 가장 많이 보는 말이 나옵니다. 가까울수록 내적이 큽니다. 누르면 고정됩니다.",
      looks: "이 말이 가장 많이 보는 말", from: "이 말을 많이 보는 말" },
    en: { layer: "Layer", head: "Head", space: "Space", joint: "keys moved and scaled", original: "as in the model", colour: "Colour", lines: "Lines", side: "query or key", position: "position", tag: "part of speech", norm: "vector length",
      query: "query ●", key: "key ▲", other: "other", first: "first", last: "last", short: "short", long: "long",
      about: (m, method) => `${method} · correlation of dot product and distance: ${m.before ?? "–"} before, ${m.after ?? "–"} after (−1 is best), scale ${m.scale}`,
      some: (n, all) => `Computed from ${all} sentences; the first ${n} are drawn.`,
      hint: "Point at a mark to see its sentence and where its attention goes. The nearer, the larger the dot product. Press to hold.",
      looks: "Looks most at", from: "Most looked at by" },
  };
  const [QUERY, KEY] = ["#1d57a0", "#d9822b"];
  const TAGS = ["#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#666666"];
  const OTHER = "#b8bec6";
  const numbers = (text, Kind) => new Kind(Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer);

  // Dark purple to yellow, rising steadily in lightness.
  const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
  function shade(share) {
    const at = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
    const low = Math.min(Math.floor(at), VIRIDIS.length - 2);
    return `rgb(${VIRIDIS[low].map((c, i) => Math.round(c + (VIRIDIS[low + 1][i] - c) * (at - low))).join(" ")})`;
  }

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
    const tags = [...counts].sort((a, b) => b[1] - a[1]).map(([tag]) => tag).slice(0, TAGS.length);
    const state = { map: data.maps[0], space: "joint", colour: "side", lines: 3, hovered: null, pinned: null };
    let [points, norms, places, weights] = [];

    const canvas = make("canvas", { role: "img", tabindex: 0 });
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
    page.replaceChildren(make("h1", {}, data.title), make("div", { class: "controls" },
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
      })), about, legend, make("p", { class: "quiet" }, words.hint),
    data.all > sentences.length ? make("p", { class: "quiet" }, words.some(sentences.length, data.all)) : "",
    make("div", { class: "board" }, canvas, aside));

    function read() {
      points = numbers(state.map[state.space].points, Uint16Array);
      norms = numbers(state.map[state.space].norms, Uint8Array);
      places = numbers(state.map.places, state.map.wide ? Uint16Array : Uint8Array);
      weights = numbers(state.map.weights, Uint8Array);
      about.textContent = words.about(state.map, data.method.toUpperCase());
      canvas.setAttribute("aria-label", `${words.layer} ${state.map.layer}, ${words.head} ${state.map.head}`);
      draw();
    }

    function drawLegend() {
      const keyed = (colour, text) => {
        const square = make("i");
        square.style.background = colour;
        return make("span", { class: "keyed" }, square, text);
      };
      const scale = (from, to) => [keyed(shade(0), from), keyed(shade(0.5), "…"), keyed(shade(1), to)];
      const shapes = make("span", { class: "keyed" }, `${words.query}  ${words.key}`);
      const parts = { side: () => [keyed(QUERY, words.query), keyed(KEY, words.key)], position: () => [shapes, ...scale(words.first, words.last)],
        norm: () => [shapes, ...scale(words.short, words.long)],
        tag: () => [shapes, ...tags.map((tag, i) => keyed(TAGS[i], tag)), keyed(OTHER, words.other)] };
      legend.replaceChildren(...parts[state.colour]());
    }

    const colourOf = (mark, i) => ({
      side: () => (mark.side === "queries" ? QUERY : KEY), position: () => shade(mark.share), norm: () => shade(norms[i] / 255),
      tag: () => TAGS[tags.indexOf(mark.token.tag)] ?? OTHER,
    })[state.colour]();
    const at = (i) => [0, 1].map((axis) => 12 + (points[2 * i + axis] / 65535) * (canvas.clientWidth - 24));

    // Pairs of a mark, strongest first: of a query its keys, of a key the queries that look at it.
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
        pen.fill();
      };
      pen.globalAlpha = chosen === null ? 0.65 : 0.15;
      marks.forEach((_, i) => one(i, 1));
      pen.globalAlpha = 1;
      aside.replaceChildren();
      if (chosen === null) return;
      marks.forEach((mark, i) => mark.number === marks[chosen].number && one(i, 1.3));
      const found = partners(chosen);
      pen.strokeStyle = getComputedStyle(page).color;
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
        return make("p", { class: "sentence" }, parts, raw.slice(done));
      };
      const here = (side) => (place) => (side === mark.side && place === mark.place ? "here" : "");
      const same = sentence.keys === sentence.queries;
      aside.replaceChildren(...[
        make("p", { class: "quiet" }, `${mark.side === "queries" ? words.query : words.key} `, make("bdi", {}, label(mark.token.text, 24)),
          mark.token.tag && ` (${label(mark.token.tag)})`),
        same ? text(other, (place) => (place === mark.place ? "here" : "")) : [text("queries", here("queries")), text("keys", here("keys"))],
        make("h4", {}, mark.side === "queries" ? words.looks : words.from),
        make("ol", {}, found.slice(0, data.top).map(({ i, weight }) => make("li", {}, make("bdi", {}, label(marks[i].token.text, 24)), ` ${(100 * weight).toFixed(1)}%`))),
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
    canvas.addEventListener("keydown", (event) => { // along the sentence; Tab brings one here
      const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: queryCount, ArrowUp: -queryCount }[event.key];
      if (step === undefined && event.key !== "Escape") return;
      event.preventDefault();
      const next = (state.pinned ?? -1) + (step ?? 0);
      state.pinned = step === undefined ? null : marks[next] ? next : state.pinned;
      draw();
    });
    addEventListener("resize", draw);
    drawLegend();
    read();
  }

  const carried = document.getElementById("gluonattn-font").textContent;
  if (carried) document.fonts.load('1em "gluonattn Hangul"').then(start, start);
  else start();
}
