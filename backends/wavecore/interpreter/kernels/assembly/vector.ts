import { operand } from './commands';
import { add, affine, multiply, relu, reluGrad } from './elementwise';
import { NONE } from './lanes';
import { scratch, SCRATCH_BYTES } from './layout';
import { copy, fill } from './moves';
import { norm, normGrad, normRelu } from './norm';
import {
  V_ADD,
  V_ADD_RELU,
  V_ADD_RELU_GRAD,
  V_AFFINE,
  V_AVG_POOL,
  V_AVG_POOL_GRAD,
  V_BIAS_SUMS,
  V_COPY,
  V_FILL,
  V_MAX_POOL,
  V_MAX_POOL_GRAD,
  V_MOMENTUM,
  V_MUL,
  V_NORM,
  V_NORM_GRAD,
  V_NORM_GRAD_SUMS,
  V_NORM_RELU,
  V_NORM_RELU_GRAD,
  V_NORM_RELU_GRAD_SUMS,
  V_RELU,
  V_RELU_GRAD,
  V_SGD,
  V_STATS,
} from './opcodes';
import { avgPool, avgPoolGrad, maxPool, maxPoolGrad } from './pool';
import { biasSums, sumPairs } from './sums';
import { momentum, sgd } from './update';
import { DH, DIVISOR, DSTSTRIDE, DW, float, H, HOLD, int, M, NESTEROV, P, PL, PT, Q, R, ROWBYTES, ROWS, S, SH, SW, W } from './vector-slots';

/** Up to this every integer is an f32. */
const EXACT: i32 = 1 << 24;

function planeFits(): bool {
  return (<usize>int(H) * <usize>int(W)) << 2 <= SCRATCH_BYTES;
}

function reach(windows: i32, step: i32, positions: i32, dilation: i32, padding: i32): i64 {
  return <i64>windows * step + <i64>positions * dilation + abs<i64>(padding);
}

/** Whether every position of every window is a number of 32 bits. */
function windowsFit(): bool {
  const rows = reach(int(P), int(SH), int(R), int(DH), int(PT));
  return max(rows, reach(int(Q), int(SW), int(S), int(DW), int(PL))) < <i64>1 << 31;
}

/**
 * Executes one part of a vector instruction, cut by elements, planes or channels so that every sum keeps its order. Operands that
 * are written overlap no others; an operation by elements may write in place. False: there is no kernel for it.
 */
export function vector(command: usize, part: i32): bool {
  const a = operand(command, 0);
  const b = operand(command, 1);
  const c = operand(command, 2);
  const d = operand(command, 3);
  const e = operand(command, 4);
  const f = operand(command, 5);
  const g = operand(command, 6);
  switch (load<i32>(command)) {
    case V_FILL: {
      fill(part, a, b);
      return true;
    }
    case V_COPY: {
      // Rows that overlap must be written one after the other.
      if (int(ROWS) > 1 && int(DSTSTRIDE) < int(ROWBYTES)) return false;
      copy(part, a, b);
      return true;
    }
    case V_RELU: {
      relu(part, a, b, c, NONE, d != 0);
      return true;
    }
    case V_RELU_GRAD: {
      reluGrad(part, a, b, NONE, c);
      return true;
    }
    case V_ADD_RELU: {
      relu(part, a, b, c, d, e != 0);
      return true;
    }
    case V_ADD_RELU_GRAD: {
      reluGrad(part, a, b, c, d);
      return true;
    }
    case V_ADD: {
      add(part, a, b, c);
      return true;
    }
    case V_MUL: {
      multiply(part, a, b, c);
      return true;
    }
    case V_AFFINE: {
      affine(part, a, b, c, d);
      return true;
    }
    case V_STATS: {
      sumPairs(part, a, b, NONE, b);
      return true;
    }
    case V_NORM: {
      norm(part, a, b, c, d, e);
      return true;
    }
    case V_NORM_RELU: {
      normRelu(part, a, b, c, d, e, f, g != 0);
      return true;
    }
    case V_NORM_GRAD_SUMS: {
      sumPairs(part, a, c, NONE, b);
      return true;
    }
    case V_NORM_RELU_GRAD_SUMS: {
      sumPairs(part, a, c, d, b);
      return true;
    }
    case V_NORM_GRAD: {
      if (int(M) > EXACT) return false;
      normGrad(part, a, b, c, NONE, d, e, f);
      return true;
    }
    case V_NORM_RELU_GRAD: {
      if (int(M) > EXACT) return false;
      normGrad(part, a, b, c, g, d, e, f);
      return true;
    }
    case V_MAX_POOL: {
      if (!windowsFit()) return false;
      maxPool(part, a, b, c, d != 0);
      return true;
    }
    case V_MAX_POOL_GRAD: {
      if (!planeFits() || !windowsFit()) return false;
      maxPoolGrad(part, scratch(part), a, b, c);
      return true;
    }
    case V_AVG_POOL: {
      if (int(DIVISOR) > EXACT || !windowsFit()) return false;
      avgPool(part, a, b);
      return true;
    }
    case V_AVG_POOL_GRAD: {
      if (int(DIVISOR) > EXACT || !planeFits() || !windowsFit()) return false;
      avgPoolGrad(part, scratch(part), a, b);
      return true;
    }
    case V_BIAS_SUMS: {
      biasSums(part, a, b);
      return true;
    }
    // A step that is left out is rare.
    case V_SGD: {
      if (float(HOLD) != 0) return false;
      sgd(part, a, b, c, d != 0);
      return true;
    }
    case V_MOMENTUM: {
      if (float(HOLD) != 0) return false;
      momentum(part, a, b, c, d, e != 0, int(NESTEROV) != 0);
      return true;
    }
    default:
      return false;
  }
}
