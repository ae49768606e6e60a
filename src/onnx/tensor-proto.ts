import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { ELEMENT_TYPES, type ElementType, elementTypeName } from './element-types.ts';
import { type ExternalReader, externalRange } from './external.ts';
import { type TensorProto, toNumber } from './model.ts';
import { MOST_ELEMENTS, type Value } from './value.ts';

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Dimensions of a TensorProto. @throws WavecError BAD_CONSTANT for a negative or absurd size. */
function shapeOf(tensor: TensorProto, place: Place): number[] {
  const shape = (tensor.dims ?? []).map(toNumber);
  if (shape.some((d) => d < 0) || elementCount(shape) > MOST_ELEMENTS) {
    fail(diag.badConstant(place, `its shape is [${shape.join(', ')}]`));
  }
  return shape;
}

function typeOf(tensor: TensorProto, place: Place): ElementType {
  const dataType = tensor.dataType ?? 0;
  return ELEMENT_TYPES.get(dataType) ?? fail(diag.unsupportedType(place, elementTypeName(dataType)));
}

/** A float tensor whose values are left out; its elements are NaN, which no computation can hide. */
export function withoutValues(tensor: TensorProto, place: Place): Value | undefined {
  const type = typeOf(tensor, place);
  return type.elements === 'float' ? { elements: 'float', shape: shapeOf(tensor, place), data: Number.NaN } : undefined;
}

/** Whether the file of the model holds the values. */
export function holdsValues(tensor: TensorProto, place: Place): boolean {
  const count = elementCount(shapeOf(tensor, place));
  const entries = tensor[typeOf(tensor, place).field] ?? [];
  return externalRange(tensor, 0) === undefined && (count === 0 || (tensor.rawData?.length ?? 0) > 0 || entries.length > 0);
}

/**
 * Values of a TensorProto, row-major. Aligned f32 data stay a view of the bytes of the file; all else is copied once.
 * @throws WavecError EXTERNAL_DATA, UNSUPPORTED_TYPE, BAD_CONSTANT, and what `readExternal` throws
 */
export function readTensorProto(tensor: TensorProto, place: Place, readExternal?: ExternalReader): Value {
  const at = { ...place, ...(tensor.name ? { tensor: tensor.name } : {}) };
  const range = externalRange(tensor, 0);
  if (range !== undefined && readExternal === undefined) fail(diag.externalData(at, range.location, 0));
  const shape = shapeOf(tensor, at);
  const type = typeOf(tensor, at);
  const count = elementCount(shape);
  const { elements } = type;
  const raw = (range && readExternal?.(externalRange(tensor, count * type.width) ?? range)) ?? tensor.rawData ?? new Uint8Array();
  const data = raw.length > 0 || range ? rawData(raw, type, count, at) : fieldData(tensor, type, count, at);
  return { elements, shape, data };
}

function rawData(raw: Uint8Array, type: ElementType, count: number, place: Place): Float32Array | Float64Array {
  if (raw.length !== count * type.width) {
    fail(diag.badConstant(place, `${count} elements of type ${type.name} take ${count * type.width} bytes, and there are ${raw.length}`));
  }
  if (type.name === 'float' && littleEndian) {
    return raw.byteOffset % 4 === 0 ? new Float32Array(raw.buffer, raw.byteOffset, count) : new Float32Array(new Uint8Array(raw).buffer);
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const values = room(type, count);
  for (let i = 0; i < count; i++) values[i] = type.read(view, i * type.width);
  return values;
}

function fieldData(tensor: TensorProto, type: ElementType, count: number, place: Place): Float32Array | Float64Array {
  const entries = tensor[type.field] ?? [];
  if (entries.length !== count) {
    fail(diag.badConstant(place, `its shape has ${count} elements of type ${type.name}, and ${entries.length} values are there`));
  }
  const values = room(type, count);
  entries.forEach((entry, i) => {
    values[i] = type.fromField(toNumber(entry));
  });
  return values;
}

/** f32 holds all float types but double; integers need the 53 bits of f64. */
function room(type: ElementType, count: number): Float32Array | Float64Array {
  return type.elements === 'float' && type.name !== 'double' ? new Float32Array(count) : new Float64Array(count);
}
