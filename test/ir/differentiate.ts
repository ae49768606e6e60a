import { GraphBuilder } from '../../ir/build.ts';
import type { Graph, Layer } from '../../ir/graph.ts';
import { recordOf } from '../../ir/layers/index.ts';
import { isShared, operandAt } from '../../ir/layers/operands.ts';
import type { GradientContext } from '../../ir/layers/record.ts';
import { f16, f32 } from '../../ir/layers/types.ts';
import type { LayerCase } from './cases.ts';

/** A forward graph whose last layer has been differentiated, given the gradient `dy` of its first output. */
export interface Differentiated {
  readonly graph: Graph;
  /** Inputs of the graph whose gradients are asked for, and the tensors that hold them. */
  readonly gradients: ReadonlyMap<string, string>;
  /** The result that `dy` belongs to. */
  readonly result: string;
}

/** Applies the gradient rule of `layer` and returns the gradient of each of its inputs. */
export function applyRule(builder: GraphBuilder, layer: Layer, dy: string): (string | undefined)[] {
  const record = recordOf(layer.kind);
  const context = {
    inputs: layer.inputs,
    outputs: layer.outputs,
    attrs: layer.attrs,
    typeOf: (name: string) => builder.typeOf(name),
    wants: (index: number) => index < layer.inputs.length,
    constant: (...[label, type, kind, constant]: Parameters<GradientContext['constant']>) =>
      builder.constant(builder.freeName(`${layer.name}.${label}`), type, kind, constant),
    emit: (...[kind, label, inputs, attrs, outputKinds]: Parameters<Parameters<NonNullable<typeof record.gradient>>[0]['emit']>) => {
      const request = { kind, name: `${layer.name}.${label}`, inputs, attrs, phase: 'backward', unit: layer.unit } as const;
      return builder.layer(outputKinds === undefined ? request : { ...request, outputs: outputKinds.length, outputKinds });
    },
  };
  return record.gradient?.(context, dy) ?? [];
}

/** One layer over graph inputs, and its gradient. */
export function differentiateCase(c: LayerCase): Differentiated {
  const batched = c.types.map((_, i) => {
    const spec = operandAt(recordOf(c.kind).inputs, i);
    return spec === undefined || !isShared(spec, c.attrs);
  });
  const builder = new GraphBuilder('case', c.types[batched.indexOf(true)]?.shape[0] ?? 1);
  const inputs = c.types.map((type, i) => builder.input(`x${i}`, type, batched[i] ?? true));
  const [y = ''] = builder.layer({ kind: c.kind, name: 'y', inputs, attrs: c.attrs, outputs: c.outputs });
  return finish(builder, y, inputs);
}

/** norm_stats and norm_apply, and the gradient of both, which the rule of norm_apply gives. */
export function differentiateNorm(shape: readonly number[], attrs: { groups: number; crossSample: boolean }): Differentiated {
  const builder = new GraphBuilder('norm', shape[0] ?? 1);
  const x = builder.input('x', f16(shape));
  const gamma = builder.input('gamma', f32([shape[1] ?? 1]), false);
  const beta = builder.input('beta', f32([shape[1] ?? 1]), false);
  const [stats = ''] = builder.layer({ kind: 'norm_stats', name: 'stats', inputs: [x], attrs: { ...attrs, epsilon: 0.01 } });
  const [y = ''] = builder.layer({ kind: 'norm_apply', name: 'y', inputs: [x, stats, gamma, beta], attrs });
  return finish(builder, y, [x, gamma, beta]);
}

function finish(builder: GraphBuilder, result: string, inputs: readonly string[]): Differentiated {
  const dy = builder.input('dy', builder.typeOf(result));
  const layer = builder.finish([result]).layers.at(-1);
  if (layer === undefined) throw new Error('no layer');
  const of = applyRule(builder, layer, dy);
  const gradients = new Map<string, string>();
  layer.inputs.forEach((input, i) => {
    const gradient = of[i];
    if (inputs.includes(input) && gradient !== undefined) gradients.set(input, gradient);
  });
  return { graph: builder.finish([result, ...new Set(gradients.values())]), gradients, result };
}

/** The loss layer over logits [N, K]. */
export function lossGraph(N: number, K: number, attrs: { weight: number; lossScale: number; batch: number }): Graph {
  const builder = new GraphBuilder('loss', N);
  const logits = builder.input('logits', f16([N, K]));
  const labels = builder.input('labels', { dtype: 'i32', shape: [N] });
  return builder.finish(builder.layer({ kind: 'softmax_loss', name: 'loss', inputs: [logits, labels], attrs }));
}
