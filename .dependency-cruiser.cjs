/** The import column of the folder table in ARCHITECTURE.md. */
const only = (name, comment, from, allowed) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(ir|passes|backends|src|test|bench|examples|scripts)/', pathNot: allowed },
});

/** All but the command line and what stands apart because it needs Node. */
const CORE = '^(ir|passes|backends)/|^src/(?!cli/|node/)';

module.exports = {
  forbidden: [
    only('ir-imports-nothing', 'ir imports nothing of ours.', '^ir/', '^ir/'),
    only('passes-import-ir', 'passes import ir.', '^passes/', '^(ir|passes)/'),
    only(
      'backend-imports-ir-and-schedules',
      'A backend imports ir and the schedule of passes/mbs.',
      '^backends/wavecore/',
      '^(ir/|passes/mbs/|backends/wavecore/)',
    ),
    only(
      'interpreter-apart-from-lowering',
      'The interpreter shares no code with the lowering but the ISA, the program and the machine, so that one can catch the mistakes of the other.',
      '^backends/wavecore/interpreter/',
      '^(ir/|backends/wavecore/(interpreter|isa|machine)/|backends/wavecore/program\\.ts$)',
    ),
    only(
      'lowering-apart-from-interpreter',
      'The lowering never counts what the interpreter counts.',
      '^backends/wavecore/(lowering/|generate\\.ts$)',
      '^(ir/|passes/mbs/|backends/wavecore/(lowering|isa|machine)/|backends/wavecore/(program|generate)\\.ts$)',
    ),
    only('src-imports-the-product', 'src imports no tests, benchmarks or examples.', '^src/', '^(ir|passes|backends|src)/'),
    only('cli-is-thin', 'The rest of src does not know the command line.', '^src/(?!cli/)', '^(ir|passes|backends)/|^src/(?!cli/)'),
    only('examples-use-the-public-api', 'Examples import the public API alone.', '^examples/', '^(examples/|src/index\\.ts$)'),
    {
      name: 'core-without-node',
      comment: 'The core runs where there is no Node: a browser, a worker.',
      severity: 'error',
      from: { path: CORE },
      to: { dependencyTypes: ['core'] },
    },
    only(
      'core-apart-from-node',
      'What runs in a browser does not import what needs Node.',
      CORE,
      '^(ir|passes|backends)/|^src/(?!cli/|node/)',
    ),
    {
      name: 'no-circles',
      comment: 'Modules form no circle.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'resolvable', comment: 'Every import resolves.', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'declared',
      comment: 'The product imports declared dependencies only.',
      severity: 'error',
      from: { path: '^(ir|passes|backends|src)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: 'kernels/assembly' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.mjs', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default'],
    },
  },
};
