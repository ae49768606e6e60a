/**
 * Golden cases of the command line as text files.
 *
 *     # what the case shows
 *     --- machine.yaml              a file in the case's folder, up to the next line of another form
 *     clockHz: 1
 *     $ wavec compile {models}/alexnet.train.onnx -o a.wvc
 *     exit 0
 *     out| text                     a line of standard output; `out| ...` stands for any lines
 *     err| text                     the same for standard error
 */
export interface Command {
  readonly args: readonly string[];
  readonly expected: Outcome;
}

export interface Outcome {
  readonly exit: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

export interface Case {
  readonly comment: readonly string[];
  readonly files: ReadonlyMap<string, string>;
  readonly commands: readonly Command[];
}

const ANY = '...';

export function readCase(text: string): Case {
  const comment: string[] = [];
  const files = new Map<string, string>();
  const commands: { args: string[]; expected: { exit: number; out: string[]; err: string[] } }[] = [];
  let file: string | undefined;
  for (const line of text.split('\n')) {
    const last = commands.at(-1)?.expected;
    if (line.startsWith('$ wavec')) {
      file = undefined;
      commands.push({ args: words(line.slice('$ wavec'.length)), expected: { exit: 0, out: [], err: [] } });
    } else if (line.startsWith('--- ')) {
      file = line.slice(4);
      files.set(file, '');
    } else if (file !== undefined) files.set(file, `${files.get(file) ?? ''}${line}\n`);
    else if (line.startsWith('# ')) comment.push(line);
    else if (last !== undefined && line.startsWith('exit ')) last.exit = Number(line.slice(5));
    else if (last !== undefined && line.startsWith('out|')) last.out.push(line.slice(5));
    else if (last !== undefined && line.startsWith('err|')) last.err.push(line.slice(5));
    else if (line !== '') throw new Error(`a golden case cannot hold the line: ${line}`);
  }
  return { comment, files, commands };
}

/** Words apart by spaces; "two words" in quotes are one. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

export function writeCase({ comment, files, commands }: Case): string {
  const lines = [...comment];
  for (const [name, content] of files) lines.push(`--- ${name}`, content.trimEnd());
  for (const { args, expected } of commands) {
    const text = args.map((a) => (a === '' || a.includes(' ') ? `"${a}"` : a)).join(' ');
    lines.push(`$ wavec ${text}`.trimEnd(), `exit ${expected.exit}`);
    lines.push(...expected.out.map((l) => `out| ${l}`.trimEnd()), ...expected.err.map((l) => `err| ${l}`.trimEnd()));
  }
  return `${lines.join('\n')}\n`;
}

/** The lines of a stream, without the line break at its end. */
export function linesOf(text: string): string[] {
  return text === ''
    ? []
    : text
        .replace(/\n$/, '')
        .split('\n')
        .map((line) => line.trimEnd());
}

/** Whether `actual` is what `pattern` describes, `...` standing for any number of lines. */
export function matches(pattern: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return actual.length === 0;
  if (first === ANY) return actual.some((_, i) => matches(rest, actual.slice(i))) || matches(rest, []);
  return actual[0] === first && matches(rest, actual.slice(1));
}

/**
 * The actual lines with the parts left out that the pattern leaves out. Each run of lines of the pattern is found again by the
 * first word of its first line and keeps its length; where one is not found, nothing is left out.
 */
export function refresh(pattern: readonly string[], actual: readonly string[]): readonly string[] {
  if (matches(pattern, actual)) return pattern;
  const word = (line: string | undefined): string => line?.trim().split(/\s/)[0] ?? '';
  const lines: string[] = [];
  let at = 0;
  for (const [i, line] of pattern.entries()) {
    if (line === ANY) lines.push(ANY);
    else if (i === 0 || pattern[i - 1] === ANY) {
      const end = pattern.indexOf(ANY, i);
      const length = (end < 0 ? pattern.length : end) - i;
      const from = actual.findIndex((a, j) => j >= at && word(a) === word(line));
      if (from < 0) return actual;
      lines.push(...actual.slice(from, from + length));
      at = from + length;
    }
  }
  return matches(lines, actual) ? lines : actual;
}
