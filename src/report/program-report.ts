import { type Bytes, hasWeights, type Program } from '../../backends/wavecore/program.ts';
import type { Phase } from '../../ir/graph.ts';
import { memoryByKind, memoryTable } from './memory.ts';
import { fields, NO_WEIGHTS, table } from './table.ts';
import { TRAFFIC_DEFINITION, type TrafficByKind, totalOf, trafficByKind, trafficTable } from './traffic.ts';
import { countText } from './units.ts';

interface SymbolSummary {
  readonly name: string;
  readonly kind: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly address: number;
  readonly bytes: number;
  readonly role: string;
}

interface LayerSummary {
  readonly layer: string;
  readonly kind: string;
  readonly phase: Phase;
  readonly group: number;
  readonly origin: string;
  /** First instruction, and how many. */
  readonly from: number;
  readonly instructions: number;
}

/** What a program holds, as JSON. */
export interface ProgramSummary {
  readonly model: string;
  readonly mode: Program['mode'];
  readonly batch: number;
  readonly schedule: string;
  readonly machine: string;
  /** False: the program can be timed, and computes nothing. */
  readonly weights: boolean;
  readonly instructions: number;
  readonly symbols: readonly SymbolSummary[];
  readonly layers: readonly LayerSummary[];
  readonly predicted: Bytes & { readonly total: number; readonly byKind: TrafficByKind };
}

export function programSummary(program: Program): ProgramSummary {
  const { model, mode, batch, schedule, machine, code } = program;
  const byKind = trafficByKind(program.predicted);
  const { read, write } = totalOf(byKind);
  return {
    model,
    mode,
    batch,
    schedule,
    machine: machine.name,
    weights: hasWeights(program),
    instructions: code.length,
    symbols: program.symbols.map(({ initial, ...symbol }) => symbol),
    layers: program.debug.map(({ from, to, ...range }) => ({ ...range, from, instructions: to - from })),
    predicted: { read, write, total: read + write, byKind },
  };
}

/** What a program holds, as text: head, inputs and outputs, DRAM by tensor kind, groups, predicted traffic. */
export function programReport(summary: ProgramSummary): string {
  const head = fields([
    ['model', summary.model],
    ['step', `${summary.mode}, ${summary.batch} samples a core`],
    ['schedule', summary.schedule],
    ['machine', summary.machine],
    ...(summary.weights ? [] : [NO_WEIGHTS]),
    ['code', `${countText(summary.instructions)} instructions`],
  ]);
  const inputs = summary.symbols.filter((s) => s.role === 'input');
  const interfaces = fields(inputs.map((s) => [`input ${s.name}`, `${s.dtype}[${s.shape.join('x')}]`]));
  return [
    head,
    ...(inputs.length > 0 ? [interfaces] : []),
    memoryTable(memoryByKind(summary.symbols)),
    groupTable(summary.layers),
    trafficTable(summary.predicted.byKind),
    `${TRAFFIC_DEFINITION} Predicted from the schedule; wavec run counts it.`,
  ].join('\n\n');
}

function groupTable(layers: readonly LayerSummary[]): string {
  const groups = new Map<number, LayerSummary[]>();
  for (const layer of layers) groups.set(layer.group, [...(groups.get(layer.group) ?? []), layer]);
  const rows = [...groups].map(([group, members]) => {
    const names = [...new Set(members.map((m) => m.layer))];
    const instructions = members.reduce((sum, m) => sum + m.instructions, 0);
    return [String(group), members[0]?.phase ?? '', String(names.length), countText(instructions), names[0] ?? '', names.at(-1) ?? ''];
  });
  return table(
    [
      { head: 'group' },
      { head: 'phase', align: 'left' },
      { head: 'layers' },
      { head: 'instructions' },
      { head: 'first layer', align: 'left' },
      { head: 'last layer', align: 'left' },
    ],
    rows,
  );
}
