/** Where a diagnostic points, in the user's own names. */
export interface Place {
  readonly file?: string;
  readonly node?: string;
  readonly tensor?: string;
  readonly layer?: string;
  readonly line?: number;
}

/** One message: what is wrong, where, and what to do about it. */
export interface Diagnostic {
  readonly code: string;
  readonly message: string;
  readonly place: Place;
  readonly hint?: string;
}

/** The one error class of the product; carries every problem found, not only the first. */
export class WavecError extends Error {
  readonly diagnostics: readonly Diagnostic[];
  /** 1: the input's fault, 2: wrong usage. */
  readonly exitCode: 1 | 2;

  constructor(diagnostics: readonly Diagnostic[], exitCode: 1 | 2 = 1) {
    super(diagnostics.map(formatDiagnostic).join('\n'));
    this.name = 'WavecError';
    this.diagnostics = diagnostics;
    this.exitCode = exitCode;
  }
}

export function formatDiagnostic(d: Diagnostic): string {
  const { file, node, tensor, layer, line } = d.place;
  const where = [
    file && (line === undefined ? file : `${file}:${line}`),
    node && `node ${quote(node)}`,
    layer && `layer ${quote(layer)}`,
    tensor && `tensor ${quote(tensor)}`,
  ].filter(Boolean);
  const head = where.length > 0 ? `${where.join(', ')}: ${d.message}` : d.message;
  return d.hint === undefined ? `${head} [${d.code}]` : `${head} [${d.code}]\n  ${d.hint}`;
}

export function quote(name: string): string {
  return `'${name}'`;
}

type Build<A extends unknown[]> = (place: Place, ...args: A) => Diagnostic;

function declare<A extends unknown[]>(code: string, text: (...args: A) => string, hint?: (...args: A) => string): Build<A> {
  return (place, ...args) => {
    const d = { code, message: text(...args), place };
    return hint === undefined ? d : { ...d, hint: hint(...args) };
  };
}

/** Every message of the product, declared once. Add a new one beside its relatives. */
export const diag = {
  // Files.
  unreadable: declare('UNREADABLE', (reason: string) => `cannot be read: ${reason}`),
  unwritable: declare('UNWRITABLE', (reason: string) => `cannot be written: ${reason}`),
  notOnnx: declare(
    'NOT_ONNX',
    (reason: string) => `is not an ONNX model: ${reason}`,
    () => 'Give a .onnx file that an exporter wrote.',
  ),
  // Graphs.
  internal: declare(
    'INTERNAL',
    (what: string) => `internal inconsistency: ${what}`,
    () => 'This is a fault of the compiler, not of the model; please report it with the model.',
  ),
  unsupportedOp: declare('UNSUPPORTED_OP', (op: string, reason: string) => `operator ${op} is not supported: ${reason}`),
  badShape: declare('BAD_SHAPE', (reason: string) => `shape contradicts the operator: ${reason}`),
  badGraph: declare('BAD_GRAPH', (reason: string) => `graph is inconsistent: ${reason}`),
  badValues: declare('BAD_VALUES', (reason: string) => `values do not fit: ${reason}`),
  syntax: declare('SYNTAX', (expected: string, found: string) => `expected ${expected}, found ${found}`),
  badAttribute: declare('BAD_ATTRIBUTE', (reason: string) => `attribute is wrong: ${reason}`),
  noGradient: declare(
    'NO_GRADIENT',
    (kind: string) => `layer kind ${kind} has no gradient`,
    () => 'Compile with --mode inference.',
  ),
  // Schedules.
  doesNotFit: declare(
    'DOES_NOT_FIT',
    (demand: number, bound: number, terms: string) =>
      `needs ${demand} bytes of the global buffer and ${bound} are there (gap ${demand - bound}); ${terms}`,
    () => 'Use a smaller sub-batch, or a machine with a larger buffer.',
  ),
  // Usage.
  usage: declare('USAGE', (what: string) => what),
};

/** Throws one diagnostic. */
export function fail(d: Diagnostic, exitCode: 1 | 2 = 1): never {
  throw new WavecError([d], exitCode);
}
