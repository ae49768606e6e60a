// Compiles the AssemblyScript kernels of the interpreter to WebAssembly and embeds the bytes as base64 in a module, so that the
// core reads no file. Checks first that the slots and opcodes of the kernels are those of the ISA.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const root = fileURLToPath(new URL('../', import.meta.url));
const kernels = 'backends/wavecore/interpreter/kernels';

checkSlots('slots.ts', 'MATRIX_SLOTS');
checkSlots('vector-slots.ts', 'VECTOR_SLOTS');
checkOpcodes();
const wasm = await compile();
mkdirSync(`${root}${kernels}/generated`, { recursive: true });
writeFileSync(
  `${root}${kernels}/generated/kernels.ts`,
  `/** Compiled from ../assembly by \`npm run build:kernels\`. */\nexport const KERNELS_WASM =\n  '${Buffer.from(wasm).toString('base64')}';\n`,
);
console.log(`kernels: ${wasm.length} bytes of WebAssembly`);

/** Every `export const NAME = number` of a source of the kernels must be what the ISA says. */
function checkNumbers(source, table, number) {
  const declared = [...readFileSync(`${root}${kernels}/assembly/${source}`, 'utf8').matchAll(/export const (\w+) = (\w+);/g)];
  const wrong = declared.filter(([, name, value]) => number(name) !== Number(value)).map(([, name]) => name);
  if (wrong.length > 0) stop(`${source} of the kernels differs from ${table}: ${wrong.join(', ')}`);
}

function checkSlots(source, list) {
  const text = readFileSync(`${root}backends/wavecore/isa/slots.ts`, 'utf8');
  const names = [...(new RegExp(`${list} = \\[([^\\]]*)\\]`).exec(text)?.[1] ?? '').matchAll(/'(\w+)'/g)].map((match) => match[1]);
  checkNumbers(source, list, (name) => names.indexOf(name));
}

function checkOpcodes() {
  const text = readFileSync(`${root}backends/wavecore/isa/table.ts`, 'utf8');
  const opcodes = new Map([...text.matchAll(/'(v\.\w+)': vec\(\s*(0x\w+)/g)].map(([, op, code]) => [op, Number(code)]));
  checkNumbers('opcodes.ts', 'the ISA', (name) => opcodes.get(name.toLowerCase().replace('_', '.')));
}

async function compile() {
  const outputs = new Map();
  const { error, stderr } = await asc.main(
    [
      `${kernels}/assembly/index.ts`,
      ...['--outFile', 'kernels.wasm', '--runtime', 'stub', '--enable', 'simd', '--enable', 'threads', '--noAssert'],
      ...['--importMemory', '--sharedMemory', '--maximumMemory', '65536'],
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
