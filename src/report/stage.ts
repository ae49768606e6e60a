import { toJson } from '../../ir/json.ts';
import type { CompileState } from '../../passes/pipeline.ts';
import type { ResolvedSettings } from '../api.ts';
import { headerOf } from '../ir-file/header.ts';
import { printIrFile } from '../ir-file/index.ts';
import { choiceText } from './choice-text.ts';
import { drawing } from './drawing.ts';
import { layerCosts, layerTable } from './layer-table.ts';
import { mergeText } from './merge-text.ts';

export const STAGE_FORMATS = ['text', 'table', 'json', 'dot', 'svg'] as const;
export type StageFormat = (typeof STAGE_FORMATS)[number];

/** What the passes have made so far. */
export interface Stage {
  /** The last pass that has run. */
  readonly after: string;
  readonly state: CompileState;
  readonly settings: ResolvedSettings;
  /** The ONNX file that the constants come from, as an IR file is to name it. */
  readonly model: string | undefined;
}

/** A stage in the form asked for. `text` is an IR file; a drawing is laid out by `drawSvg`. */
export function stageText({ after, state, settings, model }: Stage, format: Exclude<StageFormat, 'svg'>): string {
  const { graph, scheduled } = state;
  const header = headerOf(after, settings, model);
  switch (format) {
    case 'text': {
      const { merges = [], choices = [] } = scheduled ?? {};
      const notes = [...(merges.length === 0 ? [] : [mergeText(merges)]), ...(choices.length === 0 ? [] : [choiceText(choices)])];
      return [printIrFile(header, state), ...notes].join('\n');
    }
    case 'table':
      return layerTable(state, settings.resources);
    case 'dot':
      return drawing(state);
    case 'json': {
      const { schedule, merges, choices } = scheduled ?? {};
      const stage = { header, graph: toJson(graph), schedule, merges, choices, layers: layerCosts(state, settings.resources) };
      return `${JSON.stringify(stage, undefined, 2)}\n`;
    }
  }
}
