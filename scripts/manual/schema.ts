/** The parts of a valibot schema that the manual prints. */
interface Schema {
  readonly type: string;
  readonly pipe?: readonly Action[];
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly items?: readonly Schema[];
  readonly options?: readonly (Schema | string)[];
  readonly literal?: unknown;
  readonly wrapped?: Schema;
}

interface Action {
  readonly type: string;
  readonly requirement?: unknown;
}

/** A schema as text: JSON with types in place of values, `?` behind the names of members that may be absent. */
export function schemaText(schema: Schema, indent = ''): string {
  const inner = `${indent}  `;
  switch (schema.type) {
    case 'strict_object': {
      const members = Object.entries(schema.entries ?? {}).map(([name, member]) =>
        member.type === 'optional' && member.wrapped !== undefined
          ? `${inner}"${name}"?: ${schemaText(member.wrapped, inner)}`
          : `${inner}"${name}": ${schemaText(member, inner)}`,
      );
      return `{\n${members.join(',\n')}\n${indent}}`;
    }
    case 'array':
      return schema.item === undefined ? '[]' : `[ ${schemaText(schema.item, indent)}, … ]`;
    case 'tuple':
      return `[ ${(schema.items ?? []).map((item) => schemaText(item, indent)).join(', ')} ]`;
    case 'variant':
    case 'picklist':
      return (schema.options ?? []).map((o) => (typeof o === 'string' ? `"${o}"` : schemaText(o, indent))).join(' | ');
    case 'literal':
      return JSON.stringify(schema.literal);
    case 'number':
      return numberText(schema.pipe ?? []);
    case 'string':
      return 'string';
    default:
      throw new Error(`the manual cannot print a schema of type ${schema.type}`);
  }
}

function numberText(pipe: readonly Action[]): string {
  const is = (...types: readonly string[]): boolean => pipe.some(({ type }) => types.includes(type));
  const bound = (type: string): string | undefined =>
    pipe.flatMap((a) => (a.type === type ? [powerText(Number(a.requirement))] : [])).at(-1);
  const [least, most] = [bound('min_value'), bound('max_value')];
  const range = most === undefined ? (least === undefined ? '' : ` ≥ ${least}`) : ` in ${least}…${most}`;
  return `${is('integer', 'safe_integer') ? 'whole number' : 'number'}${range}`;
}

function powerText(value: number): string {
  const exponent = Math.log2(value);
  return value >= 4096 && Number.isInteger(exponent) ? `2^${exponent}` : String(value);
}
