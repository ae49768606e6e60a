import { COMMON_RULES, type Operator } from '../src/onnx/operator.ts';
import { OPERATORS } from '../src/onnx/operators.ts';

const count = ([least, most]: Operator['inputs']): string => {
  if (most === Number.POSITIVE_INFINITY) return `${least} or more`;
  return least === most ? `${least}` : `${least} to ${most}`;
};

function row([name, operator]: readonly [string, Operator]): string {
  const { inputs, attributes, rules = [], lower, perSample } = operator;
  const limits = [
    ...(lower === undefined ? ['constants alone: no layer computes it'] : []),
    ...rules.map((rule) => rule.says),
    ...(perSample ? ['dimension 0 is the mini-batch'] : []),
  ];
  return `| ${name} | ${count(inputs)} | ${attributes.join(', ')} | ${limits.join('; ')} |`;
}

/** The list of supported operators, from the records that the importer checks models by. */
export function supportText(): string {
  return [
    '# Supported ONNX operators',
    '',
    'Written by `npm run support` from the records by which models are checked, so that a limit here is a message there. All activations are f16.',
    '',
    'What holds for all operators:',
    '',
    ...COMMON_RULES.map((rule) => `- ${rule.says}`),
    '- an attribute that is not listed is refused by name',
    '- where dimension 0 of the inputs is the mini-batch, no operator combines or moves what lies along it; a model that does is one sample, in inference',
    '',
    '| operator | inputs | attributes | limits |',
    '|---|---|---|---|',
    ...Object.entries(OPERATORS)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(row),
    '',
  ].join('\n');
}
