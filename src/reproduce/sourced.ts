/** A published figure; only these may stand beside ours, and each with where it is from. */
export interface Sourced {
  readonly what: string;
  /** As printed in the source. */
  readonly figure: string;
  readonly source: string;
}

const ABSTRACT = 'Lym et al., MLSys 2019, arXiv 1810.00307 v4, abstract';
const CRANE = 'Crane, MICRO 2025, doi 10.1145/3725843.3756023, Fig. 11';

/** MBS and WaveCore against conventional training, as changes: the paper does not say of which networks and terms they are made up. */
export const HEADLINE = { traffic: -0.75, performance: 0.53, energy: -0.26, source: ABSTRACT } as const;

/** DRAM traffic of MBS over that of Crane. */
export const CRANE_TRAFFIC = { least: 1.42, most: 2.22, mean: 1.67, source: CRANE } as const;

export const SOURCED: readonly Sourced[] = [
  { what: 'DRAM traffic, MBS and WaveCore against conventional training', figure: '-75 %', source: ABSTRACT },
  { what: 'performance, MBS and WaveCore against conventional training', figure: '+53 %', source: ABSTRACT },
  { what: 'system energy, MBS and WaveCore against conventional training', figure: '-26 %', source: ABSTRACT },
  { what: 'DRAM traffic of MBS over that of Crane, mini-batch 256 a chip', figure: '1.42-2.22×, mean 1.67×', source: CRANE },
];
