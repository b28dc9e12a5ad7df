"use strict";
// Arrows over the text, in the space between its lines: never through letters.
{
  const { draw } = gluonattn;
  const TRACKS = 5; // parallel routes before they share a track
  const HEAD = 6; // length of an arrow's head, px

  // A route as a path with rounded corners; points are joined by straight lines.
  function rounded(points, radius) {
    const parts = [`M${xy(points[0])}`];
    for (let i = 1; i < points.length - 1; i++) {
      const [before, at, after] = [points[i - 1], points[i], points[i + 1]];
      const towards = (to) => {
        const length = Math.hypot(to[0] - at[0], to[1] - at[1]) || 1;
        const step = Math.min(radius, length / 2) / length;
        return [at[0] + (to[0] - at[0]) * step, at[1] + (to[1] - at[1]) * step];
      };
      parts.push(`L${xy(towards(before))}Q${xy(at)} ${xy(towards(after))}`);
    }
    return `${parts.join("")}L${xy(points.at(-1))}`;
  }
  const round = (number) => Math.round(number * 10) / 10;
  const xy = (point) => point.map(round).join(" ");
  const curve = (start, end, y) => `M${xy(start)}C${xy([start[0], y])} ${xy([end[0], y])} ${xy(end)}`;

  // From a token to a token. `leave` and `enter` are -1 above the token and 1 below it; a place is
  // {id, x, width, top, bottom, line}, top and bottom those of its line.
  function route(from, to, { leave, enter, lane, width, margin, track, longest }) {
    const edge = (place, side) => (side < 0 ? place.top : place.bottom);
    const start = [from.x, edge(from, leave)];
    const end = [to.x, edge(to, enter) + enter * HEAD];
    if (leave === enter && from.line === to.line) {
      const reach = Math.sqrt(Math.abs(to.x - from.x) / Math.max(longest, 1));
      const height = (HEAD + 4 + (lane - HEAD - 8) * Math.min(1, reach)) / 0.75; // a cubic's top is at 3/4
      return curve(start, end, start[1] + leave * height);
    }
    if (leave > 0 && enter < 0 && to.line === from.line + 1) return curve(start, end, (start[1] + end[1]) / 2); // through the gap
    const step = (lane - HEAD - 6) / TRACKS;
    const offset = HEAD + 3 + step * (track % TRACKS);
    const aside = 4 + ((margin - 8) / TRACKS) * (track % TRACKS);
    const x = from.x + to.x < width ? margin - aside : width - margin + aside;
    const [y1, y2] = [start[1] + leave * offset, edge(to, enter) + enter * offset];
    return rounded([start, [from.x, y1], [x, y1], [x, y2], [to.x, y2], end], 6);
  }

  // The arrow's head, at the key and pointing into it.
  function head(to, enter, size) {
    const tip = enter < 0 ? to.top : to.bottom;
    const base = tip + enter * (HEAD + 1);
    return `M${xy([to.x, tip])}L${xy([to.x - size, base])}L${xy([to.x + size, base])}Z`;
  }

  // Several links of a token are side by side and nested, the nearest outermost.
  function spread(links) {
    const ends = new Map();
    const add = (link, at, other, edge) => {
      const key = `${at.id} ${edge}`;
      const rank = at.line === other.line ? other.x : -1e5;
      ends.set(key, [...(ends.get(key) ?? []), { place: at, right: other.x > at.x && at.line === other.line, rank }]);
    };
    const apart = links.map((link) => ({ ...link, from: { ...link.from }, to: { ...link.to } }));
    for (const link of apart) {
      add(link, link.from, { ...link.to }, link.leave);
      add(link, link.to, { ...link.from }, link.enter);
    }
    for (const group of ends.values()) {
      group.sort((a, b) => a.right - b.right || b.rank - a.rank);
      const step = Math.min(10, (group[0].place.width - 8) / Math.max(1, group.length - 1));
      group.forEach(({ place }, i) => (place.x += (i - (group.length - 1) / 2) * Math.max(0, step)));
    }
    return apart;
  }

  // links: [{from, to, weight, leave, enter, kind}], strongest first.
  function arrows(found, strongest, room) {
    const links = spread(found);
    const longest = Math.max(1, ...links.filter((l) => l.from.line === l.to.line).map((l) => Math.abs(l.from.x - l.to.x)));
    const drawn = links.map((link, i) => {
      const share = Math.min(1, Math.abs(link.weight) / (strongest || 1));
      const size = 1 + 3 * share;
      const style = { class: `link ${link.kind} ${link.weight < 0 ? "minus" : ""}`, "data-weight": link.weight, "data-query": link.query, "data-key": link.key };
      return draw("g", { ...style, opacity: round(0.35 + 0.65 * share) },
        draw("path", { class: "line", d: route(link.from, link.to, { ...link, ...room, track: i, longest }), "stroke-width": round(size) }),
        draw("path", { class: "head", d: head(link.to, link.enter, 2.5 + size / 2) }));
    });
    return drawn.reverse(); // the strongest is on top
  }

  Object.assign(gluonattn, { route, arrows });
}
