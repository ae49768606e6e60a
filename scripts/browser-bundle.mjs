// Bundles the public API with all that it imports as a browser would load it: what needs Node does not resolve there.
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../', import.meta.url));

/** The text of a script that leaves the API in the global `wavec`; throws with every import that a browser cannot resolve. */
export async function browserBundle() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: ['src/index.ts'],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'wavec',
    write: false,
    logLevel: 'silent',
  });
  return outputFiles[0].text;
}
