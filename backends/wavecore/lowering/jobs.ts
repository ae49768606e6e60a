import type { LayerView } from '../../../passes/mbs/network.ts';
import type { Group, Resources } from '../../../passes/mbs/schedule.ts';
import { roundOf } from '../../../passes/mbs/stages.ts';
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
  /** Index of the step in its group; `step` counts them in the order of a round. */
  readonly index: number;
  readonly samples: Part;
  /** Whether its first loads are all its loads. */
  readonly atOnce: boolean;
}

/** What the steps of a group do in a round of a pass, in the order of the steps, iteration by iteration or, of stages, side by side. */
export function jobsOf(group: Group, pass: Pass, views: ReadonlyMap<string, LayerView>, resources: Resources): StepJob[] {
  const places = placesOf(group);
  const { stages, slots, period = 0 } = roundOf(group);
  const across = crossing(group, stages);
  const jobs = pass.numbers.flatMap((number, turn) =>
    group.steps.flatMap(({ layer }, index) => {
      const view = views.get(layer);
      const place = places[turn] ?? group;
      const step = place.steps[index];
      const lane = pass.lanes?.[turn];
      if (view === undefined || step === undefined) return [];
      if (lane !== undefined && stages[index] !== lane.stage) return [];
      const parts = partsOf(view, step, pass.samples);
      return parts.map((part, i) => ({
        turn,
        index,
        step: (lane?.round ?? 0) * period + (slots[index] ?? 0),
        part: turn * parts.length + i,
        samples: part,
        touches: touchesOf(view, index, place, part).map((touch) => inRound(touch, number * group.subBatch, across)),
        cost: costOf(view, step, part, positionOf(group, pass, number), group, resources),
        atOnce: loadsAtOnce(view, step, part, group.iterations),
      }));
    }),
  );
  return group.stages === undefined ? jobs : jobs.sort((a, b) => a.step - b.step);
}

/** Of the iterations that a loop runs, one in the middle stands for all. */
function positionOf({ iterations }: Group, { times }: Pass, number: number): Position {
  if (times > 1) return { later: 1, last: 0 };
  return { later: Math.min(1, number), last: number === iterations - 1 ? 1 : 0 };
}

/** Storages that are written, and that several stages use, which run on samples of different rounds. */
function crossing({ steps, stages: firsts }: Group, stages: readonly number[]): ReadonlySet<string> {
  const across = new Set<string>();
  if (firsts === undefined) return across;
  const written = new Set(steps.flatMap(({ outputs }) => outputs.map(({ tensor }) => tensor)));
  const users = new Map<string, number | undefined>();
  steps.forEach(({ inputs, outputs }, i) => {
    for (const { tensor } of [...inputs, ...outputs]) {
      if (!users.has(tensor)) users.set(tensor, stages[i]);
      if (written.has(tensor) && users.get(tensor) !== stages[i]) across.add(tensor);
    }
  });
  return across;
}

/** What is touched in DRAM so many samples behind; of storages that cross stages, all samples. */
function inRound(touch: Touch, samples: number, across: ReadonlySet<string>): Touch {
  if (touch.moves !== true || touch.storage === undefined) return touch;
  if (!across.has(touch.storage)) return { ...touch, from: touch.from + samples, to: touch.to + samples };
  const { moves: _moves, ...all } = touch;
  return { ...all, from: 0, to: Number.POSITIVE_INFINITY };
}
