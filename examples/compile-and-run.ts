// Compiles a training step of ResNet-50 and executes the program: what it counts equals what the compiler predicted.
import { readFileSync } from 'node:fs';
import { compile, decodeProgram, encodeProgram, run, verify } from '../src/index.ts';

const model = readFileSync(new URL('models/resnet50.train.onnx', import.meta.url));
const file = encodeProgram(compile(model, { file: 'resnet50.train.onnx', batch: 32, schedule: 'mbs2' }));
const program = decodeProgram(file);
const result = run(program, { mode: 'timing' });

console.log(`${program.model}: ${program.code.length} instructions, ${result.instructions} executed`);
console.log(`traffic ${(result.traffic.total / 1e9).toFixed(3)} GB, time ${(result.seconds * 1e3).toFixed(3)} ms`);
console.log(`as predicted: ${verify(program, result).ok}`);

// Prints:
// resnet50.train: 52494 instructions, 1131412 executed
// traffic 4.003 GB, time 55.179 ms
// as predicted: true
