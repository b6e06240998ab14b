import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { activityTopic, checkpointId, mintId, registration, topicsOf } from '#contracts';
import { Database } from '#host';
import { CompactRange, openCheckpoint, recordLeaf, signCheckpoint, decodePublicKey, leafHash } from '#proofs';
import { LogSeed, startTestService, testIssuer, type TestIssuer, type TestService, quietLog } from '#testing';
import { auditPart } from '../../apps/audit/src/audit.part.js';
import { CheckpointKey } from '../../apps/audit/src/sign-checkpoints/checkpoint-key.js';
import { GatehouseApi } from '../../apps/cli/src/api/gatehouse-api.js';
import { Evidence, type ShownCheckpoint } from '../../apps/cli/src/verify/evidence.js';
import type { Kept } from '../../apps/cli/src/verify/kept-checkpoints.js';
import { verifyAudit } from '../../apps/cli/src/verify/verify-audit.js';
import { AlertWatch } from '../alerts/alert-watch.js';
import { until } from '../demo/checks.js';
import { isolate, type Isolation } from '../environment/isolation.js';
import { readBytes } from '../faults/raw-log.js';

const applicationId = mintId(3);
const ACTIVITY = activityTopic.name;
const EVENTS = topicsOf(registration).events.name;
const at = (minute: number) => new Date(Date.UTC(2026, 0, 1, 12, minute)).toISOString();

/** Whoever runs the database and the brokers may change what they like: an auditor who trusts neither must see it. */
describe('an audit that was tampered with', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let database: Database;
  let evidence: Evidence;
  let honest: Kept;

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    service = await startTestService(auditPart, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix, AUDIT_CHECKPOINT_SECONDS: '1' },
    });
    database = service.app.get(Database);
    seed = new LogSeed(quietLog(own, 'seed'));
    const token = await issuer.token({ sub: 'auditor', roles: ['auditor'] });
    evidence = new Evidence(new GatehouseApi({ url: service.url, token }));
    for (const sequence of [0, 1, 2, 2, 3, 4]) await call(sequence);
    for (const minute of [1, 2, 3])
      await seed.event(
        registration,
        { type: 'application-suspended', data: { reason: `leak ${minute}`, epoch: minute } },
        { subject: applicationId, actor: 'someone', time: at(minute) },
      );
    await signed(ACTIVITY, 6);
    await signed(EVENTS, 3);
    honest = (await verify()).keep;
  }, 60_000);

  afterAll(async () => {
    await seed.close();
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 30_000);

  /** A call in the log; a number that was there already is the same record again. */
  async function call(sequence: number): Promise<void> {
    await seed.activity(
      {
        type: 'access-denied',
        data: {
          callId: `call-${sequence}`,
          endpoint: 'main',
          enforcementPoint: 'g',
          method: 'GET',
          reason: 'no scope',
        },
      },
      { id: `record-${sequence}`, subject: applicationId, actor: 'c', time: at(sequence), run: 'run', sequence },
    );
  }

  /** Waits until a checkpoint is over so many records of partition 3. */
  async function signed(topic: string, size: number): Promise<ShownCheckpoint> {
    const [newest] = await until(
      `a checkpoint over ${size} records of ${topic}`,
      () => evidence.checkpoints(topic, 3, 1),
      ([last]) => last !== undefined && last.size >= size,
    );
    return newest!;
  }

  const verify = (more: { kept?: Kept; recordIds?: string[]; sample?: number; publicKey?: string } = {}) =>
    verifyAudit({
      evidence,
      kept: more.kept ?? honest,
      publicKey: more.publicKey,
      recordIds: more.recordIds ?? [],
      sample: more.sample ?? 20,
      onProgress: () => undefined,
    });
  const found = async (...asked: Parameters<typeof verify>) =>
    (await verify(...asked)).findings.map(({ kind, topic, recordId }) => ({ kind, topic, recordId }));
  const sql = (statement: string, ...parameters: unknown[]) => database.query(statement, parameters);

  /** Runs an attack on the tables, and puts back what it changed. */
  async function attacked<T>(
    tables: readonly string[],
    attack: () => Promise<unknown>,
    look: () => Promise<T>,
  ): Promise<T> {
    for (const table of tables) await sql(`CREATE TABLE public.${table} AS TABLE projection.${table}`);
    try {
      await attack();
      return await look();
    } finally {
      for (const table of tables) {
        await sql(`TRUNCATE projection.${table}`);
        await sql(`INSERT INTO projection.${table} SELECT * FROM public.${table}`);
        await sql(`DROP TABLE public.${table}`);
      }
    }
  }

  it('untouched, it holds: every record of it, the one that stands there twice as well', async () => {
    const { findings, partitions, keep } = await verify({ recordIds: ['record-4'] });
    expect(findings).toEqual([]);
    expect(partitions.filter(({ size }) => size > 0)).toEqual([
      { topic: EVENTS, partition: 3, size: 3, checkpoints: expect.any(Number), records: 3 },
      { topic: ACTIVITY, partition: 3, size: 6, checkpoints: expect.any(Number), records: 6 },
    ]);
    expect(Object.keys(keep.notes)).toHaveLength(2);
  });

  it('a plain consumer that reads the topics computes the heads that were signed', async () => {
    const [newest] = await evidence.checkpoints(ACTIVITY, 3, 1);
    const tree = new CompactRange();
    for (const record of await readBytes(own.brokers, own.prefix + ACTIVITY))
      tree.append(recordLeaf({ ...record, topic: ACTIVITY }));
    const [key = ''] = await evidence.keys();
    const checkpoint = openCheckpoint(newest!.note, newest!.origin, decodePublicKey(key));
    expect(checkpoint).toMatchObject({ size: tree.size, root: tree.root() });
  });

  it.each([
    ['altered', `UPDATE projection.audit_records SET outcome = 'allowed' WHERE id = 'record-3'`],
    [
      'altered in its data',
      `UPDATE projection.audit_records SET detail = detail || '{"reason":"ok"}' WHERE id = 'record-3'`,
    ],
    ['moved', `UPDATE projection.audit_records SET log_offset = 0 WHERE id = 'record-3'`],
    ['removed', `DELETE FROM projection.audit_records WHERE id = 'record-3'`],
  ])('a record %s in Postgres is named', async (_, attack) => {
    const findings = await attacked(
      ['audit_records'],
      () => sql(attack),
      () => found({ recordIds: ['record-3'] }),
    );
    expect(findings).toContainEqual({ kind: 'record', topic: ACTIVITY, recordId: 'record-3' });
    expect(findings.every(({ recordId }) => recordId === 'record-3')).toBe(true);
  });

  it('a tree that was built otherwise does not lead to what was signed, and no further head is signed over it', async () => {
    const forged = leafHash(Buffer.from('another record'));
    const attack = () =>
      sql(
        `UPDATE projection.audit_tree_tiles SET hashes = overlay(hashes placing $1 from 1) WHERE log_topic = $2 AND tile = 0`,
        forged,
        ACTIVITY,
      );
    const findings = await attacked(['audit_tree_tiles'], attack, async () => {
      await call(5);
      const { annotations } = await new AlertWatch({ audit: service.url }).fires('GatehouseAuditTreesRefused');
      expect(annotations['summary']).toBe('The audit of 1 partitions does not continue what was signed.');
      return await found();
    });
    expect(findings).toEqual(expect.arrayContaining([{ kind: 'inclusion', topic: ACTIVITY, recordId: undefined }]));
    expect((await evidence.checkpoints(ACTIVITY, 3, 1))[0]?.size).toBe(6);
    await expectGone(forged);
  });

  /** The table is whole again, but what grew meanwhile was thrown away with the attack: it is derived from the log anew. */
  async function expectGone(forged: Buffer): Promise<void> {
    await rebuild();
    const left = await sql('SELECT 1 FROM projection.audit_tree_tiles WHERE position($1 in hashes) > 0', forged);
    expect(left).toEqual([]);
    await signed(ACTIVITY, 7);
  }

  async function rebuild(): Promise<void> {
    const headers = await issuer.bearer('operator', 'operator');
    const begun = await service.call('/audit/projections/audit-trees/rebuilds', { json: {}, headers });
    const location = begun.headers.get('location') ?? '';
    await until(
      'the rebuild ends',
      async () => (await (await service.call(location, { headers })).json()) as { status: string },
      ({ status }) => status === 'succeeded',
    );
  }

  it('a log rewritten and signed again by its own operator does not go on from what was kept', async () => {
    const key = await service.app.get(CheckpointKey).signing();
    const note = (size: number, privateKey: KeyObject, topic = ACTIVITY) => {
      const tree = new CompactRange();
      for (let leaf = 0; leaf < size; leaf++) tree.append(leafHash(Buffer.from(`another history ${leaf}`)));
      const origin = Object.keys(honest.notes).find((name) => name.includes(topic)) ?? '';
      return { origin, size, topic, note: signCheckpoint({ origin, size, root: tree.root() }, privateKey) };
    };
    const insert = ({ origin, size, topic, note }: { origin: string; size: number; topic: string; note: string }) =>
      sql(
        `INSERT INTO projection.audit_checkpoints (id, origin, log_topic, log_partition, size, note, signed_at)
         VALUES ($1, $2, $3, 3, $4, $5, now() + interval '1 hour')`,
        checkpointId(note),
        origin,
        topic,
        size,
        note,
      );
    const rewritten = await attacked(
      ['audit_checkpoints'],
      () => insert(note(7, key)),
      () => found(),
    );
    expect(rewritten).toContainEqual({ kind: 'consistency', topic: ACTIVITY, recordId: undefined });
    const equal = await attacked(
      ['audit_checkpoints'],
      () => insert(note(3, key, EVENTS)),
      () => found(),
    );
    expect(equal).toContainEqual({ kind: 'consistency', topic: EVENTS, recordId: undefined });
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const forged = await attacked(
      ['audit_checkpoints'],
      () => insert(note(8, stranger)),
      () => found(),
    );
    expect(forged).toEqual([{ kind: 'signature', topic: ACTIVITY, recordId: undefined }]);
  });

  it('a log that is shorter than it was, or signed by another key, is seen', async () => {
    const shorter = await attacked(
      ['audit_checkpoints'],
      () => sql('DELETE FROM projection.audit_checkpoints'),
      () => found(),
    );
    expect(shorter).toContainEqual({ kind: 'consistency', topic: EVENTS, recordId: undefined });
    const stranger = { ...honest, publicKey: 'Ac83ny3BPUKeBqMmSYbkZfMqTyS8RWdXcsPpZmQiOuKI', notes: {} };
    const findings = await found({ kept: stranger });
    expect(findings).toContainEqual({ kind: 'key', topic: undefined, recordId: undefined });
    expect(findings).toContainEqual({ kind: 'signature', topic: ACTIVITY, recordId: undefined });
  });

  it('derived from the log again, the trees have the same heads', async () => {
    const heads = () => sql('SELECT log_topic, log_partition, size, edge FROM projection.audit_trees ORDER BY 1, 2');
    const before = await heads();
    await rebuild();
    expect(await heads()).toEqual(before);
    expect(await found()).toEqual([]);
  });

  it('numbers that are missing inside a run are a loss', async () => {
    const watch = new AlertWatch({ audit: service.url });
    expect(await watch.settles()).toEqual([]);
    await call(9);
    await signed(ACTIVITY, 8);
    await watch.fires('GatehouseAuditGap', { partition: '3' });
    const { findings } = await verify();
    expect(findings).toMatchObject([{ kind: 'gap', topic: ACTIVITY, detail: expect.stringContaining('6 to 8') }]);
  });

  it('shows proofs to auditors alone, and its public key to everybody', async () => {
    const paths = ['/audit/checkpoints', '/audit/gaps', '/audit/records/record-1/proof'];
    for (const path of paths) {
      const headers = await issuer.bearer('dev', 'developer', 'reviewer');
      expect([path, (await service.call(path, { headers })).status]).toEqual([path, 403]);
      expect([path, (await service.call(path)).status]).toEqual([path, 401]);
    }
    expect((await service.call('/audit/keys')).status).toBe(200);
  });

  it('a proof names its checkpoint, and on request that the log only grew since an earlier one', async () => {
    const headers = await issuer.bearer('auditor', 'auditor');
    const [newest] = await evidence.checkpoints(ACTIVITY, 3, 1);
    const ask = (query: string) => service.call(`/audit/records/record-1/proof?${query}`, { headers });
    const proof = await (await ask(`checkpoint=${newest!.id}&since=1`)).json();
    expect(proof).toMatchObject({
      recordId: 'record-1',
      leaf: { index: 1, topic: ACTIVITY, partition: 3, offset: '1' },
      checkpoint: { id: newest!.id },
      consistency: { since: 1, size: newest!.size },
    });
    const [events] = await evidence.checkpoints(EVENTS, 3, 1);
    expect((await ask(`checkpoint=${events!.id}`)).status).toBe(400);
    expect((await ask('checkpoint=nothing')).status).toBe(404);
    expect((await ask(`since=${newest!.size + 1}`)).status).toBe(400);
  });
});
