import type { Attrs, AttrValue, Constant } from '../graph.ts';
import type { DType, TensorKind, TensorType } from '../tensor.ts';

/** One operand of a layer kind. */
export interface OperandSpec {
  readonly name: string;
  readonly dtypes: readonly DType[];
  /** May be absent (only trailing operands). */
  readonly optional?: boolean;
  /** May repeat (only the last operand). */
  readonly variadic?: boolean;
  /** Is a parameter that all samples share (weight, scale, statistics of the mini-batch), not data of one sample. */
  readonly shared?: boolean;
  /** Shared exactly where this boolean attribute is true. */
  readonly sharedIf?: string;
  /** Layers over parameters stream their operands element by element; this one they take whole. */
  readonly whole?: boolean;
  /** An optional output that the training step asks for: what backward needs of forward (mask, index). */
  readonly savedForBackward?: boolean;
  /** The tensor kind of a result where it is not simply an activation or gradient. */
  readonly resultKind?: TensorKind;
}

export interface AttrSpec {
  readonly type: 'int' | 'float' | 'bool' | 'string' | 'ints' | 'floats';
  /** Absent: the attribute is required. */
  readonly default?: AttrValue;
  readonly doc: string;
}

/** The matrix product that a layer is, for one sample: m rows a sample, k reduced, n columns, once per channel group. */
export interface GemmShape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly groups: number;
}

/** Extents of a 2-D convolution of C to K channels, R×S filter, H×W in, P×Q out; a fully connected layer has all of R, S, H, W, P, Q 1. */
export interface ConvGeometry {
  readonly C: number;
  readonly H: number;
  readonly W: number;
  readonly K: number;
  readonly R: number;
  readonly S: number;
  readonly P: number;
  readonly Q: number;
  readonly groups: number;
  readonly strideH: number;
  readonly strideW: number;
  readonly dilationH: number;
  readonly dilationW: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** Which of the three matrix products of a convolution a layer is (design: training step). */
export type MatrixForm = 'forward' | 'dataGradient' | 'weightGradient';

/** A half-open interval of image rows. */
export type Rows = readonly [from: number, to: number];

/** What the gradient rule of a layer may do. */
export interface GradientContext {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: Attrs;
  typeOf(tensor: string): TensorType;
  /** Whether anything needs the gradient of input `index`. */
  wants(index: number): boolean;
  /** Adds a constant that the gradient needs, named after the layer and `label`; returns its name. */
  constant(label: string, type: TensorType, kind: TensorKind, constant: Constant): string;
  /**
   * Appends a backward layer; `label` distinguishes the layers of one rule; returns its output names. The layer has as many outputs
   * as `resultKinds` has entries; without it, the required ones, their kinds following the records.
   */
  emit(kind: string, label: string, inputs: readonly string[], attrs: Attrs, resultKinds?: readonly TensorKind[]): string[];
}

/**
 * The update at the end of a weight gradient. Operands: x, dy, the f32 tensors that the update keeps (the master first), control, learning rate;
 * results: the gradient, what is kept, the f16 weight, the gradient of a bias.
 */
export interface EndingUpdate {
  readonly kind: string;
  /** The f32 tensors that are kept. */
  readonly states: number;
}

/** Values of one tensor for the reference kernels. */
export type Values = Float64Array;

/** All that is known of a layer kind. Passes ask the record; they never switch on kind names. */
export interface KindRecord {
  readonly kind: string;
  /** One sentence: what the layer computes, with its formula. */
  readonly doc: string;
  readonly inputs: readonly OperandSpec[];
  readonly outputs: readonly OperandSpec[];
  readonly attrs: Readonly<Record<string, AttrSpec>>;
  /** The softmax cross-entropy loss contains it, so that training drops it where a network ends in it. */
  readonly insideLoss?: boolean;
  /** The unit of a core that executes it; `alias` layers move no data. */
  readonly unit: 'matrix' | 'vector' | 'alias';
  /** True where one sample's result depends on other samples of the mini-batch, so that the layer ends a group. */
  crossesSamples(attrs: Attrs): boolean;
  /** Types of the results; throws a `ShapeError` that says what contradicts. `wanted` is how many outputs the layer has. */
  infer(inputs: readonly TensorType[], attrs: Attrs, wanted: number): TensorType[];
  /** The gradient of every input (undefined where there is none), given the gradient of output 0. Absent: not differentiable. */
  gradient?(ctx: GradientContext, outputGradient: string): (string | undefined)[];
  /** Multiply-accumulates as matrix products; absent for vector layers. */
  gemm?(inputs: readonly TensorType[], attrs: Attrs): GemmShape;
  /** What the array computes, where `unit` is `matrix`. */
  matrix?(inputs: readonly TensorType[], attrs: Attrs): { readonly form: MatrixForm; readonly geometry: ConvGeometry };
  /** Bytes of f64 partial sums that the vector unit keeps while it reduces: for each sample in work, and once. */
  stateBytes?(inputs: readonly TensorType[], attrs: Attrs, outputs: number): { readonly perSample: number; readonly shared: number };
  /** The kind that computes the same and, as a second result, the statistics of each sample of the first. */
  readonly gathering?: string;
  /** Of a layer that only sums over input 0: what it adds to the attributes of a kind that gathers its result; undefined where that cannot. */
  gathered?(attrs: Attrs): Attrs | undefined;
  /** The kind that computes the same of the sum of two operands, which come in the place of input 0. */
  readonly ofSum?: string;
  /** By the kind of the layer that makes input 0: the kind that computes both, with the inputs of that layer. */
  readonly behind?: Readonly<Record<string, string>>;
  /** Of a layer that masks its input 0 by its input 1: by the kind of a layer that reads the result as its input 1, the kind that masks it itself, by a further last input. */
  readonly masking?: Readonly<Record<string, string>>;
  /** Scales and shifts input 0 by statistics (input 1), scale (input 2) and shift (input 3). */
  readonly normalizes?: true;
  /** Of a weight gradient, by the kind of an update: the kind that computes both, so that the update takes the gradient from the chip. */
  readonly updating?: Readonly<Record<string, string>>;
  /** Of a weight gradient that ends in the update of its weights. */
  readonly update?: EndingUpdate;
  /** Of the layer that begins the update: the attributes with which an update can begin by itself, without it; undefined where it depends on gradients. */
  beginning?(attrs: Attrs): Attrs | undefined;
  /** Adds its operands to its result one by one, so that it reads what it has written where there are more than two. */
  readonly accumulates?: true;
  /** Passes of the vector unit over the elements of the largest operand; absent: one. */
  readonly passes?: number;
  /** Elements that the vector unit passes over, each as often as it does, where that is not `passes` times those of the largest operand. */
  passedElements?(inputs: readonly TensorType[], outputs: readonly TensorType[], attrs: Attrs): number;
  /** The inputs whose buffer output 0 may take over, the first that is not needed afterwards. */
  readonly inPlace?: readonly number[];
  /**
   * How one sample may be cut when it does not fit the buffer. `rows`: by image rows of output 0, `inputRows` giving
   * what each input needs. `flat`: anywhere, element by element. Absent: the layer takes whole samples.
   */
  readonly stripes?: 'rows' | 'flat';
  /** Rows [from, to) of batched 4-D input `index` needed for rows `out` of the layer's row space (output 0, or input 0 where output 0 is not an image). */
  inputRows?(index: number, out: Rows, inputs: readonly TensorType[], attrs: Attrs): Rows;
  /** Slow, obvious kernel in f64 on dense row-major values (a `bit` is 0 or 1); no rounding to f16. */
  reference(inputs: readonly Values[], inputTypes: readonly TensorType[], attrs: Attrs, outputTypes: readonly TensorType[]): Values[];
}

/** Thrown by `infer`; the verifier attaches the layer. */
export class ShapeError extends Error {}
