/** The arrows that ARCHITECTURE.md draws, as data: `npm run boundaries` finds any other. */

/** What each lib may import of the others. */
const ARROWS = {
  contracts: [],
  smart: [],
  proofs: [],
  records: ['contracts'],
  dpop: [],
  vault: ['contracts'],
  'event-log': ['contracts'],
  access: ['contracts', 'smart'],
  enforcement: ['access', 'contracts', 'event-log'],
  host: ['contracts', 'event-log', 'vault'],
  'fhir-endpoints': ['host', 'smart'],
  testing: ['access', 'contracts', 'event-log', 'host', 'smart', 'vault'],
};

const TEST = '\\.(spec|test-d|arbitrary)\\.ts$|^libs/testing/';

/** Frameworks and drivers: what a pure lib or an aggregate does without. */
const EDGE =
  'node_modules/(@nestjs|@fastify|fastify|typeorm|pg|kafkajs|class-validator|class-transformer|undici|pino|oidc-provider)(/|$)';

const arrows = Object.entries(ARROWS).map(([lib, allowed]) => ({
  name: `lib-${lib}`,
  comment: `libs/${lib} imports ${allowed.length > 0 ? `only ${allowed.join(', ')}` : 'none'} of the other libs.`,
  severity: 'error',
  from: { path: `^libs/${lib}/`, pathNot: TEST },
  to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...arrows,
    {
      name: 'a-lib-is-drawn',
      comment: 'A new lib gets its line in ARROWS above first.',
      severity: 'error',
      from: {},
      to: { path: '^libs/', pathNot: `^libs/(${Object.keys(ARROWS).join('|')})/` },
    },
    {
      name: 'a-lib-by-its-index',
      comment: 'A lib is imported as #name; what its index.ts does not name is its own affair.',
      severity: 'error',
      from: { path: '^(apps|libs|test)/([^/]+)/' },
      to: { path: '^libs/([^/]+)/src/', pathNot: ['^libs/$2/', '^libs/[^/]+/src/index\\.ts$'] },
    },
    {
      name: 'kafkajs-only-in-event-log',
      comment: 'The ports of libs/event-log are what keeps its bugs in one place.',
      severity: 'error',
      from: { pathNot: ['^libs/event-log/', '^test/faults/raw-log\\.ts$', '^test/guarded-log/insider\\.ts$'] }, // these share no code with what they check
      to: { path: 'node_modules/kafkajs(/|$)' },
    },
    {
      name: 'open-api-when-asked',
      comment: "Nest's OpenAPI package is loaded when somebody asks for the document: 9 MB (docs/adr/0048).",
      severity: 'error',
      from: { pathNot: ['^libs/host/src/docs/(open-api-document|describe-request-classes)\\.ts$', TEST] },
      to: { path: 'node_modules/@nestjs/swagger(/|$)', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the-document-when-asked',
      severity: 'error',
      from: {},
      to: { path: '^libs/host/src/docs/open-api-document\\.ts$', dynamic: false },
    },
    {
      name: 'apps-stand-alone',
      comment: 'Apps meet in the log. Only apps/gatehouse composes the others, by their parts.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: '^apps/gatehouse/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'gatehouse-composes-parts',
      comment: 'The one process imports the parts of the apps, and nothing else of them.',
      severity: 'error',
      from: { path: '^apps/gatehouse/' },
      to: { path: '^apps/', pathNot: ['^apps/gatehouse/', '^apps/[^/]+/src/[^/]+\\.part\\.ts$'] },
    },
    {
      name: 'libs-know-no-app',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^(apps|test)/', pathNot: '^test/environment/' },
    },
    {
      name: 'pure-libs',
      comment: 'contracts, smart, proofs, records and access are plain functions over data.',
      severity: 'error',
      from: { path: '^libs/(contracts|smart|proofs|records|access)/', pathNot: TEST },
      to: { path: EDGE },
    },
    {
      name: 'pure-domain',
      comment: 'An aggregate decides from data alone: no time, no network, no framework.',
      severity: 'error',
      from: { path: '^apps/([^/]+)/.*(\\.decider\\.ts$|/domain/)', pathNot: TEST },
      to: { pathNot: ['^libs/(contracts|smart|proofs)/', '^apps/$1/.*(\\.decider\\.ts$|/domain/)'] },
    },
    {
      name: 'no-circles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'tests-are-not-imported',
      severity: 'error',
      from: { pathNot: TEST },
      to: { path: '\\.spec\\.ts$' },
    },
    {
      name: 'testing-only-in-tests',
      comment: 'libs/testing and test/environment are for tests.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TEST },
      to: { path: '^(libs/testing|test|scripts)/' },
    },
    {
      name: 'only-declared-packages',
      comment:
        'What runs imports a dependency of package.json, not one that happens to be installed, nor one for development.',
      severity: 'error',
      from: { path: '^(apps|libs)/', pathNot: TEST },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true, pathNot: '^@medplum/fhirtypes$' }, // nothing but types: it has no entry to resolve
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
};
