import { elementCount } from '../../ir/tensor.ts';
import type { NodeContext } from './context.ts';
import { ELEMENT_TYPES, elementTypeName } from './element-types.ts';
import { axisOf } from './lower/axes.ts';
import { ARITHMETIC_LOWERINGS } from './lower/vector.ts';
import type { Operators } from './operator.ts';
import { readTensorProto } from './tensor-proto.ts';
import { intsValue, MOST_ELEMENTS, numbersOf, stridesOf, type Value, valueAt, walk } from './value.ts';

/** Constants of the model stay as large as the file has them; what folding makes anew is small. */
const MOST_FOLDED = 2 ** 24;

function room(ctx: NodeContext, count: number): Float64Array {
  if (count > MOST_FOLDED) ctx.unsupported(`computing a constant of ${count} elements`);
  return new Float64Array(count);
}

function constant(ctx: NodeContext): Value {
  const { attrs } = ctx;
  const tensor = attrs.tensor('value');
  if (tensor) return readTensorProto(tensor, ctx.place);
  const floats = attrs.floats('value_floats');
  if (floats) return { elements: 'float', shape: [floats.length], data: Float32Array.from(floats) };
  if (attrs.has('value_float')) return { elements: 'float', shape: [], data: Float32Array.of(attrs.float('value_float')) };
  const ints = attrs.ints('value_ints');
  if (ints) return intsValue(ints);
  return intsValue(attrs.int('value_int'));
}

function constantOfShape(ctx: NodeContext): Value {
  const shape = ctx.ints(0);
  if (shape.some((d) => d < 0) || elementCount(shape) > MOST_ELEMENTS) ctx.badShape(`the shape is [${shape.join(', ')}]`);
  const tensor = ctx.attrs.tensor('value');
  const fill: Value = tensor ? readTensorProto(tensor, ctx.place) : { elements: 'float', shape: [1], data: 0 };
  if (elementCount(fill.shape) !== 1) ctx.badAttribute(`value has ${elementCount(fill.shape)} elements, expected 1`);
  return { elements: fill.elements, shape, data: valueAt(fill, 0) };
}

function cast(ctx: NodeContext): Value {
  const value = ctx.value(0);
  const to = ctx.attrs.int('to');
  const elements = ELEMENT_TYPES.get(to)?.elements ?? ctx.unsupported(`to element type ${elementTypeName(to)}`);
  if (elements === 'float' || value.elements === elements) return { ...value, elements };
  const convert = elements === 'bool' ? (v: number) => (v === 0 ? 0 : 1) : Math.trunc;
  const { data } = value;
  if (typeof data === 'number') return { ...value, elements, data: convert(data) };
  const values = room(ctx, data.length);
  for (let i = 0; i < data.length; i++) values[i] = convert(data[i] ?? 0);
  return { ...value, elements, data: values };
}

function gather(ctx: NodeContext): Value {
  const [value, indices] = [ctx.value(0), ctx.value(1)];
  const axis = axisOf(ctx, ctx.attrs.int('axis', 0), value.shape.length);
  const size = value.shape[axis] ?? 0;
  const shape = [...value.shape.slice(0, axis), ...indices.shape, ...value.shape.slice(axis + 1)];
  const inner = elementCount(value.shape.slice(axis + 1));
  if (elementCount(indices.shape) > MOST_FOLDED) ctx.unsupported(`${elementCount(indices.shape)} indices`);
  const data = room(ctx, elementCount(shape));
  const picks = numbersOf(indices).map((i) => (i < 0 ? i + size : i));
  const outside = picks.find((i) => !(i >= 0 && i < size));
  if (outside !== undefined) ctx.badShape(`index ${outside} is outside of dimension ${axis} of ${size}`);
  for (let i = 0; i < data.length; i++) {
    const [block, rest] = [Math.floor(i / inner), i % inner];
    const outer = Math.floor(block / picks.length);
    data[i] = valueAt(value, (outer * size + (picks[block % picks.length] ?? 0)) * inner + rest);
  }
  return { elements: value.elements, shape, data };
}

function concat(ctx: NodeContext): Value {
  const values = Array.from({ length: ctx.operandCount }, (_, i) => ctx.value(i));
  const [first] = values;
  if (first === undefined) return ctx.badShape('it has no inputs');
  const axis = axisOf(ctx, ctx.attrs.int('axis', 1), first.shape.length);
  const others = (shape: readonly number[]): string => shape.filter((_, d) => d !== axis).join();
  if (values.some((v) => v.shape.length !== first.shape.length || others(v.shape) !== others(first.shape)))
    ctx.badShape('inputs differ beside the axis');
  const shape = first.shape.map((d, i) => (i === axis ? values.reduce((s, v) => s + (v.shape[axis] ?? 0), 0) : d));
  const outer = elementCount(shape.slice(0, axis));
  const data = room(ctx, elementCount(shape));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const value of values) {
      const run = elementCount(value.shape.slice(axis));
      for (let i = 0; i < run; i++) data[at++] = valueAt(value, o * run + i);
    }
  }
  return { elements: first.elements, shape, data };
}

interface Cut {
  readonly axis: number;
  readonly from: number;
  readonly step: number;
  readonly count: number;
}

function cutOf(ctx: NodeContext, size: number, axis: number, start: number, end: number, step: number): Cut {
  if (!Number.isInteger(step) || step === 0) ctx.badAttribute('steps must not be 0');
  const wrap = (i: number): number => (i < 0 ? i + size : i);
  const clamp = (i: number, low: number, high: number): number => Math.min(Math.max(i, low), high);
  const from = step > 0 ? clamp(wrap(start), 0, size) : clamp(wrap(start), 0, size - 1);
  const to = step > 0 ? clamp(wrap(end), 0, size) : clamp(wrap(end), -1, size - 1);
  return { axis, from, step, count: Math.max(0, Math.ceil((to - from) / step)) };
}

function slice(ctx: NodeContext): Value {
  const value = ctx.value(0);
  const asAttributes = ctx.opset < 10;
  const list = (name: string, index: number): readonly number[] | undefined =>
    asAttributes ? ctx.attrs.ints(name) : ctx.has(index) ? ctx.ints(index) : undefined;
  const starts = list('starts', 1) ?? ctx.badAttribute('starts is required');
  const ends = list('ends', 2) ?? ctx.badAttribute('ends is required');
  const axes = list('axes', 3) ?? starts.map((_, i) => i);
  const steps = (asAttributes ? undefined : list('steps', 4)) ?? starts.map(() => 1);
  if (ends.length !== starts.length || axes.length !== starts.length || steps.length !== starts.length)
    ctx.badAttribute('starts, ends, axes and steps differ in length');
  const shape = [...value.shape];
  const strides = stridesOf(value.shape);
  let base = 0;
  axes.forEach((a, i) => {
    const axis = axisOf(ctx, a, value.shape.length);
    const cut = cutOf(ctx, value.shape[axis] ?? 0, axis, starts[i] ?? 0, ends[i] ?? 0, steps[i] ?? 1);
    base += cut.from * (strides[axis] ?? 0);
    shape[axis] = cut.count;
    strides[axis] = (strides[axis] ?? 0) * cut.step;
  });
  const data = room(ctx, elementCount(shape));
  walk(shape, [strides], (target, [offset = 0]) => {
    data[target] = valueAt(value, base + offset);
  });
  return { elements: value.elements, shape, data };
}

/** Source strides for `shape`, 0 along the dimensions that broadcast. */
function broadcastStrides(ctx: NodeContext, value: Value, shape: readonly number[]): number[] {
  const strides = stridesOf(value.shape);
  const lead = shape.length - value.shape.length;
  return shape.map((d, i) => {
    const own = value.shape[i - lead] ?? 1;
    if (own !== d && own !== 1) ctx.badShape(`[${value.shape.join(', ')}] does not broadcast to [${shape.join(', ')}]`);
    return own === 1 ? 0 : (strides[i - lead] ?? 0);
  });
}

function combine(f: (a: number, b: number) => number): (ctx: NodeContext) => Value {
  return (ctx) => {
    const [a, b] = [ctx.value(0), ctx.value(1)];
    const rank = Math.max(a.shape.length, b.shape.length);
    const dim = (v: Value, i: number): number => v.shape[i - rank + v.shape.length] ?? 1;
    const shape = Array.from({ length: rank }, (_, i) => (dim(a, i) === 1 ? dim(b, i) : dim(a, i)));
    const isInt = a.elements === 'int';
    const compute = (x: number, y: number): number => (isInt ? Math.trunc(f(x, y)) : f(x, y));
    const steps = [broadcastStrides(ctx, a, shape), broadcastStrides(ctx, b, shape)];
    if (typeof a.data === 'number' && typeof b.data === 'number') return { elements: a.elements, shape, data: compute(a.data, b.data) };
    const data = room(ctx, elementCount(shape));
    walk(shape, steps, (target, [i = 0, j = 0]) => {
      data[target] = compute(valueAt(a, i), valueAt(b, j));
    });
    return { elements: a.elements, shape, data };
  };
}

// Both attributes steer broadcasting up to operator set 6.
const arithmetic = { inputs: [2, 2], attributes: ['axis', 'broadcast'] } as const;

/** Operators that give constants, and those of which only shape arithmetic is understood. */
export const FOLD_OPERATORS: Operators = {
  Constant: { inputs: [0, 0], attributes: ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'], fold: constant },
  ConstantOfShape: { inputs: [1, 1], attributes: ['value'], fold: constantOfShape },
  Cast: {
    inputs: [1, 1],
    attributes: ['to', 'saturate'],
    fold: cast,
    // All activations are f16, whatever float type the model gives them.
    lower: (ctx) => {
      const to = ctx.attrs.int('to');
      return ELEMENT_TYPES.get(to)?.elements === 'float' ? ctx.activation(0) : ctx.unsupported(`to element type ${elementTypeName(to)}`);
    },
  },
  Gather: { inputs: [2, 2], attributes: ['axis'], fold: gather },
  Slice: { inputs: [1, 5], attributes: ['axes', 'ends', 'starts'], fold: slice },
  Concat: {
    inputs: [1, Number.POSITIVE_INFINITY],
    attributes: ['axis'],
    fold: concat,
    lower: (ctx) => {
      const inputs = Array.from({ length: ctx.operandCount }, (_, i) => ctx.activation(i));
      const axis = axisOf(ctx, ctx.attrs.int('axis', 1), inputs[0]?.shape.length ?? 0);
      if (axis !== 1) ctx.unsupported(`axis ${axis}, and only 1 (channels) is`);
      return ctx.emit(
        'concat',
        inputs.map((i) => i.name),
        { axis: 1 },
      );
    },
  },
  Add: { ...arithmetic, fold: combine((a, b) => a + b), lower: ARITHMETIC_LOWERINGS.Add },
  Sub: { ...arithmetic, fold: combine((a, b) => a - b), lower: ARITHMETIC_LOWERINGS.Sub },
  Mul: { ...arithmetic, fold: combine((a, b) => a * b), lower: ARITHMETIC_LOWERINGS.Mul },
  Div: { ...arithmetic, fold: combine((a, b) => a / b), lower: ARITHMETIC_LOWERINGS.Div },
};
