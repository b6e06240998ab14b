import { LogScanner, type LogSettings } from '#event-log';
import { Database, LOG_SETTINGS, malformed, unavailable } from '#host';
import { consistencyRanges, inclusionRanges } from '#proofs';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { rangeHashes, TreeBroken, type TreeName } from '../grow-trees/tree-hashes.js';
import { TILE_LEAVES, tileOf } from '../grow-trees/tree-tiles.js';
import type { AnsweredCheckpoint } from './checkpoint-rows.js';

/** A record as the log holds it, at its place in the tree of a checkpoint. */
export interface ProvedLeaf {
  readonly index: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | null;
  readonly value: string;
  readonly inclusion: readonly string[];
}

/** That the tree of `size` leaves has every leaf of the tree of `since` leaves in its place. */
export interface Consistency {
  readonly since: number;
  readonly size: number;
  readonly proof: readonly string[];
}

/** What is shown to somebody who believes neither us nor Postgres: records from Kafka, and hashes that lead to a signature. */
@Injectable()
export class Proofs implements OnModuleDestroy {
  private readonly scanner: LogScanner;

  constructor(
    private readonly database: Database,
    @Inject(LOG_SETTINGS) settings: LogSettings,
  ) {
    this.scanner = new LogScanner(settings);
  }

  async onModuleDestroy(): Promise<void> {
    await this.scanner.close();
  }

  /** Which leaf the record at a position is; nothing while the tree has not come so far. */
  async indexOf({ topic, partition }: TreeName, offset: string): Promise<number | undefined> {
    const [found] = await this.database.query<{ tile: string; offsets: readonly string[] }>(
      `SELECT tile, offsets FROM projection.audit_tree_tiles
        WHERE log_topic = $1 AND log_partition = $2 AND first_offset <= $3 ORDER BY first_offset DESC LIMIT 1`,
      [topic, partition, offset],
    );
    const at = found?.offsets.indexOf(offset) ?? -1;
    return found === undefined || at < 0 ? undefined : Number(found.tile) * TILE_LEAVES + at;
  }

  /**
   * Leaves of a checkpoint from `first` on, at most `limit`, as the log holds them now: fewer where it no longer keeps
   * one of them. Throws a 503 problem while the brokers cannot be asked.
   */
  async leaves(checkpoint: AnsweredCheckpoint, first: number, limit: number): Promise<readonly ProvedLeaf[]> {
    const { topic, partition, size } = checkpoint;
    const end = Math.min(size, first + limit);
    const tiles = await this.database.query<{ tile: string; offsets: readonly string[] }>(
      `SELECT tile, offsets FROM projection.audit_tree_tiles
        WHERE log_topic = $1 AND log_partition = $2 AND tile BETWEEN $3 AND $4 ORDER BY tile`,
      [topic, partition, tileOf({ level: 0, index: first }), tileOf({ level: 0, index: Math.max(first, end - 1) })],
    );
    const stored = tiles
      .flatMap(({ tile, offsets }) => offsets.map((offset, at) => ({ index: Number(tile) * TILE_LEAVES + at, offset })))
      .filter(({ index }) => index >= first && index < end);
    const [begin] = stored;
    if (begin === undefined) return [];
    const records = await this.read(checkpoint, BigInt(begin.offset), stored.length);
    const byOffset = new Map(records.map((record) => [String(record.offset), record]));
    const kept = stored.flatMap(({ index, offset }) => {
      const record = byOffset.get(offset);
      return record === undefined ? [] : [{ index, record }];
    });
    const ranges = kept.map(({ index }) => inclusionRanges(index, size));
    const hashes = [...(await this.hashes(checkpoint, ranges.flat()))];
    return kept.map(({ index, record }, at) => ({
      index,
      topic,
      partition,
      offset: String(record.offset),
      key: record.rawKey?.toString('base64') ?? null,
      value: record.value.toString('base64'),
      inclusion: hashes.splice(0, ranges[at]?.length ?? 0),
    }));
  }

  /** That the log only grew since a tree of `since` leaves. Throws a 400 problem when the checkpoint is smaller. */
  async consistency(checkpoint: AnsweredCheckpoint, since: number): Promise<Consistency> {
    const { size } = checkpoint;
    if (since > size)
      throw malformed('The checkpoint is not so large.', [
        { pointer: '/since', detail: `must be at most ${size}, the size of the checkpoint` },
      ]);
    return { since, size, proof: await this.hashes(checkpoint, consistencyRanges(since, size)) };
  }

  /** A table that is being derived anew may be behind what was signed; one that was changed stays so. */
  private async hashes(tree: TreeName, ranges: Parameters<typeof rangeHashes>[2]): Promise<readonly string[]> {
    try {
      const hashes = await rangeHashes((sql, parameters) => this.database.query(sql, parameters), tree, ranges);
      return hashes.map((hash) => hash.toString('base64'));
    } catch (error) {
      throw error instanceof TreeBroken ? unavailable('The tree does not reach this checkpoint.', 2, error) : error;
    }
  }

  private async read({ topic, partition }: TreeName, from: bigint, limit: number) {
    try {
      return await this.scanner.read({ topic, partition, from, limit });
    } catch (error) {
      throw unavailable('The log cannot be read now.', 2, error);
    }
  }
}
