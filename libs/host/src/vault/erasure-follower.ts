import { setTimeout as wait } from 'node:timers/promises';
import { type ErasureEntry, erasuresTopic, decodeErasure, isLogService } from '#contracts';
import { HistoryLost, type LogEnds, LogTail, type LogSettings, type NextOffsets, type RecordSource } from '#event-log';
import { VaultUnavailable, type VaultErasures } from '#vault';
import type { OnModuleDestroy, OnModuleInit } from '@nestjs/common';
import type { Database } from '../database/database.js';
import type { Product } from '../docs/product.js';
import type { HealthRegistry } from '../health/health-registry.js';
import type { Log } from '../logging/log.js';
import type { LogStartup } from '../log/log-startup.js';
import type { FatalErrors } from '../service/fatal-errors.js';

const source: RecordSource<ErasureEntry> = {
  topic: erasuresTopic.name,
  partitions: erasuresTopic.partitions,
  decode: decodeErasure,
};
/** Between two looks whether the vault was put back to an earlier copy, and between two tries, in milliseconds. */
const lookEveryMs = 5_000;
const retryMs = 500;

/**
 * Carries out, in the vault that is there, every erasure that the log knows of. A vault that was restored from an earlier
 * copy is given out by no service until it has forgotten whom it must not know any more.
 *
 * A process that has no part in the log follows nothing, and its vault is always open.
 */
export class ErasureFollower implements OnModuleInit, OnModuleDestroy {
  private readonly follows: boolean;
  private readonly stopping = new AbortController();
  private readonly listeners: ((id: string) => void)[] = [];
  private tail: LogTail<typeof source>;
  private reached: bigint | undefined;
  /** Aborted once the vault has turned out not to hold what this process has seen it carry out. */
  private behind = new AbortController();

  constructor(
    private readonly settings: LogSettings,
    private readonly erasures: VaultErasures,
    private readonly database: Database,
    private readonly startup: LogStartup,
    private readonly health: HealthRegistry,
    private readonly fatal: FatalErrors,
    private readonly log: Log,
    { service }: Product,
  ) {
    this.follows = service === 'gatehouse' || isLogService(service);
    // Made here, so that the topic is among those that this process uses when the log is looked at.
    this.tail = this.newTail(this.follows ? settings : { ...settings, onTopic: () => undefined });
  }

  /** Calls `listener` for everybody who is erased while this process lives. */
  onErased(listener: (id: string) => void): void {
    this.listeners.push(listener);
  }

  /** Throws `VaultUnavailable` while the vault may know somebody who was erased. */
  assertCurrent(): void {
    if (this.follows && this.reached === undefined)
      throw new VaultUnavailable({ cause: new Error('erasures were not read from the log yet') });
  }

  /** Carries out one erasure that was just acknowledged, before the topic brings it. */
  async carryOut(id: string, at: string): Promise<void> {
    await this.erasures.apply([{ id, at }]);
    this.heardOf(id);
  }

  /** This process forgets somebody whom the vault says is erased, before the topic brings it. */
  heardOf(id: string): void {
    for (const listener of this.listeners) listener(id);
  }

  onModuleInit(): void {
    if (!this.follows) return;
    this.health.register('erasures', () => this.assertCurrent());
    void this.follow();
  }

  async onModuleDestroy(): Promise<void> {
    this.stopping.abort();
    await this.tail.close();
  }

  private async follow(): Promise<void> {
    try {
      await this.startup.ready();
      await this.database.ready();
      for (;;) {
        await this.tail.start();
        if (!this.behind.signal.aborted) this.reached = this.tail.nextOf(source.topic, 0) ?? 0n;
        if (!(await this.isPutBack())) return;
        this.reached = undefined;
        this.log.warn('the vault was put back to an earlier copy: reading erasures again');
        await this.tail.close();
        this.behind = new AbortController();
        this.tail = this.newTail(this.settings);
      }
    } catch (error) {
      if (!this.stopping.signal.aborted && !this.startup.stopped)
        this.fatal.report('erasures cannot be followed', error);
    }
  }

  /**
   * True once the vault has forgotten erasures that this process has seen it carry out; false when the process stops. What
   * Postgres does not tell now, for whatever reason, it is asked again.
   */
  private async isPutBack(): Promise<boolean> {
    const sooner = AbortSignal.any([this.stopping.signal, this.behind.signal]);
    while (await this.rested(lookEveryMs, sooner)) {
      if (this.behind.signal.aborted) return true;
      const before = this.reached ?? 0n;
      const stored = await this.erasures.readTo().catch((error: unknown) => {
        if (!(error instanceof VaultUnavailable)) this.log.warn('whether the vault was put back is not known', error);
        return before;
      });
      if (stored < before) return true;
    }
    return false;
  }

  private newTail(settings: LogSettings): LogTail<typeof source> {
    return new LogTail(settings, {
      name: 'erasures',
      sources: [source],
      from: (ends) => this.beginning(ends),
      onBatch: async (entries, { offset }) => {
        const from = this.tail.nextOf(source.topic, 0) ?? 0n;
        const metas = entries.map(({ event }) => event.meta);
        if (!(await this.carriedOut(metas, { from, to: offset }))) {
          // Not later, when somebody looks: from now on it is behind, and it gives nothing out until all is read again.
          this.reached = undefined;
          this.behind.abort();
        }
        if (this.reached !== undefined) this.reached = offset;
        for (const { event } of entries) this.heardOf(event.meta.subject);
      },
      onFailure: (error) => this.fatal.report('erasures cannot be followed', error),
    });
  }

  /** Where the vault has read to. A vault that has read further than its topic goes is another system's. */
  private async beginning(ends: LogEnds): Promise<NextOffsets> {
    const readTo = await this.erasures.readTo();
    const end = (await ends.endsOf([source])).get(source.topic)?.[0] ?? 0n;
    if (readTo <= end) return new Map([[source.topic, [readTo]]]);
    const what = `the vault has read erasures up to ${String(readTo)}, and ${source.topic} ends at ${String(end)}`;
    this.fatal.report('the vault is not that of this log', new HistoryLost(what));
    return await new Promise<never>(() => undefined);
  }

  /**
   * Until the vault has carried them out, or the process stops: whether it holds all that was before these. What Postgres
   * refuses now (it is away, a standby that is not promoted yet, a deadlock) it takes later; an error that stays shows in
   * the log again and again.
   */
  private async carriedOut(
    metas: readonly ErasureEntry['meta'][],
    read: { readonly from: bigint; readonly to: bigint },
  ): Promise<boolean> {
    for (;;) {
      try {
        return await this.erasures.apply(
          metas.map(({ subject: id, time: at }) => ({ id, at })),
          read,
        );
      } catch (error) {
        this.log.warn('erasures were not carried out, trying again', error);
        if (!(await this.rested(retryMs))) throw error;
      }
    }
  }

  /** Waits, until `signal` at most. False when the process stops meanwhile. */
  private async rested(ms: number, signal = this.stopping.signal): Promise<boolean> {
    await wait(ms, undefined, { signal, ref: false }).catch(() => undefined);
    return !this.stopping.signal.aborted;
  }
}
