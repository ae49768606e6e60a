import { ARITHMETIC_OPERATORS } from './lower/arithmetic.ts';
import { CONCAT_OPERATORS } from './lower/concat.ts';
import { CONSTANT_OPERATORS } from './lower/constants.ts';
import { CONV_OPERATORS } from './lower/conv.ts';
import { DROPOUT_OPERATORS } from './lower/dropout.ts';
import { ELEMENTWISE_OPERATORS } from './lower/elementwise.ts';
import { COMPARISON_OPERATORS } from './lower/fold-arithmetic.ts';
import { LOSS_OPERATORS } from './lower/loss.ts';
import { MATRIX_OPERATORS } from './lower/matrix.ts';
import { NORM_OPERATORS } from './lower/norm.ts';
import { PAD_OPERATORS } from './lower/pad.ts';
import { PICK_OPERATORS } from './lower/pick.ts';
import { POOL_OPERATORS } from './lower/pool.ts';
import { REDUCE_OPERATORS } from './lower/reduce.ts';
import { RELABEL_OPERATORS } from './lower/relabel.ts';
import { RESIZE_OPERATORS } from './lower/resize.ts';
import { SOFTMAX_OPERATORS } from './lower/softmax.ts';
import { TRANSPOSE_OPERATORS } from './lower/transpose.ts';
import type { OnnxNode } from './model.ts';
import type { Operator, Operators } from './operator.ts';

/** Every operator of the default domain that is read. */
export const OPERATORS: Operators = {
  ...ARITHMETIC_OPERATORS,
  ...COMPARISON_OPERATORS,
  ...CONCAT_OPERATORS,
  ...CONSTANT_OPERATORS,
  ...CONV_OPERATORS,
  ...DROPOUT_OPERATORS,
  ...ELEMENTWISE_OPERATORS,
  ...LOSS_OPERATORS,
  ...MATRIX_OPERATORS,
  ...NORM_OPERATORS,
  ...PAD_OPERATORS,
  ...PICK_OPERATORS,
  ...POOL_OPERATORS,
  ...REDUCE_OPERATORS,
  ...RELABEL_OPERATORS,
  ...RESIZE_OPERATORS,
  ...SOFTMAX_OPERATORS,
  ...TRANSPOSE_OPERATORS,
};

/** How the operator of a node is read; undefined where it is not supported. */
export function findOperator(node: OnnxNode): Operator | undefined {
  return node.domain === '' && Object.hasOwn(OPERATORS, node.opType) ? OPERATORS[node.opType] : undefined;
}
