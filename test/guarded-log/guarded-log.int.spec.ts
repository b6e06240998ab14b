import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import {
  bodyDigest,
  CommandKeys,
  commandId,
  ContextCodec,
  encodeReport,
  enforcementTopic,
  logServices,
  partitionOf,
  PointKey,
  registration,
} from '#contracts';
import {
  aclsOfAll,
  applyAcls,
  assertGuarded,
  compareAcls,
  ensureTopics,
  LogScanner,
  type LogSettings,
  UnguardedLog,
} from '#event-log';
import { ConfigError, principalsFor } from '#host';
import {
  counterTopics,
  startTestService,
  testAuthority,
  testIssuer,
  type TestIssuer,
  type TestService,
} from '#testing';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { auditPart } from '../../apps/audit/src/audit.part.js';
import { gateway } from '../../apps/gateway/src/gateway.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { reviewPart } from '../../apps/review/src/review.part.js';
import { tokenPart } from '../../apps/token/src/token.part.js';
import { type Isolation, isolate } from '../environment/isolation.js';
import { type GuardedBroker, guardedBroker, OPERATOR } from './guarded-broker.js';
import { type Insider, insider } from './insider.js';

const MALLORY = 'mallory';
const principals = principalsFor('', {});
const userOf = (service: string): string => `gatehouse-${service}`;
const events = 'gatehouse.registration.events';
const commands = 'gatehouse.registration.commands';

let own: Isolation;
let issuer: TestIssuer;
let broker: GuardedBroker;
let dataDir: string;
let services: readonly TestService[] = [];

const start = (part: Parameters<typeof startTestService>[0], user = userOf(part.name)): Promise<TestService> =>
  startTestService(part, {
    databaseUrl: own.databaseUrl,
    issuer,
    environment: { ...broker.environmentOf(user), DATA_DIR: dataDir },
  });

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly said: string;
}

/** `npx gatehouse log …`, with these settings of the brokers. */
async function log(words: readonly string[], environment: Readonly<Record<string, string>>): Promise<Ended> {
  const { NODE_OPTIONS: _, KAFKA_BROKERS: _brokers, ...rest } = process.env;
  const child = spawn(process.execPath, ['apps/cli/bin/gatehouse.js', 'log', ...words], {
    env: { ...rest, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit') as Promise<[number | null]>;
  const [out, said, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, said };
}

/** `npx gatehouse log acls`, as who runs the brokers. */
const acls = async (...flags: readonly string[]): Promise<Ended> =>
  await log(['acls', ...flags], broker.environmentOf(OPERATOR));

beforeAll(async () => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'guarded-log-'));
  [own, issuer, broker] = await Promise.all([
    isolate(),
    testIssuer(),
    guardedBroker([...logServices.map(userOf), MALLORY]),
  ]);
});
afterAll(async () => {
  await Promise.all(services.map((service) => service.close()));
  await Promise.all([own.dispose(), issuer.close(), broker.stop()]);
  rmSync(dataDir, { recursive: true });
});

describe('a broker with TLS, SCRAM and an authorizer', () => {
  it.each<[string, () => LogSettings]>([
    ['in the open', () => ({ ...broker.settingsOf(OPERATOR), ssl: false })],
    ['with another’s password', () => broker.settingsOf(OPERATOR, 'guessed')],
    ['whose authority did not sign the broker’s certificate', () => foreign()],
  ])('lets nobody in %s', async (_how, settings) => {
    const oneCopy = { replicationFactor: 1, minInSyncReplicas: 1 };
    await expect(ensureTopics(settings(), counterTopics, oneCopy)).rejects.toThrow();
  });
});

describe('before the ACLs are applied', () => {
  it('a service does not start: it may not even see them', async () => {
    await expect(guard('registration')).rejects.toThrow(/may not see or change the ACLs/);
  });
});

describe('once they are applied', () => {
  beforeAll(async () => {
    const applied = await acls('--apply');
    expect([applied.code, applied.out]).toEqual([0, expect.stringContaining('added: User:gatehouse-audit read')]);
  });

  it('they are as they must be', async () => {
    expect(await acls()).toMatchObject({ code: 0, out: expect.stringContaining('As they must be') });
  });

  it('every service starts as itself, and an application is registered', async () => {
    const parts = [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart];
    services = await Promise.all(parts.map((part) => start(part)));
    await expect(registered('Heart Diary')).resolves.toEqual(expect.any(String));
  });

  describe('npx gatehouse log inspect', () => {
    const first = `${events}:0:0`;

    it('shows topics and records to whoever may read them', async () => {
      const application = await registered('Heart Diary');
      const place = `${events}:${partitionOf(application)}:0`;
      const [topics, records] = await Promise.all([
        log(['inspect'], broker.environmentOf(OPERATOR)),
        log(['inspect', place, '--limit', '200'], broker.environmentOf(userOf('audit'))),
      ]);
      expect(topics).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^gatehouse\.registration\.events +0 +\d+ +\d+$/m),
      });
      expect(records).toMatchObject({ code: 0, out: expect.stringContaining(application) });
    });

    it('shows nobody else anything', async () => {
      const operator = broker.environmentOf(OPERATOR);
      const [mallory, guessed, foreign] = await Promise.all([
        log(['inspect', first], broker.environmentOf(MALLORY)),
        log(['inspect', first], { ...operator, KAFKA_SASL_PASSWORD: 'guessed' }),
        log(['inspect', first], { ...operator, KAFKA_TLS_CA: testAuthority().ca }),
      ]);
      for (const { code, out, said } of [mallory, guessed, foreign])
        expect([code, out, said]).toEqual([1, '', expect.stringContaining('The log cannot be read at')]);
    });

    it('asks no broker in the open, or as nobody', async () => {
      const [open, nobody] = await Promise.all([
        log(['inspect'], { KAFKA_BROKERS: broker.brokers, KAFKA_TLS: '0' }),
        log(['inspect', '--brokers', broker.brokers], {}),
      ]);
      expect(open).toMatchObject({ code: 2, out: '', said: expect.stringContaining('KAFKA_TLS must be 1') });
      expect(nobody).toMatchObject({
        code: 2,
        out: '',
        said: expect.stringContaining('KAFKA_SASL_USERNAME must be set'),
      });
    });
  });

  it('a service does not start with another’s credentials', async () => {
    await expect(start(gateway, userOf('registration'))).rejects.toThrow(ConfigError);
    await expect(start(gateway, userOf('registration'))).rejects.toThrow(
      /KAFKA_SASL_USERNAME must be gatehouse-gateway/,
    );
  });

  describe('an insider with a console producer', () => {
    let console_: Insider;
    afterEach(() => console_.close());

    it.each([
      [userOf('gateway'), events],
      [userOf('gateway'), commands],
      [userOf('approval'), events],
      [MALLORY, 'gatehouse.activity'],
    ])('as %s cannot write to %s, and the broker has it on record', async (user, topic) => {
      console_ = await insider(broker.settingsOf(user));
      await expect(console_.produce(topic, 3, 'a record')).rejects.toMatchObject({
        type: 'TOPIC_AUTHORIZATION_FAILED',
      });
      expect(broker.saidByBroker()).toMatch(
        new RegExp(`Principal = User:${user} is Denied operation = (WRITE|DESCRIBE).*${topic}`),
      );
    });

    it('cannot take the place of a writer', async () => {
      console_ = await insider(broker.settingsOf(userOf('gateway')));
      await expect(console_.fence('gatehouse.registration.writer.3')).rejects.toThrow();
      expect(broker.saidByBroker()).toMatch(/gatehouse-gateway is Denied .*TransactionalId:.*registration\.writer\.3/);
    });
  });

  describe('an insider with the credentials of registration, who may write to its commands,', () => {
    let console_: Insider;
    let application: string;
    let genuine: string;
    const partition = (): number => partitionOf(application);

    beforeAll(async () => {
      console_ = await insider(broker.settingsOf(userOf('registration')));
      application = await registered('Growth charts');
      const scanner = new LogScanner(broker.settingsOf(userOf('registration')));
      const found = await scanner.read({ topic: commands, partition: partition(), from: 0n, limit: 100 });
      await scanner.close();
      genuine = found.map(({ value }) => value.toString()).find((value) => value.includes(application)) ?? '';
      expect(genuine).toMatch(/"deadline".*"mac":"development\./);
    });
    afterAll(() => console_.close());

    const suspension = (actor: string): string =>
      new ContextCodec(registration).encodeCommand({
        type: 'suspend-application',
        data: { reason: 'because I can' },
        meta: {
          id: commandId(actor, 'POST', '/forged', randomUUID()),
          subject: application,
          actor,
          time: new Date().toISOString(),
          deadline: new Date(Date.now() + 60_000).toISOString(),
          bodyDigest: bodyDigest({}),
          correlationId: 'forged',
          causationId: 'forged',
        },
      });
    const guessed = new CommandKeys([{ id: 'development', key: Buffer.alloc(32) }]);

    it.each<[string, string, () => string, (() => number)?]>([
      ['a forged actor', 'it has no MAC', () => suspension('an operator')],
      ['a MAC by a guessed key', 'its MAC does not fit what it says', () => guessed.seal(suspension('an operator'))],
      [
        'a replay under another deadline',
        'its MAC does not fit what it says',
        () => genuine.replace(/"deadline":"[^"]+"/, `"deadline":"${new Date(Date.now() + 3_600_000).toISOString()}"`),
      ],
      [
        'a copy in another partition',
        'it stands in another partition than its subject',
        () => genuine,
        () => (partition() + 1) % 8,
      ],
      ['a word that is no command', 'it is no command of this release', () => 'suspend them all'],
    ])('is refused with %s, and that is on record', async (_what, reason, record, where = partition) => {
      const before = await refusals();
      await console_.produce(commands, where(), record());
      let told = before;
      while (told.length === before.length) told = await refusals();
      expect(told).toHaveLength(before.length + 1);
      expect(told.map((each) => each.reason)).toContain(reason);
      expect((await shown(application)).status).toBe('draft');
    });

    it('does not spoil the command that was copied: its caller gets the same answer again', async () => {
      await expect(registered('Growth charts')).resolves.toBe(application);
    });
  });

  describe('an insider with the credentials of token, who may write among the reports of enforcement points,', () => {
    let console_: Insider;
    beforeAll(async () => (console_ = await insider(broker.settingsOf(userOf('token')))));
    afterAll(() => console_.close());

    it('is refused a report of a gateway’s end, and that is on record', async () => {
      const id = await gatewayPoint();
      const said = { id, kind: 'gateway', positions: {}, inFlightWrites: {}, stopped: true } as const;
      const report = encodeReport({ ...said, appliedAt: new Date().toISOString() });
      await console_.produce(enforcementTopic.name, 0, new PointKey().sign(report), id);
      let told: Awaited<ReturnType<typeof refusals>> = [];
      while (told.length === 0) told = await refusals('report');
      expect(told).toMatchObject([{ reason: 'its key is not that of the point which it names', outcome: 'denied' }]);
    });
  });

  it('a topic that somebody else may write stops the start, until that is taken away', async () => {
    const console_ = await insider(broker.settingsOf(OPERATOR));
    await console_.allow(MALLORY, events);
    await console_.close();
    await expect(guard('registration')).rejects.toMatchObject({
      faults: [
        `User:mallory write topic ${events}: more than the table lets it`,
        expect.stringContaining('log acls --apply'),
      ],
    });
    const operator = broker.settingsOf(OPERATOR);
    const found = await compareAcls(operator, aclsOfAll(principals), principals);
    expect(found).toMatchObject({ missing: [], foreign: [{ principal: 'User:mallory' }], broad: [] });
    await applyAcls(operator, found);
    await expect(guard('registration')).resolves.toBeUndefined();
  });
});

function guard(service: 'registration'): Promise<void> {
  return assertGuarded(broker.settingsOf(userOf(service)), [service], principals).catch((error: unknown) => {
    expect(error).toBeInstanceOf(UnguardedLog);
    throw error;
  });
}

/** Registers an application through the API; its id. The name is the `Idempotency-Key`. */
async function registered(name: string): Promise<string> {
  const made = await services[0]?.call('/registration/applications', {
    headers: { ...(await issuer.bearer('dana', 'developer')), 'idempotency-key': name },
    json: {
      name,
      kind: 'patient-access',
      clientType: 'confidential-symmetric',
      scopes: ['launch/patient', 'patient/Observation.rs'],
      purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
      redirectUris: ['https://heart.example.org/callback'],
      contacts: ['security@heart.example.org'],
    },
  });
  expect(made?.status).toBe(201);
  return ((await made?.json()) as { readonly id: string }).id;
}

async function shown(id: string): Promise<{ readonly status: string }> {
  const answer = await services[0]?.call(`/registration/applications/${id}`, {
    headers: await issuer.bearer('dana', 'developer'),
  });
  return (await answer?.json()) as { readonly status: string };
}

/** The gateway's id among the points that it knows of. */
async function gatewayPoint(): Promise<string> {
  const application = await registered('Growth charts');
  for (;;) {
    const answer = await services[3]?.call(`/access/applications/${application}`, {
      headers: await issuer.bearer('dana', 'developer'),
    });
    const { enforcementPoints = [] } = (await answer?.json()) as {
      readonly enforcementPoints?: readonly { readonly id: string; readonly kind: string }[];
    };
    const found = enforcementPoints.find(({ kind }) => kind === 'gateway');
    if (found) return found.id;
  }
}

/** What an auditor finds of refused commands, or reports. */
async function refusals(of: 'command' | 'report' = 'command'): Promise<readonly { readonly reason: string }[]> {
  const answer = await services.at(-1)?.call(`/audit/records?type=${of}-refused`, {
    headers: await issuer.bearer('ada', 'auditor'),
  });
  return ((await answer?.json()) as { readonly items: readonly { readonly reason: string }[] }).items;
}

function foreign(): LogSettings {
  return { ...broker.settingsOf(OPERATOR), ssl: { ca: testAuthority().ca } };
}
