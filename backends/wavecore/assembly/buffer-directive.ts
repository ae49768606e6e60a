import { ACCESSES, type Allocation } from '../program.ts';
import type { Draft } from './draft.ts';
import { readConstant } from './expression.ts';
import { readKeyed, required } from './keyed.ts';
import type { Line } from './line.ts';

/** Reads what stands behind `.buffer`. */
export function readAllocation(line: Line, draft: Draft): void {
  const constant = (what: string) => () => readConstant(line, draft.names, what);
  const name = line.name('the name of what lies there');
  const { group, at, bytes, layers } = readKeyed(line, {
    group: constant('the index of a layer group'),
    at: constant('an address in the global buffer'),
    bytes: constant('a number of bytes'),
    layers: () => readUses(line),
  });
  const place = { address: required(line, 'at', at), bytes: required(line, 'bytes', bytes) };
  draft.buffer.push({ item: { group: group ?? 0, name, ...place, layers: required(line, 'layers', layers) }, line: line.number });
}

/** `(LAYER: read, LAYER: write)`. */
function readUses(line: Line): Allocation['layers'] {
  const uses: Allocation['layers'][number][] = [];
  line.expect('(');
  if (line.takes(')')) return uses;
  do {
    const layer = line.name('the name of a layer');
    line.expect(':');
    uses.push({ layer, access: line.choice(ACCESSES, 'an access') });
  } while (line.takes(','));
  line.expect(')');
  return uses;
}
