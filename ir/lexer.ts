import { diag, fail } from './diagnostics.ts';

/** Kinds of tokens of the text form. `type` is an element type with dimensions, `name` a tensor behind its `%`. */
export type TokenKind = 'type' | 'name' | 'string' | 'number' | 'word' | 'mark' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly line: number;
}

// Colons inside a name belong to it (onnx::Conv_1), a colon behind it does not (%x: f16[1]).
const PLAIN_NAME = /(?:[A-Za-z0-9_./$-]|:+(?=[A-Za-z0-9_./$-]))+/;
const WHOLE_NAME = new RegExp(`^${PLAIN_NAME.source}$`);

// In the order in which they are tried; blank space and comments from # to the end of the line separate tokens.
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ['type', /(?:f16|f32|i32|i64|u8|bit)\[(?:\d+(?:x\d+)*)?\]/y],
  ['name', new RegExp(`%(?:${PLAIN_NAME.source}|"(?:[^"\\\\\\n]|\\\\.)*")`, 'y')],
  ['string', /"(?:[^"\\\n]|\\.)*"/y],
  ['number', /-?(?:\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|inf\b|nan\b)/y],
  ['word', /[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*/y],
  ['mark', /\.{2,3}|[{}()[\],:=@]/y],
];

/** `text` as a quoted string. */
export function quoted(text: string): string {
  return JSON.stringify(text);
}

/** `%name`, quoted where the name holds other characters than letters, digits and `_./$-`, or colons at its end. */
export function tensorName(name: string): string {
  return WHOLE_NAME.test(name) ? `%${name}` : `%${quoted(name)}`;
}

/** A number that reads back to the same value. */
export function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** Reads the text form token by token; every complaint carries the line. */
export class Lexer {
  /** Named in complaints. */
  readonly file: string;
  private readonly source: string;
  private position = 0;
  private line = 1;
  private ahead: Token | undefined;

  constructor(source: string, file: string) {
    this.source = source;
    this.file = file;
  }

  peek(): Token {
    this.ahead ??= this.scan();
    return this.ahead;
  }

  next(): Token {
    const token = this.peek();
    this.ahead = undefined;
    return token;
  }

  /** Whether the next token is this mark or word. */
  sees(text: string): boolean {
    const { kind, text: found } = this.peek();
    return (kind === 'mark' || kind === 'word') && found === text;
  }

  /** Takes the next token if it is this mark or word. */
  takes(text: string): boolean {
    const seen = this.sees(text);
    if (seen) this.next();
    return seen;
  }

  /** Takes this mark or word. */
  expect(text: string): void {
    if (!this.takes(text)) this.unexpected(`'${text}'`);
  }

  word(what: string): string {
    return this.peek().kind === 'word' ? this.next().text : this.unexpected(what);
  }

  name(): string {
    if (this.peek().kind !== 'name') this.unexpected('a tensor (%name)');
    const body = this.peek().text.slice(1);
    if (body.startsWith('"')) return this.unquote(body);
    this.next();
    return body;
  }

  string(what: string): string {
    return this.peek().kind === 'string' ? this.unquote(this.peek().text) : this.unexpected(`${what} in double quotes`);
  }

  number(what: string): number {
    if (this.peek().kind !== 'number') this.unexpected(what);
    const { text } = this.next();
    if (text === 'nan' || text === '-nan') return Number.NaN;
    return Number(text.replace('inf', 'Infinity'));
  }

  /** Takes a word that is one of `known`. */
  oneOf<T extends string>(known: readonly T[], what: string): T {
    const { kind, text } = this.peek();
    const found = kind === 'word' ? known.find((k) => k === text) : undefined;
    if (found === undefined) return this.unexpected(`${what} (${known.join(', ')})`);
    this.next();
    return found;
  }

  /** Complains unless all has been read. */
  end(): void {
    if (this.peek().kind !== 'end') this.unexpected('the end of the text');
  }

  /** Takes `item`s with commas between them, up to the mark `close`. */
  list<T>(close: string, item: () => T): T[] {
    const items: T[] = [];
    if (this.takes(close)) return items;
    do items.push(item());
    while (this.takes(','));
    this.expect(close);
    return items;
  }

  /** Complains about the next token. */
  unexpected(expected: string): never {
    const { kind, text, line } = this.peek();
    return fail(diag.syntax({ file: this.file, line }, expected, kind === 'end' ? 'the end of the text' : `'${text}'`));
  }

  private unquote(body: string): string {
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      this.unexpected('a string with JSON escapes');
    }
    this.next();
    return typeof value === 'string' ? value : '';
  }

  private scan(): Token {
    this.skipBlank();
    const { line } = this;
    if (this.position === this.source.length) return { kind: 'end', text: '', line };
    for (const [kind, pattern] of PATTERNS) {
      pattern.lastIndex = this.position;
      const text = pattern.exec(this.source)?.[0];
      if (text === undefined) continue;
      this.position += text.length;
      return { kind, text, line };
    }
    const found = String.fromCodePoint(this.source.codePointAt(this.position) ?? 0);
    return fail(diag.syntax({ file: this.file, line }, 'a name, number or mark', quoted(found)));
  }

  private skipBlank(): void {
    const blank = /(?:\s|#[^\n]*)*/y;
    blank.lastIndex = this.position;
    const text = blank.exec(this.source)?.[0] ?? '';
    this.position += text.length;
    this.line += text.split('\n').length - 1;
  }
}
