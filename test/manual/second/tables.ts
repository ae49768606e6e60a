/** A field of an instruction: bits [from, to), whether it is two's complement, whether it names a register. */
interface BitField {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly signed: boolean;
  readonly register: boolean;
}

export interface Encoded {
  readonly op: string;
  readonly unit: string;
  readonly fields: readonly BitField[];
  /** Of vector instructions: formulas of the chapter's cycle rule. */
  readonly elements: string;
  readonly passes: string;
}

/** What a second interpreter reads off the manual's tables, so that nothing of ours but the page is used. */
export class Tables {
  readonly byOpcode = new Map<number, Encoded>();
  readonly matrixSlots: ReadonlyMap<string, number>;
  readonly vectorSlots: ReadonlyMap<string, number>;

  constructor(manual: string) {
    const units = new Map<string, string>();
    for (const [, op = '', unit = ''] of manual.matchAll(/^\| `0x..` \| \[`([^`]*)`\]\([^)]*\) \| ([^|]*) \|/gm)) units.set(op, unit);
    for (const section of manual.split(/^### /m).slice(1)) {
      const op = /^`([^`]*)`/.exec(section)?.[1] ?? '';
      const opcode = Number(/opcode `(0x..)`/.exec(section)?.[1]);
      const [, elements = '', passes = ''] = /elements = (.*), passes = (.*)\.$/m.exec(section) ?? [];
      this.byOpcode.set(opcode, { op, unit: units.get(op) ?? '', fields: fieldsOf(section), elements, passes });
    }
    const slotsUnder = (heading: string): Map<string, number> => {
      const chapter = manual.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
      return new Map([...chapter.matchAll(/^\| (\d+) \| `(\w+)` \|/gm)].map(([, number, slot]) => [slot ?? '', Number(number)]));
    };
    this.matrixSlots = slotsUnder('Matrix unit');
    this.vectorSlots = slotsUnder('Vector unit');
  }
}

function fieldsOf(section: string): BitField[] {
  const cells = (line: string | undefined): string[] =>
    (line ?? '')
      .split('|')
      .slice(2, -1)
      .map((cell) => cell.trim());
  const [bits, , names] = section.split('\n').filter((line) => line.startsWith('|'));
  return cells(bits).map((range, i) => {
    const [from = 0, last = from] = range.split('–').map(Number);
    const name = (cells(names)[i] ?? '').replaceAll('`', '');
    const is = (type: string): boolean => new RegExp(`^\\| \`${name}\` \\| ${type}`, 'm').test(section);
    return { name, from, to: last + 1, signed: is('signed'), register: is('register') };
  });
}

/** Fields of the 128 bits at byte `at`. */
export function fieldsAt(code: Uint8Array, at: number, { fields }: Encoded): Map<string, number> {
  const values = new Map<string, number>();
  for (const { name, from, to, signed } of fields) {
    let value = 0;
    for (let bit = from; bit < to; bit++) {
      const set = ((code[at + (bit >> 3)] ?? 0) >> (bit & 7)) & 1;
      if (set === 1) value += signed && bit === to - 1 ? -(2 ** (bit - from)) : 2 ** (bit - from);
    }
    values.set(name, value);
  }
  return values;
}
