import type { Attrs } from '../graph.ts';
import { elementCount, sampleElements, type TensorType } from '../tensor.ts';
import { type AttrSpecs, floatAttr, intAttr, intsAttr } from './attrs.ts';
import { type KindRecord, type OperandSpec, ShapeError, type Values } from './record.ts';
import { at, bump, f16, nth, shapeText } from './types.ts';

/** Dimensions that a gather walks at most. */
export const GATHER_DIMS = 5;

const WALK_ATTRS = {
  shape: { type: 'ints', doc: 'of a sample of the result' },
  dims: { type: 'ints', doc: 'sizes of the walk over the gathered side; the table has as many offsets for each dimension' },
  run: { type: 'int', default: 1, doc: 'adjacent elements moved at every position of the walk' },
} as const satisfies AttrSpecs;

const ATTRS = {
  ...WALK_ATTRS,
  fill: { type: 'float', default: 0, doc: 'value of positions that have no source' },
} as const satisfies AttrSpecs;

const TABLE: OperandSpec = { name: 'table', dtypes: ['i32'], shared: true };

interface GatherWalk {
  readonly dims: readonly number[];
  readonly run: number;
  /** Elements of a sample of the gathered side. */
  readonly count: number;
}

function walkOf(attrs: Attrs, table: TensorType): GatherWalk {
  const dims = intsAttr(WALK_ATTRS, attrs, 'dims');
  const run = intAttr(WALK_ATTRS, attrs, 'run');
  if (dims.length > GATHER_DIMS) throw new ShapeError(`${dims.length} dimensions to walk, at most ${GATHER_DIMS} are possible`);
  if (run < 1 || dims.some((d) => d < 1)) throw new ShapeError('run and dims must be at least 1');
  const offsets = dims.reduce((sum, d) => sum + d, 0);
  if (elementCount(table.shape) !== offsets)
    throw new ShapeError(`the table has ${elementCount(table.shape)} offsets, the walk takes ${offsets}`);
  return { dims, run, count: elementCount(dims) * run };
}

/** The source of every position of the walk, in order: the sum of one offset a dimension; −1 where an offset is negative. */
function* sources({ dims }: GatherWalk, table: Values): Generator<number> {
  const first = dims.map((_, d) => dims.slice(0, d).reduce((sum, n) => sum + n, 0));
  const total = elementCount(dims);
  for (let position = 0; position < total; position++) {
    let rest = position;
    let source = 0;
    for (let d = dims.length - 1; d >= 0; d--) {
      const size = nth(dims, d);
      const offset = at(table, nth(first, d) + (rest % size));
      source = offset < 0 || source < 0 ? -1 : source + offset;
      rest = Math.floor(rest / size);
    }
    yield source;
  }
}

export const gather: KindRecord = {
  kind: 'gather',
  doc: 'y, sample by sample: the run of x at the sum of one offset a dimension of the walk, or `fill` where an offset is negative; moves data (transpose, slice, pad, repeat).',
  inputs: [{ name: 'x', dtypes: ['f16'] }, TABLE],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passedElements: (_inputs, outputs) => elementCount(nth(outputs, 0).shape),
  infer: (inputs, attrs) => {
    const { count } = walkOf(attrs, nth(inputs, 1));
    const shape = intsAttr(ATTRS, attrs, 'shape');
    if (elementCount(shape) !== count)
      throw new ShapeError(`a sample of shape ${shapeText(shape)} has ${elementCount(shape)} elements, the walk gives ${count}`);
    return [f16([nth(nth(inputs, 0).shape, 0), ...shape])];
  },
  gradient: (ctx, dy) => {
    const [x = '', table = ''] = ctx.inputs;
    if (!ctx.wants(0)) return [undefined, undefined];
    const { dims = [], run = 1 } = ctx.attrs;
    return [ctx.emit('scatter', 'data', [dy, table], { shape: ctx.typeOf(x).shape.slice(1), dims, run })[0], undefined];
  },
  reference: (inputs, types, attrs) => {
    const walk = walkOf(attrs, nth(types, 1));
    const [x, table] = [nth(inputs, 0), nth(inputs, 1)];
    const size = sampleElements(nth(types, 0));
    const y = new Float64Array(nth(nth(types, 0).shape, 0) * walk.count).fill(floatAttr(ATTRS, attrs, 'fill'));
    let target = 0;
    for (let from = 0; from < x.length; from += size) {
      for (const source of sources(walk, table)) {
        for (let i = 0; i < walk.run; i++, target++) if (source >= 0) y[target] = at(x, from + source + i);
      }
    }
    return [y];
  },
};

export const scatter: KindRecord = {
  kind: 'scatter',
  doc: 'y, sample by sample: the sum of all x that a gather with this table takes from the position; the gradient of gather.',
  inputs: [{ name: 'x', dtypes: ['f16'] }, TABLE],
  outputs: [{ name: 'y', dtypes: ['f16'] }],
  attrs: WALK_ATTRS,
  unit: 'vector',
  crossesSamples: () => false,
  passedElements: (inputs) => elementCount(nth(inputs, 0).shape),
  infer: (inputs, attrs) => {
    const x = nth(inputs, 0);
    const { count } = walkOf(attrs, nth(inputs, 1));
    if (sampleElements(x) !== count) throw new ShapeError(`a sample of x has ${sampleElements(x)} elements, the walk takes ${count}`);
    return [f16([nth(x.shape, 0), ...intsAttr(WALK_ATTRS, attrs, 'shape')])];
  },
  reference: (inputs, types, attrs) => {
    const walk = walkOf(attrs, nth(types, 1));
    const [x, table] = [nth(inputs, 0), nth(inputs, 1)];
    const size = elementCount(intsAttr(WALK_ATTRS, attrs, 'shape'));
    const N = nth(nth(types, 0).shape, 0);
    const y = new Float64Array(N * size);
    let from = 0;
    for (let n = 0; n < N; n++) {
      for (const target of sources(walk, table)) {
        for (let i = 0; i < walk.run; i++, from++) if (target >= 0) bump(y, n * size + target + i, at(x, from));
      }
    }
    return [y];
  },
};
