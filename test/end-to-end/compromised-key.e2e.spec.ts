import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { decodeJwt } from 'jose';
import { until } from '../demo/checks.js';
import { ClientApplication } from '../demo/client-application.js';
import { Person, type Answer } from '../demo/http.js';
import { at, listAt, textAt } from '../demo/json.js';
import { FhirCall } from '../fleet/fhir-call.js';
import { paths, slowUpstream, type SlowUpstream } from '../fleet/slow-upstream.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { startOneProcess } from './one-process.js';
import type { Running } from './running.js';

const scopes = ['system/Observation.rs'];

describe('a key of a client’s that was compromised', () => {
  let own: Isolation;
  let data: string;
  let gatehouse: Running;
  let upstream: SlowUpstream;
  let developer: Person;
  let reviewer: Person;
  let auditor: Person;

  beforeAll(async () => {
    data = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-compromised-'));
    own = await isolate();
    upstream = await slowUpstream();
    gatehouse = await startOneProcess({ ...own, dataDir: data }, { FHIR_UPSTREAM_URL: upstream.url });
    const signedIn = (who: string): Promise<Person> => Person.signedIn(gatehouse.url, `${who}@example.org`);
    [developer, reviewer, auditor] = await Promise.all([signedIn('dev'), signedIn('reviewer'), signedIn('auditor')]);
  }, 120_000);

  afterAll(async () => {
    await gatehouse.stop();
    await upstream.close();
    await own.dispose();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  /** One backend service that has three keys, approved; each holder of a key with two tokens that it has earned. */
  async function serviceWithThreeKeys() {
    const holders = await Promise.all([1, 2, 3].map(() => ClientApplication.withNewKey(gatehouse.url)));
    const registered = await developer.post(
      '/registration/applications',
      {
        name: 'Nightly export',
        kind: 'backend',
        clientType: 'confidential-asymmetric',
        scopes,
        purposesOfUse: [{ code: 'TREAT', justification: 'Nurses look at the course of vital signs at night.' }],
        jwks: { keys: holders.map(({ publicKey }) => publicKey) },
        submit: true,
      },
      201,
    );
    const [id, clientId] = [textAt(registered.body, 'id'), textAt(registered.body, 'clientId')];
    const queue = await reviewer.get(`/approval/reviews?applicationId=${id}&status=pending`, [registered.position]);
    await reviewer.post(`/approval/reviews/${textAt(queue.body, 'items.0.id')}/decisions`, {
      decision: 'approve',
      reason: 'fine',
      expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    });
    const earn = async (holder: ClientApplication): Promise<string> => {
      const asked = (): Promise<Answer> => holder.askForToken(clientId, scopes);
      return textAt((await until('access is open', asked, ({ status }) => status === 200)).body, 'access_token');
    };
    const [lost, kept, rotated] = await Promise.all(
      holders.map(async (holder) => ({
        holder,
        kid: holder.publicKey.kid ?? '',
        tokens: [await earn(holder), await earn(holder)] as const,
      })),
    );
    if (lost === undefined || kept === undefined || rotated === undefined) throw new Error('there are three');
    const call = (token: string) => kept.holder.fhir(paths.quick.slice(1), token);
    for (const token of [lost, kept, rotated].flatMap(({ tokens }) => tokens))
      await until(
        'the gateway knows that access is open',
        () => call(token),
        ({ status }) => status === 200,
      );
    return { id, clientId, lost, kept, rotated, call };
  }

  type Service = Awaited<ReturnType<typeof serviceWithThreeKeys>>;

  const remove = ({ id }: Service, kid: string, compromised: boolean): Promise<Answer> =>
    developer.post(`/registration/applications/${id}/keys`, { remove: { kid, compromised } });

  it('ends at once what it earned, with the receipt, and nothing that another key earned', async () => {
    const service = await serviceWithThreeKeys();
    const { id, clientId, lost, kept, call } = service;
    // Calls go on all the while: those with a token of the other key are let in.
    const during: number[] = [];
    const over = new AbortController();
    const goingOn = (async () => {
      while (!over.signal.aborted) during.push((await call(kept.tokens[0])).status);
    })();
    const removed = await remove(service, lost.kid, true);
    const after = await Promise.all([...lost.tokens, ...lost.tokens].map(call));
    over.abort();
    await goingOn;

    expect(after.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(after[0]?.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect([...new Set(during)]).toEqual([200]);
    expect((await Promise.all(kept.tokens.map(call))).map(({ status }) => status)).toEqual([200, 200]);
    expect(at(removed.body, 'receipt')).toEqual({
      applicationId: id,
      decidedAt: at(removed.body, 'updatedAt'),
      position: removed.position,
      enforcedAt: expect.any(String),
      enforcementPoints: expect.arrayContaining([
        expect.objectContaining({ kind: 'gateway', appliedAt: expect.any(String) }),
        expect.objectContaining({ kind: 'token', appliedAt: expect.any(String) }),
      ]),
      outstanding: [],
      inFlightWrites: 0,
      elapsedMs: expect.any(Number),
    });

    // Nor does it earn another, and the other key does.
    expect(await lost.holder.askForToken(clientId, scopes)).toMatchObject({
      status: 401,
      body: { error: 'invalid_client' },
    });
    const another = await kept.holder.askForToken(clientId, scopes);
    expect((await call(textAt(another.body, 'access_token'))).status).toBe(200);
    const records = `/audit/records?applicationId=${id}&type=access-denied&limit=100`;
    const { body } = await until(
      'every refusal is in the audit',
      () => auditor.get(records),
      (answer) => listAt(answer.body, 'items').length >= after.length,
    );
    const told = listAt(body, 'items').map((item) => `${textAt(item, 'reason')} ${textAt(item, 'tokenId')}`);
    const ids = [...lost.tokens, ...lost.tokens].map((token) => decodeJwt(token).jti);
    expect(told.sort()).toEqual(ids.map((tokenId) => `dead-key ${String(tokenId)}`).sort());
  }, 60_000);

  it('cuts the calls that are under way with what it earned, and no other', async () => {
    const service = await serviceWithThreeKeys();
    const { lost, kept } = service;
    const port = Number(new URL(gatehouse.url).port);
    const [cut, goesOn] = [lost, kept].map(({ tokens: [token] }) => FhirCall.start(port, paths.dripping, token));
    await until(
      'both are under way',
      async () => upstream.dripping(),
      (dripping) => dripping === 2,
    );
    const removed = await remove(service, lost.kid, true);
    expect(at(removed.body, 'receipt.outstanding')).toEqual([]);
    await cut?.ended;
    expect(cut?.status).not.toBe(200);
    await until(
      'its read is given up',
      async () => upstream.dripping(),
      (dripping) => dripping === 1,
    );
    expect((await service.call(kept.tokens[0])).status).toBe(200);
    expect([upstream.dripping(), goesOn?.port]).toEqual([1, expect.any(Number)]);
  }, 60_000);

  it('is told from one that was only replaced: what that earned goes on, and no receipt is given', async () => {
    const service = await serviceWithThreeKeys();
    const { clientId, rotated, lost, kept, call } = service;
    const removed = await remove(service, rotated.kid, false);
    expect(at(removed.body, 'receipt')).toBeUndefined();
    expect((await rotated.holder.askForToken(clientId, scopes)).status).toBe(401);
    expect((await Promise.all(rotated.tokens.map(call))).map(({ status }) => status)).toEqual([200, 200]);

    // Until it is found out that it was more than that; all the others go on still.
    const found = await remove(service, rotated.kid, true);
    expect(at(found.body, 'receipt.outstanding')).toEqual([]);
    expect((await Promise.all(rotated.tokens.map(call))).map(({ status }) => status)).toEqual([401, 401]);
    const others = await Promise.all([...lost.tokens, ...kept.tokens].map(call));
    expect(others.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
  }, 60_000);
});
