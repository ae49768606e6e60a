import { type Group, heldTensors, type Resident } from '../../../passes/mbs/schedule.ts';
import type { Touch } from './hazards.ts';

type Range = readonly [from: number, to: number];

interface Use {
  /** The step of the group that the task runs. */
  readonly step: number;
  readonly touches: readonly Touch[];
}

/** The bytes of the global buffer that a group holds something in over its iterations. */
export function heldAreas(group: Group): Range[] {
  const held = heldTensors(group);
  return group.residents.filter(({ tensor }) => held.has(tensor)).map(areaOf);
}

/** For each task of an iteration, in the order in which they are issued: the bytes of the global buffer whose contents nothing behind it reads. */
export function freesOf(group: Group, tasks: readonly Use[]): Range[][] {
  const frees = tasks.map((): Range[] => []);
  /** The last tasks of steps `from` to `to` that touch the bytes of an area end them, but for those that are `kept`. */
  const end = (area: Range, from: number, to: number, kept: readonly Range[]): void => {
    const used = [...kept];
    for (let i = tasks.length - 1; i >= 0; i--) {
      const { step, touches } = tasks[i] ?? { step: -1, touches: [] };
      if (step < from || step > to) continue;
      for (const range of touches.flatMap((t) => (t.storage === undefined ? intersection([t.from, t.to], area) : []))) {
        frees[i]?.push(...without(range, used));
        used.push(range);
      }
    }
  };
  const { residents, steps } = group;
  const held = new Set(heldAreas(group).map(([from]) => from));
  for (const resident of residents) {
    const area = areaOf(resident);
    // What a later stage reads goes on into the next round.
    if (held.has(area[0]) || !tasks.some(({ step }) => step === resident.to)) continue;
    const heirs = residents.filter((r) => r !== resident && r.from === resident.to).map(areaOf);
    end(area, resident.from, resident.to, heirs);
  }
  steps.forEach(({ blocks, inputs, outputs }, step) => {
    const streams = new Set([
      ...inputs.flatMap(({ mode }, i) => (mode === 'stream' ? [`in${i}`] : [])),
      ...outputs.flatMap(({ mode }, i) => (mode === 'stream' ? [`out${i}`] : [])),
    ]);
    for (const { name, address, bytes, halves } of blocks) {
      const area: Range = [address, address + bytes * halves];
      if (!streams.has(name)) end(area, step, step, []);
      else {
        // A part leaves nothing in a chunk buffer for the next one.
        tasks.forEach((task, i) => {
          const [from, to] = hull(task.touches, area);
          if (task.step === step && from < to) frees[i]?.push([from, to]);
        });
      }
    }
  });
  return frees;
}

/** What tasks touch of an area lies in one piece. */
function hull(touches: readonly Touch[], area: Range): Range {
  const inside = touches.flatMap((t) => (t.storage === undefined ? intersection([t.from, t.to], area) : []));
  return [Math.min(...inside.map(([from]) => from)), Math.max(...inside.map(([, to]) => to))];
}

function areaOf({ address, bytes }: Resident): Range {
  return [address, address + bytes];
}

function intersection(a: Range, b: Range): Range[] {
  const [from, to] = [Math.max(a[0], b[0]), Math.min(a[1], b[1])];
  return from < to ? [[from, to]] : [];
}

function without(range: Range, holes: readonly Range[]): Range[] {
  return holes.reduce<Range[]>(
    (left, hole) =>
      left.flatMap((r) => [
        ...intersection(r, [Number.NEGATIVE_INFINITY, hole[0]]),
        ...intersection(r, [hole[1], Number.POSITIVE_INFINITY]),
      ]),
    [range],
  );
}
