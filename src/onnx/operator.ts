import type { ActivationOperand, NodeContext } from './context.ts';
import type { Value } from './value.ts';

/** How one ONNX operator is read. */
export interface Operator {
  /** Least and greatest number of inputs. */
  readonly inputs: readonly [number, number];
  /** Attributes that are understood in any operator set; others are refused by name. */
  readonly attributes: readonly string[];
  /** The value, where all inputs are constants. */
  fold?(ctx: NodeContext): Value;
  /** Layers, where some input is an activation. A value as the result is a constant after all (the shape of an activation). */
  lower?(ctx: NodeContext): ActivationOperand | Value;
}

export type Operators = Readonly<Record<string, Operator>>;
