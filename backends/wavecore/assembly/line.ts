import { diag, fail } from '../../../ir/diagnostics.ts';

/** Kinds of tokens of the assembly text. `type` is an element type with dimensions, `directive` a word behind its dot. */
type TokenKind = 'directive' | 'type' | 'string' | 'number' | 'word' | 'mark' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
}

// Two colons inside a word belong to it (onnx::Conv_1), one does not (a label).
const WORD = /[A-Za-z_$/](?:[A-Za-z0-9_.$/]|::+(?=[A-Za-z0-9_.$/]))*/;
const WHOLE_WORD = new RegExp(`^${WORD.source}$`);

// In the order in which they are tried.
const PATTERNS: readonly (readonly [TokenKind, RegExp])[] = [
  ['directive', /\.[a-z]+/y],
  ['type', /(?:f16|f32|i32|i64|u8|bit)\[(?:\d+(?:x\d+)*)?\]/y],
  ['string', /"(?:[^"\\]|\\.)*"/y],
  ['number', /(?:0[xX][0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(?![A-Za-z0-9_])/y],
  ['word', new RegExp(WORD.source, 'y')],
  ['mark', /[=,()[\]+\-*:&]/y],
];
const BLANK = /\s*(?:;.*)?/y;
const END: Token = { kind: 'end', text: '' };

/** A name as it stands in the text: a word, or a string with JSON escapes. */
export function nameText(name: string): string {
  return WHOLE_WORD.test(name) ? name : JSON.stringify(name);
}

/** One line of assembly text as tokens; a comment runs from `;` to its end. Every complaint names file and line. */
export class Line {
  private readonly tokens: readonly Token[];
  /** Counted from 1. */
  readonly number: number;
  private readonly place: { readonly file: string; readonly line: number };
  private at = 0;

  constructor(text: string, file: string, line: number) {
    this.number = line;
    this.place = { file, line };
    this.tokens = this.scan(text);
  }

  peek(ahead = 0): Token {
    return this.tokens[this.at + ahead] ?? END;
  }

  next(): Token {
    const token = this.peek();
    this.at++;
    return token;
  }

  /** Whether the token `ahead` of the next one is this mark or word. */
  sees(text: string, ahead = 0): boolean {
    const { kind, text: found } = this.peek(ahead);
    return (kind === 'mark' || kind === 'word') && found === text;
  }

  /** Takes the next token if it is this mark or word. */
  takes(text: string): boolean {
    const seen = this.sees(text);
    if (seen) this.at++;
    return seen;
  }

  expect(text: string): void {
    if (!this.takes(text)) this.unexpected(`'${text}'`);
  }

  end(): void {
    if (this.peek().kind !== 'end') this.unexpected('the end of the line');
  }

  /** A word, or any text in double quotes. */
  name(what: string): string {
    const { kind, text } = this.peek();
    if (kind !== 'word' && kind !== 'string') this.unexpected(what);
    const name = kind === 'word' ? text : this.unquote(text);
    this.at++;
    return name;
  }

  /** A number of any kind: decimal, hexadecimal, `inf`, `nan`, with or without a sign. */
  literal(what: string): number {
    const sign = this.takes('-') ? -1 : 1;
    if (this.takes('inf')) return sign * Number.POSITIVE_INFINITY;
    if (this.takes('nan')) return Number.NaN;
    if (this.peek().kind !== 'number') this.unexpected(what);
    return sign * Number(this.next().text);
  }

  /** One of some words. */
  choice<const T extends string>(words: readonly T[], what: string): T {
    const found = words.find((word) => this.sees(word)) ?? this.unexpected(`${what} (${words.join(', ')})`);
    this.at++;
    return found;
  }

  /** Complains about the next token. */
  unexpected(expected: string): never {
    const { kind, text } = this.peek();
    return fail(diag.syntax(this.place, expected, kind === 'end' ? 'the end of the line' : `'${text}'`));
  }

  refuse(reason: string): never {
    return fail(diag.badAssembly(this.place, reason));
  }

  private unquote(text: string): string {
    try {
      return String(JSON.parse(text));
    } catch {
      return this.unexpected('a string with JSON escapes');
    }
  }

  private scan(text: string): Token[] {
    const tokens: Token[] = [];
    for (let at = skipBlank(text, 0); at < text.length; at = skipBlank(text, at)) {
      const found = tokenAt(text, at);
      if (found === undefined) {
        const character = String.fromCodePoint(text.codePointAt(at) ?? 0);
        return fail(diag.syntax(this.place, 'a name, number or mark', JSON.stringify(character)));
      }
      tokens.push(found);
      at += found.text.length;
    }
    return tokens;
  }
}

function tokenAt(text: string, at: number): Token | undefined {
  for (const [kind, pattern] of PATTERNS) {
    const found = matchAt(pattern, text, at);
    if (found !== '') return { kind, text: found };
  }
  return undefined;
}

function skipBlank(text: string, at: number): number {
  return at + matchAt(BLANK, text, at).length;
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}
