// The five layers of VGG-16's training step that take most of the time, with the ONNX node that each comes from.
import { readFileSync } from 'node:fs';
import { compile, run } from '../src/index.ts';

const model = readFileSync(new URL('models/vgg16.train.onnx', import.meta.url));
const { cycles, layers } = run(compile(model, { file: 'vgg16.onnx', batch: 8 }), { mode: 'timing' });

for (const layer of layers.toSorted((a, b) => b.cycles - a.cycles).slice(0, 5)) {
  const share = ((100 * layer.cycles) / cycles).toFixed(1);
  console.log(`${share.padStart(5)} %  ${layer.phase.padEnd(8)}  ${layer.kind.padEnd(16)}  ${layer.origin}`);
}

// Prints:
//  19.3 %  backward  gemm_grad_weight_momentum  /classifier/classifier.0/Gemm + classifier.0.weight
//   3.9 %  forward   conv              /features/features.0/Conv
//   3.2 %  backward  gemm_grad_weight_momentum  /classifier/classifier.3/Gemm + classifier.3.weight
//   3.0 %  backward  conv_grad_weight_momentum  /features/features.2/Conv + features.2.weight
//   2.9 %  forward   conv              /features/features.2/Conv
