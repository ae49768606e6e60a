import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import { elementCount } from '../../ir/tensor.ts';
import { ELEMENT_TYPES, type ElementType, elementTypeName } from './element-types.ts';
import { type ExternalFiles, externalLocation, locationProblem, readExternal } from './external.ts';
import { type TensorProto, toNumber } from './model.ts';
import { MOST_ELEMENTS, type Value } from './value.ts';

/** Numbers that steer an operator (bounds, scales) are fewer than this; a longer list of floats is a weight. */
const MOST_STEERING = 16;

const littleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Where the values of tensors come from. */
export interface TensorSource {
  /** Files beside the model; without, tensors whose values lie there are refused. */
  readonly files?: ExternalFiles | undefined;
  /** Default true. False: weights are left where they are; they have a type and no values. */
  readonly weights?: boolean | undefined;
}

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

/**
 * Values of a TensorProto, row-major. Aligned f32 data stay a view of the bytes of the file; all else is copied once.
 * @throws WavecError EXTERNAL_DATA, UNSUPPORTED_TYPE, BAD_CONSTANT
 */
export function readTensorProto(tensor: TensorProto, place: Place, source: TensorSource = {}): Value {
  const at = { ...place, ...(tensor.name ? { tensor: tensor.name } : {}) };
  const shape = shapeOf(tensor, at);
  const type = typeOf(tensor, at);
  const { elements, name: typeName } = type;
  if (isLeft(tensor, type, source)) return { elements, typeName, shape, data: 0, absent: true };
  return { elements, typeName, shape, data: valuesOf(tensor, type, elementCount(shape), source, at) };
}

function valuesOf(tensor: TensorProto, type: ElementType, count: number, source: TensorSource, place: Place): Float32Array | Float64Array {
  const location = externalLocation(tensor);
  if (location !== undefined) return rawData(readExternal(tensor, location, count * type.width, source.files, place), type, count, place);
  const raw = tensor.rawData ?? new Uint8Array();
  return raw.length > 0 ? rawData(raw, type, count, place) : fieldData(tensor, type, count, place);
}

/** Whether the tensor is one of the weights that nobody wants to read. A short list may be no weight, and is read where it is there. */
export function isLeft(tensor: TensorProto, type: ElementType | undefined, { weights, files }: TensorSource): boolean {
  if (weights !== false || type?.elements !== 'float') return false;
  const location = externalLocation(tensor);
  const isLong = elementCount((tensor.dims ?? []).map(toNumber)) > MOST_STEERING;
  const isMissing =
    location === undefined ? !tensor.rawData?.length && !tensor[type.field]?.length : locationProblem(location, files) !== undefined;
  return isLong || isMissing;
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
