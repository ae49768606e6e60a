import { FOLD_OPERATORS } from './fold.ts';
import { MATRIX_OPERATORS } from './lower/matrix.ts';
import { POOL_OPERATORS } from './lower/pool.ts';
import { RELABEL_OPERATORS } from './lower/relabel.ts';
import { VECTOR_OPERATORS } from './lower/vector.ts';
import type { OnnxNode } from './model.ts';
import type { Operator } from './operator.ts';

const OPERATORS: ReadonlyMap<string, Operator> = new Map(
  Object.entries({ ...FOLD_OPERATORS, ...MATRIX_OPERATORS, ...POOL_OPERATORS, ...RELABEL_OPERATORS, ...VECTOR_OPERATORS }),
);

/** How the operator of a node is read; undefined where it is not supported. */
export function findOperator(node: OnnxNode): Operator | undefined {
  return node.domain === '' ? OPERATORS.get(node.opType) : undefined;
}
