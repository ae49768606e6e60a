import type { NodeContext, Operand } from './context.ts';
import type { Value } from './value.ts';

/** A limit of what is supported: one sentence, which is the message to the user and the line in SUPPORT.md. */
export interface Rule {
  readonly says: string;
  /** Whether the node keeps it, where that can be told before lowering; the others are checked on the way. */
  holds?(ctx: NodeContext): boolean;
}

/** Rules that any operator may be refused by. */
export const IS_CONSTANT: Rule = { says: 'weights, axes, sizes and the like are constants' };
export const IS_DATA: Rule = { says: 'the data are no constant' };
export const FOLDED: Rule = { says: 'some input is data: with constants alone it is not computed' };
export const CONSTANTS_ALONE: Rule = { says: 'all inputs are constants: no layer computes it' };
export const UNREAD_OUTPUT: Rule = { says: 'only the outputs that are listed may be used' };
export const COMMON_RULES: readonly Rule[] = [IS_CONSTANT, IS_DATA, FOLDED, CONSTANTS_ALONE, UNREAD_OUTPUT];

/** What an output of a node becomes; undefined where it is not given. */
export type Result = Operand | Value | undefined;

/** How one ONNX operator is read. */
export interface Operator {
  /** Least and greatest number of inputs. */
  readonly inputs: readonly [number, number];
  /** Attributes that are understood in any operator set; others are refused by name. */
  readonly attributes: readonly string[];
  /** What is not supported. */
  readonly rules?: readonly Rule[];
  /** Outputs that can be used; default 1. */
  readonly outputs?: number;
  /** It treats each sample apart by definition, so that dimension 0 is the mini-batch even where the model has none. */
  readonly perSample?: true | undefined;
  /** The value (of each output, or of the only one), where all inputs are constants. */
  fold?(ctx: NodeContext): Value | readonly Value[];
  /** Layers, where some input is an activation: one result for each output, or that of the only one. */
  lower?(ctx: NodeContext): Result | readonly Result[];
}

export type Operators = Readonly<Record<string, Operator>>;
