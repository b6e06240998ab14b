import { createPublicKey, type KeyObject } from 'node:crypto';
import { checkpointId, checkpointsTopic, encodeCheckpoint } from '#contracts';
import type { TopicAppendPort } from '#event-log';
import { Database, InjectAppender, isDatabaseUnavailable, Log, Metrics, RegularLook } from '#host';
import { consistencyRanges, NoteRefused, openCheckpoint, signCheckpoint, verifyConsistency } from '#proofs';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { AuditConfig, originOf } from '../audit.config.js';
import { rangeHashes, type ReadRows, TreeBroken } from '../grow-trees/tree-hashes.js';
import { CheckpointKey } from './checkpoint-key.js';
import { KnownCheckpoints } from './known-checkpoints.js';

const LOOK_EVERY_MS = 5_000;
/** Instances look at different moments: what one has just signed is not due for the next. */
const SHARE_OF_INTERVAL = 0.9;

interface GrownTree {
  readonly topic: string;
  readonly partition: number;
  readonly size: number;
  /** The last checkpoint of it, where there is one. */
  readonly origin: string | null;
  readonly note: string | null;
}

/**
 * Signs the heads of trees that have grown, and appends them to their topic. A head is signed only if its tree has every
 * record of the last checkpoint in its place; else whoever looks at the metric `gatehouse_audit_trees_refused` is told. While
 * earlier checkpoints are still being read from the log none is signed: nobody would see what does not continue them.
 */
@Injectable()
export class CheckpointSigner implements OnModuleInit, OnModuleDestroy {
  private readonly refused: Gauge;
  private readonly regular: RegularLook;

  constructor(
    private readonly config: AuditConfig,
    private readonly database: Database,
    private readonly key: CheckpointKey,
    private readonly known: KnownCheckpoints,
    @InjectAppender(checkpointsTopic) private readonly checkpoints: TopicAppendPort,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    this.refused = new Gauge({
      name: 'gatehouse_audit_trees_refused',
      help: 'Partitions whose tree does not continue its last signed checkpoint: the log or its table was changed.',
      registers: [metrics.registry],
    });
    this.regular = new RegularLook(
      Math.min(LOOK_EVERY_MS, config.checkpointSeconds * 1_000),
      () => this.signDue(),
      (error) => {
        // While Postgres is away readiness says so; a line every few seconds would bury it.
        if (!isDatabaseUnavailable(error)) log.warn('checkpoints could not be signed; they will be, later', error);
      },
    );
  }

  onModuleInit(): void {
    this.regular.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.regular.stop();
  }

  /** Signs what has grown and is due now. One instance at a time: the others find the lock taken and leave it. */
  async signDue(): Promise<void> {
    await this.database.transaction(async (manager) => {
      const read: ReadRows = (sql, parameters) => manager.query(sql, [...parameters]);
      const [lock] = await read<{ held: boolean }>(
        `SELECT pg_try_advisory_xact_lock(hashtext('gatehouse audit checkpoints')) AS held`,
        [],
      );
      if (lock?.held !== true || !(await this.known.areAll(read))) return;
      const grown = await read<Omit<GrownTree, 'size'> & { readonly size: string }>(GROWN, [
        this.config.checkpointSeconds * SHARE_OF_INTERVAL,
      ]);
      let refused = 0;
      for (const tree of grown) {
        const signed = await this.sign({ ...tree, size: Number(tree.size) }, await this.key.signing(), read);
        if (!signed) refused += 1;
      }
      this.refused.set(refused);
    });
  }

  private async sign(tree: GrownTree, key: KeyObject, read: ReadRows): Promise<boolean> {
    const { topic, partition, size } = tree;
    try {
      const root = await continuedHead(tree, createPublicKey(key), read);
      if (root === undefined) {
        this.log.error('a tree does not continue its last checkpoint and is not signed', undefined, {
          topic,
          partition,
        });
        return false;
      }
      const origin = originOf(this.config, topic, partition);
      const note = signCheckpoint({ origin, size, root }, key);
      const value = encodeCheckpoint({
        id: checkpointId(note),
        time: new Date().toISOString(),
        origin,
        topic,
        partition,
        size,
        note,
      });
      await this.checkpoints.append(0, { key: origin, value });
      return true;
    } catch (error) {
      if (!(error instanceof TreeBroken || error instanceof NoteRefused)) throw error;
      this.log.error('a tree or its last checkpoint was changed: it is not signed', error, { topic, partition });
      return false;
    }
  }
}

const GROWN = `
  SELECT t.log_topic AS topic, t.log_partition AS partition, t.size, last.origin, last.note
    FROM projection.audit_trees t
    LEFT JOIN LATERAL (
      SELECT c.origin, c.note, c.size, c.signed_at FROM projection.audit_checkpoints c
       WHERE c.log_topic = t.log_topic AND c.log_partition = t.log_partition
       ORDER BY c.size DESC, c.signed_at DESC LIMIT 1) last ON true
   WHERE t.size > coalesce(last.size, 0)
     AND coalesce(last.signed_at, '-infinity') < now() - make_interval(secs => $1)`;

/** The head of a tree, if it has every record of its last checkpoint in its place; undefined if not. */
async function continuedHead(
  { topic, partition, size, origin, note }: GrownTree,
  publicKey: KeyObject,
  read: ReadRows,
): Promise<Buffer | undefined> {
  const earlier = origin === null || note === null ? undefined : openCheckpoint(note, origin, publicKey);
  const between = earlier === undefined ? [] : consistencyRanges(earlier.size, size);
  const [root, ...proof] = await rangeHashes(read, { topic, partition }, [{ begin: 0, end: size }, ...between]);
  if (root === undefined || earlier === undefined) return root;
  return verifyConsistency({ earlier, later: { size, root }, proof }) ? root : undefined;
}
