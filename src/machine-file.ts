import { parseDocument } from 'yaml';
import { machineFrom } from '../backends/wavecore/machine/load.ts';
import type { Machine } from '../backends/wavecore/machine/machine.ts';
import { diag, WavecError } from '../ir/diagnostics.ts';

/**
 * Reads a machine file: YAML (or JSON) with any subset of the fields, over the preset that `extends` names.
 * @throws WavecError BAD_MACHINE with every problem of the file
 */
export function readMachineFile(text: string, file: string): Machine {
  const document = parseDocument(text, { prettyErrors: false });
  const problems = document.errors.map((error) => {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    return diag.badMachine({ file, line }, error.message);
  });
  if (problems.length > 0) throw new WavecError(problems);
  return machineFrom(document.toJS() ?? {}, file);
}
