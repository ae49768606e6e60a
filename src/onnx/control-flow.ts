import type { Operand } from './context.ts';
import { type Inlined, inlined } from './inline.ts';
import type { Block, OnnxNode } from './model.ts';
import { intsValue, type Value, valueAt } from './value.ts';

/** More nodes than an unrolled loop may have. */
const MOST_UNROLLED = 4096;

/** What unrolling asks of the import, which knows the values of tensors. */
export interface Unroller {
  /** Names that the model has; those of unrolled nodes are added. */
  readonly taken: Set<string>;
  operand(name: string): Operand | undefined;
  define(name: string, operand: Operand | undefined): void;
  /** Reads the nodes of a block, in an order in which each finds its operands. */
  read(block: Inlined): void;
}

/** Refused, with the reason. */
class Refused extends Error {}

const refuse = (reason: string): never => {
  throw new Refused(reason);
};

const OPERATORS: Readonly<Record<string, (node: OnnxNode, unroller: Unroller) => void>> = {
  If: branch,
  Loop: loop,
  Scan: () => refuse('a scan cuts its data into slices, one an iteration'),
};

export function isControlFlow(node: OnnxNode): boolean {
  return node.domain === '' && Object.hasOwn(OPERATORS, node.opType);
}

/** Puts the nodes that a control-flow operator executes in its place. Returns why it cannot be done, if so. */
export function unroll(node: OnnxNode, unroller: Unroller): string | undefined {
  try {
    OPERATORS[node.opType]?.(node, unroller);
    return undefined;
  } catch (error) {
    if (error instanceof Refused) return error.message;
    throw error;
  }
}

function blockOf(node: OnnxNode, name: string): Block {
  const attribute = node.attributes.get(name);
  return attribute?.type === 'graph' ? attribute.value : refuse(`attribute ${name} is no graph`);
}

function scalar(unroller: Unroller, name: string, what: string): number {
  const operand = unroller.operand(name);
  if (operand?.kind !== 'constant') return refuse(`${what} ('${name}') is not a constant`);
  return operand.value.shape.every((d) => d === 1) ? valueAt(operand.value, 0) : refuse(`${what} ('${name}') is not one value`);
}

function branch(node: OnnxNode, unroller: Unroller): void {
  const taken = scalar(unroller, node.inputs[0] ?? '', 'its condition') !== 0 ? 'then_branch' : 'else_branch';
  const body = inlined(blockOf(node, taken), node, { inputs: [], outputs: node.outputs, taken: unroller.taken });
  if (body.outputs.length !== node.outputs.length) refuse(`its ${taken} gives ${body.outputs.length} outputs of ${node.outputs.length}`);
  unroller.read(body);
  node.outputs.forEach((output, i) => {
    if (body.outputs[i] !== output) unroller.define(output, unroller.operand(body.outputs[i] ?? ''));
  });
}

function constant(unroller: Unroller, node: OnnxNode, name: string, value: Value): string {
  const full = `${node.layerName}/${name}`;
  unroller.define(full, { kind: 'constant', name: full, value });
  return full;
}

const TRUE: Value = { elements: 'bool', shape: [], data: 1 };

function loop(node: OnnxNode, unroller: Unroller): void {
  const body = blockOf(node, 'body');
  const [count = '', condition = '', ...initial] = node.inputs;
  if (body.inputs.length !== initial.length + 2) refuse(`its body takes ${body.inputs.length} inputs, and ${initial.length + 2} are given`);
  const trips = count === '' ? Number.POSITIVE_INFINITY : scalar(unroller, count, 'its trip count');
  if (node.outputs.slice(initial.length).some((output) => output !== ''))
    refuse('outputs that collect a value of every iteration are not read');
  let goes = condition === '' || scalar(unroller, condition, 'its condition') !== 0;
  let carried: readonly string[] = initial;
  for (let i = 0; goes && i < trips; i++) {
    if ((i + 1) * Math.max(body.nodes.length, 1) > MOST_UNROLLED) refuse(`unrolled it has more than ${MOST_UNROLLED} nodes`);
    const part = `/${i}`;
    const inputs = [constant(unroller, node, `iteration${i}`, intsValue(i)), constant(unroller, node, `condition${i}`, TRUE), ...carried];
    const copy = inlined(body, node, { inputs, part, taken: unroller.taken });
    unroller.read(copy);
    const [again = '', ...next] = copy.outputs;
    if (unroller.operand(again) === undefined) return;
    goes = scalar(unroller, again, `its condition after iteration ${i}`) !== 0;
    carried = next.slice(0, initial.length);
  }
  node.outputs.forEach((output, i) => {
    if (output !== '') unroller.define(output, unroller.operand(carried[i] ?? ''));
  });
}
