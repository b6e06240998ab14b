import { Withholding } from '../sight/withholding.js';
import type { AllowedOperation } from './allowed-operation.js';
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

describe('an operation that is listed', () => {
  const lastn: AllowedOperation = {
    name: 'lastn',
    level: 'type',
    type: 'Observation',
    needs: [{ type: 'Observation', interaction: 's' }],
    partly: false,
    parameters: new Set(['max']),
    answer: 'searchset',
    definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
  };
  const decision = (scope: string, query = '', operations = [lastn], reaches: Reaches = systemReaches) => {
    const scopes = parseScopes([scope]);
    if (!scopes.ok) throw new Error('no scope');
    const asked = readRequest({ method: 'GET', path: '/Observation/$lastn', query, headers: {} });
    return decideInteraction(scopes.scopes, asked, reaches, { operations });
  };
  const ofPatient: Reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' } };

  test('is let through to who sees all that it needs, and never proven by the request', () => {
    expect(decision('system/Observation.rs', 'max=2')).toMatchObject({ outcome: 'allow', whole: false });
  });

  test.each(['system/Observation.rs?category=laboratory', 'patient/Observation.rs', 'system/Observation.r'])(
    '%s is not enough, and is told what would be',
    (scope) => {
      expect(decision(scope, '', [lastn], ofPatient)).toMatchObject({
        outcome: 'deny',
        reason: 'not-granted',
        wouldAllow: ['system/Observation.s'],
      });
    },
  );

  test('a part is enough where the operator says so, and not where something else is needed', () => {
    const partly = { ...lastn, partly: true };
    expect(decision('patient/Observation.rs', '', [partly], ofPatient)).toMatchObject({ outcome: 'allow' });
    const more = { ...partly, needs: [...lastn.needs, { type: 'Condition', interaction: 's' } as const] };
    expect(decision('patient/Observation.rs', '', [more], ofPatient)).toMatchObject({
      outcome: 'deny',
      wouldAllow: ['patient/Condition.s'],
    });
  });

  test('what is withheld of its type makes it a part', () => {
    const withheld = new Withholding([{ name: 'x', patients: ['p2'] }], []);
    expect(decision('system/*.rs', '', [lastn], { ...systemReaches, withheld })).toMatchObject({ outcome: 'deny' });
  });
});
