/**
 * The WaveCore instruction set: the one declaration that the encoder, decoder, assembler, disassembler, interpreter and code
 * generator derive from.
 *
 * An instruction has 128 bits. Bits 0–7 hold the opcode, 8–13 and 14–19 two tokens to wait for, 20–25 and 26–31 two
 * tokens to signal (0: none); the fields follow from bit 32 in the order declared, without gaps; bits above are zero.
 */
export const INSTRUCTION_BYTES = 16;
export const HEADER_BITS = 32;
export const REGISTERS = 64;
export const TOKENS = 64;
/** Signals of one token that may be waiting to be taken. */
export const MAX_TOKEN_COUNT = 65535;
export const MAX_LOOP_DEPTH = 16;

/** Units work at the same time, each in order on its own queue. */
export type Unit = 'sequencer' | 'dmaLoad' | 'dmaStore' | 'matrix' | 'vector';
export type Space = 'dram' | 'global' | 'a' | 'b' | 'accumulator';

/** `reg`: number of a 48-bit sequencer register, read when the instruction is issued (r0 reads 0). `half`: a register whose lowest bit selects a half of a double buffer. `ahead`: so many instructions behind this one. */
export interface Field {
  readonly name: string;
  readonly type: 'reg' | 'half' | 'unsigned' | 'signed' | 'ahead';
  readonly bits: number;
  readonly doc: string;
}

export interface InstructionSpec {
  readonly opcode: number;
  readonly unit: Unit;
  readonly fields: readonly Field[];
  readonly reads: readonly Space[];
  readonly writes: readonly Space[];
  /** One sentence. */
  readonly doc: string;
}

/** Keep the names of the fields in the types, so that operands are checked against the table. */
interface Named<N extends string> extends Field {
  readonly name: N;
}
interface Declared<F extends readonly Field[]> extends InstructionSpec {
  readonly fields: F;
}

const reg = <N extends string>(name: N, doc: string): Named<N> => ({ name, type: 'reg', bits: 6, doc });
const half = <N extends string>(name: N, doc: string): Named<N> => ({ name, type: 'half', bits: 6, doc });
const uns = <N extends string>(name: N, bits: number, doc: string): Named<N> => ({ name, type: 'unsigned', bits, doc });
const sig = <N extends string>(name: N, bits: number, doc: string): Named<N> => ({ name, type: 'signed', bits, doc });

const ahead = <N extends string>(name: N, bits: number, doc: string): Named<N> => ({ name, type: 'ahead', bits, doc });

const seq = <const F extends readonly Field[]>(opcode: number, doc: string, ...fields: F): Declared<F> => ({
  opcode,
  unit: 'sequencer',
  fields,
  reads: [],
  writes: [],
  doc,
});
const vec = <const F extends readonly Field[]>(opcode: number, doc: string, ...fields: F): Declared<F> => ({
  opcode,
  unit: 'vector',
  fields,
  reads: ['global'],
  writes: ['global'],
  doc,
});

/** Operands of the gradient of a normalization. */
const NORM_GRAD = [
  reg('dst', 'f16'),
  reg('x', 'f16'),
  reg('dy', 'f16'),
  reg('stats', 'f32 pairs'),
  reg('gamma', 'f32 per channel'),
  reg('sums', 'f32 pairs'),
] as const;

/** Four settings of configuration slots, each of its own number. */
const fourSettings = [
  uns('slot0', 8, 'slot'),
  sig('v0', 16, 'its value'),
  uns('slot1', 8, 'slot'),
  sig('v1', 16, 'its value'),
  uns('slot2', 8, 'slot'),
  sig('v2', 16, 'its value'),
  uns('slot3', 8, 'slot'),
  sig('v3', 16, 'its value'),
] as const;

const dmaFields = [
  reg('dram', 'byte address in DRAM of the first row'),
  reg('global', 'byte address in the global buffer; rows are packed there'),
  uns('rowBytes', 24, 'bytes of a row'),
  uns('rows', 20, 'rows'),
  uns('dramStride', 40, 'bytes from row to row in DRAM; equal to rowBytes: one contiguous run'),
] as const;

export const ISA = {
  halt: seq(0x01, 'Ends the program when all units are idle.'),
  la: seq(
    0x02,
    'rd = base + rs × scale.',
    reg('rd', 'destination'),
    reg('rs', 'factor'),
    sig('scale', 32, 'multiplier'),
    sig('base', 48, 'constant'),
  ),
  mac: seq(0x03, 'rd = rd + rs × scale.', reg('rd', 'destination'), reg('rs', 'factor'), sig('scale', 32, 'multiplier')),
  par: seq(
    0x04,
    'rd = base + (rs mod 2) × scale: the address of one half of a double buffer.',
    reg('rd', 'destination'),
    reg('rs', 'counter'),
    sig('scale', 32, 'distance of the halves'),
    sig('base', 48, 'constant'),
  ),
  loop: seq(
    0x05,
    'rd = 0; executes the instructions up to the matching end `count` times (at least 1), adding step to rd after each.',
    reg('rd', 'loop variable'),
    uns('count', 32, 'iterations'),
    uns('step', 32, 'increment'),
  ),
  end: seq(0x06, 'Closes the innermost open loop.'),
  skipz: seq(
    0x07,
    'Skips the next `count` instructions if rs = 0; they hold whole loops only.',
    reg('rs', 'tested'),
    ahead('count', 16, 'instructions'),
  ),
  skipnz: seq(
    0x08,
    'Skips the next `count` instructions if rs ≠ 0; they hold whole loops only.',
    reg('rs', 'tested'),
    ahead('count', 16, 'instructions'),
  ),
  fence: seq(0x09, 'Issues nothing more until every unit is idle.'),
  core: seq(0x0a, 'rd = the number of the core that executes it, counted from 0.', reg('rd', 'destination')),
  barrier: seq(0x0b, 'Issues nothing more until every unit of this core is idle and every core has come to its barrier.'),

  'd.ld': {
    opcode: 0x10,
    unit: 'dmaLoad',
    fields: dmaFields,
    reads: ['dram'],
    writes: ['global'],
    doc: 'Loads rows from DRAM into the global buffer.',
  },
  'd.st': {
    opcode: 0x11,
    unit: 'dmaStore',
    fields: dmaFields,
    reads: ['global'],
    writes: ['dram'],
    doc: 'Stores rows from the global buffer to DRAM.',
  },
  'd.ld_sync': {
    opcode: 0x12,
    unit: 'dmaLoad',
    fields: [],
    reads: [],
    writes: [],
    doc: 'Moves nothing: holds later loads back until its waited tokens are there; signals when all earlier loads have completed.',
  },
  'd.st_sync': {
    opcode: 0x13,
    unit: 'dmaStore',
    fields: [],
    reads: [],
    writes: [],
    doc: 'Moves nothing: holds later stores back until its waited tokens are there; signals when all earlier stores have completed.',
  },

  'm.cfg': {
    opcode: 0x20,
    unit: 'matrix',
    fields: [uns('slot', 8, 'first slot (MATRIX_SLOTS)'), sig('v0', 32, 'value of the slot'), sig('v1', 32, 'value of the next slot')],
    reads: [],
    writes: [],
    doc: 'Sets two adjacent configuration slots of the matrix unit.',
  },
  'm.lda': {
    opcode: 0x21,
    unit: 'matrix',
    fields: [
      half('half', 'A-buffer half'),
      reg('base', 'byte address of the moving operand'),
      reg('m0', 'first row'),
      reg('k0', 'first reduction index'),
    ],
    reads: ['global'],
    writes: ['a'],
    doc: 'Gathers a block of the moving operand (up to 256 rows × 128 reduction indices, clipped to the operand) into an A-buffer half.',
  },
  'm.ldb': {
    opcode: 0x22,
    unit: 'matrix',
    fields: [
      half('half', 'B-buffer half'),
      reg('base', 'byte address of the stationary operand'),
      reg('k0', 'first reduction index'),
      reg('n0', 'first column'),
    ],
    reads: ['global'],
    writes: ['b'],
    doc: 'Loads a stationary block (up to 128 reduction indices × 128 columns, clipped to the operand) through a B-buffer half into the array.',
  },
  'm.mul': {
    opcode: 0x23,
    unit: 'matrix',
    fields: [
      half('a', 'A-buffer half'),
      half('b', 'B-buffer half'),
      half('c', 'accumulator half'),
      reg('first', 'where this register is 0 the sums start from zero, else they add to the accumulator'),
    ],
    reads: ['a', 'b', 'accumulator'],
    writes: ['accumulator'],
    doc: 'One wave: accumulator[m][n] (+)= Σ_k A[m][k]·B[k][n], products exact in f32, added in order of k from 0, one f32 rounding each, the sum then added to the accumulator.',
  },
  'm.st': {
    opcode: 0x24,
    unit: 'matrix',
    fields: [
      half('c', 'accumulator half'),
      reg('base', 'byte address of the result'),
      reg('m0', 'first row'),
      reg('n0', 'first column'),
      reg('bias', 'byte address of f32 biases, indexed by column'),
      uns('withBias', 1, 'adds bias[n] in f32 before rounding'),
      uns('f32', 1, 'result elements are f32, else rounded to f16'),
      reg('add', 'f32 results only: where this register is not 0, adds to the f32 values already there'),
      uns('zeros', 1, 'takes +0 for every sum'),
    ],
    reads: ['accumulator', 'global'],
    writes: ['global'],
    doc: 'Drains an accumulator half to the global buffer.',
  },
  'm.sync': {
    opcode: 0x25,
    unit: 'matrix',
    fields: [],
    reads: [],
    writes: [],
    doc: 'Blocks later matrix instructions until its waited tokens are there; signals when all earlier matrix instructions have completed.',
  },
  'm.st_sums': {
    opcode: 0x26,
    unit: 'matrix',
    fields: [
      half('c', 'accumulator half'),
      reg('base', 'byte address of the f16 result'),
      reg('m0', 'first row'),
      reg('n0', 'first column'),
      reg('bias', 'byte address of f32 biases, indexed by column'),
      uns('withBias', 1, 'adds bias[n] in f32 before rounding'),
      reg('state', 'byte address of the f64 pairs'),
    ],
    reads: ['accumulator', 'global'],
    writes: ['global'],
    doc: 'Drains an accumulator half to the global buffer as f16 and adds Σx and Σx² of what it stores to f64 pairs, one for each column of each set of TMI rows.',
  },
  'm.cfg4': {
    opcode: 0x27,
    unit: 'matrix',
    fields: fourSettings,
    reads: [],
    writes: [],
    doc: 'Sets four configuration slots of the matrix unit (MATRIX_SLOTS), in order, to small values.',
  },

  'v.cfg': {
    opcode: 0x30,
    unit: 'vector',
    fields: [uns('slot', 8, 'first slot (VECTOR_SLOTS)'), sig('v0', 32, 'value of the slot'), sig('v1', 32, 'value of the next slot')],
    reads: [],
    writes: [],
    doc: 'Sets two adjacent configuration slots of the vector unit.',
  },
  'v.sync': { opcode: 0x31, unit: 'vector', fields: [], reads: [], writes: [], doc: 'Does nothing but wait and signal, in order.' },
  'v.fill': vec(0x32, 'Sets bytes to zero.', reg('dst', 'bytes'), uns('bytes', 32, 'length')),
  'v.copy': vec(0x33, 'Copies ROWS rows of ROWBYTES bytes, SRCSTRIDE and DSTSTRIDE bytes apart.', reg('dst', 'bytes'), reg('src', 'bytes')),
  'v.relu': vec(
    0x34,
    'dst = src > 0 (or NaN) ? src : +0; mask = src > 0, over N samples of COUNT f16; a sample of the mask starts on a byte.',
    reg('dst', 'f16'),
    reg('mask', 'bits, lowest bit of a byte first'),
    reg('src', 'f16'),
    uns('withMask', 1, 'writes the mask'),
  ),
  'v.relu_grad': vec(0x35, 'dst = mask ? dy : +0.', reg('dst', 'f16'), reg('dy', 'f16'), reg('mask', 'bits')),
  'v.add': vec(0x36, 'dst = f16(a + b), over N × COUNT.', reg('dst', 'f16'), reg('a', 'f16'), reg('b', 'f16')),
  'v.mul': vec(0x37, 'dst = f16(a × b), over N × COUNT.', reg('dst', 'f16'), reg('a', 'f16'), reg('b', 'f16')),
  'v.affine': vec(
    0x38,
    'dst[n,c,i] = f16(f32(src × scale[c]) + shift[c]) over N, C, H×W.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
    reg('scale', 'f32 per channel'),
    reg('shift', 'f32 per channel'),
  ),
  'v.stats': vec(
    0x39,
    'Adds Σx and Σx² of each channel to state (f64 pairs, [CROSS ? 1 : N][C]), elements in memory order, samples in order.',
    reg('state', 'f64 pairs'),
    reg('src', 'f16 [N][C][H×W]'),
  ),
  'v.stats_end': vec(
    0x3a,
    'mean = Σx/M, rstd = 1/sqrt(Σx²/M − mean² + EPS) in f64, stored f32, for each of GROUPS groups of adjacent channels, their states added in order; N samples unless CROSS.',
    reg('stats', 'f32 pairs (mean, rstd), [CROSS ? 1 : N][GROUPS]'),
    reg('state', 'f64 pairs'),
  ),
  'v.norm': vec(
    0x3b,
    'dst = f16(f32(src × scale) + shift), scale = f32(rstd × gamma[c]), shift = f32(beta[c] − f32(mean × scale)): (src − mean) × rstd × gamma[c] + beta[c] as one multiply-add.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
    reg('stats', 'f32 pairs'),
    reg('gamma', 'f32 per channel'),
    reg('beta', 'f32 per channel'),
  ),
  'v.norm_grad_sums': vec(
    0x3c,
    'Adds Σdy and Σdy·x of each channel to state (f64 pairs, [CROSS ? 1 : N][C]), products and sums in f64.',
    reg('state', 'f64 pairs'),
    reg('x', 'f16'),
    reg('dy', 'f16'),
  ),
  'v.norm_grad_end': vec(
    0x3d,
    'Σdy·x̂ = (Σdy·x − mean·Σdy) × rstd in f64; sums = f32(Σ_c gamma·Σdy, Σ_c gamma·Σdy·x̂) for each group; dgamma, dbeta = f32 sums of Σdy·x̂ and Σdy over the samples, added to what is there where `add` is not 0.',
    reg('sums', 'f32 pairs, [CROSS ? 1 : N][GROUPS]'),
    reg('dgamma', 'f32 per channel'),
    reg('dbeta', 'f32 per channel'),
    reg('state', 'f64 pairs'),
    reg('stats', 'f32 pairs'),
    reg('gamma', 'f32 per channel'),
    reg('add', 'tested'),
  ),
  'v.norm_grad': vec(
    0x3e,
    'dst = f16(rstd × (gamma·dy − (sums0 + x̂·sums1)/M)) as two multiply-adds with factors of the channel and of its group, each operation rounded to f32.',
    ...NORM_GRAD,
  ),
  'v.max_pool': vec(
    0x3f,
    'Maximum of each window (H×W → P×Q, window R×S, strides, dilations, top/left padding; positions outside are skipped); index = r·S+s of the first maximum.',
    reg('dst', 'f16'),
    reg('index', 'u8'),
    reg('src', 'f16'),
    uns('withIndex', 1, 'writes the index'),
  ),
  'v.max_pool_grad': vec(
    0x40,
    'dst[h,w] = f16(sum in f32, windows in order, of dy whose index points at it); positions outside H×W are dropped.',
    reg('dst', 'f16 [N][C][H][W]'),
    reg('dy', 'f16 [N][C][P][Q]'),
    reg('index', 'u8 [N][C][P][Q]'),
  ),
  'v.avg_pool': vec(
    0x41,
    'f16(f32 sum of the window, row by row / DIVISOR), or / the number of positions inside where DIVISOR is 0.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
  ),
  'v.avg_pool_grad': vec(
    0x42,
    'dst[h,w] = f16(f32 sum, windows in order, of f32(dy / divisor)); where DIVISOR is 0 the divisor counts the window positions inside the FULLH×W image, row h of this stripe being row h + ROW0 of the image.',
    reg('dst', 'f16'),
    reg('dy', 'f16'),
  ),
  'v.lrn': vec(0x43, 'y = x / (BIAS + ALPHA/SIZE · Σx²)^BETA over SIZE neighbouring channels.', reg('dst', 'f16'), reg('src', 'f16')),
  'v.lrn_grad': vec(0x44, 'Gradient of v.lrn towards x.', reg('dst', 'f16'), reg('x', 'f16'), reg('dy', 'f16')),
  'v.dropout': vec(
    0x45,
    'dst = keep ? f16(src × SCALE) : 0; keep of element e of sample sample0+n is drawn from (SEED, sample, e) with probability 1 − RATIO.',
    reg('dst', 'f16'),
    reg('mask', 'bits'),
    reg('src', 'f16'),
    reg('sample0', 'number of the first sample in the mini-batch'),
    uns('withMask', 1, 'writes the mask'),
  ),
  'v.dropout_grad': vec(0x46, 'dst = mask ? f16(dy × SCALE) : 0.', reg('dst', 'f16'), reg('dy', 'f16'), reg('mask', 'bits')),
  'v.softmax': vec(
    0x47,
    'Softmax over LENGTH elements, INNER apart, of each of N × OUTER × INNER runs.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
  ),
  'v.log_softmax': vec(
    0x48,
    'Logarithm of softmax over LENGTH elements, INNER apart, of each of N × OUTER × INNER runs.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
  ),
  'v.softmax_loss': vec(
    0x49,
    'loss[n] = f32(WEIGHT × −log softmax(logits[n])[label]); dlogits = f16(SCALE × LOSSSCALE × (softmax − one-hot)).',
    reg('loss', 'f32 per sample'),
    reg('dlogits', 'f16'),
    reg('logits', 'f16'),
    reg('labels', 'i32 per sample'),
  ),
  'v.bias_sums': vec(
    0x4a,
    'Adds Σdy of each channel (N, H×W) to state (f64 per channel).',
    reg('state', 'f64 per channel'),
    reg('dy', 'f16'),
  ),
  'v.bias_end': vec(
    0x4b,
    'db = f32(state), added to what is there where `add` is not 0.',
    reg('db', 'f32 per channel'),
    reg('state', 'f64 per channel'),
    reg('add', 'tested'),
  ),
  'v.sgd': vec(
    0x4c,
    'g = GRADSCALE·grad + DECAY·master; master −= LR·g, unless HOLD; weight = f16(master), over COUNT elements, each operation rounded to f32.',
    reg('master', 'f32'),
    reg('grad', 'f32'),
    reg('weight', 'f16'),
    uns('withWeight', 1, 'writes the f16 weight'),
  ),
  'v.momentum': vec(
    0x4d,
    'g = GRADSCALE·grad + DECAY·master; velocity = MOMENTUM·velocity + g; master −= LR·(NESTEROV ? g + MOMENTUM·velocity : velocity), unless HOLD; weight = f16(master).',
    reg('master', 'f32'),
    reg('velocity', 'f32'),
    reg('grad', 'f32'),
    reg('weight', 'f16'),
    uns('withWeight', 1, 'writes the f16 weight'),
  ),
  'v.adam': vec(
    0x4e,
    'g = GRADSCALE·grad (+ DECAY·master unless DECOUPLED); first = BETA1·first + (1 − BETA1)·g; second = BETA2·second + (1 − BETA2)·g²; master −= LR·(CORRECT1·first/(√(CORRECT2·second) + EPS) (+ DECAY·master where DECOUPLED)), unless HOLD; weight = f16(master).',
    reg('master', 'f32'),
    reg('first', 'f32'),
    reg('second', 'f32'),
    reg('grad', 'f32'),
    reg('weight', 'f16'),
    uns('withWeight', 1, 'writes the f16 weight'),
  ),
  'v.mse_loss': vec(
    0x4f,
    'loss[n] = f32(WEIGHT × Σ(y − target)² / COUNT); dy = f16(SCALE × LOSSSCALE × 2/COUNT × (y − target)).',
    reg('loss', 'f32 per sample'),
    reg('dy', 'f16'),
    reg('y', 'f16'),
    reg('target', 'f16'),
  ),
  'v.ld_cfg': vec(
    0x80,
    'Sets the configuration slot to the word at src; only slots on which no extent depends.',
    uns('slot', 8, 'slot'),
    reg('src', 'f32'),
  ),
  'v.cfg4': {
    opcode: 0x84,
    unit: 'vector',
    fields: fourSettings,
    reads: [],
    writes: [],
    doc: 'Sets four configuration slots of the vector unit (VECTOR_SLOTS), in order, to small values.',
  },
  'v.check_finite': vec(
    0x81,
    'Sets the overflow word of control to 1 where any of COUNT elements of grad is not finite.',
    reg('control', 'f32 words'),
    reg('grad', 'f32'),
  ),
  'v.step': vec(
    0x82,
    'Begins the update of a training step: control as the layer step_control says, from BETA1, BETA2, DYNAMIC, INTERVAL.',
    reg('control', 'f32 words'),
    reg('rate', 'f32'),
  ),
  'v.running': vec(
    0x83,
    'mean and variance of C channels towards those of the mini-batch, of which statistics holds mean and 1/√(variance + EPS), by 1 − MOMENTUM.',
    reg('mean', 'f32 per channel'),
    reg('variance', 'f32 per channel'),
    reg('stats', 'f32 pairs'),
  ),
  'v.unary': vec(
    0x50,
    'dst = f16(OP(src)) with the parameters ALPHA and BETA, in f64, over N × COUNT.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
  ),
  'v.unary_grad': vec(
    0x51,
    'dst = f16(dy × OP′(x)) with the parameters ALPHA and BETA, in f64, over N × COUNT.',
    reg('dst', 'f16'),
    reg('x', 'f16'),
    reg('dy', 'f16'),
  ),
  'v.binary': vec(
    0x52,
    'dst = f16(OP(a, b)) in f64 over N samples of D0 × D1 × D2 × D3, dst dense; b is f32 where WIDE is 1.',
    reg('dst', 'f16'),
    reg('a', 'f16'),
    reg('b', 'f16 or f32'),
  ),
  'v.binary_grad': vec(
    0x53,
    'dst = f16(dy × ∂OP/∂a) (SIDE = 1: ∂b) in f64 over N samples of D0 × D1 × D2 × D3, dst and dy dense; b is f32 where WIDE is 1.',
    reg('dst', 'f16'),
    reg('a', 'f16'),
    reg('b', 'f16 or f32'),
    reg('dy', 'f16'),
  ),
  'v.sum_samples': vec(
    0x54,
    'dst[Σ index_k·B_k] += f32(src), in order, over N samples of D0 × D1 × D2 × D3; dst, of COUNT elements, starts from 0 unless `add` is not 0.',
    reg('dst', 'f32'),
    reg('src', 'f16, dense'),
    reg('add', 'tested'),
  ),
  'v.gather': vec(
    0x55,
    'For each of N samples and each position of the walk D0 × … × D4 (0: no such dimension): copies RUN elements of src from the sum of one offset a dimension, or FILL where an offset is negative; dst dense, SPAN elements a sample of src.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
    reg('table', 'i32 offsets, those of D0 first'),
  ),
  'v.scatter': vec(
    0x56,
    'For each of N samples: dst = f16(f32 sum, in order, of the elements of src whose walk D0 × … × D4 points at it, as in v.gather); src dense, SPAN elements a sample of dst.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
    reg('table', 'i32 offsets, those of D0 first'),
  ),
  'v.resample': vec(
    0x57,
    'dst[n,o,j,i] = f16(f64 sum, t < TAPS, of weight[j,t] × src[n,o,index[j,t],i]) over N, OUTER, LENGTH, INNER; FROM is the length of src; a negative index adds nothing.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
    reg('index', 'i32 [LENGTH][TAPS]'),
    reg('weight', 'f32 [LENGTH][TAPS]'),
  ),
  'v.resample_grad': vec(
    0x58,
    'dst[n,o,index[j,t],i] = f16(f64 sum, in order of j and t, of weight[j,t] × dy[n,o,j,i]) over N, OUTER, LENGTH, INNER; FROM is the length of dst.',
    reg('dst', 'f16'),
    reg('dy', 'f16'),
    reg('index', 'i32 [LENGTH][TAPS]'),
    reg('weight', 'f32 [LENGTH][TAPS]'),
  ),
  'v.reduce': vec(
    0x59,
    'dst = f16(OP over LENGTH elements, INNER apart, in order, in f64) of each of N × OUTER × INNER runs.',
    reg('dst', 'f16'),
    reg('src', 'f16'),
  ),
  'v.reduce_grad': vec(
    0x5a,
    'dst = f16(dy × ∂OP/∂x) in f64 for every element of the runs of v.reduce; of an extreme for its first element only, 0 for the others.',
    reg('dst', 'f16'),
    reg('dy', 'f16'),
    reg('x', 'f16, read where OP needs it'),
    reg('y', 'f16, read where OP needs it'),
  ),
  'v.softmax_grad': vec(
    0x5b,
    'dst = f16(y × (dy − Σ y·dy)), or f16(dy − exp(y) × Σ dy) where `log` is 1, in f64, the sum over LENGTH elements, INNER apart.',
    reg('dst', 'f16'),
    reg('y', 'f16'),
    reg('dy', 'f16'),
    uns('log', 1, 'y is the logarithm of softmax'),
  ),
  'v.add_relu': vec(
    0x91,
    'dst = s > 0 (or NaN) ? s : +0; mask = s > 0, where s = f16(a + b), as v.add and v.relu.',
    reg('dst', 'f16'),
    reg('mask', 'bits, lowest bit of a byte first'),
    reg('a', 'f16'),
    reg('b', 'f16'),
    uns('withMask', 1, 'writes the mask'),
  ),
  'v.add_relu_grad': vec(
    0x92,
    'dst = mask ? f16(a + b) : +0, as v.add and v.relu_grad.',
    reg('dst', 'f16'),
    reg('a', 'f16'),
    reg('b', 'f16'),
    reg('mask', 'bits'),
  ),
  'v.norm_relu': vec(
    0x93,
    'dst = s > 0 (or NaN) ? s : +0; mask = s > 0, where s is the f16 of v.norm; a sample of the mask starts on a byte.',
    reg('dst', 'f16'),
    reg('mask', 'bits, lowest bit of a byte first'),
    reg('src', 'f16'),
    reg('stats', 'f32 pairs'),
    reg('gamma', 'f32 per channel'),
    reg('beta', 'f32 per channel'),
    uns('withMask', 1, 'writes the mask'),
  ),
  'v.norm_relu_grad_sums': vec(
    0x94,
    'As v.norm_grad_sums, of mask ? dy : +0 in the place of dy.',
    reg('state', 'f64 pairs'),
    reg('x', 'f16'),
    reg('dy', 'f16'),
    reg('mask', 'bits'),
  ),
  'v.norm_relu_grad': vec(0x95, 'As v.norm_grad, of mask ? dy : +0 in the place of dy.', ...NORM_GRAD, reg('mask', 'bits')),
  'v.sum': vec(0x90, 'dst = f32(a + b), over COUNT elements.', reg('dst', 'f32'), reg('a', 'f32'), reg('b', 'f32')),
} as const satisfies Record<string, InstructionSpec>;

export type Op = keyof typeof ISA;
export type FieldName<O extends Op> = (typeof ISA)[O]['fields'][number]['name'];
export type Operands<O extends Op> = { readonly [F in FieldName<O>]: number };

/** An instruction as the code generator emits it and the decoder returns it. */
export interface Instruction<O extends Op = Op> {
  readonly op: O;
  readonly operands: Readonly<Record<string, number>>;
  /** Up to two tokens to wait for before it starts. */
  readonly wait: readonly number[];
  /** Up to two tokens to produce when it ends. */
  readonly signal: readonly number[];
}
