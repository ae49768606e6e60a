import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { OnnxModel } from './model.ts';

/** Operators on scaled integers, of the default domain and of those of runtimes. */
const QUANTIZED = /^(QLinear|QGemm|Quantize|Dequantize|DynamicQuantize)|Integer$|^QAttention$/;

/** Refuses a quantized model by one message. @throws WavecError QUANTIZED */
export function refuseQuantized(model: OnnxModel, place: Place): void {
  const nodes = model.nodes.filter((n) => QUANTIZED.test(n.opType));
  const [first, ...others] = nodes;
  if (first !== undefined) fail(diag.quantized({ ...place, node: first.label }, first.opType, others.length));
}
