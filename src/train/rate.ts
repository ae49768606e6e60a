/** How the learning rate goes from step to step. */
export type RateShape =
  | { readonly kind: 'constant' }
  /** Half a cosine, down to 0 at the last step. */
  | { readonly kind: 'cosine' }
  /** Times `factor` every `every` steps. */
  | { readonly kind: 'step'; readonly every: number; readonly factor: number };

export interface RateSchedule {
  readonly base: number;
  readonly shape: RateShape;
  /** Steps in which the rate rises to the base in equal parts. */
  readonly warmup: number;
  /** Steps of the whole training. */
  readonly steps: number;
}

/** The learning rate of a step, counted from 0. */
export function rateAt({ base, shape, warmup, steps }: RateSchedule, step: number): number {
  if (step < warmup) return (base * (step + 1)) / warmup;
  if (shape.kind === 'cosine') return (base / 2) * (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup)));
  if (shape.kind === 'step') return base * shape.factor ** Math.floor(step / shape.every);
  return base;
}

/** `constant`, `cosine` or `step:EVERY:FACTOR`; undefined for other text. */
export function parseRateShape(text: string): RateShape | undefined {
  if (text === 'constant' || text === 'cosine') return { kind: text };
  const match = /^step:(\d+):([\d.]+)$/.exec(text);
  const [every, factor] = [Number(match?.[1]), Number(match?.[2])];
  return every >= 1 && factor > 0 ? { kind: 'step', every, factor } : undefined;
}
