"use strict";
// Queries are rows, keys are columns, with one cell for each pair.
{
  const { draw, make, label, percent } = gluonattn;
  const NUMBERS_UP_TO = 16;
  const LABELLED_UP_TO = 120; // with more tokens, cells shrink and only every nth name is shown
  const LABEL = 13;

  const channels = (colour) => [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16));

  // A colour between stops: 0 the first, 1 the last.
  function blend(stops, share) {
    const at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const [low, high] = [stops[Math.floor(at)], stops[Math.ceil(at)]].map(channels);
    return low.map((c, i) => Math.round(c + (high[i] - c) * (at % 1)));
  }

  const linear = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = (colour) => colour.map(linear).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  // Black or white, whichever has more contrast: at least 4.5 to 1 on any colour.
  const ink = (colour) => (luminance(colour) > 0.179 ? "#000000" : "#ffffff");

  function palette(root, signed) {
    const value = (name) => getComputedStyle(root).getPropertyValue(name).trim();
    const plus = ["--ramp-0", "--plus-1", "--plus-2"].map(value);
    const minus = ["--ramp-0", "--minus-1", "--minus-2"].map(value);
    const ramp = ["--ramp-0", "--ramp-1", "--ramp-2", "--ramp-3"].map(value);
    const faint = channels(value("--faint"));
    return (share) => Number.isNaN(share) ? faint : blend(!signed ? ramp : share < 0 ? minus : plus, Math.abs(share));
  }

  // The place of a weight on the colour scale, from -1 to 1. A square root gives more colours to small weights.
  const placed = { linear: (share) => share, root: (share) => Math.sign(share) * Math.sqrt(Math.abs(share)) };

  const STEPS = 512; // number of precomputed colours of cells, of which there may be a quarter of a million
  // shaded: from `palette`; position: from `placed`.
  function cells(shown, shaded, position, highest, least) {
    const canvas = make("canvas", { width: shown.columns, height: shown.rows });
    const context = canvas.getContext("2d");
    const image = context.createImageData(shown.columns, shown.rows);
    const pixels = new Uint32Array(image.data.buffer);
    const packed = ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red;
    const colours = Array.from({ length: 2 * STEPS + 1 }, (_, i) => packed(shaded(i / STEPS - 1)));
    const missing = packed(shaded(NaN));
    shown.weights.forEach((weight, i) => {
      const share = Math.abs(weight) < least ? 0 : Math.max(-1, Math.min(1, position(weight / highest)));
      pixels[i] = Number.isNaN(share) ? missing : colours[Math.round((share + 1) * STEPS)];
    });
    context.putImageData(image, 0, 0);
    return canvas.toDataURL();
  }

  const wide = (text) => Array.from(text).reduce((sum, c) => sum + (c.codePointAt(0) > 0x2e80 ? 1 : 0.62), 0);

  function heatmap(root, shown, words, { width, highest, least = 0, scale = "linear" }) {
    const { rows, columns } = shown;
    const names = [shown.queries, shown.keys].map((tokens) => tokens.map((token) => label(token.text)));
    const longest = names.map((list) => Math.min(9, Math.max(...list.map(wide))) * LABEL);
    const most = Math.max(rows, columns);
    const room = (width - longest[0] - 48) / columns;
    const cell = Math.min(34, most <= LABELLED_UP_TO ? Math.max(room, 11) : Math.max(room, 1.5));
    const size = Math.min(LABEL, cell < 9 ? 10 : 0.82 * cell);
    const left = longest[0] * (size / LABEL) + 34;
    const every = cell < 9 ? Math.ceil(12 / cell) : 1; // names shown
    const slope = cell < 16 ? 72 : 60;
    const slanted = Math.max(...names[1].map(wide)) * size > 0.92 * cell;
    const top = 26 + (slanted ? longest[1] * 0.87 * (size / LABEL) + 4 : size + 6);
    const [across, down] = [columns * cell, rows * cell];
    const overhang = slanted ? longest[1] * 0.5 * (size / LABEL) : 0;
    const [total, height] = [left + Math.max(across + overhang, 190) + 14, top + down + 44].map(Math.ceil);
    const shaded = palette(root, shown.signed);
    const colour = (share) => shaded(placed[scale](share));
    const text = (x, y, content, more) => draw("text", { x, y, "font-size": size, ...more }, content);
    const x = (key) => left + (key + 0.5) * cell;
    const y = (query) => top + (query + 0.5) * cell;

    const picture = draw("svg", { class: "cells", width: total, height, viewBox: `0 0 ${total} ${height}`, "aria-hidden": "true" });
    picture.append(
      draw("image", { x: left, y: top, width: across, height: down, preserveAspectRatio: "none", class: "pixels", href: cells(shown, shaded, placed[scale], highest, least) }),
      draw("text", { class: "axis", x: left, y: 14, "font-size": 12 }, `${words.key} →`),
      draw("text", { class: "axis", x: 14, y: top, "font-size": 12, "text-anchor": "end", transform: `rotate(-90 14 ${top})` }, `← ${words.query}`));
    if (cell >= 14) {
      const lines = [...Array(columns - 1).keys()].map((i) => `M${left + (i + 1) * cell} ${top}v${down}`)
        .concat([...Array(rows - 1).keys()].map((i) => `M${left} ${top + (i + 1) * cell}h${across}`));
      picture.append(draw("path", { class: "grid", d: lines.join("") }));
    }
    const rowNames = names[0].map((name, q) => q % every ? null : text(left - 6, y(q) + size * 0.36, name, { "text-anchor": "end" }));
    const columnNames = names[1].map((name, k) => k % every ? null : slanted
      ? text(x(k) + size * 0.3, top - 5, name, { transform: `rotate(-${slope} ${x(k) + size * 0.3} ${top - 5})` })
      : text(x(k), top - 6, name, { "text-anchor": "middle" }));
    picture.append(...[...rowNames, ...columnNames].filter(Boolean));
    const figures = most <= NUMBERS_UP_TO && cell >= 20; // otherwise only the signs of large differences
    if (figures || (shown.signed && cell >= 9)) {
      shown.weights.forEach((weight, i) => {
        const size = Math.abs(weight);
        if (Number.isNaN(weight) || size < least || (!figures && size <= highest / 8)) return;
        const printed = figures ? (100 * size).toFixed(0) : "";
        const sign = !shown.signed || printed === "0" ? "" : weight < 0 ? "−" : "+";
        const font = figures ? 11 : 0.8 * cell;
        picture.append(text(x(i % columns), y(Math.floor(i / columns)) + 0.37 * font, sign + printed,
          { class: "number", "font-size": font, "text-anchor": "middle", fill: ink(colour(weight / highest)) }));
      });
    }
    const steps = 24;
    for (let i = 0; i < steps; i++) {
      const share = shown.signed ? (2 * i) / (steps - 1) - 1 : i / (steps - 1);
      picture.append(draw("rect", { x: left + i * 5, y: top + down + 14, width: 5.2, height: 9, fill: `rgb(${colour(share).join(",")})` }));
    }
    picture.append(
      draw("text", { class: "axis", x: left, y: top + down + 36, "font-size": 11 }, shown.signed ? percent(-highest, true) : "0%"),
      draw("text", { class: "axis", x: left + steps * 5, y: top + down + 36, "font-size": 11, "text-anchor": "end" }, percent(highest, shown.signed)));
    if (scale === "root") picture.append(draw("text", { class: "axis", x: left + steps * 5 + 8, y: top + down + 22, "font-size": 11 }, words.rootScale));
    const band = draw("rect", { class: "band", x: left, width: across, height: cell, visibility: "hidden" });
    const spot = draw("rect", { class: "spot", width: cell, height: cell, visibility: "hidden" });
    picture.append(band, spot);

    return {
      picture,
      cellAt(event) { // the pair under the pointer; null outside
        const box = picture.getBoundingClientRect();
        const key = Math.floor((event.clientX - box.left - left) / cell);
        const query = Math.floor((event.clientY - box.top - top) / cell);
        return key < 0 || query < 0 || key >= columns || query >= rows ? null : { query, key };
      },
      mark(query, pair) {
        band.setAttribute("visibility", query === null ? "hidden" : "visible");
        spot.setAttribute("visibility", pair ? "visible" : "hidden");
        if (query !== null) band.setAttribute("y", top + query * cell);
        rowNames.forEach((name, q) => name?.classList.toggle("here", q === (pair ? pair.query : query)));
        columnNames.forEach((name, k) => name?.classList.toggle("here", k === pair?.key));
        if (!pair) return;
        spot.setAttribute("x", left + pair.key * cell);
        spot.setAttribute("y", top + pair.query * cell);
      },
    };
  }

  Object.assign(gluonattn, { heatmap, blend, luminance, ink });
}
