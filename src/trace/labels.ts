import type { RowInfo } from '../../backends/wavecore/index.ts';

/** Processes and threads count from 1: viewers take number 0 for that of an idle processor. A program describes one core. */
export const CORE_PROCESS = 1;
/** The thread that shows the layers; those of the pipelines follow. */
export const LAYERS_THREAD = 1;

/** What slices of the same instructions, or of the same merged ones, have in common. */
export interface Label {
  readonly id: number;
  /** Thread of the trace. */
  readonly track: number;
  readonly layer: RowInfo | undefined;
  readonly ops: readonly string[];
  readonly tensors: readonly string[];
  /** The members of the trace event that do not depend on the slice, up to and into its `args`. */
  readonly text: string;
  /** Length of the text in UTF-8. */
  readonly bytes: number;
}

type Parts = Pick<Label, 'track' | 'layer' | 'ops' | 'tensors'>;

/** Every label once, so that a slice costs little memory and its text is made once. */
export class Labels {
  private readonly byKey = new Map<string, Label>();
  private readonly unions = new Map<number, Map<number, Label>>();
  private readonly encoder = new TextEncoder();
  of(parts: Parts): Label {
    const { track, layer, ops, tensors } = parts;
    const key = JSON.stringify([track, layer?.group, layer?.layer, ops, tensors]);
    const known = this.byKey.get(key);
    if (known !== undefined) return known;
    const text = this.textOf(parts);
    const label = { ...parts, id: this.byKey.size, text, bytes: this.encoder.encode(text).length };
    this.byKey.set(key, label);
    return label;
  }

  /** The label of two slices of one layer on one track that become one. */
  union(a: Label, b: Label): Label {
    if (a === b) return a;
    const known = this.unions.get(a.id)?.get(b.id);
    if (known !== undefined) return known;
    const label = this.of({ ...a, ops: all(a.ops, b.ops), tensors: all(a.tensors, b.tensors) });
    const more = this.unions.get(a.id) ?? new Map<number, Label>();
    this.unions.set(a.id, more.set(b.id, label));
    return label;
  }

  private textOf({ track, layer, ops, tensors }: Parts): string {
    const args = {
      ...(layer === undefined ? {} : { node: layer.origin, group: layer.group, phase: layer.phase }),
      ...(ops.length === 0 ? {} : { op: ops.join(' ') }),
      ...(tensors.length === 0 ? {} : { tensor: tensors.join(' ') }),
    };
    const event = { name: layer?.layer ?? 'no layer', cat: layer?.phase ?? 'none', ph: 'X', pid: CORE_PROCESS, tid: track };
    const open = JSON.stringify(args).slice(0, -1);
    return `${JSON.stringify(event).slice(1, -1)},"args":${open}${open === '{' ? '' : ','}`;
  }
}

function all(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])];
}
