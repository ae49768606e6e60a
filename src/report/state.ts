import { toDot } from '../../ir/dot.ts';
import { toJson } from '../../ir/json.ts';
import { print } from '../../ir/print.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import { scheduleText } from './schedule-text.ts';

export const STATE_FORMATS = ['text', 'json', 'dot'] as const;
export type StateFormat = (typeof STATE_FORMATS)[number];

/** What the passes have made, in the form asked for; the schedule follows the graph where there is one. */
export function stateText(state: CompileState, format: StateFormat): string {
  const schedule = state.scheduled?.schedule;
  if (format === 'dot') return toDot(state.graph, { units: true });
  if (format === 'text') return schedule === undefined ? print(state.graph) : `${print(state.graph)}\n${scheduleText(schedule)}`;
  const graph = toJson(state.graph);
  return `${JSON.stringify(schedule === undefined ? { graph } : { graph, schedule }, undefined, 2)}\n`;
}
