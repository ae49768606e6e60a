import type { LayerView } from '../../../passes/mbs/network.ts';
import type { Group, Resources } from '../../../passes/mbs/schedule.ts';
import type { Part } from './context.ts';
import { costOf } from './cost.ts';
import type { Job } from './heads.ts';
import { loadsAtOnce, partsOf } from './parts.ts';
import { touchesOf } from './touches.ts';

/** A part of a step on a sub-batch. */
export interface StepJob extends Job {
  readonly samples: Part;
  /** Whether its first loads are all its loads. */
  readonly atOnce: boolean;
}

/** What the steps of a group do to `samples` samples, in the order of the steps. */
export function jobsOf(group: Group, views: ReadonlyMap<string, LayerView>, samples: number, resources: Resources): StepJob[] {
  return group.steps.flatMap((step, index) => {
    const view = views.get(step.layer);
    if (view === undefined) return [];
    return partsOf(view, step, samples).map((part, number) => ({
      step: index,
      part: number,
      samples: part,
      touches: touchesOf(view, index, group, part),
      cost: costOf(view, step, part, group.subBatch, resources),
      atOnce: loadsAtOnce(view, step, part),
    }));
  });
}
