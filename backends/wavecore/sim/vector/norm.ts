import { HALF_VALUES, halfBits } from '../half-codec.ts';
import type { GlobalBuffer } from '../memory.ts';
import { charge, operand, type Slots, slot, V, value, type VectorOperation } from './operation.ts';

const f = Math.fround;
const h = (g: GlobalBuffer, i: number): number => HALF_VALUES[g.u16[i] ?? 0] ?? 0;
const plane = (s: Slots): number => slot(s, V.H) * slot(s, V.W);
const all = (s: Slots): number => slot(s, V.N) * slot(s, V.C) * plane(s);
const crosses = (s: Slots): boolean => slot(s, V.CROSS) !== 0;
/** Sets of statistics: one for each sample, or one for all. */
const sets = (s: Slots): number => (crosses(s) ? 1 : slot(s, V.N));
const stateBytes = (s: Slots): number => sets(s) * slot(s, V.C) * 16;
const statsBytes = (s: Slots): number => sets(s) * slot(s, V.GROUPS) * 8;

function bump(values: Float64Array, i: number, by: number): void {
  values[i] = (values[i] ?? 0) + by;
}

/** Visits every (sample, channel) with its first element, state pair and statistics pair. */
function forEachChannel(s: Slots, visit: (element: number, c: number, state: number, pair: number) => void): void {
  const [N, C, groups] = [slot(s, V.N), slot(s, V.C), slot(s, V.GROUPS)];
  const [each, size] = [C / groups, plane(s)];
  for (let n = 0; n < N; n++) {
    const set = crosses(s) ? 0 : n;
    for (let c = 0; c < C; c++) visit((n * C + c) * size, c, 2 * (set * C + c), 2 * (set * groups + Math.floor(c / each)));
  }
}

export const stats: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 1, all(s) * 2 + stateBytes(s), stateBytes(s)),
  spans: (s, o, span) => {
    span(operand(o, 0), stateBytes(s));
    span(operand(o, 1), all(s) * 2);
  },
  run: (g, s, o) => {
    const [state, src, size] = [operand(o, 0) >> 3, operand(o, 1) >> 1, plane(s)];
    forEachChannel(s, (first, _c, at) => {
      let [sum, squares] = [g.f64[state + at] ?? 0, g.f64[state + at + 1] ?? 0];
      for (let i = 0; i < size; i++) {
        const x = h(g, src + first + i);
        sum += x;
        squares += x * x;
      }
      g.f64[state + at] = sum;
      g.f64[state + at + 1] = squares;
    });
  },
};

export const statsEnd: VectorOperation = {
  cost: (s, _o, out) => charge(out, sets(s) * slot(s, V.C), 2, stateBytes(s), statsBytes(s)),
  spans: (s, o, span) => {
    span(operand(o, 0), statsBytes(s));
    span(operand(o, 1), stateBytes(s));
  },
  run: (g, s, o) => {
    const [target, state] = [operand(o, 0) >> 2, operand(o, 1) >> 3];
    const [C, groups, M, epsilon] = [slot(s, V.C), slot(s, V.GROUPS), slot(s, V.M), value(s, V.EPS)];
    const each = C / groups;
    for (let set = 0; set < sets(s); set++) {
      for (let group = 0; group < groups; group++) {
        let sum = 0;
        let squares = 0;
        for (let c = group * each; c < (group + 1) * each; c++) {
          sum += g.f64[state + 2 * (set * C + c)] ?? 0;
          squares += g.f64[state + 2 * (set * C + c) + 1] ?? 0;
        }
        const mean = sum / M;
        const at = target + 2 * (set * groups + group);
        g.f32[at] = mean;
        g.f32[at + 1] = 1 / Math.sqrt(Math.max(0, squares / M - mean * mean) + epsilon);
      }
    }
  },
};

export const norm: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 1, all(s) * 2 + statsBytes(s) + slot(s, V.C) * 8, all(s) * 2),
  spans: (s, o, span) => {
    span(operand(o, 0), all(s) * 2);
    span(operand(o, 1), all(s) * 2);
    span(operand(o, 2), statsBytes(s));
    span(operand(o, 3), slot(s, V.C) * 4);
    span(operand(o, 4), slot(s, V.C) * 4);
  },
  run: (g, s, o) => {
    const [dst, src, statistics, gammas, betas] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2) >> 2, operand(o, 3) >> 2, operand(o, 4) >> 2];
    const size = plane(s);
    forEachChannel(s, (first, c, _state, pair) => {
      const [mean, rstd] = [g.f32[statistics + pair] ?? 0, g.f32[statistics + pair + 1] ?? 0];
      const [gamma, beta] = [g.f32[gammas + c] ?? 0, g.f32[betas + c] ?? 0];
      for (let i = first; i < first + size; i++) g.u16[dst + i] = halfBits(f(f(f(f(h(g, src + i) - mean) * rstd) * gamma) + beta));
    });
  },
};

export const normGradSums: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 2, all(s) * 4 + statsBytes(s) + stateBytes(s), stateBytes(s)),
  spans: (s, o, span) => {
    span(operand(o, 0), stateBytes(s));
    span(operand(o, 1), all(s) * 2);
    span(operand(o, 2), all(s) * 2);
    span(operand(o, 3), statsBytes(s));
  },
  run: (g, s, o) => {
    const [state, x, dy, statistics] = [operand(o, 0) >> 3, operand(o, 1) >> 1, operand(o, 2) >> 1, operand(o, 3) >> 2];
    const size = plane(s);
    forEachChannel(s, (first, _c, at, pair) => {
      const [mean, rstd] = [g.f32[statistics + pair] ?? 0, g.f32[statistics + pair + 1] ?? 0];
      let sum = 0;
      let weighted = 0;
      for (let i = first; i < first + size; i++) {
        const d = h(g, dy + i);
        sum += d;
        weighted += d * f(f(h(g, x + i) - mean) * rstd);
      }
      bump(g.f64, state + at, sum);
      bump(g.f64, state + at + 1, weighted);
    });
  },
};

export const normGradEnd: VectorOperation = {
  cost: (s, _o, out) => charge(out, sets(s) * slot(s, V.C), 3, stateBytes(s) + slot(s, V.C) * 4, statsBytes(s) + slot(s, V.C) * 8),
  spans: (s, o, span) => {
    span(operand(o, 0), statsBytes(s));
    span(operand(o, 1), slot(s, V.C) * 4);
    span(operand(o, 2), slot(s, V.C) * 4);
    span(operand(o, 3), stateBytes(s));
    span(operand(o, 4), slot(s, V.C) * 4);
  },
  run: (g, s, o) => {
    const [sums, dgamma, dbeta, state, gammas] = [operand(o, 0) >> 2, operand(o, 1) >> 2, operand(o, 2) >> 2, operand(o, 3) >> 3, operand(o, 4) >> 2];
    const [C, groups, adds] = [slot(s, V.C), slot(s, V.GROUPS), operand(o, 5) !== 0];
    const each = C / groups;
    const scale = new Float64Array(C);
    const shift = new Float64Array(C);
    for (let set = 0; set < sets(s); set++) {
      for (let group = 0; group < groups; group++) {
        let first = 0;
        let second = 0;
        for (let c = group * each; c < (group + 1) * each; c++) {
          const [sum, weighted] = [g.f64[state + 2 * (set * C + c)] ?? 0, g.f64[state + 2 * (set * C + c) + 1] ?? 0];
          const gamma = g.f32[gammas + c] ?? 0;
          first += gamma * sum;
          second += gamma * weighted;
          bump(shift, c, sum);
          bump(scale, c, weighted);
        }
        const at = sums + 2 * (set * groups + group);
        g.f32[at] = first;
        g.f32[at + 1] = second;
      }
    }
    for (let c = 0; c < C; c++) {
      g.f32[dgamma + c] = (adds ? (g.f32[dgamma + c] ?? 0) : 0) + f(scale[c] ?? 0);
      g.f32[dbeta + c] = (adds ? (g.f32[dbeta + c] ?? 0) : 0) + f(shift[c] ?? 0);
    }
  },
};

export const normGrad: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 2, all(s) * 4 + 2 * statsBytes(s) + slot(s, V.C) * 4, all(s) * 2),
  spans: (s, o, span) => {
    for (let i = 0; i < 3; i++) span(operand(o, i), all(s) * 2);
    span(operand(o, 3), statsBytes(s));
    span(operand(o, 4), slot(s, V.C) * 4);
    span(operand(o, 5), statsBytes(s));
  },
  run: (g, s, o) => {
    const [dst, x, dy] = [operand(o, 0) >> 1, operand(o, 1) >> 1, operand(o, 2) >> 1];
    const [statistics, gammas, sums] = [operand(o, 3) >> 2, operand(o, 4) >> 2, operand(o, 5) >> 2];
    const [size, M] = [plane(s), slot(s, V.M)];
    forEachChannel(s, (first, c, _state, pair) => {
      const [mean, rstd, gamma] = [g.f32[statistics + pair] ?? 0, g.f32[statistics + pair + 1] ?? 0, g.f32[gammas + c] ?? 0];
      const [s0, s1] = [g.f32[sums + pair] ?? 0, g.f32[sums + pair + 1] ?? 0];
      for (let i = first; i < first + size; i++) {
        const normalized = f(f(h(g, x + i) - mean) * rstd);
        const centred = f(f(s0 + f(normalized * s1)) / M);
        g.u16[dst + i] = halfBits(f(rstd * f(f(gamma * h(g, dy + i)) - centred)));
      }
    });
  },
};

export const biasSums: VectorOperation = {
  cost: (s, _o, out) => charge(out, all(s), 1, all(s) * 2 + slot(s, V.C) * 8, slot(s, V.C) * 8),
  spans: (s, o, span) => {
    span(operand(o, 0), slot(s, V.C) * 8);
    span(operand(o, 1), all(s) * 2);
  },
  run: (g, s, o) => {
    const [state, dy, size, C] = [operand(o, 0) >> 3, operand(o, 1) >> 1, plane(s), slot(s, V.C)];
    for (let n = 0; n < slot(s, V.N); n++) {
      for (let c = 0; c < C; c++) {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += h(g, dy + (n * C + c) * size + i);
        bump(g.f64, state + c, sum);
      }
    }
  },
};

export const biasEnd: VectorOperation = {
  cost: (s, _o, out) => charge(out, slot(s, V.C), 1, slot(s, V.C) * 8, slot(s, V.C) * 4),
  spans: (s, o, span) => {
    span(operand(o, 0), slot(s, V.C) * 4);
    span(operand(o, 1), slot(s, V.C) * 8);
  },
  run: (g, s, o) => {
    const [db, state, adds] = [operand(o, 0) >> 2, operand(o, 1) >> 3, operand(o, 2) !== 0];
    for (let c = 0; c < slot(s, V.C); c++) g.f32[db + c] = (adds ? (g.f32[db + c] ?? 0) : 0) + f(g.f64[state + c] ?? 0);
  },
};
