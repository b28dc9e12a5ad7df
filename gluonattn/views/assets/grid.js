"use strict";
// The grid of all heads: small pictures on one colour scale; pressing one opens it in the page below.
{
  const { make, record, select, percent, mount } = gluonattn;
  const WORDS = {
    ko: { grid: "모든 층과 헤드", layer: "층", head: "헤드", mean: "평균", show: "보기", least: "0%",
      how: "네모 하나가 헤드 하나입니다. 세로는 보는 말, 가로는 주목받는 말이고, 아래에서 열리는 히트맵까지 모두 같은 색 눈금(제곱근)을 씁니다. 네모를 누르거나 화살표 키로 옮겨 Enter를 누르면 아래에 열립니다.",
      one: (layer, head, top) => `층 ${layer} 헤드 ${head}, 가장 큰 가중치 ${top}` },
    en: { grid: "All layers and heads", layer: "layer", head: "head", mean: "mean", show: "Show", least: "0%",
      how: "Each square is one head. Rows are tokens that look, columns are tokens looked at. All squares and the heatmap below share one colour scale (square root). Press a square, or move with the arrow keys and press Enter, to open it below.",
      one: (layer, head, top) => `layer ${layer} head ${head}, largest weight ${top}` },
  };
  const STOPS = [0, 1, 2, 3].map((i) => `--ramp-${i}`);

  function colours(element) { // 256 steps between the page's four colours
    const style = getComputedStyle(element);
    const stops = STOPS.map((name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((part) => parseInt(part, 16)));
    return Array.from({ length: 256 }, (_, i) => {
      const at = (i / 255) * (stops.length - 1);
      const low = Math.min(Math.floor(at), stops.length - 2);
      return stops[low].map((part, channel) => part + (stops[low + 1][channel] - part) * (at - low));
    });
  }

  function paint(canvas, shown, highest, ramp) {
    const image = new ImageData(shown.columns, shown.rows);
    shown.weights.forEach((weight, i) => {
      const colour = ramp[Math.round(255 * Math.sqrt(Math.min(1, weight / highest)))];
      colour.forEach((part, channel) => (image.data[4 * i + channel] = part));
      image.data[4 * i + 3] = 255;
    });
    canvas.getContext("2d").putImageData(image, 0, 0);
  }

  function start() {
    const data = JSON.parse(document.getElementById("gluonattn-data").textContent);
    const fontCss = document.getElementById("gluonattn-font").textContent;
    const { lang, title, names, steps } = data.grid;
    const words = WORDS[lang];
    const page = document.getElementById("gluonattn-page");
    const [top, below] = [make("div", { class: "gluonattn gluonattn-heads" }), make("section")];
    page.replaceChildren(top, below);
    const records = data.records.map(record);
    let [which, opened, squares, highest, at] = [0, null, [], 1, [0, 0]];

    const number = (axis, at) => (at === null || at === undefined ? null : records[which].numberOf(axis, at));
    const named = (layer, head) => `${words.layer} ${number("layers", layer) ?? words.mean} · ${words.head} ${number("heads", head) ?? words.mean}`;
    function mark(layer, head) { // the square and the heading of the head shown below
      squares.forEach(({ button, at }) => button.setAttribute("aria-pressed", String(at[0] === layer && at[1] === head)));
      below.setAttribute("aria-label", named(layer, head));
      below.querySelector(".title").textContent = named(layer, head);
    }

    function open(layer, head, pressed) {
      opened?.destroy();
      at = [layer, head];
      opened = mount(below, { ...data, records: [data.records[which]] }, { lang, title: named(layer, head),
        layer, head, view: "heatmap", fontCss, level: 2, scale: "root", highest, changed: mark });
      mark(layer, head);
      if (pressed) below.scrollIntoView({ behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    }

    function redraw() {
      const ramp = colours(top);
      squares.forEach(({ canvas, shown }) => paint(canvas, shown, highest, ramp));
      const scale = top.querySelector(".scale");
      scale.style.background = `linear-gradient(to right, ${STOPS.map((name) => `var(${name})`).join(", ")})`;
      top.querySelector(".highest").textContent = percent(highest);
    }

    const largest = (shown) => shown.weights.reduce((a, b) => Math.max(a, b), 0);
    function step(number) { // keeps the squares and shows the weights of another step, so that the slider does not move
      which = number;
      squares.forEach((square) => {
        square.shown = select(records[which], { layer: square.at[0], head: square.at[1] });
        const said = words.one(...square.at, percent(largest(square.shown)));
        square.button.setAttribute("aria-label", said);
        square.button.title = said;
      });
      redraw();
      open(...at);
    }

    function chooser() {
      if (names.length < 2) return null;
      const choose = steps ? make("input", { type: "range", "data-name": "record", min: 0, max: names.length - 1, step: 1, value: which,
        "aria-valuetext": names[which], oninput: (event) => {
          step(Number(event.target.value));
          event.target.setAttribute("aria-valuetext", names[which]);
          event.target.nextSibling.textContent = names[which];
        } }) : make("select", { "data-name": "record", onchange: (event) => {
        which = Number(event.target.value);
        show();
      } }, names.map((name, i) => make("option", { value: i, selected: i === which }, name)));
      return make("label", { class: "field" }, make("span", {}, words.show), choose, steps && make("output", {}, names[which]));
    }

    function show() {
      const one = records[which];
      const size = Math.max(24, Math.min(84, Math.floor(900 / one.heads) - 5));
      const numbers = (count) => Array.from({ length: count }, (_, i) => i);
      squares = numbers(one.layers).flatMap((layer) => numbers(one.heads).map((head) => {
        const shown = select(one, { layer, head });
        const most = largest(shown);
        const height = Math.round(size * Math.min(2, Math.max(0.5, shown.rows / shown.columns)));
        const canvas = make("canvas", { width: shown.columns, height: shown.rows });
        canvas.style.width = `${size}px`;
        canvas.style.height = `${height}px`;
        if (shown.columns <= size) canvas.style.imageRendering = "pixelated";
        const said = words.one(one.numberOf("layers", layer), one.numberOf("heads", head), percent(most));
        const button = make("button", { type: "button", class: "square", "aria-label": said, title: said,
          onclick: () => open(layer, head, true) }, canvas);
        return { at: [layer, head], shown, most, canvas, button };
      }));
      highest = Math.max(...(steps ? records.flatMap((own) => squares.map(({ at: [layer, head] }) => largest(select(own, { layer, head })))) : squares.map(({ most }) => most))) || 1;
      const rows = numbers(one.layers).map((layer) => make("tr", {}, make("th", { scope: "row" }, `${one.numberOf("layers", layer)}`),
        squares.filter(({ at }) => at[0] === layer).map(({ button }) => make("td", {}, button))));
      const choice = chooser();
      const scroll = make("div", { class: "scroll", role: "group", "aria-label": words.grid, tabindex: "0" }, make("table", { class: "heads" }, make("thead", {}, make("tr", {},
        make("th", { scope: "col" }, `${words.layer} \\ ${words.head}`), numbers(one.heads).map((head) => make("th", { scope: "col" }, `${one.numberOf("heads", head)}`)))),
      make("tbody", {}, rows)));
      gluonattn.rove(scroll, ".square", { steps: { ArrowDown: (at, list) => (at + one.heads < list.length ? at + one.heads : at),
        ArrowUp: (at) => (at >= one.heads ? at - one.heads : at) } }).stop(squares[0].button);
      top.replaceChildren(...[make("h1", { class: "title" }, title ?? words.grid), make("p", { class: "quiet" }, words.how), choice,
        make("p", { class: "quiet" }, words.least, make("span", { class: "scale" }), make("span", { class: "highest" })),
        scroll].filter(Boolean));
      open(0, 0);
      redraw();
    }

    // The page below has the control for light and dark.
    new MutationObserver(() => {
      if (top.dataset.theme === below.dataset.theme) return;
      top.dataset.theme = below.dataset.theme ?? "light";
      redraw();
    }).observe(below, { attributes: true, attributeFilter: ["data-theme"] });
    show();
  }

  const { fonts } = document;
  const carried = document.getElementById("gluonattn-font").textContent;
  if (carried) fonts.load('1em "gluonattn Hangul"').then(start, start);
  else start();
}
