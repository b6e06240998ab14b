import { readdirSync } from 'node:fs';

/** By name: packages have imports that begin with `#` too. */
const libs = readdirSync(new URL('libs', import.meta.url)).join('|');

/**
 * The cost of a test is in its name (CONTRIBUTING.md): `.spec` needs nothing, `.int.spec` a real broker or database,
 * `.e2e.spec` processes of ours, `.fault.spec` kills them. `npm test` runs all but test/faults/long.
 */
const shape = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', {}] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    [`^#(${libs})$`]: '<rootDir>/libs/$1/src/index.ts',
  },
  roots: ['<rootDir>/apps', '<rootDir>/libs', '<rootDir>/test'],
};

/** Once per run, however many of these projects it has. */
const environment = {
  globalSetup: '<rootDir>/test/environment/setup.ts',
  globalTeardown: '<rootDir>/test/environment/teardown.ts',
};

const LONG = '/test/faults/long/';

export default {
  // For a machine that is busy with others; no test asserts how long a thing takes. (Jest ignores it in a project.)
  testTimeout: 60_000,
  // Modules of a test file are only freed with their worker.
  workerIdleMemoryLimit: '1GB',
  projects: [
    { ...shape, displayName: 'spec', testRegex: '(?<!\\.int|\\.e2e|\\.fault)\\.spec\\.ts$' },
    { ...shape, ...environment, displayName: 'int', testRegex: '\\.int\\.spec\\.ts$' },
    { ...shape, ...environment, displayName: 'e2e', testRegex: '\\.e2e\\.spec\\.ts$' },
    {
      ...shape,
      ...environment,
      displayName: 'fault',
      testRegex: '\\.fault\\.spec\\.ts$',
      testPathIgnorePatterns: [LONG],
    },
    { ...shape, ...environment, displayName: 'long-fault', testRegex: `${LONG}.*\\.fault\\.spec\\.ts$` },
  ],
};
