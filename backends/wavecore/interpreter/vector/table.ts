import { biasEnd, biasSums } from './bias.ts';
import { binary, binaryGrad, sumSamples } from './binary.ts';
import { checkFinite, loadConfiguration, step } from './control.ts';
import { dropout, dropoutGrad } from './dropout.ts';
import { add, addRelu, addReluGrad, affine, multiply, relu, reluGrad, sum } from './elementwise.ts';
import { gather, scatter } from './gather.ts';
import { mseLoss, softmaxLoss } from './loss.ts';
import { lrn, lrnGrad } from './lrn.ts';
import { copy, fill } from './moves.ts';
import { norm, normRelu, running, stats, statsEnd } from './norm.ts';
import { normGrad, normGradEnd, normGradSums, normReluGrad, normReluGradSums } from './norm-grad.ts';
import { avgPool, avgPoolGrad, maxPool, maxPoolGrad } from './pool.ts';
import { reduce, reduceGrad } from './reduce.ts';
import { resample, resampleGrad } from './resample.ts';
import type { Semantics, VectorOp } from './semantics.ts';
import { logSoftmax, softmax, softmaxGrad } from './softmax.ts';
import { unary, unaryGrad } from './unary.ts';
import { adam, momentum, sgd } from './update.ts';

/** What every vector instruction does; one that is missing does not compile. */
export const SEMANTICS: { readonly [O in VectorOp]: Semantics<O> } = {
  'v.fill': fill,
  'v.copy': copy,
  'v.relu': relu,
  'v.relu_grad': reluGrad,
  'v.add': add,
  'v.add_relu': addRelu,
  'v.add_relu_grad': addReluGrad,
  'v.mul': multiply,
  'v.affine': affine,
  'v.stats': stats,
  'v.stats_end': statsEnd,
  'v.norm': norm,
  'v.norm_grad_sums': normGradSums,
  'v.norm_grad_end': normGradEnd,
  'v.norm_grad': normGrad,
  'v.norm_relu': normRelu,
  'v.norm_relu_grad_sums': normReluGradSums,
  'v.norm_relu_grad': normReluGrad,
  'v.max_pool': maxPool,
  'v.max_pool_grad': maxPoolGrad,
  'v.avg_pool': avgPool,
  'v.avg_pool_grad': avgPoolGrad,
  'v.lrn': lrn,
  'v.lrn_grad': lrnGrad,
  'v.dropout': dropout,
  'v.dropout_grad': dropoutGrad,
  'v.softmax': softmax,
  'v.log_softmax': logSoftmax,
  'v.softmax_loss': softmaxLoss,
  'v.bias_sums': biasSums,
  'v.bias_end': biasEnd,
  'v.sgd': sgd,
  'v.momentum': momentum,
  'v.unary': unary,
  'v.unary_grad': unaryGrad,
  'v.binary': binary,
  'v.binary_grad': binaryGrad,
  'v.sum_samples': sumSamples,
  'v.gather': gather,
  'v.scatter': scatter,
  'v.resample': resample,
  'v.resample_grad': resampleGrad,
  'v.reduce': reduce,
  'v.reduce_grad': reduceGrad,
  'v.softmax_grad': softmaxGrad,
  'v.adam': adam,
  'v.mse_loss': mseLoss,
  'v.ld_cfg': loadConfiguration,
  'v.check_finite': checkFinite,
  'v.step': step,
  'v.running': running,
  'v.sum': sum,
};
