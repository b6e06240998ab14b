import fc from 'fast-check';
import { interactionsInOrder, type ResourceScope, type Scope, type ScopeInteraction } from './scope.js';

/** Arbitraries for tests: few types and values, so that scopes often meet. */
const type = fc.constantFrom('*', 'Observation', 'Condition', 'Patient');
const context = fc.constantFrom('patient', 'user', 'system');
const base = { kind: fc.constant('resource'), context, type } as const;

const v1 = fc.record({
  ...base,
  interactions: fc.constantFrom<readonly ScopeInteraction[]>(['r', 's'], ['c', 'u', 'd'], interactionsInOrder),
  params: fc.constant([]),
  syntax: fc.constant('v1'),
});

const v2 = fc
  .record({
    ...base,
    interactions: fc.subarray([...interactionsInOrder], { minLength: 1 }),
    params: fc.uniqueArray(
      fc.record({
        name: fc.constantFrom('category', 'code', '_tag'),
        value: fc.constantFrom('a', 'b', 'a,b', 's|a', 'a,b,c', 'x&y=%+ ü'),
      }),
      { maxLength: 3, selector: (it) => `${it.name} ${it.value}` },
    ),
    syntax: fc.constant('v2'),
  })
  .map((scope) => ({
    ...scope,
    params: scope.params.filter(({ name }) => name === '_tag' || mayCarry(scope.type, name)),
  }));

const mayCarry = (of: string, name: string) => (of === 'Observation' || of === 'Condition' ? name !== '_tag' : false);

const anyResourceScope: fc.Arbitrary<ResourceScope> = fc.oneof(v1, v2);

export const anyScope: fc.Arbitrary<Scope> = fc.oneof(
  { weight: 6, arbitrary: anyResourceScope },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Scope>(
      { kind: 'launch', name: 'launch/patient' },
      { kind: 'identity', name: 'openid' },
      { kind: 'duration', name: 'offline_access' },
    ),
  },
);

export const anyScopes: fc.Arbitrary<readonly Scope[]> = fc.array(anyScope, { maxLength: 5 });
