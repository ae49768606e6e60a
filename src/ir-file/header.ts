import { diag, fail } from '../../ir/diagnostics.ts';
import { type Lexer, quoted } from '../../ir/lexer.ts';
import type { NormChoice } from '../../passes/normalize.ts';
import { isPast, PASSES } from '../../passes/pipeline.ts';
import { OPTIMIZERS, type Optimizer } from '../../passes/training/update.ts';
import { normText, parseNorm } from '../norm.ts';

/** The word that an IR file begins with. */
export const IR_MAGIC = 'wavec-ir';
const VERSION = 1;

/** The first line of an IR file: the last pass that has run, and the settings that went into the passes up to it. */
export interface IrHeader {
  readonly after: string;
  readonly mode: 'training' | 'inference';
  /** Cores that divide the mini-batch. */
  readonly cores: number;
  readonly bind: Readonly<Record<string, number>>;
  /** From `normalize` on. */
  readonly norm?: NormChoice;
  /** From `training` on, in training. */
  readonly optimizer?: Optimizer;
  /** The ONNX file that the constants come from, as seen from the IR file's folder. */
  readonly model?: string;
}

/** The header after pass `after` of a compilation with these settings. */
export function headerOf(
  after: string,
  settings: Required<Pick<IrHeader, 'mode' | 'cores' | 'bind' | 'norm' | 'optimizer'>>,
  model: string | undefined,
): IrHeader {
  const { mode, cores, bind, norm, optimizer } = settings;
  return {
    after,
    mode,
    cores,
    bind,
    ...(isPast('normalize', after) ? { norm } : {}),
    ...(isPast('training', after) && mode === 'training' ? { optimizer } : {}),
    ...(model === undefined ? {} : { model }),
  };
}

export function printHeader({ after, mode, cores, bind, norm, optimizer, model }: IrHeader): string {
  const parts = [`${IR_MAGIC} ${VERSION} after ${after} mode ${mode}`];
  if (cores !== 1) parts.push(`cores ${cores}`);
  if (Object.keys(bind).length > 0)
    parts.push(
      `bind {${Object.entries(bind)
        .map(([name, size]) => `${quoted(name)}=${size}`)
        .join(', ')}}`,
    );
  if (norm !== undefined) parts.push(`norm ${quoted(normText(norm))}`);
  if (optimizer !== undefined) parts.push(`optimizer ${optimizer}`);
  if (model !== undefined) parts.push(`model ${quoted(model)}`);
  return parts.join(' ');
}

/** Reads what `printHeader` writes. */
export function parseHeader(lexer: Lexer): IrHeader {
  const { line } = lexer.peek();
  lexer.expect(IR_MAGIC);
  const version = lexer.number('the version of the format');
  if (version !== VERSION) fail(diag.syntax({ file: lexer.file, line }, `version ${VERSION} of the format`, `version ${version}`));
  lexer.expect('after');
  const after = lexer.oneOf(
    PASSES.map((pass) => pass.name),
    'a pass',
  );
  lexer.expect('mode');
  const mode = lexer.oneOf(['training', 'inference'], 'what the program does');
  const cores = lexer.takes('cores') ? coresOf(lexer) : 1;
  const bind = lexer.takes('bind') ? bindings(lexer) : {};
  const norm = isPast('normalize', after) ? normOf(lexer) : undefined;
  let optimizer: Optimizer | undefined;
  if (isPast('training', after) && mode === 'training') {
    lexer.expect('optimizer');
    optimizer = lexer.oneOf(OPTIMIZERS, 'an optimizer');
  }
  const model = lexer.takes('model') ? lexer.string('the ONNX file') : undefined;
  return {
    after,
    mode,
    cores,
    bind,
    ...(norm === undefined ? {} : { norm }),
    ...(optimizer === undefined ? {} : { optimizer }),
    ...(model === undefined ? {} : { model }),
  };
}

function coresOf(lexer: Lexer): number {
  const { line } = lexer.peek();
  const cores = lexer.number('the number of cores');
  return Number.isSafeInteger(cores) && cores >= 1
    ? cores
    : fail(diag.syntax({ file: lexer.file, line }, 'a number of cores, at least 1', String(cores)));
}

function bindings(lexer: Lexer): Record<string, number> {
  lexer.expect('{');
  return Object.fromEntries(
    lexer.list('}', () => {
      const name = lexer.string('the name of a dimension');
      lexer.expect('=');
      return [name, lexer.number('the size of the dimension')];
    }),
  );
}

function normOf(lexer: Lexer): NormChoice {
  lexer.expect('norm');
  const { line } = lexer.peek();
  const text = lexer.string('keep or gn:CHANNELS');
  return parseNorm(text) ?? fail(diag.syntax({ file: lexer.file, line }, 'keep or gn:CHANNELS', quoted(text)));
}
