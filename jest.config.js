/** The cost of a test is in its name: .spec, .int.spec, .e2e.spec, .fault.spec (CONTRIBUTING.md). */
const shape = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', {}] },
  moduleNameMapper: {
    '^(\\.{1,2}/.*)\\.js$': '$1',
    '^#([^/]+)$': '<rootDir>/libs/$1/src/index.ts',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  testPathIgnorePatterns: ['/node_modules/'],
};

export default {
  projects: [
    {
      ...shape,
      displayName: 'spec',
      testRegex: '(?<!\\.int|\\.e2e|\\.fault)\\.spec\\.ts$',
    },
    {
      ...shape,
      displayName: 'int',
      testRegex: '\\.int\\.spec\\.ts$',
      globalSetup: '<rootDir>/test/environment/setup.ts',
      globalTeardown: '<rootDir>/test/environment/teardown.ts',
    },
    {
      ...shape,
      displayName: 'e2e',
      testRegex: '\\.e2e\\.spec\\.ts$',
      globalSetup: '<rootDir>/test/environment/setup.ts',
      globalTeardown: '<rootDir>/test/environment/teardown.ts',
    },
    {
      ...shape,
      displayName: 'fault',
      testRegex: '\\.fault\\.spec\\.ts$',
      globalSetup: '<rootDir>/test/environment/setup.ts',
      globalTeardown: '<rootDir>/test/environment/teardown.ts',
    },
  ],
};
