import { constantArray } from './constants.ts';
import { diag, fail, type Place } from './diagnostics.ts';
import { type Attrs, type AttrValue, type Constant, type Graph, type Layer, PHASES, type Tensor } from './graph.ts';
import { Lexer } from './lexer.ts';
import { DTYPES, parseType, TENSOR_KINDS, type TensorType } from './tensor.ts';

export interface ParseOptions {
  /** Named in complaints. */
  readonly file?: string;
}

/**
 * Reads what `print` writes. Checks the syntax alone: `verify` tells whether the graph is sound.
 * @throws WavecError with `SYNTAX`, file and line.
 */
export function parse(source: string, options: ParseOptions = {}): Graph {
  const lexer = new Lexer(source, options.file ?? 'text');
  const { graph } = parseGraph(lexer);
  lexer.end();
  return graph;
}

/** A graph, and where its text names a layer or else a tensor. */
export interface ParsedGraph {
  readonly graph: Graph;
  lineOf(place: Place): number | undefined;
}

/** Reads a graph and leaves what follows it. */
export function parseGraph(lexer: Lexer): ParsedGraph {
  const parser = new Parser(lexer);
  const graph = parser.graph();
  return { graph, lineOf: ({ layer, tensor }) => parser.layerLines.get(layer ?? '') ?? parser.tensorLines.get(tensor ?? '') };
}

class Parser {
  readonly layerLines = new Map<string, number>();
  readonly tensorLines = new Map<string, number>();
  private readonly lexer: Lexer;
  private readonly tensors = new Map<string, Tensor>();

  constructor(lexer: Lexer) {
    this.lexer = lexer;
  }

  graph(): Graph {
    const { lexer } = this;
    lexer.expect('graph');
    const name = lexer.string('the name of the graph');
    lexer.expect('batch');
    const batch = lexer.number('the number of samples');
    lexer.expect('{');
    const inputs: string[] = [];
    const layers: Layer[] = [];
    while (!lexer.takes('return')) {
      if (lexer.takes('input')) inputs.push(this.declaration());
      else if (lexer.takes('tensor')) this.declaration();
      else if (lexer.peek().kind === 'name') layers.push(this.layer());
      else lexer.unexpected("'input', 'tensor', a layer or 'return'");
    }
    const outputs = lexer.list('}', () => lexer.name());
    return { name, batch, tensors: this.tensors, layers, inputs, outputs };
  }

  private declaration(): string {
    const { line } = this.lexer.peek();
    const name = this.lexer.name();
    this.lexer.expect(':');
    this.define(name, line);
    return name;
  }

  /** Reads what stands behind the colon of a tensor. */
  private define(name: string, line: number): void {
    const { lexer } = this;
    const type = this.type();
    const kind = lexer.oneOf(TENSOR_KINDS, 'a tensor kind');
    const batched = lexer.takes('batched');
    const storage = lexer.takes('storage') ? lexer.name() : undefined;
    const constant = lexer.takes('=') ? this.constant(type) : undefined;
    if (this.tensors.has(name)) fail(diag.syntax({ file: lexer.file, line }, 'a new tensor', `'%${name}', which is defined above`));
    this.tensorLines.set(name, line);
    this.tensors.set(name, {
      name,
      type,
      kind,
      batched,
      ...(constant === undefined ? {} : { constant }),
      ...(storage === undefined ? {} : { storage }),
    });
  }

  private type(): TensorType {
    const { lexer } = this;
    if (lexer.peek().kind !== 'type') lexer.unexpected('a type such as f16[32x3x224x224]');
    const type = parseType(lexer.peek().text) ?? lexer.unexpected(`an element type (${DTYPES.join(', ')})`);
    lexer.next();
    return type;
  }

  private constant(type: TensorType): Constant {
    const { lexer } = this;
    if (lexer.takes('splat')) return { form: 'splat', value: lexer.number('a number') };
    if (lexer.takes('copyOf')) return { form: 'copyOf', tensor: lexer.name() };
    if (!lexer.takes('values')) lexer.unexpected("'splat', 'copyOf' or 'values'");
    lexer.expect('(');
    if (lexer.takes('...')) {
      lexer.expect(')');
      return { form: 'elided' };
    }
    const values = lexer.list(')', () => lexer.number('a number'));
    return { form: 'values', values: constantArray(type, values) };
  }

  private layer(): Layer {
    const { lexer } = this;
    const { line } = lexer.peek();
    const outputs = lexer.list('=', () => lexer.name());
    const kind = lexer.word('a layer kind');
    lexer.expect('(');
    const inputs = lexer.list(')', () => lexer.name());
    const attrs = lexer.takes('{') ? this.attrs() : {};
    lexer.expect(':');
    outputs.forEach((output, i) => {
      if (i > 0) lexer.expect(',');
      this.define(output, line);
    });
    lexer.expect('@');
    const phase = lexer.oneOf(PHASES, 'a phase');
    const name = lexer.string('the name of the layer');
    this.layerLines.set(name, line);
    const unit = lexer.takes('unit') ? lexer.string('the unit') : name;
    const origin = lexer.takes('from') ? lexer.string('the ONNX node') : name;
    return { name, kind, inputs, outputs, attrs, phase, origin, unit };
  }

  private attrs(): Attrs {
    const { lexer } = this;
    const entries = lexer.list('}', (): [string, AttrValue] => {
      const name = lexer.word('an attribute');
      lexer.expect('=');
      return [name, this.attrValue()];
    });
    return Object.fromEntries(entries);
  }

  private attrValue(): AttrValue {
    const { lexer } = this;
    if (lexer.takes('true')) return true;
    if (lexer.takes('false')) return false;
    if (lexer.takes('[')) return lexer.list(']', () => lexer.number('a number'));
    return lexer.peek().kind === 'string' ? lexer.string('a string') : lexer.number('a number, string, list, true or false');
  }
}
