/** One curve: a value for each step. */
export interface Curve {
  readonly name: string;
  readonly color: string;
  readonly values: readonly number[];
}

const [WIDTH, HEIGHT] = [640, 320];
const MARGIN = { top: 34, right: 16, bottom: 40, left: 52 };
/** Steps whose mean is one point of a curve. */
const WINDOW = 16;

function smoothed(values: readonly number[]): [step: number, mean: number][] {
  const points: [number, number][] = [];
  for (let from = 0; from + WINDOW <= values.length; from += WINDOW) {
    const window = values.slice(from, from + WINDOW);
    points.push([from + WINDOW / 2, window.reduce((a, b) => a + b, 0) / WINDOW]);
  }
  return points;
}

/** Loss by step as an SVG drawing. */
export function lossChart(title: string, curves: readonly Curve[]): string {
  const steps = Math.max(...curves.map((c) => c.values.length));
  const most = Math.ceil(2 * Math.max(...curves.flatMap((c) => smoothed(c.values).map(([, v]) => v)))) / 2;
  const x = (step: number): number => MARGIN.left + (step / steps) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (loss: number): number => HEIGHT - MARGIN.bottom - (loss / most) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const text = (at: readonly [number, number], anchor: string, content: string): string =>
    `<text x="${at[0].toFixed(1)}" y="${at[1].toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
  const rows = Array.from({ length: Math.round(most / 0.5) + 1 }, (_, i) => i / 2).flatMap((v) => [
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(v).toFixed(1)}" y2="${y(v).toFixed(1)}" stroke="#ddd"/>`,
    text([MARGIN.left - 8, y(v) + 4], 'end', v.toFixed(1)),
  ]);
  const columns = Array.from({ length: 5 }, (_, i) => (i * steps) / 4).map((s) =>
    text([x(s), HEIGHT - MARGIN.bottom + 18], 'middle', `${Math.round(s)}`),
  );
  const lines = curves.map((c) => {
    const points = smoothed(c.values).map(([s, v]) => `${x(s).toFixed(1)},${y(v).toFixed(1)}`);
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${c.color}" stroke-width="1.8"/>`;
  });
  const legend = curves.map((c, i) => {
    const top = MARGIN.top + 14 + 18 * i;
    const right = WIDTH - MARGIN.right - 8;
    return `<line x1="${right - 24}" x2="${right}" y1="${top - 4}" y2="${top - 4}" stroke="${c.color}" stroke-width="2"/>${text([right - 30, top], 'end', c.name)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="white"/>`,
    text([WIDTH / 2, 20], 'middle', title),
    ...rows,
    ...columns,
    text([WIDTH / 2, HEIGHT - 6], 'middle', `step (mean loss of ${WINDOW} steps)`),
    ...lines,
    ...legend,
    '</svg>',
    '',
  ].join('\n');
}
