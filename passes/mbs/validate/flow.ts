import type { Network } from '../network.ts';
import type { Access, Group, Resident } from '../schedule.ts';
import { type Report, residentAt, type StepCheck } from './report.ts';

/** Follows where every tensor lies, from step to step: in DRAM, at its place in the global buffer, or nowhere yet. */
export class Flow {
  private readonly inDram: Set<string>;
  private readonly network: Network;
  /** Of the present group: places that hold their tensor, and results that all iterations add up. */
  private filled = new Set<Resident>();
  private partial = new Set<string>();

  constructor(network: Network) {
    const { graph, storages } = network;
    const given = [...graph.tensors.values()].filter((t) => t.constant !== undefined).map((t) => t.name);
    this.inDram = new Set([...graph.inputs, ...given].map((name) => storages.of(name).name));
    this.network = network;
  }

  /** What the group holds is in place before its first step. */
  beginGroup(group: Group, report: Report): void {
    this.filled = new Set();
    this.partial = new Set();
    group.steps.forEach(({ inputs, outputs }, index) => {
      for (const access of inputs) {
        if (access.mode !== 'hold') continue;
        this.readDram(access, report);
        this.fill(group, index, access, report);
      }
      for (const access of outputs) if (access.mode === 'hold') this.fill(group, index, access, report);
    });
  }

  step({ group, step, index, view }: StepCheck, report: Report): void {
    for (const access of step.inputs) this.read(group, index, access, report);
    step.outputs.forEach((access, i) => {
      if (access.mode === 'resident') this.fill(group, index, access, report);
      if (access.store) this.inDram.add(access.tensor);
      if (group.iterations > 1 && view.outputs[i]?.batched === false) this.partial.add(access.tensor);
    });
    for (const r of group.residents)
      if (r.from === index && !this.filled.has(r)) report(r, `step ${index} does not put it on chip`, r.tensor);
  }

  /** What the caller reads must be in DRAM in the end. */
  end(report: Report): void {
    for (const output of this.network.graph.outputs) {
      const { name } = this.network.storages.of(output);
      if (!this.inDram.has(name)) report({}, 'is a result of the step and is never stored', name);
    }
  }

  private read(group: Group, index: number, access: Access, report: Report): void {
    if (access.mode === 'hold') return;
    if (access.mode === 'resident' || access.mode === 'held') {
      const place = residentAt(group, access.tensor, index);
      if (place === undefined) report(access, 'has no place on chip at this step', access.tensor);
      else if (!this.filled.has(place)) report(access, 'is read on chip before it is put there', access.tensor);
      return;
    }
    this.readDram(access, report);
    if (this.partial.has(access.tensor))
      report(access, 'is complete only after all iterations of the group and cannot be read in it', access.tensor);
    if (access.mode === 'load') this.fill(group, index, access, report);
  }

  private readDram(access: Access, report: Report): void {
    if (!this.inDram.has(access.tensor)) report(access, 'is read from DRAM, where no step before has stored it', access.tensor);
  }

  private fill(group: Group, index: number, access: Access, report: Report): void {
    const place = residentAt(group, access.tensor, index);
    if (place === undefined) report(access, 'has no place on chip at this step', access.tensor);
    else if (this.filled.has(place)) report(access, 'is on chip already', access.tensor);
    else this.filled.add(place);
  }
}
