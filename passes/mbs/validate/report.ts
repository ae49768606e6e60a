import type { LayerView, Network } from '../network.ts';
import type { Group, Resident, Resources, Step } from '../schedule.ts';

/** Receives one problem: what is wrong, with which part of the schedule, and the tensor that it is about. */
export type Report = (part: object, reason: string, tensor?: string) => void;

/** A step that names a layer of the network, with all that the checks of it look at. */
export interface StepCheck {
  readonly network: Network;
  readonly resources: Resources;
  readonly group: Group;
  readonly step: Step;
  /** Index of the step in its group. */
  readonly index: number;
  readonly view: LayerView;
}

/** The place that the backend takes for a tensor at a step of the group. */
export function residentAt(group: Group, tensor: string, step: number): Resident | undefined {
  return group.residents.find((r) => r.tensor === tensor && r.from <= step && step <= r.to);
}

/** Whether `value` counts something: a whole number from `least` to `most`. */
export function isCount(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}
