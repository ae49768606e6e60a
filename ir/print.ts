import { type Attrs, type AttrValue, type Constant, type Graph, givenTensors, type Layer, type Tensor } from './graph.ts';
import { numberText, quoted, tensorName } from './lexer.ts';
import { formatType } from './tensor.ts';

export interface PrintOptions {
  /** `elide` (default): values print as `values(...)`, which reads back as an elided constant; `full`: all of them. */
  readonly constants?: 'elide' | 'full';
}

/** The graph as text that `parse` reads back: inputs, then parameters, then layers in execution order. */
export function print(graph: Graph, options: PrintOptions = {}): string {
  const { constants = 'elide' } = options;
  const describe = (name: string): string => {
    const tensor = graph.tensors.get(name);
    return tensor === undefined ? 'undefined' : tensorText(tensor, constants);
  };
  const lines = [`graph ${quoted(graph.name)} batch ${numberText(graph.batch)} {`];
  for (const name of graph.inputs) lines.push(`  input ${tensorName(name)} : ${describe(name)}`);
  for (const name of givenTensors(graph)) lines.push(`  tensor ${tensorName(name)} : ${describe(name)}`);
  for (const layer of graph.layers) lines.push(`  ${layerText(layer, describe)}`);
  lines.push(`  return ${graph.outputs.map(tensorName).join(', ')}`.trimEnd(), '}', '');
  return lines.join('\n');
}

function tensorText(tensor: Tensor, constants: 'elide' | 'full'): string {
  const parts = [formatType(tensor.type), tensor.kind];
  if (tensor.batched) parts.push('batched');
  if (tensor.storage !== undefined) parts.push(`storage ${tensorName(tensor.storage)}`);
  if (tensor.constant !== undefined) parts.push(`= ${constantText(tensor.constant, constants)}`);
  return parts.join(' ');
}

function constantText(constant: Constant, constants: 'elide' | 'full'): string {
  if (constant.form === 'splat') return `splat ${numberText(constant.value)}`;
  if (constant.form === 'copyOf') return `copyOf ${tensorName(constant.tensor)}`;
  return constants === 'elide' || constant.form === 'elided'
    ? 'values(...)'
    : `values(${Array.from(constant.values, numberText).join(', ')})`;
}

function layerText(layer: Layer, describe: (tensor: string) => string): string {
  const results = layer.outputs.map(tensorName).join(', ');
  const types = layer.outputs.map(describe).join(', ');
  const parts = [`${results} = ${layer.kind}(${layer.inputs.map(tensorName).join(', ')})`];
  if (Object.keys(layer.attrs).length > 0) parts.push(attrsText(layer.attrs));
  parts.push(`: ${types} @${layer.phase} ${quoted(layer.name)}`);
  if (layer.unit !== layer.name) parts.push(`unit ${quoted(layer.unit)}`);
  if (layer.origin !== layer.name) parts.push(`from ${quoted(layer.origin)}`);
  return parts.join(' ');
}

/** `{name=value, …}`, in the order of the attributes. */
export function attrsText(attrs: Attrs): string {
  return `{${Object.entries(attrs)
    .map(([name, value]) => `${name}=${attrText(value)}`)
    .join(', ')}}`;
}

function attrText(value: AttrValue): string {
  if (typeof value === 'number') return numberText(value);
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? quoted(value) : `[${value.map(numberText).join(', ')}]`;
}
