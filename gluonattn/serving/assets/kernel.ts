// The loops that take most of a forward pass's time, in AssemblyScript. `scripts/build_kernel.sh` compiles them to
// kernel.wasm. Arrays are places in memory, counted in 32-bit floats. kernel.js has the same functions for browsers
// that refuse WebAssembly.

// @ts-ignore: decorator
@inline
function load4(at: i32): v128 {
  return v128.load(<usize>at << 2);
}

// @ts-ignore: decorator
@inline
function load1(at: i32): v128 { // one number, four times
  return v128.load32_splat(<usize>at << 2);
}

// @ts-ignore: decorator
@inline
function store4(at: i32, values: v128): void {
  v128.store(<usize>at << 2, values);
}

// @ts-ignore: decorator
@inline
function plus(a: v128, b: v128): v128 {
  return f32x4.add(a, b);
}

// @ts-ignore: decorator
@inline
function by(a: v128, b: v128): v128 {
  return f32x4.mul(a, b);
}

// @ts-ignore: decorator
@inline
function four(value: f32): v128 {
  return f32x4.splat(value);
}

// e^x = 2^n e^r with |r| <= ln 2 / 2. The polynomial is Cephes's (expf). Errors are at most 2 units in the last place.
// @ts-ignore: decorator
@inline
function exp4(given: v128): v128 {
  const x = f32x4.min(f32x4.max(given, four(-87.0)), four(88.0));
  const n = f32x4.nearest(by(x, four(1.44269504)));
  const r = f32x4.sub(f32x4.sub(x, by(n, four(0.693359375))), by(n, four(-2.12194440e-4)));
  let sum = four(1.9875691500e-4);
  sum = plus(by(sum, r), four(1.3981999507e-3));
  sum = plus(by(sum, r), four(8.3334519073e-3));
  sum = plus(by(sum, r), four(4.1665795894e-2));
  sum = plus(by(sum, r), four(1.6666665459e-1));
  sum = plus(by(sum, r), four(5.0000001201e-1));
  sum = plus(plus(by(by(sum, r), r), r), four(1.0));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return by(sum, power);
}

// @ts-ignore: decorator
@inline
function sigmoid4(x: v128): v128 {
  return f32x4.div(four(1.0), plus(four(1.0), exp4(f32x4.neg(x))));
}

// @ts-ignore: decorator
@inline
function tanh4(x: v128): v128 {
  return f32x4.sub(four(1.0), f32x4.div(four(2.0), plus(four(1.0), exp4(plus(x, x)))));
}

// A matrix (depth, columns) as panels of 8 columns, one after another, so that a product reads it in order. Missing
// columns are 0. The steps say how far apart its numbers are.
export function pack(to: i32, from: i32, depth: i32, columns: i32, depthStep: i32, columnStep: i32): void {
  for (let first = 0; first < columns; first += 8) {
    for (let d = 0; d < depth; d++) {
      for (let c = first; c < first + 8; c++, to++) {
        store<f32>(<usize>to << 2, c < columns ? load<f32>(<usize>(from + d * depthStep + c * columnStep) << 2) : 0);
      }
    }
  }
}

// out = start + a (rows, depth) times a packed matrix (depth, columns). rows: a multiple of 4; columns: of 8. A start
// with a step of 0 is one row for all.
export function product(out: i32, outStep: i32, a: i32, aStep: i32, panels: i32, start: i32, startStep: i32, rows: i32, depth: i32, columns: i32): void {
  for (let c = 0; c < columns; c += 8) {
    for (let r = 0; r < rows; r += 4) {
      let s = start + r * startStep + c;
      let a00 = load4(s);
      let a01 = load4(s + 4);
      s += startStep;
      let a10 = load4(s);
      let a11 = load4(s + 4);
      s += startStep;
      let a20 = load4(s);
      let a21 = load4(s + 4);
      s += startStep;
      let a30 = load4(s);
      let a31 = load4(s + 4);
      let p = <usize>(panels + c * depth) << 2; // in bytes, which spares the innermost loop a shift for each number
      const end = p + 32 * <usize>depth;
      const step = <usize>aStep << 2;
      let x0 = <usize>(a + r * aStep) << 2;
      let x1 = x0 + step;
      let x2 = x1 + step;
      let x3 = x2 + step;
      while (p < end) {
        const left = v128.load(p);
        const right = v128.load(p, 16);
        let x = v128.load32_splat(x0);
        a00 = plus(a00, by(x, left));
        a01 = plus(a01, by(x, right));
        x = v128.load32_splat(x1);
        a10 = plus(a10, by(x, left));
        a11 = plus(a11, by(x, right));
        x = v128.load32_splat(x2);
        a20 = plus(a20, by(x, left));
        a21 = plus(a21, by(x, right));
        x = v128.load32_splat(x3);
        a30 = plus(a30, by(x, left));
        a31 = plus(a31, by(x, right));
        p += 32;
        x0 += 4;
        x1 += 4;
        x2 += 4;
        x3 += 4;
      }
      let o = out + r * outStep + c;
      store4(o, a00);
      store4(o + 4, a01);
      o += outStep;
      store4(o, a10);
      store4(o + 4, a11);
      o += outStep;
      store4(o, a20);
      store4(o + 4, a21);
      o += outStep;
      store4(o, a30);
      store4(o + 4, a31);
    }
  }
}

// One direction of a GRU over texts of one length. gates (length, batch, 3 hidden): reset, update, new; panels, bias: of
// the states; fed (batch, 3 hidden): room; zero (batch, hidden): the first state. Writes states (length, batch, hidden).
export function unroll(gates: i32, panels: i32, bias: i32, fed: i32, zero: i32, states: i32, length: i32, batch: i32, hidden: i32, backward: i32): void {
  const width = 3 * hidden;
  let before = zero;
  for (let step = 0; step < length; step++) {
    const t = backward ? length - 1 - step : step;
    const now = states + t * batch * hidden;
    product(fed, width, before, hidden, panels, bias, 0, batch, hidden, width);
    for (let b = 0; b < batch; b++) {
      let f = fed + b * width;
      let g = gates + (t * batch + b) * width;
      let s = before + b * hidden;
      let o = now + b * hidden;
      for (let h = 0; h < hidden; h += 4, f += 4, g += 4, s += 4, o += 4) {
        const reset = sigmoid4(plus(load4(g), load4(f)));
        const update = sigmoid4(plus(load4(g + hidden), load4(f + hidden)));
        const fresh = tanh4(plus(load4(g + 2 * hidden), by(reset, load4(f + 2 * hidden))));
        store4(o, plus(fresh, by(update, f32x4.sub(load4(s), fresh))));
      }
    }
    before = now;
  }
}

// out (queries, keys) = all - 2 sum over units of v / (1 + left right), with left (queries, units), right (units, keys).
// keys: a multiple of 8.
export function additive(out: i32, left: i32, right: i32, v: i32, all: f32, queries: i32, keys: i32, units: i32): void {
  const one = four(1.0);
  for (let q = 0; q < queries; q++) {
    for (let k = 0; k < keys; k += 8) {
      let first = four(0.0);
      let second = four(0.0);
      let r = right + k;
      for (let u = 0; u < units; u++, r += keys) {
        const x = load1(left + q * units + u);
        const share = load1(v + u);
        first = plus(first, f32x4.div(share, plus(one, by(x, load4(r)))));
        second = plus(second, f32x4.div(share, plus(one, by(x, load4(r + 4)))));
      }
      store4(out + q * keys + k, f32x4.sub(four(all), plus(first, first)));
      store4(out + q * keys + k + 4, f32x4.sub(four(all), plus(second, second)));
    }
  }
}

// e^x of each number, in place. count: a multiple of 4.
export function exponentials(at: i32, count: i32): void {
  for (let i = at; i < at + count; i += 4) store4(i, exp4(load4(i)));
}

// The largest number of each column of a matrix (rows, columns). columns: a multiple of 4.
export function largest(out: i32, from: i32, rows: i32, columns: i32): void {
  for (let c = 0; c < columns; c += 4) {
    let most = load4(from + c);
    for (let r = 1; r < rows; r++) most = f32x4.max(most, load4(from + r * columns + c));
    store4(out + c, most);
  }
}
