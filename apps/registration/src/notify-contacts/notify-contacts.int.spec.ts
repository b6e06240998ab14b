import { setTimeout as pause } from 'node:timers/promises';
import type { AddressInfo } from 'node:net';
import { approval, mintIdBeside } from '#contracts';
import type { LogSettings } from '#event-log';
import { Database, LOG_SETTINGS } from '#host';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { exportJWK, generateKeyPair } from 'jose';
import { SMTPServer } from 'smtp-server';
import { AlertWatch } from '../../../../test/alerts/alert-watch.js';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { registrationPart } from '../registration.part.js';

const path = '/registration/applications';
const contacts = ['security@heart.example.org', 'on-call@heart.example.org'];

interface Mail {
  readonly to: string;
  readonly raw: string;
}
interface Body {
  readonly id: string;
  readonly status: string;
  readonly type: string;
  readonly detail: string;
  readonly jwks: { readonly keys: readonly { readonly kid: string }[] };
  readonly unconfirmed: readonly { readonly id: string; readonly triesLeft: number }[];
}

describe('contacts of an application', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  const mails: Mail[] = [];
  /** Answers 451 to the first message to this address, as greylisting does. */
  let greylisted: string | undefined = contacts[1];
  let tries = 0;
  let takesNone = false;
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo({ address }, _session, done) {
      if (takesNone) return done(Object.assign(new Error('no room'), { responseCode: 452 }));
      if (address !== greylisted) return done();
      greylisted = undefined;
      tries++;
      done(Object.assign(new Error('try again'), { responseCode: 451 }));
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString('utf8').replace(/=\r\n/g, '').replace(/=3D/g, '=');
        for (const { address } of session.envelope.rcptTo) mails.push({ to: address, raw });
        done();
      });
    },
  });

  beforeAll(async () => {
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
    const { port } = smtp.server.address() as AddressInfo;
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(registrationPart, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_TOPIC_PREFIX: own.prefix,
        SMTP_URL: `smtp://127.0.0.1:${port}`,
        NOTICE_FROM: 'gatehouse@example.org',
      },
    });
  }, 60_000);

  afterAll(async () => {
    await service.close();
    await new Promise<void>((resolve) => smtp.close(() => resolve()));
    await Promise.all([own.dispose(), issuer.close()]);
  });

  const call = async (who: string, role: string, to: string, json?: unknown) => {
    const headers = await issuer.bearer(who, role);
    const response = await service.call(to, { headers, ...(json === undefined ? {} : { json }) });
    return { status: response.status, body: (await response.json()) as Body };
  };
  const newKey = async (kid: string) => ({ ...(await exportJWK((await generateKeyPair('ES384')).publicKey)), kid });
  const sealed = async () =>
    (await service.app.get(Database).query<{ n: string }>('SELECT count(*) AS n FROM vault.sealed', []))[0]?.n;
  const mailed = async (to: string, subject: string): Promise<Mail> => {
    for (;;) {
      const mail = mails.find((it) => it.to === to && it.raw.includes(subject));
      if (mail) return mail;
      await pause(50);
    }
  };

  const approvedApplication = async () => {
    const { body } = await call('dev', 'developer', path, {
      name: 'Heart Sync',
      kind: 'provider',
      clientType: 'confidential-asymmetric',
      scopes: ['user/Observation.crus'],
      purposesOfUse: [{ code: 'TREAT', justification: 'Care.' }],
      redirectUris: ['https://heart.example.org/callback'],
      contacts,
      jwks: { keys: [await newKey('first')] },
      submit: true,
    });
    const seed = new LogSeed(service.app.get<LogSettings>(LOG_SETTINGS));
    const data = {
      ...{ reviewId: mintIdBeside(body.id), submission: 1, approvalVersion: 1, reviewerIds: ['reviewer'] },
      ...{ scopes: ['user/Observation.crus'], expiresAt: '2099-01-01T00:00:00Z', conditions: [], endpoints: ['*'] },
      reason: 'fits',
    };
    const by = { subject: body.id, actor: 'reviewer', time: new Date().toISOString() };
    await seed.event(approval, { type: 'review-approved', data }, by);
    await seed.close();
    while ((await call('dev', 'developer', `${path}/${body.id}`)).body.status !== 'active') await pause(50);
    return body.id;
  };

  it('leave nothing in the vault where the command was refused', async () => {
    const before = await sealed();
    const refused = await call('dev', 'developer', path, {
      name: 'Heart Sync',
      kind: 'provider',
      clientType: 'public',
      scopes: ['nonsense/Observation.rs'],
      purposesOfUse: [{ code: 'TREAT', justification: 'Care.' }],
      redirectUris: ['https://heart.example.org/callback'],
      contacts,
    });
    expect(refused.status).toBe(422);
    expect(await sealed()).toBe(before);
  });

  it('are sent the code of a new key, which counts once it is given back', async () => {
    const to = `${path}/${await approvedApplication()}`;
    const before = await sealed();
    const added = await call('dev', 'developer', `${to}/keys`, { add: await newKey('second') });
    expect(added.status).toBe(200);
    expect(added.body.jwks.keys.map(({ kid }) => kid)).toEqual(['first']);
    const confirmation = `${to}/credentials/${added.body.unconfirmed[0]?.id}/confirmation`;

    const [first, second] = await Promise.all(contacts.map((address) => mailed(address, 'waits to be confirmed')));
    expect(tries).toBe(1);
    const code = /code: ([A-Za-z0-9_-]{22})/.exec(first?.raw ?? '')?.[1] ?? '';
    expect(second?.raw).toContain(code);
    expect(first?.raw).toContain('From: gatehouse@example.org');
    const ids = mails.map(({ raw }) => /Message-ID: (\S+)/i.exec(raw)?.[1]);
    expect(new Set(ids).size).toBe(ids.length);
    const history = await call('dev', 'developer', `${to}/history`);
    expect(JSON.stringify(history.body)).toContain('credential-proposed');
    expect(JSON.stringify(history.body)).not.toMatch(/codeSha256|sealedCode/);
    // The code is nowhere any more once it has been sent.
    while ((await sealed()) !== before) await pause(50);

    const wrong = await call('dev', 'developer', confirmation, { code: 'A'.repeat(22) });
    expect([wrong.status, wrong.body.type, wrong.body.detail]).toEqual([
      422,
      'urn:gatehouse:problem:wrong-code',
      'It is not the one that was sent. Tries left: 4.',
    ]);
    expect((await call('dev', 'developer', confirmation, { code: 'short' })).status).toBe(400);
    expect((await call('dev', 'developer', confirmation, {})).status).toBe(403);
    expect((await call('stranger', 'developer', confirmation, { code })).status).toBe(404);
    expect((await call('rev', 'reviewer', confirmation, { code })).status).toBe(403);
    const confirmed = await call('dev', 'developer', confirmation, { code });
    expect(confirmed.status).toBe(200);
    expect(confirmed.body.jwks.keys.map(({ kid }) => kid)).toEqual(['first', 'second']);
    const again = await call('dev', 'developer', confirmation, { code });
    expect([again.status, again.body.type]).toEqual([409, 'urn:gatehouse:problem:nothing-to-confirm']);
    await mailed(contacts[0] ?? '', 'A new key counts');
  }, 60_000);

  it('need not answer where an operator confirms', async () => {
    const to = `${path}/${await approvedApplication()}`;
    const added = await call('dev', 'developer', `${to}/keys`, { add: await newKey('second') });
    const confirmation = `${to}/credentials/${added.body.unconfirmed[0]?.id}/confirmation`;
    const confirmed = await call('op', 'operator', confirmation, {});
    expect([confirmed.status, confirmed.body.unconfirmed]).toEqual([200, []]);
  }, 60_000);

  it('are not said to be told where the vault has none of them any more', async () => {
    const { body } = await call('dev', 'developer', path, {
      name: 'Heart Sync',
      kind: 'provider',
      clientType: 'confidential-symmetric',
      scopes: ['user/Observation.rs'],
      purposesOfUse: [{ code: 'TREAT', justification: 'Care.' }],
      redirectUris: ['https://heart.example.org/callback'],
      contacts: ['gone@heart.example.org'],
    });
    const query = <Row extends object>(text: string) => service.app.get(Database).query<Row>(text, []);
    // As after the erasure of whoever wrote them.
    await query('DELETE FROM vault.sealed');
    expect((await call('dev', 'developer', `${path}/${body.id}/secrets`, {})).status).toBe(200);
    const ends = `SELECT d.ended FROM protocol.notice_deliveries d JOIN projection.application_notices n ON n.id = d.notice_id
      WHERE n.notice->>'applicationId' = '${body.id}' AND d.ended IS NOT NULL`;
    let ended = await query(ends);
    while (ended.length === 0) ended = await query(ends); // nobody tells
    expect(ended).toEqual([{ ended: 'no-recipient' }]);
  });

  it('that take no mail for a day are given up, and an alert says so', async () => {
    const watch = new AlertWatch({ registration: service.url });
    expect(await watch.settles()).toEqual([]);
    takesNone = true;
    const to = `${path}/${await approvedApplication()}`;
    expect((await call('dev', 'developer', `${to}/keys`, { add: await newKey('second') })).status).toBe(200);
    const query = <Row extends object>(text: string) => service.app.get(Database).query<Row>(text, []);
    const tried = `UPDATE protocol.notice_deliveries SET next_at = now() WHERE ended IS NULL AND cardinality(reached) = 0 RETURNING notice_id`;
    while ((await query(tried)).length === 0); // nobody tells
    // As if it had been due since yesterday.
    await query(`UPDATE projection.application_notices SET time = time - interval '25 hours'`);
    const { annotations } = await watch.fires('GatehouseNoticesGivenUp', {}, { meanwhile: () => query(tried) });
    expect(annotations['summary']).toContain('within a day');
    takesNone = false;
  }, 60_000);
});
