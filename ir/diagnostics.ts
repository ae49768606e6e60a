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
  truncated: declare(
    'TRUNCATED',
    (reason: string) => `ends too early: ${reason}`,
    () => 'Fetch or export the file again.',
  ),
  badTensorFile: declare('BAD_TENSOR_FILE', (reason: string) => `is not a tensor file that can be read: ${reason}`),
  // ONNX models.
  noGraph: declare('NO_GRAPH', (reason: string) => `the model has no graph to compile: ${reason}`),
  unsupportedOpset: declare(
    'UNSUPPORTED_OPSET',
    (found: string, least: number, most: number) => `${found}; versions ${least} to ${most} of the default operator set are read`,
  ),
  unsupportedType: declare('UNSUPPORTED_TYPE', (what: string) => `element type ${what} is not supported here`),
  unsupportedAttribute: declare(
    'UNSUPPORTED_ATTRIBUTE',
    (op: string, reason: string) => `operator ${op} is supported, but not this use of it: ${reason}`,
  ),
  quantized: declare(
    'QUANTIZED',
    (nodes: string) => `the model is quantized (${nodes}; this is the first such node), and the machine computes in f16`,
    () => 'Give the model in floating point from which it was made.',
  ),
  tooDeep: declare('TOO_DEEP', (most: number) => `blocks of control flow are nested more than ${most} deep`),
  badFunction: declare(
    'BAD_FUNCTION',
    (name: string, reason: string) => `the function ${quote(name)} of the model cannot be used: ${reason}`,
  ),
  mixesSamples: declare(
    'MIXES_SAMPLES',
    (op: string, how: string) => `operator ${op} ${how}, where the samples of the mini-batch lie`,
    () => 'In inference, without --batch, a model that mixes what lies along dimension 0 is compiled as one sample.',
  ),
  externalData: declare(
    'EXTERNAL_DATA',
    (location: string, reason: string, others: number) =>
      `the values ${others > 0 ? `(and those of ${others} more tensors) ` : ''}lie in the file ${quote(location)}, which is not read: ${reason}`,
    () => 'Put the file beside the model under this name, or compile for timing alone with --no-weights.',
  ),
  absentValue: declare(
    'ABSENT_VALUE',
    () => 'its value is needed to know what the operator does, and the file it lies in is not read',
    () => 'Compile without --no-weights.',
  ),
  cyclicGraph: declare('CYCLIC_GRAPH', (nodes: readonly string[]) => `the nodes ${nodes.map(quote).join(' -> ')} form a cycle`),
  undefinedTensor: declare('UNDEFINED_TENSOR', () => 'no node, input or initializer gives this tensor'),
  duplicateProducer: declare('DUPLICATE_PRODUCER', (first: string) => `the tensor is already given by ${first}`),
  unboundDimension: declare(
    'UNBOUND_DIMENSION',
    (dimension: string, axis: number) => `dimension ${axis} of the graph input (${dimension || 'without a name'}) has no fixed size`,
    (dimension: string, axis: number) =>
      axis === 0
        ? `Give the mini-batch with --batch N${dimension && `, or bind it with --bind ${dimension}=N`}.`
        : dimension
          ? `Give its size with --bind ${dimension}=N.`
          : 'Export the model with a size or a name for it.',
  ),
  badInput: declare('BAD_INPUT', (reason: string) => `the graph input cannot be used: ${reason}`),
  noMiniBatch: declare('NO_MINI_BATCH', (reason: string) => `dimension 0 of the inputs is no mini-batch: ${reason}`),
  badConstant: declare('BAD_CONSTANT', (reason: string) => `the constant is wrong: ${reason}`),
  constantOutput: declare('CONSTANT_OUTPUT', () => 'the graph output depends on no graph input'),
  inputAsOutput: declare('INPUT_AS_OUTPUT', () => 'the graph output is a graph input, which no layer computes'),
  shapeContradiction: declare(
    'SHAPE_CONTRADICTION',
    (inferred: string, declared: string) => `the operators give ${inferred}, the model declares ${declared}`,
  ),
  sharedWeight: declare(
    'SHARED_WEIGHT',
    (first: string) => `the weight also serves node ${quote(first)}, and training of tied weights is not supported`,
    () => 'Compile with --mode inference, or give each node its own initializer.',
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
  notTrainable: declare('NOT_TRAINABLE', (reason: string) => `the model cannot be trained here: ${reason}`),
  badData: declare('BAD_DATA', (reason: string) => `the data set cannot be used: ${reason}`),
  badImage: declare('BAD_IMAGE', (reason: string) => `is not an image that can be read: ${reason}`),
  badCheckpoint: declare(
    'BAD_CHECKPOINT',
    (reason: string) => `the checkpoint cannot be used: ${reason}`,
    () => 'Give the settings of the training that wrote it, or another directory to start anew.',
  ),
  noParameters: declare(
    'NO_PARAMETERS',
    () => 'the model has no parameter to train',
    () => 'Compile with --mode inference.',
  ),
  tiedParameter: declare(
    'TIED_PARAMETER',
    () => 'is used by more than one layer; shared parameters cannot be trained',
    () => 'Export the model with separate parameters, or compile with --mode inference.',
  ),
  // Schedules.
  doesNotFit: declare(
    'DOES_NOT_FIT',
    (demand: number, bound: number, terms: string, _levers: string) =>
      `needs at least ${demand} bytes of the global buffer and ${bound} are there (gap ${demand - bound}): ${terms}`,
    (_demand, _bound, _terms, levers) => levers,
  ),
  coupledCores: declare(
    'COUPLED_CORES',
    (kind: string, cores: number) => `${kind} couples all samples of the mini-batch, which ${cores} cores divide between them`,
    () => 'Replace batch normalization by group normalization (--norm gn), or compile for one core.',
  ),
  unevenCores: declare('UNEVEN_CORES', (batch: number, cores: number) => `${cores} cores cannot divide ${batch} samples evenly`),
  badSchedule: declare('BAD_SCHEDULE', (reason: string) => `the schedule cannot run: ${reason}`),
  badMachine: declare('BAD_MACHINE', (what: string) => `machine: ${what}`),
  // Programs.
  badTensor: declare('BAD_TENSOR', (what: string) => `tensor file: ${what}`),
  missingInput: declare(
    'MISSING_INPUT',
    (type: string) => `input is missing (${type})`,
    () => 'Give it with --input NAME=FILE (.npy or .pb).',
  ),
  unknownInput: declare('UNKNOWN_INPUT', (known: string) => `the program has no such input; it has ${known}`),
  unknownTensor: declare('UNKNOWN_TENSOR', (known: string) => `there is no such tensor; there are ${known}`),
  badAssembly: declare('BAD_ASSEMBLY', (reason: string) => reason),
  // Programs and their execution; `at` names the instruction.
  badProgram: declare('BAD_PROGRAM', (reason: string) => `the program is not well formed: ${reason}`),
  badProgramFile: declare(
    'BAD_PROGRAM_FILE',
    (reason: string) => `is not a program file that can be used: ${reason}`,
    () => 'Compile the model again.',
  ),
  programFault: declare('PROGRAM_FAULT', (at: string, reason: string) => `${at}: ${reason}`),
  outOfRange: declare('OUT_OF_RANGE', (at: string, reason: string) => `${at}: ${reason}`),
  blockMismatch: declare('BLOCK_MISMATCH', (at: string, reason: string) => `${at}: ${reason}`),
  deadlock: declare(
    'DEADLOCK',
    (at: string, token: number) => `${at}: waits for token ${token}, which nothing before it signals and is not taken`,
    () => 'Program order must be a legal order: signal a token before an instruction waits for it.',
  ),
  lonelyBarrier: declare(
    'DEADLOCK',
    (at: string, core: number) => `${at}: waits at a barrier to which core ${core}, which has ended, never comes`,
    () => 'Let every core come to every barrier.',
  ),
  unbalancedTokens: declare('UNBALANCED_TOKENS', (tokens: string) => `the program ends with tokens that nothing took: ${tokens}`),
  race: declare(
    'RACE',
    (at: string, what: string) => `${at} ${what}, and no token orders the two`,
    () => 'Let the one signal a token that the other waits for.',
  ),
  raceOfCores: declare(
    'RACE',
    (at: string, what: string) => `${at} ${what}, and no barrier orders the two`,
    () => 'Let all cores meet at a barrier between the two.',
  ),
  uninitialized: declare('UNINITIALIZED', (at: string, where: string) => `${at} reads ${where}, which holds nothing yet`),
  lostResult: declare(
    'LOST_RESULT',
    (at: string, where: string, earlier: string) => `${at} overwrites ${where}, a result of ${earlier} that nothing has read`,
  ),
  misplaced: declare(
    'MISPLACED',
    (at: string, does: string, tensor: string, names: string) => `${at} ${does} tensor '${tensor}' at the place of ${names}`,
  ),
  partialTransfer: declare(
    'PARTIAL_TRANSFER',
    (tensor: string, gap: number) => `transfers tensor '${tensor}' in part: byte ${gap} is left out`,
  ),
  moreFindings: declare('MORE_FINDINGS', (count: number) => `${count} more findings are not shown`),
  outsideAllocation: declare(
    'OUTSIDE_ALLOCATION',
    (at: string, does: string, from: number, to: number, lies: string) =>
      `${at} ${does} bytes ${from} to ${to} of the global buffer, ${lies}: not within one allocation that the layer may use so`,
  ),
  endless: declare('ENDLESS', (at: string, limit: string) => `${at}: the program has not ended after ${limit}`),
  hostMemory: declare(
    'HOST_MEMORY',
    (needed: number, limit: number) => `the data of the run takes ${needed} bytes or more, and ${limit} are allowed`,
    () => 'Run in timing mode, which computes no data, or with a smaller mini-batch.',
  ),
  badRunInput: declare('BAD_RUN_INPUT', (reason: string) => `the value given for the run cannot be used: ${reason}`),
  noInitialValues: declare(
    'NO_INITIAL_VALUES',
    (others: number) => `the program does not hold its initial values${others > 0 ? `, nor those of ${others} more tensors` : ''}`,
    () =>
      'It was compiled with --no-weights, or from an IR file whose model was not found. Run it with --mode timing, or compile it again with its weights.',
  ),
  notExported: declare(
    'NOT_EXPORTED',
    () => 'the trained value has no place in the model: the node that takes it stands in a function or a block',
    () => 'Export the model with its functions inlined.',
  ),
  verificationFailed: declare(
    'VERIFICATION_FAILED',
    (first: string, others: number) =>
      `counted traffic differs from the prediction: ${first}${others > 0 ? `, and ${others} more differences` : ''}`,
  ),
  differs: declare(
    'DIFFERS',
    (element: string, actual: string, expected: string, against: string, share: string) =>
      `element [${element}] is ${actual}, and ${against} gives ${expected}; ${share} differ`,
  ),
  notRun: declare('NOT_RUN', (reason: string) => `has no value: ${reason}`),
  traceTooLarge: declare(
    'TRACE_TOO_LARGE',
    (limit: number) => `the trace takes more than ${limit} bytes even where it shows every layer once`,
    () => 'Raise --trace-limit, or show a part of the run with --trace-window.',
  ),
  emptyTrace: declare(
    'EMPTY_TRACE',
    (from: number, cycles: number) => `the trace would begin at cycle ${from}, and the run ends at cycle ${cycles}`,
  ),
  // Usage.
  usage: declare('USAGE', (what: string) => what),
};

/** Throws one diagnostic. */
export function fail(d: Diagnostic, exitCode: 1 | 2 = 1): never {
  throw new WavecError([d], exitCode);
}
