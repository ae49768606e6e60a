// Checks the import rules, that the checker saw every module (with a compiler that it does not know it sees none and is content),
// and that a browser can load the public API with the packages it imports.
import { readdirSync } from 'node:fs';
import { cruise, format } from 'dependency-cruiser';
import extractDepcruiseOptions from 'dependency-cruiser/config-utl/extract-depcruise-options';
import { browserBundle } from './browser-bundle.mjs';

const FOLDERS = ['ir', 'passes', 'backends', 'src', 'examples'];

const result = await cruise(FOLDERS, await extractDepcruiseOptions('./.dependency-cruiser.cjs'));
const { output, exitCode } = await format(result.output, { outputType: 'err' });
const cruised = new Set(result.output.modules.map((m) => m.source));
const missed = FOLDERS.flatMap((folder) =>
  readdirSync(folder, { recursive: true })
    .map((name) => `${folder}/${name}`)
    .filter((path) => path.endsWith('.ts') && !path.includes('kernels/assembly') && !cruised.has(path)),
);
console.log(String(output).trim());
if (missed.length > 0) console.error(`Not seen by the layering check: ${missed.join(', ')}`);
const unresolved = await browserBundle().then(
  () => [],
  ({ errors }) => errors.map(({ text, location }) => `${location?.file}: ${text}`),
);
if (unresolved.length > 0) console.error(`No browser can load the public API:\n  ${unresolved.join('\n  ')}`);
process.exitCode = exitCode !== 0 || missed.length > 0 || cruised.size === 0 || unresolved.length > 0 ? 1 : 0;
