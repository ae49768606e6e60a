/**
 * Lays out a drawing in the Graphviz language, as SVG. Graphviz comes as WebAssembly and is loaded on first use.
 * @throws Error where the text is not in the Graphviz language
 */
export async function drawSvg(dot: string): Promise<string> {
  const { instance } = await import('@viz-js/viz');
  const viz = await instance();
  return viz.renderString(dot, { format: 'svg' });
}
