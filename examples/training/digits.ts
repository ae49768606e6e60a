// Draws a data set: handwritten-looking digits, hard enough that no linear model tells them apart.
import type { DataSet } from '../../src/index.ts';
import { uniform } from '../../src/index.ts';

type Point = readonly [x: number, y: number];

/** Points of an arc around (x, y), angles in turns, clockwise from the right. */
function arc(x: number, y: number, rx: number, ry: number, from: number, to: number): Point[] {
  const count = 10;
  return Array.from({ length: count + 1 }, (_, i) => {
    const angle = 2 * Math.PI * (from + ((to - from) * i) / count);
    return [x + rx * Math.cos(angle), y + ry * Math.sin(angle)];
  });
}

/** Strokes of each digit in a square from (−1, −1), above left, to (1, 1). */
const STROKES: readonly (readonly (readonly Point[])[])[] = [
  [arc(0, 0, 0.6, 0.9, 0, 1)],
  [
    [
      [-0.3, -0.6],
      [0.1, -0.9],
      [0.1, 0.9],
    ],
  ],
  [[...arc(0, -0.4, 0.55, 0.5, 0.5, 1.08), [-0.6, 0.9], [0.6, 0.9]]],
  [[...arc(0, -0.45, 0.5, 0.45, 0.55, 1.25)], [...arc(0, 0.45, 0.55, 0.45, -0.25, 0.45)]],
  [
    [
      [0.35, 0.9],
      [0.35, -0.9],
      [-0.6, 0.3],
      [0.65, 0.3],
    ],
  ],
  [[[0.55, -0.9], [-0.45, -0.9], [-0.5, -0.1], ...arc(0, 0.35, 0.55, 0.5, -0.32, 0.42)]],
  [[[0.4, -0.9], ...arc(0, 0.35, 0.55, 0.5, 0.62, 0.5), ...arc(0, 0.35, 0.55, 0.5, 0.5, 1.5)]],
  [
    [
      [-0.6, -0.9],
      [0.6, -0.9],
      [-0.15, 0.9],
    ],
  ],
  [arc(0, -0.45, 0.45, 0.42, 0, 1), arc(0, 0.45, 0.55, 0.45, 0, 1)],
  [
    arc(0, -0.35, 0.55, 0.5, 0, 1),
    [
      [0.55, -0.35],
      [0.4, 0.9],
    ],
  ],
];

/** Distance of a point from the line between two others. */
function distance([x, y]: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const [dx, dy] = [bx - ax, by - ay];
  const t = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / Math.max(dx * dx + dy * dy, 1e-9)));
  return Math.hypot(x - ax - t * dx, y - ay - t * dy);
}

/**
 * `count` grey images of `size` × `size` pixels, the classes evenly in turn. Each digit is turned, sheared, scaled, moved and of
 * its own stroke width; it is light on dark or dark on light, so that the mean of a pixel says nothing; the ground has a slope and noise.
 */
export function drawDigits(count: number, seed: number, size = 20): DataSet {
  const random = uniform(seed);
  const between = (from: number, to: number): number => from + (to - from) * random();
  const samples = new Uint8Array(count * size * size);
  const targets = Int32Array.from({ length: count }, (_, n) => n % STROKES.length);
  targets.forEach((label, n) => {
    const [turn, shear, width] = [between(-0.3, 0.3), between(-0.3, 0.3), between(0.1, 0.22)];
    const [sx, sy] = [between(0.55, 0.85), between(0.6, 0.9)];
    const [mx, my] = [between(-0.2, 0.2), between(-0.15, 0.15)];
    const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
    const place = ([x, y]: Point): Point => {
      const [u, v] = [sx * (x + shear * y), sy * y];
      return [cos * u - sin * v + mx, sin * u + cos * v + my];
    };
    const strokes = (STROKES[label] ?? []).map((stroke) => stroke.map(place));
    const [ground, slopeX, slopeY] = [between(0.25, 0.75), between(-0.15, 0.15), between(-0.15, 0.15)];
    const ink = random() < 0.5 ? ground - between(0.25, 0.5) : ground + between(0.25, 0.5);
    for (let row = 0; row < size; row++) {
      for (let column = 0; column < size; column++) {
        const at: Point = [(2 * (column + 0.5)) / size - 1, (2 * (row + 0.5)) / size - 1];
        let nearest = Number.POSITIVE_INFINITY;
        for (const stroke of strokes) {
          stroke.forEach((point, i) => {
            if (i > 0) nearest = Math.min(nearest, distance(at, stroke[i - 1] ?? point, point));
          });
        }
        const cover = Math.max(0, Math.min(1, (width - nearest) * (size / 2) + 0.5));
        const behind = ground + slopeX * at[0] + slopeY * at[1];
        // The sum of three uniform numbers is nearly normal.
        const noise = 0.12 * (random() + random() + random() - 1.5);
        const value = behind + cover * (ink - behind) + noise;
        samples[(n * size + row) * size + column] = Math.round(255 * Math.max(0, Math.min(1, value)));
      }
    }
  });
  return { name: `digits drawn with seed ${seed}`, count, shape: [1, size, size], samples, targets, targetShape: [] };
}
