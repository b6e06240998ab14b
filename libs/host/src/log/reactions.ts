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
 * nothing about registration's events, but the reactor between them has a checkpoint.
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
   * Waits until every reactor that follows one of these positions' topics and asks commands of `target` has passed it;
   * then gives how far the target's events go: all that was caused stands before that.
   *
   * @param target the topic of the events of the context that is read
   * @returns undefined when `giveUp` aborts before
   */
  async causedBy(
    seen: readonly Position[],
    target: string,
    giveUp: AbortSignal,
  ): Promise<readonly Position[] | undefined> {
    const waits = this.paths
      .filter((path) => path.target.topic === target)
      .flatMap((path) => seen.filter(path.follows).map((position) => this.passed(path, position, giveUp)));
    if (waits.length === 0) return [];
    if ((await Promise.all(waits)).includes(false)) return undefined;
    const [path] = this.paths.filter((each) => each.target.topic === target);
    const ends = path === undefined ? new Map<string, bigint[]>() : await this.ends.highEndsOf([path.target]);
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
