// Compiles the AssemblyScript kernels of the interpreter to WebAssembly and embeds the bytes as base64 in a module, so that the
// core reads no file. Checks first that the slot numbers of the kernels are those of the ISA.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../', import.meta.url));
const kernels = 'backends/wavecore/interpreter/kernels';

checkSlots();
const wasm = await compile();
mkdirSync(`${root}${kernels}/generated`, { recursive: true });
writeFileSync(
  `${root}${kernels}/generated/kernels.ts`,
  `/** Compiled from ../assembly by \`npm run build:kernels\`. */\nexport const KERNELS_WASM =\n  '${Buffer.from(wasm).toString('base64')}';\n`,
);
console.log(`kernels: ${wasm.length} bytes of WebAssembly`);

function checkSlots() {
  const table = readFileSync(`${root}backends/wavecore/isa/slots.ts`, 'utf8');
  const list = /MATRIX_SLOTS = \[([^\]]*)\]/.exec(table)?.[1] ?? '';
  const names = [...list.matchAll(/'(\w+)'/g)].map((match) => match[1]);
  const source = readFileSync(`${root}${kernels}/assembly/slots.ts`, 'utf8');
  const wrong = [...source.matchAll(/export const (\w+) = (\d+);/g)].filter(([, name, index]) => names[Number(index)] !== name);
  if (wrong.length > 0) stop(`slots of the kernels differ from MATRIX_SLOTS: ${wrong.map(([, name]) => name).join(', ')}`);
}

async function compile() {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      `${kernels}/assembly/index.ts`,
      ...['--outFile', 'kernels.wasm', '--runtime', 'stub', '--enable', 'simd', '--importMemory', '--noAssert'],
      ...['--optimizeLevel', '3', '--shrinkLevel', '0', '--converge', '--baseDir', root],
    ],
    {
      writeFile: (name, contents) => {
        outputs.set(name, contents);
      },
    },
  );
  const wasm = outputs.get('kernels.wasm');
  if (error !== null || wasm === undefined) stop(`the kernels do not compile: ${error?.message ?? ''}\n${stderr.toString()}`);
  return wasm;
}

function stop(message) {
  console.error(message);
  process.exit(1);
}
