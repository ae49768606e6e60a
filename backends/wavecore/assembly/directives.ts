import { TENSOR_KINDS } from '../../../ir/tensor.ts';
import { TOKENS } from '../isa/table.ts';
import { type Bytes, MODES, MOST_CORES } from '../program.ts';
import { readAllocation } from './buffer-directive.ts';
import type { Draft } from './draft.ts';
import { isRegister, readConstant, readExpression } from './expression.ts';
import { readKeyed } from './keyed.ts';
import { endLayer, readLayer } from './layer-directive.ts';
import type { Line } from './line.ts';
import { readMachine } from './machine-directive.ts';
import { readTensor } from './tensor-directive.ts';

/** A line that begins with a dot. */
interface Directive {
  /** What stands behind its name. */
  readonly usage: string;
  /** One sentence. */
  readonly doc: string;
  read(line: Line, draft: Draft): void;
}

/** Every directive, by its name with the dot. */
export const DIRECTIVES: Readonly<Record<string, Directive>> = {
  '.model': {
    usage: 'NAME',
    doc: 'Name of the program.',
    read: (line, draft) => {
      draft.head = { ...draft.head, model: line.name('the name of the program') };
    },
  },
  '.mode': {
    usage: MODES.join('|'),
    doc: 'What the program does (default: inference).',
    read: (line, draft) => {
      draft.head = { ...draft.head, mode: line.choice(MODES, 'a mode') };
    },
  },
  '.cores': {
    usage: 'N',
    doc: 'Cores that execute the program (default: 1).',
    read: (line, draft) => {
      const cores = readConstant(line, draft.names, 'the number of cores');
      if (cores < 1 || cores > MOST_CORES) line.refuse(`expected 1 to ${MOST_CORES} cores, found ${cores}`);
      draft.head = { ...draft.head, cores };
    },
  },
  '.batch': {
    usage: 'N',
    doc: 'Samples a core in one step (default: 1).',
    read: (line, draft) => {
      const batch = readConstant(line, draft.names, 'the number of samples');
      if (batch < 1) line.refuse(`expected at least 1 sample, found ${batch}`);
      draft.head = { ...draft.head, batch };
    },
  },
  '.schedule': {
    usage: 'NAME',
    doc: 'Name of the schedule (default: none).',
    read: (line, draft) => {
      draft.head = { ...draft.head, schedule: line.name('the name of a schedule') };
    },
  },
  '.machine': {
    usage: 'PRESET | FIELD=VALUE, …',
    doc: 'The machine: a preset (default: wavecore), then the fields that differ from it, by their paths in a machine file.',
    read: readMachine,
  },
  '.equ': {
    usage: 'NAME = EXPRESSION',
    doc: 'Gives a constant or a register a name.',
    read: (line, draft) => {
      const name = newConstant(line, draft);
      line.expect('=');
      draft.names.constants.set(name, readExpression(line, draft.names));
    },
  },
  '.token': {
    usage: 'NAME',
    doc: 'Gives a token a name: the next one that no .token above has.',
    read: (line, draft) => {
      const name = newConstant(line, draft);
      draft.tokens++;
      if (draft.tokens >= TOKENS) line.refuse(`there are ${TOKENS - 1} tokens`);
      draft.names.constants.set(name, { constant: draft.tokens });
    },
  },
  '.tensor': {
    usage:
      'NAME, TYPE, kind=KIND, role=ROLE, at=ADDRESS, splat=X | copyOf=NAME | initial=elided | values=f32(…)|i32(…) | file=NAME, offset=BYTES, type=f32|i32, crc32=SUM',
    doc: 'A tensor in DRAM; role internal, behind the tensors above and without initial value unless it says otherwise.',
    read: readTensor,
  },
  '.buffer': {
    usage: 'NAME, group=N, at=ADDRESS, bytes=N, layers=(LAYER: read|write|both, …)',
    doc: 'A place in the global buffer and the layers of a group that use it, in order; wavec run --check holds the code to it.',
    read: readAllocation,
  },
  '.predict': {
    usage: 'LAYER, KIND=READ:WRITTEN, …',
    doc: 'DRAM traffic that wavec run --verify expects of a layer, in bytes rounded up to bursts.',
    read: (line, draft) => {
      const layer = line.name('the name of a layer');
      const bytes = (): Bytes => {
        const read = readConstant(line, draft.names, 'the bytes read');
        line.expect(':');
        return { read, write: readConstant(line, draft.names, 'the bytes written') };
      };
      const traffic = readKeyed(line, Object.fromEntries(TENSOR_KINDS.map((kind) => [kind, bytes])));
      draft.predicted.push({ item: [layer, traffic], line: line.number });
    },
  },
  '.layer': {
    usage: 'NAME, kind=KIND, phase=PHASE, group=N, origin=NODE, from=N, to=N, frees=[FROM:TO, …], part=FROM:TO:OF',
    doc: 'The code up to .endlayer (or instructions from … to, counted from 0) executes this layer.',
    read: readLayer,
  },
  '.endlayer': {
    usage: '',
    doc: 'Ends the code of the layer that was opened last.',
    read: endLayer,
  },
};

function newConstant(line: Line, draft: Draft): string {
  const { kind, text } = line.peek();
  if (kind !== 'word' || isRegister(text)) line.unexpected('a new name');
  if (draft.names.constants.has(text)) line.refuse(`'${text}' is declared above`);
  line.next();
  return text;
}
