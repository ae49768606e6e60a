import { diag, fail, type Place } from '../../ir/diagnostics.ts';
import type { ConstantOperand, Operand } from './context.ts';
import type { OnnxNode, Subgraph, TensorProto } from './model.ts';
import { renamed } from './subgraph.ts';
import { intsValue, valueAt } from './value.ts';

/** Loops that are unrolled have at most this many rounds. */
const MOST_ROUNDS = 1024;

/** What inlining a branch or loop needs of the import around it. */
export interface Flow {
  readonly place: Place;
  operand(name: string): Operand | undefined;
  define(name: string, operand: Operand | undefined): void;
  initializer(tensor: TensorProto): void;
  add(node: OnnxNode): void;
}

function subgraph(node: OnnxNode, name: string, { place }: Flow): Subgraph {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'graph' ? attribute.value : fail(diag.badAttribute(place, `${name} is required, and a graph`));
}

/** The one number of an operand that is known at compile time. */
function known(node: OnnxNode, name: string, what: string, { operand, place }: Flow): number {
  const given = operand(name);
  if (given?.kind === 'constant') return valueAt(given.value, 0);
  return fail(diag.unsupportedOp(place, node.opType, `${what} is not known before the program runs`));
}

function inline({ nodes, initializers, outputs }: Subgraph, { initializer, add, operand }: Flow): (Operand | undefined)[] {
  for (const tensor of initializers) initializer(tensor);
  for (const inner of nodes) add(inner);
  return outputs.map((name) => operand(name));
}

/** The nodes of the branch that the condition takes. @throws WavecError UNSUPPORTED_OP where it is not known */
export function branch(node: OnnxNode, flow: Flow): (Operand | undefined)[] {
  const taken = known(node, node.inputs[0] ?? '', 'its condition', flow) !== 0;
  return inline(subgraph(node, taken ? 'then_branch' : 'else_branch', flow), flow);
}

/** The nodes of the body, round after round. @throws WavecError UNSUPPORTED_OP where the number of rounds is not known */
export function loop(node: OnnxNode, flow: Flow): (Operand | undefined)[] {
  const body = subgraph(node, 'body', flow);
  const [rounds = '', condition = '', ...initial] = node.inputs;
  const limit = rounds === '' ? Number.POSITIVE_INFINITY : known(node, rounds, 'its number of rounds', flow);
  let goes = condition === '' || known(node, condition, 'its condition', flow) !== 0;
  let carried = initial.map((name) => flow.operand(name));
  if (body.outputs.length > 1 + carried.length && node.outputs.slice(carried.length).some((name) => name !== ''))
    fail(diag.unsupportedOp(flow.place, node.opType, 'its scan outputs are joined along a dimension of their own'));
  for (let round = 0; goes && round < limit; round++) {
    if (round >= MOST_ROUNDS) fail(diag.unsupportedOp(flow.place, node.opType, `it has more than ${MOST_ROUNDS} rounds`));
    const results = inline(roundOf(node, body, round, carried, flow), flow);
    carried = carried.map((_, i) => results[i + 1]);
    goes = isTrue(node, results[0], flow);
  }
  return carried;
}

function isTrue(node: OnnxNode, condition: Operand | undefined, { place }: Flow): boolean {
  if (condition?.kind === 'constant') return valueAt(condition.value, 0) !== 0;
  return fail(diag.unsupportedOp(place, node.opType, 'its condition is not known before the program runs'));
}

/** The body under names of its own, its inputs being given. */
function roundOf(node: OnnxNode, body: Subgraph, round: number, carried: readonly (Operand | undefined)[], flow: Flow): Subgraph {
  const prefix = `${node.layerName}/${round}/`;
  const own = new Set([...body.inputs, ...body.initializers.map((t) => t.name ?? ''), ...body.nodes.flatMap((n) => n.outputs)]);
  const rename = (name: string): string => (own.has(name) && name !== '' ? `${prefix}${name}` : name);
  const constant = (name: string, value: ConstantOperand['value']): ConstantOperand => ({ kind: 'constant', name, value });
  body.inputs.forEach((name, i) => {
    const inner = rename(name);
    if (i === 0) flow.define(inner, constant(inner, intsValue(round)));
    else flow.define(inner, i === 1 ? constant(inner, { elements: 'bool', shape: [], data: 1 }) : carried[i - 2]);
  });
  return {
    nodes: body.nodes.map((n) => renamed(n, rename, prefix)),
    initializers: body.initializers.map((t) => ({ ...t, name: rename(t.name ?? '') })),
    inputs: body.inputs.map(rename),
    outputs: body.outputs.map(rename),
  };
}
