import { constantArray, zeros } from './constants.ts';
import { diag, fail } from './diagnostics.ts';
import type { Attrs, AttrValue, Constant, Graph, Layer, Phase, Tensor } from './graph.ts';
import { Lexer } from './lexer.ts';
import { DTYPES, TENSOR_KINDS, type TensorType } from './tensor.ts';

const PHASES: readonly Phase[] = ['forward', 'backward', 'update'];

export interface ParseOptions {
  /** Named in complaints. */
  readonly file?: string;
}

/**
 * Reads what `print` writes. Elided constants become zeros. Checks the syntax alone: `verify` tells whether the graph is sound.
 * @throws WavecError with `SYNTAX`, file and line.
 */
export function parse(source: string, options: ParseOptions = {}): Graph {
  const { file = 'text' } = options;
  return new Parser(new Lexer(source, file), file).graph();
}

class Parser {
  private readonly lexer: Lexer;
  private readonly file: string;
  private readonly tensors = new Map<string, Tensor>();

  constructor(lexer: Lexer, file: string) {
    this.lexer = lexer;
    this.file = file;
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
    if (lexer.peek().kind !== 'end') lexer.unexpected('the end of the text');
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
    const kindName = lexer.peek().text;
    const kind = TENSOR_KINDS.find((k) => k === kindName) ?? lexer.unexpected(`a tensor kind (${TENSOR_KINDS.join(', ')})`);
    lexer.next();
    const batched = lexer.takes('batched');
    const storage = lexer.takes('storage') ? lexer.name() : undefined;
    const constant = lexer.takes('=') ? this.constant(type) : undefined;
    if (this.tensors.has(name)) fail(diag.syntax({ file: this.file, line }, 'a new tensor', `'%${name}', which is defined above`));
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
    const [name = '', rest = ''] = lexer.peek().text.split('[');
    const dtype = DTYPES.find((d) => d === name) ?? lexer.unexpected(`an element type (${DTYPES.join(', ')})`);
    lexer.next();
    const body = rest.slice(0, -1);
    return { dtype, shape: body === '' ? [] : body.split('x').map(Number) };
  }

  private constant(type: TensorType): Constant {
    const { lexer } = this;
    if (lexer.takes('splat')) return { form: 'splat', value: lexer.number('a number') };
    if (lexer.takes('copyOf')) return { form: 'copyOf', tensor: lexer.name() };
    if (lexer.takes('absent')) return { form: 'absent' };
    if (!lexer.takes('values')) lexer.unexpected("'splat', 'copyOf', 'absent' or 'values'");
    lexer.expect('(');
    if (lexer.takes('...')) {
      lexer.expect(')');
      return { form: 'values', values: zeros(type) };
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
    const phaseName = lexer.peek().text;
    const phase = PHASES.find((p) => p === phaseName) ?? lexer.unexpected(`a phase (${PHASES.join(', ')})`);
    lexer.next();
    const name = lexer.string('the name of the layer');
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
