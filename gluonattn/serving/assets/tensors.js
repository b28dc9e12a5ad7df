"use strict";
// The operations of a forward pass (gluonattn/models/backend.py), on arrays {shape, data}. No elements.
globalThis.gluonattn ??= {};
{
  const { up } = gluonattn;
  const LARGE = 40; // for larger x, e^2x e^2x would be too large or too small for 32 bits
  const MOST_KEPT = 4096; // words whose part in the Bi-GRU is remembered
  const size = (shape) => shape.reduce((all, one) => all * one, 1);
  const tensor = (shape, data) => ({ shape, data });
  const zeros = (shape) => tensor(shape, new Float32Array(size(shape)));
  const last = ({ shape }) => shape.at(-1);

  // An array whose data are made when they are read. more: where they come from.
  function lazy(shape, make, more) {
    let data = null;
    return { shape, ...more, get data() {
      return (data ??= make());
    } };
  }

  // Combines two arrays value by value. An axis of 1 (or none) is repeated. A number counts as an array.
  function pairwise(first, second, work) {
    const [a, b] = [first, second].map((one) => (typeof one === "number" ? tensor([], Float32Array.of(one)) : one));
    const rank = Math.max(a.shape.length, b.shape.length);
    const full = ({ shape }) => [...Array(rank - shape.length).fill(1), ...shape];
    const [left, right] = [full(a), full(b)];
    const out = zeros(left.map((n, i) => Math.max(n, right[i])));
    if (a.data.length === out.data.length && b.data.length === out.data.length) {
      for (let i = 0; i < out.data.length; i++) out.data[i] = work(a.data[i], b.data[i]);
      return out;
    }
    const steps = (shape) => shape.map((n, i) => (n === 1 ? 0 : size(shape.slice(i + 1))));
    const [byLeft, byRight] = [steps(left), steps(right)];
    const place = new Array(rank).fill(0);
    let [at, bt] = [0, 0];
    for (let i = 0; i < out.data.length; i++) {
      out.data[i] = work(a.data[at], b.data[bt]);
      for (let axis = rank - 1; axis >= 0; axis--) {
        place[axis] += 1;
        at += byLeft[axis];
        bt += byRight[axis];
        if (place[axis] < out.shape[axis]) break;
        at -= byLeft[axis] * place[axis];
        bt -= byRight[axis] * place[axis];
        place[axis] = 0;
      }
    }
    return out;
  }

  function each(values, work) {
    const out = zeros(values.shape);
    for (let i = 0; i < out.data.length; i++) out.data[i] = work(values.data[i]);
    return out;
  }
  function alongLast(values, work) {
    const width = last(values);
    const out = zeros([...values.shape.slice(0, -1), 1]);
    for (let i = 0; i < out.data.length; i++) out.data[i] = work(values.data.subarray(i * width, (i + 1) * width));
    return out;
  }
  const total = (row) => row.reduce((sum, one) => sum + one, 0);
  const most = (row) => row.reduce((high, one) => Math.max(high, one), -Infinity);

  // weight(name): a parameter; machine: from kernel.js. No text is padded, because all texts of a call have the same length.
  function operations(weight, { kernel, take, put, scratch, copy, numbers }) {
    const kept = new Map(); // parameters as the kernel reads them. They are made outside `scratch`, so they stay.
    const keep = (name, make) => kept.get(name) ?? kept.set(name, make()).get(name);
    const row = (name, make, columns) => keep(`row ${name} ${columns}`, () => put(make(), columns));
    const zeroRow = (columns) => row("0", () => [], columns);
    function panels(name, make, depth, columns, depthStep, columnStep) {
      return keep(`panels ${name}`, () => {
        const at = take(depth * up(columns, 8));
        scratch(() => kernel.pack(at, put(make()), depth, columns, depthStep, columnStep));
        return at;
      });
    }

    function linear(inputs, name, bias) {
      const { shape: [columns, depth], data } = weight(name);
      const [at, wide] = [panels(name, () => data, depth, columns, 1, depth), up(columns, 8)];
      const start = bias ? row(bias, () => weight(bias).data, wide) : zeroRow(wide);
      const out = zeros([...inputs.shape.slice(0, -1), columns]);
      const rows = inputs.data.length / depth;
      return scratch(() => {
        const [a, to] = [put(inputs.data, up(rows, 4) * depth), take(up(rows, 4) * wide)];
        kernel.product(to, wide, a, depth, at, start, 0, up(rows, 4), depth, wide);
        copy(to, wide, rows, columns, out.data);
        return out;
      });
    }

    // ---- the Bi-GRU. The kernel has a text's gates one after another, each padded to a multiple of 8.

    const wideOf = (prefix) => up(last(weight(`${prefix}h2h_weight`)), 8);
    // Some columns of a weight (3H, ...) as a matrix (columns, 3 wide), with zeros up to `room` rows.
    function gateMatrix(name, hidden, from, depth, room = depth) {
      const { shape: [, width], data } = weight(name);
      const wide = up(hidden, 8);
      const turned = new Float32Array(room * 3 * wide);
      for (let i = 0; i < depth; i++) {
        for (let g = 0; g < 3; g++) for (let h = 0; h < hidden; h++) turned[(i * 3 + g) * wide + h] = data[(g * hidden + h) * width + from + i];
      }
      return turned;
    }
    function gateRow(data, hidden) {
      const wide = up(hidden, 8);
      const out = new Float32Array(3 * wide);
      for (let g = 0; g < 3; g++) out.set(data.subarray(g * hidden, (g + 1) * hidden), g * wide);
      return out;
    }
    function inputPanels(prefix, from, depth) {
      const [name, hidden] = [`${prefix}i2h_weight`, last(weight(`${prefix}h2h_weight`))];
      return panels(`${name} ${from}`, () => gateMatrix(name, hidden, from, depth), depth, 3 * up(hidden, 8), 3 * up(hidden, 8), 1);
    }

    // What a word's vector adds to the gates is the same wherever the word stands, so it is computed once a word.
    const words = new Map();
    function gatesOfWords(prefix, table, ids, start) {
      const [width, wide] = [last(weight(table)), 3 * wideOf(prefix)];
      const own = words.get(prefix) ?? words.set(prefix, new Map()).get(prefix);
      if (own.size > MOST_KEPT) own.clear();
      const fresh = [...new Set(ids)].filter((id) => !own.has(id));
      const at = inputPanels(prefix, 0, width);
      scratch(() => {
        const [a, to] = [take(up(fresh.length, 4) * width), take(up(fresh.length, 4) * wide)];
        numbers().fill(0, a, a + up(fresh.length, 4) * width);
        fresh.forEach((id, i) => numbers().set(weight(table).data.subarray(id * width, (id + 1) * width), a + i * width));
        kernel.product(to, wide, a, width, at, start, 0, up(fresh.length, 4), width, wide);
        fresh.forEach((id, i) => own.set(id, numbers().slice(to + i * wide, to + (i + 1) * wide)));
      });
      return own;
    }

    // A part (B, T, width) of the input, with the step first and room for a multiple of 4 texts.
    function stepsFirst({ shape: [batch, length, width], data }, rows) {
      const at = take(length * rows * width);
      const all = numbers();
      all.fill(0, at, at + length * rows * width);
      for (let b = 0; b < batch; b++) {
        for (let t = 0; t < length; t++) {
          const [from, to] = [(b * length + t) * width, at + (t * rows + b) * width];
          for (let i = 0; i < width; i++) all[to + i] = data[from + i];
        }
      }
      return at;
    }

    // Sets the gates to what the inputs and the bias add to them.
    function readInputs(parts, prefix, gates, start, rows) {
      const [wide, [batch, length]] = [3 * wideOf(prefix), parts[0].shape];
      let from = 0;
      parts.forEach((part, n) => {
        const width = last(part);
        if (n === 0 && part.table) {
          const own = gatesOfWords(prefix, part.table, part.ids, start);
          const all = numbers();
          for (let t = 0; t < length; t++) {
            for (let b = 0; b < batch; b++) all.set(own.get(part.ids[b * length + t]), gates + (t * rows + b) * wide);
            all.fill(0, gates + (t * rows + batch) * wide, gates + (t + 1) * rows * wide);
          }
        } else {
          const at = inputPanels(prefix, from, width);
          scratch(() => kernel.product(gates, wide, stepsFirst(part, rows), width, at, n ? gates : start, n ? wide : 0, length * rows, width, wide));
        }
        from += width;
      });
    }

    function recurrent(inputs, lengths, prefixes) {
      const parts = inputs.parts ?? [inputs];
      const [batch, length] = inputs.shape;
      const hidden = last(weight(`${prefixes[0]}h2h_weight`));
      const [wide, rows] = [up(hidden, 8), up(batch, 4)];
      const states = zeros([batch, length, 2 * hidden]);
      prefixes.forEach((prefix, way) => {
        const own = (name) => `${prefix}${name}`;
        const fedPanels = panels(own("h2h_weight"), () => gateMatrix(own("h2h_weight"), hidden, 0, hidden, wide), wide, 3 * wide, 3 * wide, 1);
        const [start, bias] = ["i2h_bias", "h2h_bias"].map((name) => row(own(name), () => gateRow(weight(own(name)).data, hidden), 3 * wide));
        let from = 0;
        for (const part of parts) { // made here, where they are kept
          inputPanels(prefix, from, last(part));
          from += last(part);
        }
        scratch(() => {
          const [gates, made] = [take(length * rows * 3 * wide), take(length * rows * wide)];
          const [fed, none] = [take(rows * 3 * wide), put([], rows * wide)];
          readInputs(parts, prefix, gates, start, rows);
          kernel.unroll(gates, fedPanels, bias, fed, none, made, length, rows, wide, way);
          for (let b = 0; b < batch; b++) {
            for (let t = 0; t < length; t++) copy(made + (t * rows + b) * wide, wide, 1, hidden, states.data, (b * length + t) * 2 * hidden + way * hidden);
          }
        });
      });
      return states;
    }

    function additive(query, key, v) {
      const [batch, length, units] = query.shape;
      const out = zeros([batch, length, length]);
      const large = [query, key].some(({ data }) => data.some((x) => !(Math.abs(x) < LARGE)));
      if (large) { // values that would overflow use tanh itself
        let at = 0;
        for (let b = 0; b < batch; b++) {
          for (let q = b * length * units; q < (b + 1) * length * units; q += units) {
            for (let k = b * length * units; k < (b + 1) * length * units; k += units) {
              let sum = 0;
              for (let u = 0; u < units; u++) sum += v.data[u] * Math.tanh(query.data[q + u] + key.data[k + u]);
              out.data[at++] = sum;
            }
          }
        }
        return out;
      }
      // tanh(q + k) = 1 - 2 / (1 + e^2q e^2k): needs a thousand times fewer exponentials.
      const wide = up(length, 8);
      return scratch(() => {
        const [left, right, shares, to] = [put(query.data), put([], batch * units * wide), put(v.data), take(length * wide)];
        const all = numbers();
        for (let i = left; i < left + query.data.length; i++) all[i] *= 2;
        for (let b = 0; b < batch; b++) {
          for (let k = 0; k < length; k++) {
            const from = (b * length + k) * units;
            for (let u = 0; u < units; u++) all[right + (b * units + u) * wide + k] = 2 * key.data[from + u];
          }
        }
        kernel.exponentials(left, up(query.data.length, 4));
        kernel.exponentials(right, batch * units * wide);
        for (let b = 0; b < batch; b++) {
          kernel.additive(to, left + b * length * units, right + b * units * wide, shares, total(v.data), length, wide, units);
          copy(to, wide, length, length, out.data, b * length * length);
        }
        return out;
      });
    }

    function softmax(scores) {
      const width = last(scores);
      const out = zeros(scores.shape);
      return scratch(() => {
        const at = put(scores.data);
        const [all, end] = [numbers(), at + scores.data.length];
        for (let from = at; from < end; from += width) {
          let high = -Infinity;
          for (let i = from; i < from + width; i++) if (all[i] > high) high = all[i];
          for (let i = from; i < from + width; i++) all[i] -= high;
        }
        kernel.exponentials(at, up(scores.data.length, 4));
        for (let from = at, to = 0; from < end; from += width, to += width) {
          let sum = 0;
          for (let i = from; i < from + width; i++) sum += all[i];
          for (let i = 0; i < width; i++) out.data[to + i] = all[from + i] / sum;
        }
        return out;
      });
    }

    // Axes before the last two are repeated if one side has 1.
    function matmul(first, second) {
      const [rows, inner, columns] = [first.shape.at(-2), last(first), last(second)];
      const rank = Math.max(first.shape.length, second.shape.length) - 2;
      const before = (shape) => [...Array(rank + 2 - shape.length).fill(1), ...shape.slice(0, -2)];
      const [left, right] = [before(first.shape), before(second.shape)];
      const counted = (shape) => tensor(shape, Float32Array.from({ length: size(shape) }, (_, i) => i));
      const [whose, others] = [pairwise(counted(left), counted(right), (x) => x), pairwise(counted(left), counted(right), (_, y) => y)];
      const out = zeros([...whose.shape, rows, columns]);
      const [wide, high] = [up(columns, 8), up(rows, 4)];
      const start = zeroRow(wide);
      return scratch(() => {
        const [a, b, packed, to] = [put([], high * inner), take(inner * columns), take(inner * wide), take(high * wide)];
        let known = -1;
        whose.data.forEach((one, n) => {
          const other = others.data[n];
          if (other !== known) {
            numbers().set(second.data.subarray(other * inner * columns, (other + 1) * inner * columns), b);
            kernel.pack(packed, b, inner, columns, columns, 1);
            known = other;
          }
          numbers().set(first.data.subarray(one * rows * inner, (one + 1) * rows * inner), a);
          kernel.product(to, wide, a, inner, packed, start, 0, high, inner, wide);
          copy(to, wide, rows, columns, out.data, n * rows * columns);
        });
        return out;
      });
    }

    return {
      add: (a, b) => pairwise(a, b, (x, y) => x + y),
      subtract: (a, b) => pairwise(a, b, (x, y) => x - y),
      multiply: (a, b) => pairwise(a, b, (x, y) => x * y),
      divide: (a, b) => pairwise(a, b, (x, y) => x / y),
      weight,
      embed(name, ids) {
        const table = `${name}.weight`;
        const width = last(weight(table));
        return lazy([...ids.shape, width], () => {
          const out = new Float32Array(ids.data.length * width);
          ids.data.forEach((id, i) => out.set(weight(table).data.subarray(id * width, (id + 1) * width), i * width));
          return out;
        }, { table, ids: ids.data });
      },
      linear,
      mask: ({ shape: [, length] }) => tensor([1, length], new Float32Array(length).fill(1)),
      recurrent,
      additive,
      softmax,
      hide: (scores) => scores,
      greatest: (values) => alongLast(values, most),
      largest({ shape: [batch, length, width], data }) {
        const out = zeros([batch, width]);
        const wide = up(width, 4);
        return scratch(() => {
          const [from, to] = [put([], length * wide), take(wide)];
          for (let b = 0; b < batch; b++) {
            const own = data.subarray(b * length * width, (b + 1) * length * width);
            if (wide === width) numbers().set(own, from);
            else for (let t = 0; t < length; t++) numbers().set(own.subarray(t * width, (t + 1) * width), from + t * wide);
            kernel.largest(to, from, length, wide);
            copy(to, wide, 1, width, out.data, b * width);
          }
          return out;
        });
      },
      identity({ shape: [, length] }) {
        const out = zeros([length, length]);
        for (let i = 0; i < length; i++) out.data[i * length + i] = 1;
        return out;
      },
      split_heads({ shape: [batch, length, width], data }, heads) {
        const part = width / heads;
        const out = zeros([batch, heads, length, part]);
        let at = 0;
        for (let b = 0; b < batch; b++) {
          for (let h = 0; h < heads; h++) {
            for (let t = 0; t < length; t++, at += part) out.data.set(data.subarray((b * length + t) * width + h * part, (b * length + t) * width + (h + 1) * part), at);
          }
        }
        return out;
      },
      merge_heads({ shape: [batch, heads, length, part], data }) {
        const out = zeros([batch, length, heads * part]);
        let at = 0;
        for (let b = 0; b < batch; b++) {
          for (let h = 0; h < heads; h++) {
            for (let t = 0; t < length; t++, at += part) out.data.set(data.subarray(at, at + part), ((b * length + t) * heads + h) * part);
          }
        }
        return out;
      },
      matmul,
      swap({ shape, data }) {
        const [rows, columns] = shape.slice(-2);
        const out = zeros([...shape.slice(0, -2), columns, rows]);
        for (let from = 0; from < data.length; from += rows * columns) {
          for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out.data[from + c * rows + r] = data[from + r * columns + c];
        }
        return out;
      },
      expand: ({ shape, data }, axis) => tensor([...shape.slice(0, axis), 1, ...shape.slice(axis)], data),
      flatten: ({ shape, data }) => tensor([shape[0], size(shape.slice(1))], data),
      concat(parts) {
        const widths = parts.map(last);
        const width = total(widths);
        const shape = [...parts[0].shape.slice(0, -1), width];
        return lazy(shape, () => {
          const out = new Float32Array(size(shape));
          let from = 0;
          parts.forEach(({ data }, n) => {
            for (let r = 0; r * width < out.length; r++) out.set(data.subarray(r * widths[n], (r + 1) * widths[n]), r * width + from);
            from += widths[n];
          });
          return out;
        }, { parts });
      },
      sum: (values) => alongLast(values, total),
      sqrt: (values) => each(values, Math.sqrt),
      at_least: (values, least) => each(values, (x) => Math.max(x, least)),
    };
  }

  // Runs the steps of a graph (gluonattn/serving/graph.py) from step `from` on. values: the known values.
  function runGraph({ nodes }, values, does, from = 0) {
    const given = (one) => Array.isArray(one) ? one.map(given) : one !== null && typeof one === "object" ? values[one.at] : one;
    for (let i = from; i < nodes.length; i++) {
      const { to, does: name, with: inputs } = nodes[i];
      values[to] = does[name](...inputs.map(given));
    }
    return values;
  }

  Object.assign(gluonattn, { tensor, operations, runGraph });
}
