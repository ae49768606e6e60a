/** A network of the evaluation. Which networks it had, and their samples a core, is recollection, not evidence. */
export interface EvaluatedNetwork {
  readonly name: string;
  /** Samples a core. */
  readonly batch: number;
}

/** The networks by the names of their bundled models. */
export const NETWORKS: readonly EvaluatedNetwork[] = [
  { name: 'alexnet', batch: 64 },
  { name: 'resnet50', batch: 32 },
  { name: 'resnet101', batch: 32 },
  { name: 'resnet152', batch: 32 },
  { name: 'inception_v3', batch: 32 },
  { name: 'inception_v4', batch: 32 },
];

/** Any other network that there is a model of. */
const DEFAULT_BATCH = 32;

export function evaluated(name: string): EvaluatedNetwork {
  return NETWORKS.find((network) => network.name === name) ?? { name, batch: DEFAULT_BATCH };
}

/** AlexNet has neither normalization nor branches: means are over the others. */
export function isDeep(network: string): boolean {
  return network !== 'alexnet';
}

/** Of the follow-up comparison (sourced): mini-batch 256 a chip. */
export const FOLLOW_UP = { networks: ['resnet50', 'resnet101', 'inception_v3', 'inception_v4'], batch: 128 } as const;
