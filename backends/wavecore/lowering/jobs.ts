import type { LayerView } from '../../../passes/mbs/network.ts';
import type { Group, Resources } from '../../../passes/mbs/schedule.ts';
import type { Part } from './context.ts';
import { costOf, type Position } from './cost.ts';
import type { Touch } from './hazards.ts';
import type { Job } from './heads.ts';
import { loadsAtOnce, partsOf } from './parts.ts';
import { placesOf } from './places.ts';
import type { Pass } from './tasks.ts';
import { touchesOf } from './touches.ts';

/** A part of a step on a sub-batch. */
export interface StepJob extends Job {
  readonly samples: Part;
  /** Whether its first loads are all its loads. */
  readonly atOnce: boolean;
}

/** What the steps of a group do in a pass, iteration by iteration, each in the order of the steps. */
export function jobsOf(group: Group, pass: Pass, views: ReadonlyMap<string, LayerView>, resources: Resources): StepJob[] {
  const { samples, turns } = pass;
  return placesOf(group)
    .slice(0, turns)
    .flatMap((place, turn) =>
      place.steps.flatMap((step, index) => {
        const view = views.get(step.layer);
        if (view === undefined) return [];
        const parts = partsOf(view, step, samples);
        return parts.map((part, number) => ({
          turn,
          step: index,
          part: turn * parts.length + number,
          samples: part,
          touches: touchesOf(view, index, place, part).map((touch) => later(touch, turn * group.subBatch)),
          cost: costOf(view, step, part, positionOf(group, pass, turn), group.subBatch, resources),
          atOnce: loadsAtOnce(view, step, part),
        }));
      }),
    );
}

/** Of the iterations that a loop runs, one in the middle stands for all. */
function positionOf({ iterations }: Group, { first, times }: Pass, turn: number): Position {
  if (times > 1) return { later: 1, last: 0 };
  return { later: Math.min(1, first + turn), last: first + turn === iterations - 1 ? 1 : 0 };
}

/** What is touched in DRAM so many samples behind. */
function later(touch: Touch, samples: number): Touch {
  return touch.moves === true ? { ...touch, from: touch.from + samples, to: touch.to + samples } : touch;
}
