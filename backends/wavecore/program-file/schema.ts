import * as v from 'valibot';
import { PHASES } from '../../../ir/graph.ts';
import { DTYPES, TENSOR_KINDS } from '../../../ir/tensor.ts';
import { ACCESSES, MODES, MOST_CORES, ROLES } from '../program.ts';

/** Addresses have 48 bits, as the sequencer's registers do. */
const address = v.pipe(
  v.number(),
  v.safeInteger('must be a whole number'),
  v.minValue(0, 'must not be negative'),
  v.maxValue(2 ** 47, 'needs more than 47 bits'),
);
const count = v.pipe(v.number(), v.safeInteger('must be a whole number'), v.minValue(0, 'must not be negative'));

export const MetaSchema = v.strictObject({
  model: v.string(),
  mode: v.picklist(MODES),
  cores: v.pipe(count, v.minValue(1, 'must be at least 1'), v.maxValue(MOST_CORES, `must be at most ${MOST_CORES}`)),
  batch: v.pipe(count, v.minValue(1, 'must be at least 1')),
  schedule: v.string(),
});

const StoredConstantSchema = v.variant('form', [
  v.strictObject({ form: v.literal('values'), type: v.picklist(['f32', 'i32']), offset: count, count }),
  v.strictObject({ form: v.literal('splat'), value: v.pipe(v.number(), v.finite()) }),
  v.strictObject({ form: v.literal('copyOf'), tensor: v.string() }),
  v.strictObject({ form: v.literal('elided') }),
]);
export type StoredConstant = v.InferOutput<typeof StoredConstantSchema>;

export const SymbolsSchema = v.array(
  v.strictObject({
    name: v.string(),
    kind: v.picklist(TENSOR_KINDS),
    dtype: v.picklist(DTYPES),
    shape: v.array(count),
    address,
    bytes: address,
    role: v.picklist(ROLES),
    initial: v.optional(StoredConstantSchema),
  }),
);
export type StoredSymbol = v.InferOutput<typeof SymbolsSchema>[number];

export const DebugSchema = v.array(
  v.strictObject({
    from: count,
    to: count,
    layer: v.string(),
    kind: v.string(),
    phase: v.picklist(PHASES),
    group: count,
    origin: v.string(),
    frees: v.optional(v.array(v.tuple([address, address]))),
    part: v.optional(v.strictObject({ from: count, to: count, of: v.pipe(count, v.minValue(1, 'must be at least 1')) })),
  }),
);

export const BufferSchema = v.array(
  v.strictObject({
    group: count,
    name: v.string(),
    address,
    bytes: address,
    layers: v.array(v.strictObject({ layer: v.string(), access: v.picklist(ACCESSES) })),
  }),
);

const bytes = v.strictObject({ read: count, write: count });

/** Predictions as pairs of layer and counts, so that a layer may have any name. */
export const PredictedSchema = v.array(v.tuple([v.string(), v.strictObject(v.entriesFromList(TENSOR_KINDS, v.optional(bytes)))]));
