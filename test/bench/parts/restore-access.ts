import {
  approval,
  ContextCodec,
  enforcementTopic,
  mintId,
  PARTITIONS,
  registration,
  token,
  topicsOf,
} from '#contracts';
import { EnforcementPoint } from '#enforcement';
import { ensureTopics, type Snapshots } from '#event-log';
import { type Bench, type BenchPart, fail } from '../bench.js';
import { fillLog } from '../fill-log.js';
import { heapMegabytes, keptSnapshots } from '../kept-snapshots.js';

const APPLICATIONS = Number(process.env['BENCH_APPLICATIONS'] ?? 200_000);
const EVENTS_EACH = 5;
/** Effective access counts ten records for one (libs/enforcement/src/access-snapshots.ts). */
const TIMES_RARER = 10;

export const part: BenchPart = {
  title: `effective access of ${APPLICATIONS} applications (${EVENTS_EACH} events each), until an enforcement point holds its lease`,
  async run(bench) {
    const { settings, print } = bench;
    const topics = [...[registration, approval, token].map((context) => topicsOf(context).events), enforcementTopic];
    await ensureTopics(settings, topics, { replicationFactor: 1, minInSyncReplicas: 1 });
    await seed(bench);
    const kept = await keptSnapshots(bench);
    print(`without a snapshot: ${await restore(bench)}`);
    const { snapshots, written } = kept.writing(1, (APPLICATIONS * EVENTS_EACH) / TIMES_RARER);
    await restore(bench, snapshots, async () => {
      const from = performance.now();
      await written;
      print(`its snapshot, ${(await kept.size()).toFixed(0)} MB, was written in ${secondsSince(from)} s`);
    });
    for (let run = 0; run < 3; run++) print(`with a snapshot: ${await restore(bench, kept.asTheyAre)}`);
    await kept.close();
  },
};

async function restore({ settings }: Bench, snapshots?: Snapshots, meanwhile?: () => Promise<void>): Promise<string> {
  const heap = heapMegabytes();
  const from = performance.now();
  const cpu = process.cpuUsage();
  const point = new EnforcementPoint(settings, {
    kind: 'gateway',
    ...(snapshots && { snapshots }),
    onClosure: () => undefined,
    onLapse: () => undefined,
    onFailure: fail,
  });
  await point.start();
  const seconds = secondsSince(from);
  const { user, system } = process.cpuUsage(cpu);
  const { rss } = process.memoryUsage();
  let open = 0;
  for (const { applicationId } of point.access.items())
    if (point.access.byApplicationId(applicationId, Date.now())?.status === 'open') open++;
  if (open !== APPLICATIONS) throw new Error(`${open} applications are open`);
  const held = heapMegabytes() - heap;
  await meanwhile?.();
  await point.close();
  return `${seconds} s (${((user + system) / 1e6).toFixed(2)} s of processor time), ${held.toFixed(0)} MB of heap for it; the whole process had ${(rss / 2 ** 20).toFixed(0)} MB`;
}

async function seed({ settings, print }: Bench): Promise<void> {
  const from = performance.now();
  const codecs = { registration: new ContextCodec(registration), approval: new ContextCodec(approval) };
  const time = new Date().toISOString();
  const reviewed = {
    name: 'Exporter',
    kind: 'backend' as const,
    clientType: 'confidential-asymmetric' as const,
    scopes: ['system/Patient.rs', 'system/Observation.rs', 'system/Condition.rs'],
    purposesOfUse: [{ code: 'HOPERAT', justification: 'nightly export' }],
    redirectUris: [],
    allowedOrigins: [],
  };
  const standing = { approvalVersion: 1, submission: 1, scopes: reviewed.scopes, expiresAt: '2999-01-01T00:00:00Z' };
  await fillLog(settings, PARTITIONS, function* (partition) {
    for (let index = 0; index < APPLICATIONS / PARTITIONS; index++) {
      const [subject, clientId, reviewId] = [mintId(partition), mintId(partition), mintId(partition)];
      const about = { subject, actor: clientId, correlationId: 'seed', causationId: 'seed', time, commandOffset: 0n };
      const meta = (version: number) => ({ ...about, id: mintId(partition), version });
      const key = {
        kid: clientId,
        thumbprint: subject.padEnd(43, 'x'),
        jwk: { kty: 'EC', crv: 'P-384', kid: clientId, x: clientId.padEnd(64, 'x'), y: subject.padEnd(64, 'y') },
      };
      const registered = [
        {
          type: 'application-registered' as const,
          data: {
            clientId,
            ownerId: clientId,
            reviewed,
            other: { description: '', attestations: [], documents: [] },
            keys: [key],
          },
        },
        { type: 'application-submitted' as const, data: { submission: 1, ownerId: clientId, reviewed } },
        {
          type: 'review-applied' as const,
          data: { reviewId, submission: 1, verdict: 'approved' as const, reason: 'fine' },
        },
        { type: 'approval-applied' as const, data: { ...standing, expired: false } },
      ];
      for (const [at, event] of registered.entries())
        yield {
          topic: topicsOf(registration).events.name,
          key: subject,
          value: codecs.registration.encodeEvent(event, meta(at + 1)),
        };
      yield {
        topic: topicsOf(approval).events.name,
        key: subject,
        value: codecs.approval.encodeEvent(
          {
            type: 'review-approved',
            data: {
              ...standing,
              reviewId,
              reviewerIds: ['reviewer'],
              conditions: [],
              endpoints: ['*'],
              reason: 'fine',
            },
          },
          meta(1),
        ),
      };
    }
  });
  print(`the log was filled in ${secondsSince(from)} s`);
}

function secondsSince(from: number): string {
  return ((performance.now() - from) / 1_000).toFixed(2);
}
