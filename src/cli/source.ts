import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { diag, fail, WavecError } from '../../ir/diagnostics.ts';
import { type CompileState, isPast, type PipelineHooks } from '../../passes/pipeline.ts';
import { type ResolvedSettings, resolveSettings, resumePasses, runPasses, settingsOfIr, withModel } from '../api.ts';
import { elidedConstants } from '../ir-file/constants.ts';
import { type IrFile, isIrFile, parseIrFile } from '../ir-file/index.ts';
import { filesBeside } from './external-files.ts';
import { readBytes } from './files.ts';
import { type ModelOptions, settingsOf, settledOptions } from './options.ts';

const NO_WEIGHTS = '--no-weights';

/** What a command line compiles or shows: an ONNX model, or an IR file that the passes go on from. */
export interface Source {
  readonly settings: ResolvedSettings;
  /** The pass that an IR file is after. */
  readonly after?: string;
  /** Why constants have no values here; '' where all of them have. */
  readonly elidedBecause: string;
  run(hooks: PipelineHooks): CompileState;
  /** The path of the model as an IR file in `folder` names it. */
  modelFrom(folder: string): string | undefined;
}

/**
 * Opens the file of a command line.
 * @throws WavecError USAGE where options steer passes that an IR file is past
 */
export function openSource(file: string, bytes: Uint8Array, options: ModelOptions, command: Command): Source {
  const text = new TextDecoder().decode(bytes.subarray(0, 16));
  return isIrFile(text) ? openIr(file, bytes, options, command) : openModel(file, bytes, options);
}

function openModel(file: string, bytes: Uint8Array, options: ModelOptions): Source {
  const settings = resolveSettings(settingsOf(file, options));
  return {
    settings,
    elidedBecause: options.weights ? '' : NO_WEIGHTS,
    run: (hooks) => runPasses(bytes, settings, hooks),
    modelFrom: (folder) => pathFrom(folder, file),
  };
}

function openIr(file: string, bytes: Uint8Array, options: ModelOptions, command: Command): Source {
  const parsed = parseIrFile(new TextDecoder().decode(bytes), file);
  const { after, model } = parsed.header;
  const settled = settledOptions(command, after);
  if (settled.length > 0) fail(diag.usage({ file }, `the file is after ${after}: ${settled.join(', ')} can no longer be chosen`), 2);
  const settings = settingsOfIr(parsed, settingsOf(file, options));
  const modelFile = model === undefined ? undefined : isAbsolute(model) ? model : relative('.', resolve(dirname(file), model));
  const { ir, reason } = completed(parsed, modelFile, settings);
  return {
    settings,
    after,
    elidedBecause: reason,
    run: (hooks) => {
      if (hooks.stopAfter !== undefined && !isPast(after, hooks.stopAfter))
        fail(diag.usage({ file }, `the file is after ${after} already; ${hooks.stopAfter} comes before it`), 2);
      return resumePasses(ir, settings, hooks);
    },
    modelFrom: (folder) => (modelFile === undefined ? undefined : pathFrom(folder, modelFile)),
  };
}

/** The IR with the constants of its model, as far as the model can be read. */
function completed(ir: IrFile, model: string | undefined, settings: ResolvedSettings): { readonly ir: IrFile; readonly reason: string } {
  if (elidedConstants(ir.graph).length === 0) return { ir, reason: '' };
  if (!settings.weights) return { ir, reason: NO_WEIGHTS };
  if (model === undefined) return { ir, reason: 'the file names no model' };
  let bytes: Uint8Array;
  try {
    bytes = readBytes(model);
  } catch (error) {
    if (error instanceof WavecError) return { ir, reason: `the model ${model} cannot be read` };
    throw error;
  }
  return {
    ir: withModel(ir, bytes, { ...settings, file: model, files: filesBeside(model) }),
    reason: `the model ${model} has no such constants`,
  };
}

function pathFrom(folder: string, file: string): string {
  return isAbsolute(file) ? file : relative(folder, file).replaceAll('\\', '/');
}
