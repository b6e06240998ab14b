import fc from 'fast-check';
import { fieldsIn, readClientMetadata, withStatement } from './client-metadata.js';

const asked = {
  client_name: 'Growth chart',
  redirect_uris: ['https://app.example/back'],
  scope: 'launch/patient patient/Patient.rs',
  token_endpoint_auth_method: 'none',
};
const vouched = {
  client_name: 'Diary',
  redirect_uris: ['https://diary.example/back'],
  scope: 'patient/Observation.rs',
  policy_uri: 'https://diary.example/privacy',
  dpop_bound_access_tokens: true,
};

describe('metadata that a software statement vouches for', () => {
  test('[RFC 7591 §2.3] takes the place of what the client says of itself, whatever that is', () => {
    const names = Object.keys(vouched) as (keyof typeof vouched)[];
    fc.assert(
      fc.property(fc.subarray(names, { minLength: 1 }), fc.json(), (chosen, said) => {
        const claims = Object.fromEntries(chosen.map((name) => [name, vouched[name]]));
        const lies = Object.fromEntries(chosen.map((name) => [name, JSON.parse(said) as unknown]));
        const merged = withStatement({ ...asked, ...lies }, claims);
        expect(merged).toMatchObject(claims);
        expect(readClientMetadata(merged)).toEqual(readClientMetadata({ ...asked, ...claims }));
        expect(fieldsIn(claims)).toHaveLength(chosen.length);
      }),
    );
  });

  test('[RFC 7591 §2.3] leaves what the statement is silent about to the client', () => {
    const merged = withStatement(asked, { iss: 'https://directory.example', client_name: 'Diary' });
    expect(readClientMetadata(merged)).toMatchObject({
      reviewed: { name: 'Diary', redirectUris: asked.redirect_uris, clientType: 'public' },
    });
    expect(fieldsIn({ iss: 'https://directory.example', client_name: 'Diary' })).toEqual(['name']);
  });

  test.each([
    [{ jwks_uri: 'https://diary.example/jwks' }, { jwks: { keys: [{ kid: 'evil' }] } }],
    [{ jwks: { keys: [{ kid: 'theirs' }] } }, { jwks_uri: 'https://evil.example/jwks' }],
  ])('[RFC 7591 §2.3] a client adds no key of its own to %j', (claims, evil) => {
    expect(withStatement({ ...asked, ...evil }, claims)).toEqual({ ...asked, ...claims });
  });
});
