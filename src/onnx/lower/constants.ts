import { elementCount } from '../../../ir/tensor.ts';
import type { NodeContext } from '../context.ts';
import { ELEMENT_TYPES, elementTypeName } from '../element-types.ts';
import type { Operators, Rule } from '../operator.ts';
import { intsValue, MOST_ELEMENTS, type Value, valueAt } from '../value.ts';

const FLOAT: Rule = {
  says: 'an activation is cast to a float type only: all activations are f16, whatever float type the model gives them',
};

function constant(ctx: NodeContext): Value {
  const { attrs } = ctx;
  const tensor = ctx.tensor('value');
  if (tensor) return tensor;
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
  const fill: Value = ctx.tensor('value') ?? { elements: 'float', shape: [1], data: 0 };
  if (elementCount(fill.shape) !== 1) ctx.badAttribute(`value has ${elementCount(fill.shape)} elements, expected 1`);
  return { elements: fill.elements, shape, data: valueAt(fill, 0) };
}

function cast(ctx: NodeContext): Value {
  const value = ctx.value(0);
  const to = ctx.attrs.int('to');
  const elements = ELEMENT_TYPES.get(to)?.elements ?? ctx.refuse(FLOAT, elementTypeName(to));
  if (elements === 'float' || value.elements === elements) return { ...value, elements };
  const convert = elements === 'bool' ? (v: number) => (v === 0 ? 0 : 1) : Math.trunc;
  const { data } = value;
  if (typeof data === 'number') return { ...value, elements, data: convert(data) };
  const values = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) values[i] = convert(data[i] ?? 0);
  return { ...value, elements, data: values };
}

function range(ctx: NodeContext): Value {
  const [start, limit, delta] = [ctx.scalar(0), ctx.scalar(1), ctx.scalar(2)];
  const count = Math.max(0, Math.ceil((limit - start) / delta));
  if (!(count <= LONGEST_RANGE)) ctx.badShape(`a range of ${count} elements`);
  return { elements: ctx.value(0).elements, shape: [count], data: Float64Array.from({ length: count }, (_, i) => start + i * delta) };
}

const LONGEST_RANGE = 2 ** 20;

/** Operators that give constants. */
export const CONSTANT_OPERATORS: Operators = {
  Constant: { inputs: [0, 0], attributes: ['value', 'value_float', 'value_floats', 'value_int', 'value_ints'], fold: constant },
  ConstantOfShape: { inputs: [1, 1], attributes: ['value'], fold: constantOfShape },
  Range: { inputs: [3, 3], attributes: [], fold: range },
  Cast: {
    inputs: [1, 1],
    attributes: ['round_mode', 'saturate', 'to'],
    rules: [FLOAT],
    fold: cast,
    lower: (ctx) => {
      const to = ctx.attrs.int('to');
      return ELEMENT_TYPES.get(to)?.elements === 'float' ? ctx.pending(0) : ctx.refuse(FLOAT, elementTypeName(to));
    },
  },
};
