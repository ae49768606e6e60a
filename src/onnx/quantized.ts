import { type Diagnostic, diag, type Place } from '../../ir/diagnostics.ts';
import { elementTypeName } from './element-types.ts';
import type { OnnxModel, OnnxNode } from './model.ts';

/** QuantizeLinear, DequantizeLinear, QLinearConv, ConvInteger, and what other domains call theirs (QGemm, Quant, …). */
const QUANTIZED = /[Qq]uant|^Q[A-Z]|Integer/;

/** Operators whose input 1 is a weight. */
const WEIGHTED: readonly string[] = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'];

const INTEGERS = /^u?int[248]$/;

/** One message for a model that computes in integers, in place of one for every node; undefined for any other model. */
export function quantizationProblem(model: OnnxModel, nodes: readonly OnnxNode[], place: Place): Diagnostic | undefined {
  const types = new Map(model.initializers.map((t) => [t.name ?? '', elementTypeName(t.dataType ?? 0)]));
  const found = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    const weight = types.get(node.inputs[1] ?? '') ?? '';
    const isWeighted = WEIGHTED.includes(node.opType) && INTEGERS.test(weight);
    const what = QUANTIZED.test(node.opType) ? node.opType : isWeighted ? `${node.opType} by ${weight}` : undefined;
    if (what !== undefined) found.set(what, [...(found.get(what) ?? []), node]);
  }
  const [first] = [...found.values()].flat();
  if (first === undefined) return undefined;
  const counts = [...found].map(([what, users]) => `${users.length} ${what}`).join(', ');
  return diag.quantized({ ...place, node: first.label }, counts);
}
