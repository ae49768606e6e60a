import { PHASES } from '../../../ir/graph.ts';
import type { SamplesOf } from '../program.ts';
import type { Draft, DraftRange } from './draft.ts';
import { readConstant } from './expression.ts';
import { readKeyed, required } from './keyed.ts';
import type { Line } from './line.ts';

/** Reads what stands behind `.layer`: opens a range of code, or gives one by its first instruction and the one behind its last. */
export function readLayer(line: Line, draft: Draft): void {
  const constant = (what: string) => () => readConstant(line, draft.names, what);
  const layer = line.name('the name of a layer');
  const { kind, phase, group, origin, from, to, frees, part } = readKeyed(line, {
    kind: () => line.name('a layer kind'),
    phase: () => line.choice(PHASES, 'a phase'),
    group: constant('the index of a layer group'),
    origin: () => line.name('the name of an ONNX node'),
    from: constant('the index of an instruction'),
    to: constant('the index of an instruction'),
    frees: () => readRanges(line, draft),
    part: () => readPart(line, draft),
  });
  if ((from === undefined) !== (to === undefined)) line.refuse('from= and to= go together');
  const info = { layer, kind: required(line, 'kind', kind), phase: phase ?? 'forward', group: group ?? 0, origin: origin ?? layer };
  const range = { from: from ?? draft.code.length, ...(to === undefined ? {} : { to }) };
  const item: DraftRange = { ...range, ...info, ...(frees === undefined ? {} : { frees }), ...(part === undefined ? {} : { part }) };
  const entry = { item, line: line.number };
  draft.debug.push(entry);
  if (to === undefined) draft.open.push(entry);
}

/** `[from:to, …]`: bytes of the global buffer. */
function readRanges(line: Line, { names }: Draft): [number, number][] {
  const ranges: [number, number][] = [];
  line.expect('[');
  while (!line.sees(']')) {
    if (ranges.length > 0) line.expect(',');
    const from = readConstant(line, names, 'an address in the global buffer');
    line.expect(':');
    ranges.push([from, readConstant(line, names, 'an address in the global buffer')]);
  }
  line.expect(']');
  return ranges;
}

/** `from:to:of`: samples. */
function readPart(line: Line, { names }: Draft): SamplesOf {
  const number = (): number => readConstant(line, names, 'a number of samples');
  const from = number();
  line.expect(':');
  const to = number();
  line.expect(':');
  return { from, to, of: number() };
}

/** Ends the range that was opened last. */
export function endLayer(line: Line, draft: Draft): void {
  const opened = draft.open.pop() ?? line.refuse('no .layer is open');
  opened.item.to = draft.code.length;
}
