import { diag, fail } from '../diagnostics.ts';
import { addRelu, addReluGrad } from './add-relu.ts';
import { affine, batchNorm } from './affine.ts';
import { avgPool, avgPoolGrad } from './avg-pool.ts';
import { binary, binaryGrad } from './binary.ts';
import { concat, split } from './concat.ts';
import { overflowCheck, stepControl } from './control.ts';
import { conv, convGradData, convTranspose } from './conv.ts';
import { convGradWeight } from './conv-grad-weight.ts';
import { dropout, dropoutGrad } from './dropout.ts';
import { add, mul } from './elementwise.ts';
import { gather, scatter } from './gather.ts';
import { convStats, gemmStats } from './gathering.ts';
import { gemm, gemmGradData, gemmGradWeight } from './gemm.ts';
import { mseLoss, softmaxLoss } from './loss.ts';
import { lrn, lrnGrad } from './lrn.ts';
import { maxPool, maxPoolGrad } from './max-pool.ts';
import { normApply, normStats } from './norm.ts';
import { normGradApply, normGradReduce } from './norm-grad.ts';
import { normRelu, normReluGradApply, normReluGradReduce } from './norm-relu.ts';
import type { KindRecord } from './record.ts';
import { reduce, reduceGrad } from './reduce.ts';
import { relu, reluGrad } from './relu.ts';
import { resample, resampleGrad } from './resample.ts';
import { reshape } from './reshape.ts';
import { logSoftmaxGrad, logSoftmaxRecord, softmax, softmaxGrad } from './softmax.ts';
import { sumSamples } from './sum-samples.ts';
import { unary, unaryGrad } from './unary.ts';
import { adam, momentum, sgd } from './update.ts';
import { UPDATING } from './updating.ts';

/** Every layer kind there is. */
export const KINDS: readonly KindRecord[] = [
  conv,
  convStats,
  convGradWeight,
  convGradData,
  convTranspose,
  gemm,
  gemmStats,
  gemmGradWeight,
  gemmGradData,
  batchNorm,
  normStats,
  normApply,
  normGradReduce,
  normGradApply,
  normRelu,
  normReluGradReduce,
  normReluGradApply,
  affine,
  relu,
  reluGrad,
  add,
  addRelu,
  addReluGrad,
  mul,
  unary,
  unaryGrad,
  binary,
  binaryGrad,
  sumSamples,
  reduce,
  reduceGrad,
  gather,
  scatter,
  resample,
  resampleGrad,
  lrn,
  lrnGrad,
  maxPool,
  maxPoolGrad,
  avgPool,
  avgPoolGrad,
  concat,
  split,
  dropout,
  dropoutGrad,
  softmax,
  softmaxGrad,
  logSoftmaxRecord,
  logSoftmaxGrad,
  softmaxLoss,
  mseLoss,
  reshape,
  overflowCheck,
  stepControl,
  sgd,
  momentum,
  adam,
  ...UPDATING,
];

const BY_NAME = new Map(KINDS.map((record) => [record.kind, record]));

/** The record of a kind, if there is one: for text that users write. */
export function findRecord(kind: string): KindRecord | undefined {
  return BY_NAME.get(kind);
}

/** The record of a kind that a graph holds. */
export function recordOf(kind: string): KindRecord {
  return BY_NAME.get(kind) ?? fail(diag.internal({}, `layer kind ${kind} is unknown`));
}
