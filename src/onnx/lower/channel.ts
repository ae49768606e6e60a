import type { BinaryOp } from '../../../ir/functions/binary.ts';
import { elementCount } from '../../../ir/tensor.ts';
import type { ActivationOperand, ConstantOperand, NodeContext } from '../context.ts';
import { type Value, valueAt } from '../value.ts';

type PerChannel = Float32Array | number;

/** A constant of `shape` beside x that has one value for each channel, or one for all; undefined where it broadcasts otherwise. */
export function perChannel(value: Value, shape: readonly number[], x: readonly number[]): PerChannel | undefined {
  if (value.elements !== 'float' || shape.length !== x.length || x.length < 2) return undefined;
  if (shape.some((d, i) => d !== 1 && (i !== 1 || d !== x[1]))) return undefined;
  const { data } = value;
  if (typeof data === 'number') return data;
  return data.length === 1 ? valueAt(value, 0) : Float32Array.from(data);
}

const mapped = (values: PerChannel, f: (v: number) => number): PerChannel => (typeof values === 'number' ? f(values) : values.map(f));

/** What an operation with one constant a channel does: x·scale + shift, the constant being one of the two. */
const AFFINE: Partial<
  Record<BinaryOp, { readonly scale?: (v: number) => number; readonly shift?: (v: number) => number; readonly sign?: number }>
> = {
  add: { shift: (v) => v },
  sub: { shift: (v) => -v },
  rsub: { shift: (v) => v, sign: -1 },
  mul: { scale: (v) => v },
  div: { scale: (v) => 1 / v },
};

/** The operation as a scale and shift of channels, if it is one. */
export function channelShift(
  ctx: NodeContext,
  op: BinaryOp,
  x: ActivationOperand,
  operand: ConstantOperand,
  values: PerChannel,
  part: string,
): ActivationOperand | undefined {
  const form = AFFINE[op];
  if (form === undefined) return undefined;
  // Nothing to do; and a scale of 1 is how a bias shows (tidy.ts).
  if (form.scale && values === 1) return x;
  const shape = [x.shape[1] ?? 1];
  const use = (f: (v: number) => number, what: string, trained: boolean): string =>
    ctx.parameter(operand, {
      dtype: 'f32',
      shape,
      trained,
      layout: `${what} of ${op}`,
      data: mapped(values, f),
      // Each of the functions is its own inverse.
      restore: (now) => now.map(f),
      ...(elementCount(operand.value.shape) === shape[0] ? {} : { restoredShape: [shape[0] ?? 1, ...x.shape.slice(2).map(() => 1)] }),
    });
  const { scale: scaleBy, shift: shiftBy, sign = 1 } = form;
  const scale = scaleBy ? use(scaleBy, 'scale', false) : ctx.fill('scale', shape, sign);
  // A shift may become the bias of the layer before, which is trained.
  const shift = shiftBy ? use(shiftBy, 'shift', true) : ctx.fill('shift', shape, 0);
  return ctx.emit('affine', [x.name, scale, shift], {}, part);
}
