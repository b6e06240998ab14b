import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Position } from '#contracts';
import { LogEnds, type LogSettings, type ReactionPath } from '#event-log';
import { LOG_SETTINGS } from './log-startup.js';

/** Another instance may hold the reactor's partition, and its checkpoint tells nobody when it moves: it is asked for again, each time this much later. */
const ASK_MS = 15;
/** And no later than that. */
const ASK_EVERY_MS = 75;

/**
 * What the positions that a caller has seen cause in a context (design.md, Read path): an approval's position says
 * nothing about registration's events, but the reactor between them has a checkpoint. Which way news goes is known of the
 * reactors that this process runs (docs/adr/0050).
 */
@Injectable()
export class Reactions implements OnModuleDestroy {
  private readonly ends: LogEnds;
  private readonly paths: ReactionPath[] = [];

  constructor(@Inject(LOG_SETTINGS) settings: LogSettings) {
    this.ends = new LogEnds(settings);
  }

  /** A reactor that this app runs, whichever instance of it holds which partition. */
  register(path: ReactionPath): void {
    this.paths.push(path);
  }

  /**
   * Waits until every reactor that asks commands of `target` has passed what was seen of the topic that it follows, and
   * what was caused there by what was seen of others; then gives how far the target's events go: all that was caused
   * stands before that.
   *
   * @param target the topic of the events of the context that is read; what was seen there needs no reactor
   * @param past topics that the way has come through already
   * @returns undefined when `giveUp` aborts before
   */
  async causedBy(
    seen: readonly Position[],
    target: string,
    giveUp: AbortSignal,
    past: readonly string[] = [],
  ): Promise<readonly Position[] | undefined> {
    const elsewhere = seen.filter(({ topic }) => topic !== target);
    const paths = this.paths.filter(
      (path) => path.target.topic === target && path.source.topic !== target && !past.includes(path.source.topic),
    );
    const waits = paths.map(async (path) => {
      const before = await this.causedBy(elsewhere, path.source.topic, giveUp, [...past, target]);
      if (before === undefined) return undefined;
      const due = [...elsewhere, ...before].filter(path.follows);
      const passed = await Promise.all(due.map((position) => this.passed(path, position, giveUp)));
      return passed.includes(false) ? undefined : due.length;
    });
    const counts = await Promise.all(waits);
    if (counts.includes(undefined)) return undefined;
    const [path] = paths;
    if (path === undefined || counts.every((count) => count === 0)) return [];
    const ends = await this.ends.highEndsOf([path.target]);
    return [...ends].flatMap(([topic, offsets]) =>
      offsets.flatMap((end, partition) => (end > 0n ? [{ topic, partition, offset: end - 1n }] : [])),
    );
  }

  async onModuleDestroy(): Promise<void> {
    await this.ends.close();
  }

  private async passed(path: ReactionPath, position: Position, giveUp: AbortSignal): Promise<boolean> {
    for (let afterMs = ASK_MS; !giveUp.aborted; afterMs = Math.min(ASK_EVERY_MS, afterMs + ASK_MS)) {
      if (await path.hasPassed(position)) return true;
      await delay(afterMs);
    }
    return false;
  }
}
