import { parseScopes } from '../scopes/parse-scope.js';
import { systemReaches, type Reaches } from '../sight/sight.js';
import { decideInteraction } from './decide-interaction.js';
import { readRequest } from './read-request.js';

function decided(method: string, path: string, query = '', scope = 'system/*.cruds', reaches: Reaches = systemReaches) {
  const scopes = parseScopes([scope]);
  if (!scopes.ok) throw new Error('no scope');
  return decideInteraction(scopes.scopes, readRequest({ method, path, query, headers: {} }), reaches);
}

describe('$everything of one patient', () => {
  test.each(['', '_count=10', 'start=2020-01&end=2021', '_since=2026-01-01T00:00:00Z', '_type=Observation,Condition'])(
    'is let through, and never proven by the request: ?%s',
    (query) => {
      const decision = decided('GET', '/Patient/p1/$everything', query);
      expect(decision).toMatchObject({ outcome: 'allow', whole: false });
    },
  );

  test('needs to read the patient', () => {
    expect(decided('GET', '/Patient/p1/$everything', '', 'system/Observation.rs')).toMatchObject({
      outcome: 'deny',
      reason: 'not-granted',
      wouldAllow: ['system/Patient.r'],
    });
  });

  test.each([
    '_count=0',
    '_count=a',
    '_count=1&_count=2',
    '_type=Spell',
    '_type=',
    '_filter=x',
    'start=today',
    '_getpages=1',
  ])('does not take ?%s', (query) =>
    expect(decided('GET', '/Patient/p1/$everything', query)).toMatchObject({ outcome: 'deny' }),
  );
});

test.each([
  ['GET', '/Patient/$everything'],
  ['GET', '/$everything'],
  ['GET', '/Encounter/e1/$everything'],
  ['POST', '/Patient/p1/$everything'],
  ['POST', '/$graphql'],
  ['GET', '/Patient/p1/$graphql'],
  ['GET', '/Patient/p1/$meta'],
  ['POST', '/Patient/p1/$meta-add'],
  ['GET', '/Patient/$diff'],
  ['POST', '/$reindex'],
  ['POST', '/Patient/$merge'],
  ['GET', '/Observation/$lastn'],
  ['POST', '/Patient/$match'],
  ['GET', '/$Everything'],
])('%s %s is refused under every scope', (method, path) => {
  expect(decided(method, path)).toMatchObject({ outcome: 'deny', reason: 'not-enforced' });
});
