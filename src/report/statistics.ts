import type { DynamicCount } from '../../backends/wavecore/isa/dynamic-count.ts';
import { type CodeStatistics, codeStatistics, type MnemonicCount } from '../../backends/wavecore/isa/statistics.ts';
import { INSTRUCTION_BYTES } from '../../backends/wavecore/isa/table.ts';
import type { DebugRange, Program } from '../../backends/wavecore/program.ts';
import { type KindMemory, memoryByKind, memoryTable } from './memory.ts';
import { fields, table } from './table.ts';
import { countText, shareText } from './units.ts';

/** Code of a layer in a layer group; a layer whose code stands in several places has the sum. */
interface LayerCode extends Pick<DebugRange, 'layer' | 'kind' | 'phase' | 'group' | 'origin'> {
  readonly instructions: number;
  readonly bytes: number;
}

/** Static counts of a program, as JSON. */
export interface ProgramStatistics extends Omit<CodeStatistics, 'dynamic'> {
  readonly model: string;
  /** Instructions of a run, least and most; null where they cannot be counted. */
  readonly dynamic: DynamicCount | null;
  readonly units: readonly { readonly unit: string; readonly instructions: number }[];
  readonly memory: readonly KindMemory[];
  readonly layers: readonly LayerCode[];
}

export function programStatistics(program: Program): ProgramStatistics {
  const statistics = codeStatistics(program.code, program.cores);
  return {
    model: program.model,
    ...statistics,
    dynamic: statistics.dynamic ?? null,
    units: byUnit(statistics.mnemonics),
    memory: memoryByKind(program.symbols),
    layers: layerCode(program.debug),
  };
}

function byUnit(mnemonics: readonly MnemonicCount[]): { unit: string; instructions: number }[] {
  const units = new Map<string, number>();
  for (const { unit, instructions } of mnemonics) units.set(unit, (units.get(unit) ?? 0) + instructions);
  return [...units].map(([unit, instructions]) => ({ unit, instructions }));
}

function layerCode(debug: readonly DebugRange[]): LayerCode[] {
  const layers = new Map<string, LayerCode>();
  for (const { from, to, ...info } of debug) {
    const key = `${info.group} ${info.layer}`;
    const instructions = (layers.get(key)?.instructions ?? 0) + to - from;
    layers.set(key, { ...info, instructions, bytes: instructions * INSTRUCTION_BYTES });
  }
  return [...layers.values()];
}

/** Static counts of a program as tables. */
export function statisticsReport(statistics: ProgramStatistics): string {
  const { model, instructions, bytes, loops, tokens, registers } = statistics;
  const head = fields([
    ['model', model],
    ['code', `${countText(instructions)} instructions, ${countText(bytes)} bytes`],
    ['executed', executedText(statistics)],
    ['loops', `${countText(loops.count)}, nested ${loops.depth} deep`],
    ['tokens', listText(tokens)],
    ['registers', listText(registers)],
  ]);
  const unitRows = statistics.units.map((u) => [u.unit, countText(u.instructions), shareText(u.instructions, instructions)]);
  const units = table([{ head: 'unit', align: 'left' }, { head: 'instructions' }, { head: 'of all' }], unitRows);
  const mnemonicRows = statistics.mnemonics.map((m) => [m.mnemonic, m.unit, countText(m.instructions)]);
  const mnemonics = table([{ head: 'mnemonic', align: 'left' }, { head: 'unit', align: 'left' }, { head: 'instructions' }], mnemonicRows);
  const layerRows = statistics.layers.map((l) => [
    l.layer,
    l.kind,
    l.phase,
    String(l.group),
    countText(l.instructions),
    countText(l.bytes),
  ]);
  const layers = table(
    [
      { head: 'layer', align: 'left' },
      { head: 'kind', align: 'left' },
      { head: 'phase', align: 'left' },
      { head: 'group' },
      { head: 'instructions' },
      { head: 'bytes' },
    ],
    layerRows,
  );
  return [head, units, mnemonics, memoryTable(statistics.memory), ...(layerRows.length > 0 ? [layers] : [])].join('\n\n');
}

function executedText({ dynamic }: ProgramStatistics): string {
  if (dynamic === null) return 'cannot be counted without running it';
  const { least, most } = dynamic;
  return `${least === most ? countText(most) : `${countText(least)} to ${countText(most)}`} instructions in a run, from loop counts`;
}

/** How many numbers, and which, adjacent ones as ranges: `4: 1–3, 7`. */
function listText(numbers: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const n of numbers) {
    const range = ranges.at(-1);
    if (range?.[1] === n - 1) range[1] = n;
    else ranges.push([n, n]);
  }
  const text = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}–${last}`)).join(', ');
  return numbers.length === 0 ? 'none' : `${numbers.length}: ${text}`;
}
