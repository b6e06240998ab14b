import { type ContextContract, type Decider, topicsOf, writerGroup } from '#contracts';
import type { ActivityPort } from '../append/activity-appender.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { LogScanner } from '../kafka/log-scanner.js';
import { GroupMembership } from '../membership/group-membership.js';
import type { Snapshots } from '../snapshot/snapshots.js';
import { CommandFeed } from './command-feed.js';
import { PartitionWriter } from './partition-writer.js';

/** How long a stop is held up by snapshots; the next start reads what they lack. */
const LAST_SNAPSHOTS_MS = 1_000;

/** The writers of a context on this instance: one for each partition that the group gives it. */
export class ContextWriter<C extends ContextContract, S> {
  readonly #membership: GroupMembership;
  readonly #connection: LogConnection;
  readonly #feed: CommandFeed;
  /** Connects when there is something to look at. */
  readonly #scanner: LogScanner;
  readonly #writers = new Map<number, PartitionWriter<C, S>>();
  /** Writers that are giving their partition up; a successor on this instance waits for them. */
  readonly #stopping = new Map<number, Promise<void>>();
  #closing = false;

  /**
   * @param onFailure called when a partition's history cannot be folded: the process should say so and end
   * @param activity  where records are reported that are no commands of ours
   * @param snapshots where what was folded is kept for the next start; without them every start reads the whole log
   */
  constructor(
    settings: LogSettings,
    private readonly decider: Decider<C, S>,
    private readonly onFailure: (error: unknown) => void,
    private readonly snapshots?: Snapshots,
    private readonly activity?: ActivityPort,
  ) {
    const { commands, events, outcomes } = topicsOf(decider.contract);
    settings.onTopic?.('receives', commands.name);
    for (const { name } of [events, outcomes]) settings.onTopic?.('sends', name);
    settings.onGroup?.(writerGroup(decider.contract));
    this.#connection = new LogConnection(settings);
    this.#scanner = new LogScanner(settings);
    this.#feed = new CommandFeed(
      settings,
      `${decider.contract.context}-writer`,
      settings.prefix + commands.name,
      onFailure,
    );
    this.#membership = new GroupMembership(settings, {
      groupId: settings.prefix + writerGroup(decider.contract),
      topic: settings.prefix + commands.name,
      partitions: commands.partitions,
      // Forgotten by the group writers go on: Kafka fences them if somebody else has taken over, and what they hold stays warm.
      onAssignment: (partitions) => this.#assign(partitions),
    });
  }

  /** Resolves when the group has given this instance its share and what is sent to it is decided at once. */
  async start(): Promise<void> {
    await this.#membership.start();
    await Promise.all([...this.#writers.values()].map((writer) => writer.decides()));
  }

  /** Finishes the transactions under way, then gives the partitions to the others. */
  async close(): Promise<void> {
    this.#closing = true;
    const writers = [...this.#writers.values()];
    await Promise.all(writers.map((writer) => writer.stop()));
    await Promise.all(this.#stopping.values());
    await this.#membership.close();
    // After the others may take over: nobody waits for a snapshot.
    const giveUp = AbortSignal.timeout(LAST_SNAPSHOTS_MS);
    await Promise.all(writers.map((writer) => writer.leaveSnapshot(giveUp)));
    await this.#feed.close();
    await this.#scanner.close();
    await this.#connection.close();
  }

  #assign(partitions: ReadonlySet<number>): void {
    // What is given to one that closes goes to the others as soon as it has left.
    if (this.#closing) return;
    for (const [partition, writer] of this.#writers) {
      if (partitions.has(partition)) continue;
      this.#writers.delete(partition);
      this.#stopping.set(partition, writer.stop());
    }
    for (const partition of partitions) {
      if (this.#writers.has(partition)) continue;
      const writer = new PartitionWriter({
        decider: this.decider,
        partition,
        connection: this.#connection,
        feed: this.#feed,
        scanner: this.#scanner,
        snapshots: this.snapshots,
        activity: this.activity,
        confirmed: () => this.#membership.confirmed(),
        onFailure: this.onFailure,
      });
      this.#writers.set(partition, writer);
      void this.#afterPredecessor(partition, writer);
    }
  }

  async #afterPredecessor(partition: number, writer: PartitionWriter<C, S>): Promise<void> {
    await this.#stopping.get(partition);
    this.#stopping.delete(partition);
    writer.start();
  }
}
