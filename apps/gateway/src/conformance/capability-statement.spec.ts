import { type Enforced, smartConfiguration } from '#smart';
import { capabilityStatement } from './capability-statement.js';

const publicUrl = 'https://g.example';

test('the CapabilityStatement’s oauth-uris are those of the well-known document', () => {
  const statement = JSON.stringify(capabilityStatement(publicUrl, `${publicUrl}/fhir`, '2026-11-24T09:30:00Z', {}));
  const uris = Object.fromEntries(
    [...statement.matchAll(/"url":"(\w+)","valueUri":"([^"]+)"/g)].map(([, name = '', uri]) => [name, uri]),
  );
  const smart = smartConfiguration(publicUrl);
  expect(uris).toEqual({
    authorize: smart.authorization_endpoint,
    token: smart.token_endpoint,
    register: smart.registration_endpoint,
    manage: smart.management_endpoint,
    introspect: smart.introspection_endpoint,
    revoke: smart.revocation_endpoint,
  });
  expect(smart.user_access_brand_bundle).toBe(`${publicUrl}/.well-known/user-access-brands`);
});

test('it says what it does with Bundles, and nothing where it does not take them', () => {
  const rest = (enforced: Enforced) =>
    JSON.stringify(capabilityStatement(publicUrl, `${publicUrl}/fhir`, '2026-11-24T09:30:00Z', enforced));
  const said = '"interaction":[{"code":"batch"},{"code":"transaction"}]';
  expect(rest({ bundles: true })).toContain(said);
  expect(rest({})).not.toContain('transaction');
});

test('it says which operations are let through, and no other', () => {
  const lastn = {
    name: 'lastn',
    level: 'type',
    type: 'Observation',
    needs: [{ type: 'Observation', interaction: 's' }],
    partly: true,
    parameters: new Set(['max']),
    answer: 'searchset',
    definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
  } as const;
  const namesIn = (enforced: Enforced) => {
    const said = JSON.stringify(capabilityStatement(publicUrl, `${publicUrl}/fhir`, '2026-11-24T09:30:00Z', enforced));
    return new Set([...said.matchAll(/OperationDefinition\/([\w-]+)/g)].map(([, name]) => name));
  };
  const always = ['Patient-everything', 'export', 'patient-export', 'group-export'];
  expect(namesIn({})).toEqual(new Set(always));
  expect(namesIn({ writes: { byName: new Set() } })).toEqual(new Set([...always, 'Resource-validate']));
  expect(namesIn({ operations: [lastn] })).toEqual(new Set([...always, 'Observation-lastn']));
});
