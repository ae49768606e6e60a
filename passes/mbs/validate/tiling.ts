import type { LayerView, MatrixWork } from '../network.ts';
import { isHeld, type Panel, type Resources, type Step } from '../schedule.ts';
import { isPlain } from '../shape.ts';
import { elementsOf, isChunked } from '../transfers.ts';
import { isCount, type Report, type StepCheck } from './report.ts';

/** Bits of masks lie in bytes: a cut through a sample may not go through one. */
const BITS = 8;

/** Chunk, stripes and panel are such that the layer can be computed from them; false where they are not. */
export function checkTiling(check: StepCheck, report: Report): boolean {
  const reasons = [chunkProblem(check), stripesProblem(check), ...panelProblems(check)].filter((r) => r !== undefined);
  for (const reason of reasons) report(check.step, reason);
  return reasons.length === 0;
}

function chunkProblem({ view, step, group }: StepCheck): string | undefined {
  const most = view.phase === 'update' ? elementsOf(view) : group.subBatch;
  const unit = view.phase === 'update' ? 'elements' : 'samples of the sub-batch';
  return isCount(step.chunk, 1, most) ? undefined : `chunk ${step.chunk} is not between 1 and the ${most} ${unit}`;
}

function stripesProblem({ view, step }: StepCheck): string | undefined {
  const { stripes } = step;
  if (stripes === undefined) return undefined;
  if (view.record.stripes === undefined || view.phase === 'update') return `a ${view.layer.kind} layer cannot be cut into stripes`;
  if (step.chunk !== 1) return 'stripes cut a single sample: the chunk must be 1';
  if ([...step.inputs, ...step.outputs].some((a) => a.mode === 'resident' || a.mode === 'load'))
    return 'stripes pass through chunk buffers: no operand can stay on chip';
  return partitionProblem(stripes, view);
}

function partitionProblem(stripes: NonNullable<Step['stripes']>, { record, stripeLength }: LayerView): string | undefined {
  let end = 0;
  for (const [from, to] of stripes) {
    if (from !== end || !isCount(to, from + 1, stripeLength))
      return `stripe ${from}..${to} does not continue at ${end} within ${stripeLength}`;
    if (record.stripes === 'flat' && from % BITS !== 0) return `stripe ${from}..${to} does not begin at a multiple of ${BITS} elements`;
    end = to;
  }
  return end === stripeLength ? undefined : `stripes end at ${end} of ${stripeLength}`;
}

function panelProblems({ view, step, group, resources }: StepCheck): string[] {
  const { matrix: work } = view;
  const { panel } = step;
  if (work === undefined || panel === undefined) {
    if (panel !== undefined) return ['only a matrix product has a panel'];
    return work === undefined ? [] : ['a matrix product needs a panel'];
  }
  const reasons = (['m', 'n', 'k'] as const).flatMap((extent) => {
    const most = extent === 'n' ? work.columns : work[extent];
    return isCount(panel[extent], 1, most) ? [] : [`panel ${extent}=${panel[extent]} is not between 1 and ${most}`];
  });
  const { piece = 1 } = panel;
  if (!isCount(piece, 1, panel.n)) reasons.push(`panel piece=${piece} is not between 1 and ${panel.n}`);
  if (panel.piece !== undefined && view.update === undefined) reasons.push(`panel piece=${piece}: the layer ends in no update`);
  const reduces = work.form === 'weightGradient';
  if (panel.sliced === true && (!reduces || panel.m < work.m === panel.n < work.columns))
    reasons.push('panel sliced: either the rows or the columns of a weight gradient must be cut');
  if (panel.sliced === true && step.stripes !== undefined) reasons.push('panel sliced: slices are of whole samples, not of stripes');
  if (panel.kept === true && (reduces || panel.k < work.k)) reasons.push('panel kept: only panels of weights that are whole columns stay');
  else if (panel.kept === true && [step.inputs[work.moving], step.outputs[0]].some((a) => a?.mode !== 'resident'))
    reasons.push('panel kept: what the weights are multiplied with, and the result, must be on chip');
  if (reasons.length > 0) return reasons;
  const isCut = panel.n < work.columns || panel.m < work.m || panel.k < work.k;
  const reason =
    isCut && work.groups > 1
      ? 'the panel of a grouped convolution is all of it'
      : isCut && [...step.inputs, ...step.outputs].some(isHeld)
        ? 'the panel of an operand that is held is all of it'
        : work.form === 'weightGradient'
          ? reduceProblem(work, panel)
          : mapProblem(work, panel, step, group.subBatch, resources);
  return reason === undefined ? [] : [reason];
}

/** The reduction of a weight gradient runs over samples, chunk by chunk; its rows are whole channels. */
function reduceProblem(work: MatrixWork, panel: Panel): string | undefined {
  const taps = work.geometry.R * work.geometry.S;
  if (panel.k < work.k) return `panel k=${panel.k} cuts the pixels of a sample; it must be ${work.k}`;
  return panel.m % taps === 0 ? undefined : `panel m=${panel.m} is no multiple of the ${taps} taps of the filter`;
}

/** Rows are cut by chunks and stripes alone; the reduction only where one accumulator holds all rows, at blocks of the array. */
function mapProblem(work: MatrixWork, panel: Panel, step: Step, subBatch: number, resources: Resources): string | undefined {
  const { arrayRows, arrayColumns, waveRows } = resources;
  if (panel.m < work.m) return `panel m=${panel.m} cuts the rows of a sample; it must be ${work.m}`;
  if (panel.k === work.k) return undefined;
  if (!isPlain(work, resources)) return `panel k=${panel.k} cuts the reduction of a product that is packed, or of several phases`;
  if (isChunked(step, subBatch) || subBatch * work.m > waveRows || panel.n > arrayColumns)
    return `panel k=${panel.k} cuts the reduction: that needs all samples in one chunk, at most ${waveRows} rows and ${arrayColumns} columns`;
  const grain = work.form === 'forward' ? 1 : work.geometry.R * work.geometry.S;
  return panel.k % arrayRows === 0 && panel.k % grain === 0
    ? undefined
    : `panel k=${panel.k} is no multiple of the ${arrayRows} rows of the array${grain > 1 ? ` and of the ${grain} taps of the filter` : ''}`;
}
