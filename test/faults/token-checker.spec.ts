import { createHash } from 'node:crypto';
import type { RawRecord } from './raw-log.js';
import { checkTokens, type ProtocolTables, type TokenEvidence, type ToldToken } from './token-checker.js';

const record = (type: string, data: Record<string, unknown>): RawRecord => ({
  partition: 0,
  offset: '0',
  writer: '1/0',
  value: { type: `gatehouse.x.${type}.v1`, data },
});
const issued = (tokenId: string, grantType: string) =>
  record('token-issued', { tokenId, grantType, clientId: 'app', grantId: 'g' });
const told = (tokenId: string, over: Partial<ToldToken> = {}): ToldToken => ({
  by: 'authorization_code',
  clientId: 'app',
  presented: 'the code',
  status: 200,
  tokenId,
  grantId: 'g',
  ...over,
});
const codeDigest = createHash('sha256').update('the code').digest('hex');
const [r1, r2] = ['01', '02'];

/** A launch, a refresh and an end, as they should be. */
function evidence(over: Partial<TokenEvidence> = {}, tables: Partial<ProtocolTables> = {}): TokenEvidence {
  return {
    told: [told('t1')],
    ended: [],
    activity: [issued('t1', 'authorization_code'), issued('t2', 'refresh_token')],
    events: [record('grant-consented', { grantId: 'g' })],
    tables: {
      codes: [{ digest: codeDigest, grantId: 'g', consumed: true }],
      refreshTokens: [
        { digest: r1, grantId: 'g', predecessor: null },
        { digest: r2, grantId: 'g', predecessor: r1 },
      ],
      grants: [{ grantId: 'g', ended: false, used: true }],
      ...tables,
    },
    ...over,
  };
}

test('nothing is wrong with what is right', () => expect(checkTokens(evidence())).toEqual([]));

const refreshed = (refreshToken: string, tokenId: string) =>
  told(tokenId, { by: 'refresh_token', presented: 'r1', refreshToken });

test.each<[what: string, found: TokenEvidence, fault: RegExp]>([
  ['a token without its fact', evidence({ told: [told('t9')] }), /t9 of app was given away and is not in the log/],
  ['a token recorded as another client’s', evidence({ told: [told('t1', { clientId: 'b' })] }), /something else/],
  [
    'a code that brought two tokens',
    evidence({
      told: [told('t1'), told('t3')],
      activity: ['t1', 't2', 't3'].map((id) => issued(id, 'authorization_code')),
    }),
    /brought 2 tokens/,
  ],
  [
    'a used code without a token in the log',
    evidence({ told: [], activity: [issued('t2', 'refresh_token'), issued('t3', 'refresh_token')] }),
    /was used, and the log has no token/,
  ],
  [
    'two answers to one refresh token',
    evidence({
      told: [refreshed('x', 't2'), refreshed('y', 't2')],
      tables: evidence({}, { grants: [{ grantId: 'g', ended: true, used: true }] }).tables,
      events: [record('grant-consented', { grantId: 'g' }), record('grant-revoked', { grantId: 'g' })],
    }),
    /answered with 2 successors/,
  ],
  [
    'two successors in the table',
    evidence({}, { refreshTokens: [r1, r2].map((digest) => ({ digest, grantId: 'g', predecessor: 'p' })) }),
    /has 2 successors/,
  ],
  [
    'more refresh tokens than facts',
    evidence({ activity: [issued('t1', 'authorization_code')] }),
    /fewer tokens in the log/,
  ],
  ['a refresh token that nobody keeps', evidence({ told: [refreshed('lost', 't2')] }), /given away and is not kept/],
  ['tokens without a consent', evidence({ events: [] }), /no consent in the log/],
  [
    'a consent that stands twice',
    evidence({ events: [1, 2].map(() => record('grant-consented', { grantId: 'g' })) }),
    /consented to 2 times/,
  ],
  [
    'an end that is not in the log',
    evidence({ ended: [{ grantId: 'g' }] }, { grants: [] }),
    /told ended and is not so in the log/,
  ],
  [
    'an end that the table does not know',
    evidence({
      ended: [{ grantId: 'g' }],
      events: [record('grant-consented', { grantId: 'g' }), record('grant-revoked', { grantId: 'g' })],
    }),
    /told ended and stands/,
  ],
  [
    'a code that counts as unused',
    evidence({}, { codes: [{ digest: codeDigest, grantId: 'g', consumed: false }] }),
    /counts as unused/,
  ],
  [
    'an end in the table alone',
    evidence({}, { grants: [{ grantId: 'g', ended: true, used: true }] }),
    /does not say so/,
  ],
])('%s is found', (_what, found, fault) => {
  expect(checkTokens(found)).toEqual([expect.stringMatching(fault)]);
});
