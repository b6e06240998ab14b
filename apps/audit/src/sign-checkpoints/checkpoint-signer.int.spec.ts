import { activityTopic, checkpointsTopic, mintId } from '#contracts';
import { LogSeed, quietLog, startTestService, testIssuer, type TestIssuer, type TestService } from '#testing';
import { Client } from 'pg';
import { until } from '../../../../test/demo/checks.js';
import { isolate, type Isolation } from '../../../../test/environment/isolation.js';
import { readBytes } from '../../../../test/faults/raw-log.js';
import { auditPart } from '../audit.part.js';
import { CheckpointSigner } from './checkpoint-signer.js';

const PARTITION = 3;
const subject = mintId(PARTITION);

/** Postgres is lost but for the vault, and the log is read again. */
describe('while earlier checkpoints are being read again', () => {
  let own: Isolation;
  let issuer: TestIssuer;
  let service: TestService;
  let seed: LogSeed;
  let sql: Client;

  const start = (waitUntilReady: boolean) => {
    const log = { KAFKA_BROKERS: own.brokers, KAFKA_TOPIC_PREFIX: own.prefix };
    const environment = { ...log, AUDIT_ORIGIN: 'audit.example', AUDIT_CHECKPOINT_SECONDS: '86400' };
    return startTestService(auditPart, { databaseUrl: own.databaseUrl, issuer, environment, waitUntilReady });
  };
  const sign = () => service.app.get(CheckpointSigner).signDue();
  const signed = async () =>
    (await readBytes(own.brokers, own.prefix + checkpointsTopic.name)).map(({ value }) => value?.toString('utf8'));
  const leaves = async () => {
    const { rows } = await sql.query<{ size: string }>('SELECT size FROM projection.audit_trees WHERE log_topic = $1', [
      activityTopic.name,
    ]);
    return Number(rows[0]?.size ?? 0);
  };
  const call = (sequence: number) =>
    seed.activity(
      {
        type: 'access-denied',
        data: { callId: 'c', endpoint: 'e', enforcementPoint: 'g', method: 'GET', reason: 'r' },
      },
      { subject, actor: 'client:c', time: new Date(0).toISOString(), run: 'run', sequence },
    );

  beforeAll(async () => {
    [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    sql = new Client({ connectionString: own.databaseUrl });
    await sql.connect();
    seed = new LogSeed(quietLog(own, 'seed'));
    service = await start(true);
  }, 60_000);
  afterAll(async () => {
    await sql.end(); // and with it a lock that a failure left
    await seed.close();
    await service.close();
    await Promise.all([own.dispose(), issuer.close()]);
  }, 30_000);

  it('no head is signed of a tree that grows again, and none goes back behind one that was', async () => {
    for (const sequence of [0, 1, 2]) await call(sequence);
    await until('the tree has grown', leaves, (size) => size === 3);
    await sign();
    const before = await signed();
    expect(before.length).toBeGreaterThan(0);
    await service.close();

    await sql.query('DELETE FROM projection.audit_checkpoints');
    await sql.query(`DELETE FROM projection.checkpoints WHERE projection = 'audit-checkpoints'`);
    // Trees stand, as they do when they are the first to be there again; checkpoints can be read, not written.
    await sql.query('BEGIN');
    await sql.query('LOCK TABLE projection.audit_checkpoints IN EXCLUSIVE MODE');
    service = await start(false);
    await call(3);
    await until('the tree grows on', leaves, (size) => size === 4);
    await sign();
    expect(await signed()).toEqual(before);

    await sql.query('COMMIT');
    expect(await service.ready()).toBe(true);
    await sign();
    expect(await signed()).toEqual(before); // the interval is not over
  }, 60_000);
});
