// Writes drawn digits as a data set that wavec train reads: images.npy and labels.npy in the directory given.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeNpy } from '../../src/index.ts';
import { drawDigits } from './digits.ts';

const [directory = 'digits', count = '4096', seed = '1'] = process.argv.slice(2);
const { shape, samples, targets, ...data } = drawDigits(Number(count), Number(seed));
mkdirSync(directory, { recursive: true });
writeFileSync(join(directory, 'images.npy'), writeNpy({ type: 'u1', shape: [data.count, ...shape], values: Float64Array.from(samples) }));
writeFileSync(join(directory, 'labels.npy'), writeNpy({ type: 'i4', shape: [data.count], values: Float64Array.from(targets) }));
