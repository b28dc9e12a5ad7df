"use strict";
// The positions of the tokens of running text, and the links between them that get an arrow.
{
  const { pairs, strongestPairs, readable } = gluonattn;
  const MOST_LINKS = 300; // maximum number drawn at once
  const ONE_WAY = 12; // links of a chosen token in each direction, while the threshold is automatic
  const FAINT = 0.08; // with at least this fraction of the record's strongest weight

  // Boxes of the buttons by line, measured once and again after `forget`.
  function placing(stage, buttons) {
    let found = null;
    function measure() {
      const origin = stage.getBoundingClientRect();
      const boxes = buttons.map((b) => b.getBoundingClientRect());
      const lines = [];
      const places = new Map();
      let line = null; // buttons are in reading order, so only the last line can continue
      boxes.forEach((box, i) => {
        const middle = (box.top + box.bottom) / 2;
        if (!line || middle <= line.top || middle >= line.bottom) line = lines.find((l) => middle > l.top && middle < l.bottom);
        if (!line) lines.push((line = { top: box.top, bottom: box.bottom }));
        line.top = Math.min(line.top, box.top);
        line.bottom = Math.max(line.bottom, box.bottom);
        places.set(`${buttons[i].dataset.side} ${buttons[i].dataset.token}`, { line, id: i, width: box.width, x: (box.left + box.right) / 2 - origin.left });
      });
      lines.forEach((each, i) => Object.assign(each, { index: i, top: each.top - origin.top, bottom: each.bottom - origin.top }));
      const style = getComputedStyle(stage);
      const [margin, lane] = [style.paddingLeft, style.getPropertyValue("--lane")].map(parseFloat);
      return { places, room: { width: origin.width, margin, lane } };
    }
    const now = () => (found ??= measure());
    return {
      forget() {
        found = null;
      },
      room: () => now().room,
      at(side, index) {
        const { line, ...own } = now().places.get(`${side} ${index}`);
        return { ...own, line: line.index, top: line.top, bottom: line.bottom };
      },
    };
  }

  // The links to draw for a choice: {found, all}. matrices: the shown one, or one for each head with its name;
  // place: from `placing`; least: null while the threshold is automatic.
  function links(matrices, place, highest, threshold) {
    const automatic = threshold === null;
    const least = threshold ?? 0;
    const [{ shown }] = matrices;
    const keySide = shown.same ? "queries" : "keys";
    const [leave, enter] = shown.same ? [-1, -1] : [1, -1];
    const kind = (head, otherwise) => (head === undefined ? otherwise : `of-head head-${head % 8} ${otherwise}`);
    const link = (pair, head, way, name) => ({ ...pair, kind: kind(head, name), leave: way[0], enter: way[1],
      from: place("queries", pair.query), to: place(keySide, pair.key) });
    const strongestFirst = (list) => list.sort((a, b) => Math.abs(b.pair.weight) - Math.abs(a.pair.weight));
    let overall = null;
    return ({ query, key }) => {
      if (query === null && key === null) {
        if (shown.signed) return { found: [], all: 0 };
        const most = automatic ? readable(shown) * (matrices.length > 1 ? 2 : 1) : MOST_LINKS;
        if (!overall) { // computed once: only the positions of tokens may change
          const every = matrices.map((m) => ({ ...strongestPairs(m.shown, most, least), head: m.head }));
          overall = { all: every.reduce((sum, e) => sum + e.all, 0),
            list: strongestFirst(every.flatMap((e) => e.found.map((pair) => ({ pair, head: e.head })))).slice(0, most) };
        }
        return { found: overall.list.map(({ pair, head }) => link(pair, head, [leave, enter], "out")), all: overall.all };
      }
      const some = (chosen) => {
        const all = strongestFirst(matrices.flatMap((m) => pairs(m.shown, { ...chosen, itself: false, least }).map((pair) => ({ pair, head: m.head }))));
        return automatic ? all.filter(({ pair }) => Math.abs(pair.weight) >= FAINT * highest).slice(0, ONE_WAY * (matrices.length > 1 ? 2 : 1)) : all.slice(0, MOST_LINKS / 2);
      };
      const out = query === null ? [] : some({ query }).map(({ pair, head }) => link(pair, head, [leave, enter], "out"));
      const into = key === null || shown.signed ? [] : some({ key }).map(({ pair, head }) => link(pair, head, shown.same ? [1, 1] : [leave, enter], "in"));
      return { found: [...out, ...into], all: out.length + into.length };
    };
  }

  Object.assign(gluonattn, { placing, links });
}
