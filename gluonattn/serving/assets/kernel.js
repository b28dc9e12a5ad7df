"use strict";
// The memory in which a network computes, and the loops of kernel.ts: in WebAssembly, or in JavaScript. No elements.
globalThis.gluonattn ??= {};
{
  const START = 64; // the first numbers stay free
  const PAGE = 1 << 16; // bytes by which memory grows
  const up = (count, unit) => unit * Math.ceil(count / unit);

  // The functions of kernel.ts. A browser may refuse WebAssembly, and so may the host of the page by its own policy.
  function withoutWebAssembly() {
    let numbers = new Float32Array(PAGE / 4);
    const memory = { get buffer() {
      return numbers.buffer;
    }, grow(pages) {
      const more = new Float32Array(numbers.length + (pages * PAGE) / 4);
      more.set(numbers);
      numbers = more;
    } };

    function pack(to, from, depth, columns, depthStep, columnStep) {
      let at = to;
      for (let first = 0; first < columns; first += 8) {
        for (let d = 0; d < depth; d++) {
          for (let c = first; c < first + 8; c++, at++) numbers[at] = c < columns ? numbers[from + d * depthStep + c * columnStep] : 0;
        }
      }
    }
    function product(out, outStep, a, aStep, panels, start, startStep, rows, depth, columns) {
      const all = numbers;
      for (let column = 0; column < columns; column += 4) { // half of a panel
        const panel = panels + (column - (column % 8)) * depth + (column % 8);
        for (let r = 0; r < rows; r++) {
          const s = start + r * startStep + column;
          let [first, second, third, fourth] = [all[s], all[s + 1], all[s + 2], all[s + 3]];
          for (let x = a + r * aStep, p = panel, end = panel + 8 * depth; p < end; p += 8, x++) {
            const value = all[x];
            first += value * all[p];
            second += value * all[p + 1];
            third += value * all[p + 2];
            fourth += value * all[p + 3];
          }
          const o = out + r * outStep + column;
          all[o] = first;
          all[o + 1] = second;
          all[o + 2] = third;
          all[o + 3] = fourth;
        }
      }
    }
    function unroll(gates, panels, bias, fed, zero, states, length, batch, hidden, backward) {
      const width = 3 * hidden;
      let before = zero;
      for (let step = 0; step < length; step++) {
        const t = backward ? length - 1 - step : step;
        const now = states + t * batch * hidden;
        product(fed, width, before, hidden, panels, bias, 0, batch, hidden, width);
        for (let b = 0; b < batch; b++) {
          const [f, g] = [fed + b * width, gates + (t * batch + b) * width];
          for (let h = 0; h < hidden; h++) {
            const reset = 1 / (1 + Math.exp(-numbers[g + h] - numbers[f + h]));
            const update = 1 / (1 + Math.exp(-numbers[g + hidden + h] - numbers[f + hidden + h]));
            const fresh = Math.tanh(numbers[g + 2 * hidden + h] + reset * numbers[f + 2 * hidden + h]);
            numbers[now + b * hidden + h] = fresh + update * (numbers[before + b * hidden + h] - fresh);
          }
        }
        before = now;
      }
    }
    function additive(out, left, right, v, all, queries, keys, units) {
      for (let q = 0; q < queries; q++) {
        for (let k = 0; k < keys; k++) {
          let sum = 0;
          for (let u = 0; u < units; u++) sum += numbers[v + u] / (1 + numbers[left + q * units + u] * numbers[right + u * keys + k]);
          numbers[out + q * keys + k] = all - 2 * sum;
        }
      }
    }
    function exponentials(at, count) {
      for (let i = at; i < at + count; i++) numbers[i] = Math.exp(numbers[i]);
    }
    function largest(out, from, rows, columns) {
      for (let c = 0; c < columns; c++) {
        let most = numbers[from + c];
        for (let r = 1; r < rows; r++) most = Math.max(most, numbers[from + r * columns + c]);
        numbers[out + c] = most;
      }
    }
    return { memory, pack, product, unroll, additive, exponentials, largest };
  }

  // Memory is given out in order. What is taken inside `scratch` is free again after it; anything else is kept.
  // exported: what an instance of kernel.wasm exports, or null.
  function machine(exported) {
    const kernel = exported ?? withoutWebAssembly();
    let [next, numbers] = [START, new Float32Array(kernel.memory.buffer)];

    function take(count) {
      const at = next;
      next += up(count, 4);
      if (next > numbers.length) kernel.memory.grow(Math.ceil((4 * (next - numbers.length)) / PAGE));
      if (numbers.buffer !== kernel.memory.buffer) numbers = new Float32Array(kernel.memory.buffer);
      return at;
    }
    // A copy of some values, followed by zeros up to `room` numbers.
    function put(values, room = values.length) {
      const at = take(room);
      numbers.set(values, at);
      numbers.fill(0, at + values.length, at + up(room, 4));
      return at;
    }
    function scratch(work) {
      const mark = next;
      try {
        return work();
      } finally {
        next = mark;
      }
    }
    // Copies rows whose numbers are `step` apart into an array, one after another.
    function copy(from, step, rows, columns, out, to = 0) {
      if (step === columns) out.set(numbers.subarray(from, from + rows * columns), to);
      else for (let r = 0; r < rows; r++) out.set(numbers.subarray(from + r * step, from + r * step + columns), to + r * columns);
    }
    return { kernel, take, put, scratch, copy, numbers: () => numbers };
  }

  Object.assign(gluonattn, { machine, up });
}
