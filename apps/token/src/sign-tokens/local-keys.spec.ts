import { inspect } from 'node:util';
import { importJWK, jwtVerify } from 'jose';
import { localKeys } from './local-keys.js';
import { signJwt } from './sign-jwt.js';

describe.each(['ES256', 'RS256'] as const)('a key that is made here, %s', (alg) => {
  test('signs what its public part verifies', async () => {
    const key = localKeys.open(await localKeys.make(alg));
    if (key === undefined) throw new Error('it was not opened');
    const token = await signJwt(key, { sub: 'someone', exp: Math.floor(Date.now() / 1000) + 60 }, { typ: 'at+jwt' });
    const { payload, protectedHeader } = await jwtVerify(token, await importJWK(key.publicJwk));
    expect([payload.sub, protectedHeader]).toEqual(['someone', { alg, typ: 'at+jwt', kid: key.kid }]);
  });

  test('shows its private part to nobody who prints it or asks for what is published', async () => {
    const kept = await localKeys.make(alg);
    const key = localKeys.open(kept);
    const shown = inspect(key, { depth: 9, showHidden: true }) + JSON.stringify(key) + JSON.stringify(key?.publicJwk);
    expect(shown).toContain(key?.kid);
    for (const secret of ['d', 'p', 'q', 'dp', 'dq', 'qi'].flatMap((name) => kept[name] ?? []))
      expect(shown).not.toContain(secret);
  });
});

test('what a key service holds is not opened here', () => {
  expect(localKeys.open({ remote: 'arn', alg: 'ES256', kid: 'k', kty: 'EC' })).toBeUndefined();
});
