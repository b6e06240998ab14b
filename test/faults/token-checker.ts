import { createHash } from 'node:crypto';
import type { RawRecord } from './raw-log.js';

/** What one request for a token came to, as the client saw it. */
export interface ToldToken {
  readonly by: 'authorization_code' | 'refresh_token' | 'client_credentials';
  readonly clientId: string;
  /** The code or the refresh token that was presented. */
  readonly presented?: string;
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly error?: string;
  /** Of the access token that was given: its id and its grant. */
  readonly tokenId?: string;
  readonly grantId?: string;
  readonly refreshToken?: string;
}

/** A revocation that was answered 200: what it ended. */
export interface ToldEnd {
  readonly grantId: string;
}

/** The protocol's tables as they stand; digests in hexadecimal. */
export interface ProtocolTables {
  readonly codes: readonly { readonly digest: string; readonly grantId: string; readonly consumed: boolean }[];
  readonly refreshTokens: readonly {
    readonly digest: string;
    readonly grantId: string;
    readonly predecessor: string | null;
  }[];
  readonly grants: readonly { readonly grantId: string; readonly ended: boolean; readonly used: boolean }[];
}

/** What clients were told, what stands in the log, and what stands in the tables. */
export interface TokenEvidence {
  readonly told: readonly ToldToken[];
  readonly ended: readonly ToldEnd[];
  readonly activity: readonly RawRecord[];
  readonly events: readonly RawRecord[];
  readonly tables: ProtocolTables;
}

/** What is not as it must be, each in words: no token without its fact, no code redeemed twice, one successor for each refresh token. */
export function checkTokens(evidence: TokenEvidence): string[] {
  return [
    ...factsOfTokens(evidence),
    ...codesOnce(evidence),
    ...oneSuccessor(evidence),
    ...grantsAreConsented(evidence),
    ...endsAreKept(evidence),
  ];
}

const digestOf = (credential: string): string => createHash('sha256').update(credential).digest('hex');

const ofType = (records: readonly RawRecord[], type: string): readonly RawRecord[] =>
  records.filter(({ value }) => String(value['type']).includes(`.${type}.`));

/** Every access token that somebody has was recorded first, and as what it is. */
function factsOfTokens({ told, activity }: TokenEvidence): string[] {
  const facts = new Map(ofType(activity, 'token-issued').map(({ value: { data } }) => [String(data['tokenId']), data]));
  return told.flatMap(({ tokenId, by, clientId, grantId }) => {
    if (tokenId === undefined) return [];
    const fact = facts.get(tokenId);
    if (fact === undefined) return [`token ${tokenId} of ${clientId} was given away and is not in the log`];
    const same = fact['grantType'] === by && fact['clientId'] === clientId && fact['grantId'] === grantId;
    return same ? [] : [`token ${tokenId} of ${clientId} stands in the log as something else`];
  });
}

/** A code brings at most one token, and none while the table says that it was not used. */
function codesOnce({ told, tables, activity }: TokenEvidence): string[] {
  const given = told.filter(({ by, tokenId }) => by === 'authorization_code' && tokenId !== undefined);
  const twice = [...Map.groupBy(given, ({ presented }) => presented)].flatMap(([code, tokens]) =>
    tokens.length > 1 ? [`code ${String(code)} brought ${String(tokens.length)} tokens`] : [],
  );
  const used = new Set(given.map(({ presented }) => digestOf(presented ?? '')));
  const recorded = new Set(
    ofType(activity, 'token-issued').flatMap(({ value: { data } }) =>
      data['grantType'] === 'authorization_code' ? [data['grantId']] : [],
    ),
  );
  const table = tables.codes.flatMap(({ digest, grantId, consumed }) => [
    ...(used.has(digest) && !consumed ? [`a code of grant ${grantId} brought a token and counts as unused`] : []),
    ...(consumed && !recorded.has(grantId) ? [`a code of grant ${grantId} was used, and the log has no token`] : []),
  ]);
  return [...twice, ...table];
}

/** All who presented one refresh token were given the same one for it, and the table has no other. */
function oneSuccessor({ told, tables, activity }: TokenEvidence): string[] {
  const rotated = told.filter(({ by, refreshToken }) => by === 'refresh_token' && refreshToken !== undefined);
  const answers = [...Map.groupBy(rotated, ({ presented }) => presented)].flatMap(([, of]) => {
    const successors = new Set(of.map(({ refreshToken }) => refreshToken));
    return successors.size > 1 ? [`a refresh token was answered with ${String(successors.size)} successors`] : [];
  });
  const children = tables.refreshTokens.filter(({ predecessor }) => predecessor !== null);
  const rows = [...Map.groupBy(children, ({ predecessor }) => predecessor)].flatMap(([, of]) =>
    of.length > 1 ? [`a refresh token of grant ${String(of[0]?.grantId)} has ${String(of.length)} successors`] : [],
  );
  const issued = Map.groupBy(ofType(activity, 'token-issued'), ({ value }) => String(value.data['grantId']));
  const unrecorded = [...Map.groupBy(tables.refreshTokens, ({ grantId }) => grantId)].flatMap(([grantId, of]) =>
    of.length > (issued.get(grantId)?.length ?? 0)
      ? [`grant ${grantId} has ${String(of.length)} refresh tokens and fewer tokens in the log`]
      : [],
  );
  const known = new Set(tables.refreshTokens.map(({ digest }) => digest));
  const standing = new Set(tables.grants.flatMap(({ grantId, ended }) => (ended ? [] : [grantId])));
  const lost = told.flatMap(({ refreshToken, grantId }) =>
    refreshToken !== undefined && standing.has(grantId ?? '') && !known.has(digestOf(refreshToken))
      ? [`a refresh token of grant ${String(grantId)} was given away and is not kept`]
      : [],
  );
  return [...answers, ...rows, ...unrecorded, ...lost];
}

/** Tokens rest on a consent that the log has once. */
function grantsAreConsented({ events, activity, tables }: TokenEvidence): string[] {
  const consents = Map.groupBy(ofType(events, 'grant-consented'), ({ value }) => String(value.data['grantId']));
  const resting = [
    ...ofType(activity, 'token-issued').flatMap(({ value: { data } }) => data['grantId'] ?? []),
    ...tables.grants.flatMap(({ grantId, used }) => (used ? [grantId] : [])),
  ].map(String);
  return [
    ...[...consents].flatMap(([grantId, of]) =>
      of.length > 1 ? [`grant ${grantId} was consented to ${String(of.length)} times`] : [],
    ),
    ...[...new Set(resting)].flatMap((grantId) =>
      consents.has(grantId) ? [] : [`grant ${grantId} has tokens and no consent in the log`],
    ),
  ];
}

/** What was answered as ended has ended, in the log and in the tables, and nothing has ended in the tables alone. */
function endsAreKept({ ended, events, tables }: TokenEvidence): string[] {
  const revoked = new Set(ofType(events, 'grant-revoked').map(({ value }) => String(value.data['grantId'])));
  const rows = new Map(tables.grants.map(({ grantId, ended: over }) => [grantId, over]));
  return [
    ...ended.flatMap(({ grantId }) => [
      ...(revoked.has(grantId) ? [] : [`grant ${grantId} was told ended and is not so in the log`]),
      ...(rows.get(grantId) === false ? [`grant ${grantId} was told ended and stands`] : []),
    ]),
    ...[...rows].flatMap(([grantId, over]) =>
      over && !revoked.has(grantId) ? [`grant ${grantId} has ended and the log does not say so`] : [],
    ),
  ];
}
