"use strict";
// The operations of a forward pass (gluonattn/models/backend.py), on arrays {shape, data}. No elements.
globalThis.gluonattn ??= {};
{
  const size = (shape) => shape.reduce((all, one) => all * one, 1);
  const tensor = (shape, data) => ({ shape, data });
  const zeros = (shape) => tensor(shape, new Float64Array(size(shape)));
  const last = ({ shape }) => shape.at(-1);

  // Combines two arrays value by value. An axis of 1 (or none) is repeated. A number counts as an array.
  function pairwise(first, second, work) {
    const [a, b] = [first, second].map((one) => (typeof one === "number" ? tensor([], [one]) : one));
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
  const LARGE = 150; // for larger x, e^2x would be near the largest number
  const total = (row) => row.reduce((sum, one) => sum + one, 0);
  const most = (row) => row.reduce((high, one) => Math.max(high, one), -Infinity);

  // W x + b into out. W has a row for each number of out. Four rows at once, so that no sum waits for the previous one.
  function times(weight, bias, x, start, width, out, to, rows) {
    let o = 0;
    for (; o + 4 <= rows; o += 4) {
      const at = o * width;
      let a = bias[o];
      let b = bias[o + 1];
      let c = bias[o + 2];
      let d = bias[o + 3];
      for (let i = 0; i < width; i++) {
        const value = x[start + i];
        a += weight[at + i] * value;
        b += weight[at + width + i] * value;
        c += weight[at + 2 * width + i] * value;
        d += weight[at + 3 * width + i] * value;
      }
      out[to + o] = a;
      out[to + o + 1] = b;
      out[to + o + 2] = c;
      out[to + o + 3] = d;
    }
    for (; o < rows; o++) {
      let sum = bias[o];
      for (let i = 0; i < width; i++) sum += weight[o * width + i] * x[start + i];
      out[to + o] = sum;
    }
  }

  // inputs W^T + b
  function product(inputs, { shape: [to, from], data }, bias) {
    const out = zeros([...inputs.shape.slice(0, -1), to]);
    const added = bias ? bias.data : new Float64Array(to);
    for (let r = 0; r * from < inputs.data.length; r++) times(data, added, inputs.data, r * from, from, out.data, r * to, to);
    return out;
  }

  // One direction of a GRU (gates: reset, update, new) over a batch of texts of the same length. Writes its states.
  function unroll(gates, weight, bias, batch, length, hidden, states, backward) {
    const width = 3 * hidden;
    const fed = new Float64Array(width);
    for (let b = 0; b < batch; b++) {
      const state = new Float64Array(hidden);
      for (let step = 0; step < length; step++) {
        const at = b * length + (backward ? length - 1 - step : step);
        times(weight, bias, state, 0, hidden, fed, 0, width);
        const into = at * width;
        for (let h = 0; h < hidden; h++) {
          const reset = 1 / (1 + Math.exp(-gates[into + h] - fed[h]));
          const update = 1 / (1 + Math.exp(-gates[into + hidden + h] - fed[hidden + h]));
          const fresh = Math.tanh(gates[into + 2 * hidden + h] + reset * fed[2 * hidden + h]);
          state[h] = fresh + update * (state[h] - fresh);
          states[at * 2 * hidden + (backward ? hidden : 0) + h] = state[h];
        }
      }
    }
  }

  // weight(name): a parameter. No text is padded, because all texts of a call have the same length.
  const operations = (weight) => ({
    add: (a, b) => pairwise(a, b, (x, y) => x + y),
    subtract: (a, b) => pairwise(a, b, (x, y) => x - y),
    multiply: (a, b) => pairwise(a, b, (x, y) => x * y),
    divide: (a, b) => pairwise(a, b, (x, y) => x / y),
    weight,
    embed(name, ids) {
      const table = weight(`${name}.weight`);
      const width = last(table);
      const out = zeros([...ids.shape, width]);
      ids.data.forEach((id, i) => out.data.set(table.data.subarray(id * width, (id + 1) * width), i * width));
      return out;
    },
    linear: (inputs, name, bias) => product(inputs, weight(name), bias && weight(bias)),
    mask: (ids) => tensor(ids.shape, new Float64Array(size(ids.shape)).fill(1)),
    recurrent(inputs, lengths, prefixes) {
      const [batch, length] = inputs.shape;
      const hidden = last(weight(`${prefixes[0]}h2h_weight`));
      const states = zeros([batch, length, 2 * hidden]);
      prefixes.forEach((prefix, way) => {
        const gates = product(inputs, weight(`${prefix}i2h_weight`), weight(`${prefix}i2h_bias`));
        unroll(gates.data, weight(`${prefix}h2h_weight`).data, weight(`${prefix}h2h_bias`).data, batch, length, hidden, states.data, way === 1);
      });
      return states;
    },
    additive(query, key, v) {
      const [batch, length, units] = query.shape;
      const out = zeros([batch, length, length]);
      let at = 0;
      // tanh(q + k) = 1 - 2 / (1 + e^2q e^2k): needs a thousand times fewer exponentials. Values that would overflow use tanh itself.
      if ([query, key].every(({ data }) => data.every((x) => Math.abs(x) < LARGE))) {
        const [left, right] = [query, key].map((values) => each(values, (x) => Math.exp(2 * x)).data);
        const all = total(v.data);
        for (let b = 0; b < batch; b++) {
          for (let q = b * length * units; q < (b + 1) * length * units; q += units) {
            for (let k = b * length * units; k < (b + 1) * length * units; k += units) {
              let sum = 0;
              for (let u = 0; u < units; u++) sum += v.data[u] / (1 + left[q + u] * right[k + u]);
              out.data[at++] = all - 2 * sum;
            }
          }
        }
        return out;
      }
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
    },
    softmax(scores) {
      const width = last(scores);
      const out = each(scores, (x) => x);
      for (let from = 0; from < out.data.length; from += width) {
        let [high, sum] = [-Infinity, 0];
        for (let i = from; i < from + width; i++) if (out.data[i] > high) high = out.data[i];
        for (let i = from; i < from + width; i++) sum += out.data[i] = Math.exp(out.data[i] - high);
        for (let i = from; i < from + width; i++) out.data[i] /= sum;
      }
      return out;
    },
    hide: (scores) => scores,
    greatest: (values) => alongLast(values, most),
    largest(values) {
      const [batch, length, width] = values.shape;
      const out = tensor([batch, width], new Float64Array(batch * width).fill(-Infinity));
      for (let i = 0, row = 0; i < values.data.length; row++) {
        const to = Math.floor(row / length) * width;
        for (let c = 0; c < width; c++, i++) if (values.data[i] > out.data[to + c]) out.data[to + c] = values.data[i];
      }
      return out;
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
    // Axes before the last two are repeated if one side has 1.
    matmul(first, second) {
      const [rows, inner, columns] = [first.shape.at(-2), last(first), last(second)];
      const rank = Math.max(first.shape.length, second.shape.length) - 2;
      const before = (shape) => [...Array(rank + 2 - shape.length).fill(1), ...shape.slice(0, -2)];
      const [left, right] = [before(first.shape), before(second.shape)];
      const numbers = (shape) => tensor(shape, Float64Array.from({ length: size(shape) }, (_, i) => i));
      const [whose, others] = [pairwise(numbers(left), numbers(right), (x) => x), pairwise(numbers(left), numbers(right), (_, y) => y)];
      const out = zeros([...whose.shape, rows, columns]);
      const none = new Float64Array(columns);
      const turned = new Float64Array(inner * columns);
      whose.data.forEach((a, n) => {
        const by = others.data[n] * inner * columns;
        for (let i = 0; i < inner; i++) for (let c = 0; c < columns; c++) turned[c * inner + i] = second.data[by + i * columns + c];
        for (let r = 0; r < rows; r++) times(turned, none, first.data, a * rows * inner + r * inner, inner, out.data, (n * rows + r) * columns, columns);
      });
      return out;
    },
    swap(values) {
      const [rows, columns] = values.shape.slice(-2);
      const out = zeros([...values.shape.slice(0, -2), columns, rows]);
      values.data.forEach((x, i) => {
        const within = i % (rows * columns);
        out.data[i - within + (within % columns) * rows + Math.floor(within / columns)] = x;
      });
      return out;
    },
    expand: ({ shape, data }, axis) => tensor([...shape.slice(0, axis), 1, ...shape.slice(axis)], data),
    flatten: ({ shape, data }) => tensor([shape[0], size(shape.slice(1))], data),
    concat(parts) {
      const widths = parts.map(last);
      const width = total(widths);
      const out = zeros([...parts[0].shape.slice(0, -1), width]);
      let from = 0;
      parts.forEach((part, n) => {
        for (let r = 0; r * width < out.data.length; r++) out.data.set(part.data.subarray(r * widths[n], (r + 1) * widths[n]), r * width + from);
        from += widths[n];
      });
      return out;
    },
    sum: (values) => alongLast(values, total),
    sqrt: (values) => each(values, Math.sqrt),
    at_least: (values, least) => each(values, (x) => Math.max(x, least)),
  });

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
