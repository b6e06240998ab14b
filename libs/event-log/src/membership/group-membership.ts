import type { Broker } from 'kafkajs/src/cluster/index.js';
import assignerProtocol from 'kafkajs/src/consumer/assignerProtocol.js';
import { setTimeout as delay } from 'node:timers/promises';
import { Backoff } from '../kafka/backoff.js';
import { brokerErrorType } from '../kafka/broker-error.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import { newMemberId } from './member-id.js';
import { assignStickily, type Member } from './sticky-assignment.js';

const { MemberMetadata, MemberAssignment } = assignerProtocol;

const PROTOCOL = 'gatehouse-sticky-1';
const SESSION_TIMEOUT_MS = 6_000;
const REBALANCE_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 500;

/** What a group's coordinator says of a member that joins again, or must. */
const ofMember: ReadonlySet<string> = new Set(['REBALANCE_IN_PROGRESS', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']);

export interface MembershipOptions {
  readonly groupId: string;
  /** With its prefix. */
  readonly topic: string;
  readonly partitions: number;
  /** The partitions that are this member's now; called after every rebalance. What is not in it any more is lost. */
  readonly onAssignment: (partitions: ReadonlySet<number>) => void;
  /**
   * The group knows this member no more, and another may have had its share meanwhile; what it is given anew comes by
   * `onAssignment`. For whoever is not fenced by Kafka itself: it may not go on with what it held.
   */
  readonly onForgotten?: () => void;
}

/**
 * Membership of a Kafka consumer group, for one thing alone: which instance works on which partition. It reads nothing;
 * positions are the reader's own. It is a hint, never a lock: a member that was paused may believe in a partition that
 * is another's, so whoever writes is fenced by Kafka itself.
 */
export class GroupMembership {
  readonly #connection: LogConnection;
  /**
   * For offsets, and to leave. A broker answers what comes over one connection in turn, and holds the answer to a join back
   * until every member has come: an offset that waited behind it would be of a generation that is over.
   */
  readonly #offsets: LogConnection;
  readonly #stopping = new AbortController();
  #coordinator: Broker | undefined;
  #offsetCoordinator: Broker | undefined;
  #memberId = '';
  /** The question for an id that is under way. */
  #named: Promise<string> | undefined;
  #generation = -1;
  #assigned: ReadonlySet<number> = new Set();
  #loop: Promise<void> | undefined;
  readonly #assignedOnce = Promise.withResolvers<void>();
  #confirmations: (() => void)[] = [];

  constructor(
    private readonly settings: LogSettings,
    private readonly options: MembershipOptions,
  ) {
    this.#connection = new LogConnection(settings);
    this.#offsets = new LogConnection(settings);
  }

  /** Resolves when this member has been given its first share, or closes before. */
  async start(): Promise<void> {
    this.#loop ??= this.#run();
    await Promise.race([this.#assignedOnce.promise, this.#loop]);
  }

  /** Resolves at the next moment at which the group's coordinator says that this member's assignment stands. */
  confirmed(): Promise<void> {
    return new Promise((resolve) => this.#confirmations.push(resolve));
  }

  /** The group's committed offsets, for the partitions that have one. */
  async committed(partitions: readonly number[]): Promise<Map<number, bigint>> {
    const { groupId, topic } = this.options;
    const { responses } = await this.#askOfOffsets((coordinator) =>
      coordinator.offsetFetch({
        groupId,
        topics: [{ topic, partitions: partitions.map((partition) => ({ partition })) }],
      }),
    );
    const found = new Map<number, bigint>();
    for (const { partitions: answered } of responses) {
      for (const { partition, offset } of answered) if (BigInt(offset) >= 0n) found.set(partition, BigInt(offset));
    }
    return found;
  }

  /** Moves the group's offset of a partition. Throws when this member's generation is over. */
  async commit(partition: number, offset: bigint): Promise<void> {
    const { groupId, topic } = this.options;
    // Who is asked may take a while to find: under a later generation the same offset could move the group's back.
    const [groupGenerationId, memberId] = [this.#generation, this.#memberId];
    await this.#askOfOffsets((coordinator) =>
      coordinator.offsetCommit({
        groupId,
        groupGenerationId,
        memberId,
        topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }],
      }),
    );
  }

  /**
   * Leaves the group, so that the others need not wait for the session to end; also where it has not been let in yet, since
   * it would be given a share all the same.
   */
  async close(): Promise<void> {
    this.#stopping.abort();
    try {
      await this.#named;
      const memberId = this.#memberId;
      if (memberId !== '')
        await this.#askOfOffsets((coordinator) => coordinator.leaveGroup({ groupId: this.options.groupId, memberId }));
    } catch (error) {
      this.settings.sink.debug({ err: error, group: this.options.groupId }, 'left without saying so');
    }
    await Promise.all([this.#connection.close(), this.#offsets.close()]);
    await this.#loop;
  }

  async #askOfOffsets<T>(ask: (coordinator: Broker) => Promise<T>): Promise<T> {
    try {
      this.#offsetCoordinator ??= await this.#offsets.groupCoordinator(this.options.groupId);
      return await ask(this.#offsetCoordinator);
    } catch (error) {
      // A refusal that names the member or its generation comes from the right one; else it may have moved, or be gone.
      if (!ofMember.has(brokerErrorType(error) ?? '')) {
        this.#offsetCoordinator = undefined;
        await this.#offsets.refresh();
      }
      throw error;
    }
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(50, 1_000);
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#join();
        backoff.reset();
        await this.#beatUntilRebalance();
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        const type = brokerErrorType(error);
        this.settings.sink.debug({ err: error, group: this.options.groupId }, 'the group asks to join again');
        if (type === 'UNKNOWN_MEMBER_ID' || type === 'FENCED_INSTANCE_ID' || type === 'ILLEGAL_GENERATION')
          this.#forget();
        if (type !== 'REBALANCE_IN_PROGRESS') {
          await this.#connection.refresh();
          await backoff.wait(signal);
        }
      }
    }
  }

  async #join(): Promise<void> {
    const { groupId, topic, partitions } = this.options;
    const { signal } = this.#stopping;
    this.#coordinator = await this.#connection.groupCoordinator(groupId);
    signal.throwIfAborted();
    const userData = Buffer.from(JSON.stringify([...this.#assigned]));
    const request = {
      groupId,
      sessionTimeout: SESSION_TIMEOUT_MS,
      rebalanceTimeout: REBALANCE_TIMEOUT_MS,
      groupProtocols: [{ name: PROTOCOL, metadata: MemberMetadata.encode({ version: 0, topics: [topic], userData }) }],
    };
    if (this.#memberId === '') {
      this.#named = newMemberId(this.#coordinator, request);
      this.#memberId = await this.#named;
      signal.throwIfAborted();
    }
    const joined = await this.#coordinator.joinGroup({ ...request, memberId: this.#memberId });
    this.#generation = joined.generationId;
    const leads = joined.leaderId === joined.memberId;
    const shares = leads ? assignStickily(joined.members.map(readMember), partitions) : new Map<string, number[]>();
    const { memberAssignment } = await this.#coordinator.syncGroup({
      groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupAssignment: [...shares].map(([memberId, share]) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({ version: 0, assignment: { [topic]: share } }),
      })),
    });
    signal.throwIfAborted();
    this.#assigned = new Set(MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? []);
    this.options.onAssignment(this.#assigned);
    this.#assignedOnce.resolve();
    this.#confirm();
  }

  /** The group knows this member no more, and another may have had its share meanwhile: it does not say that it holds it. */
  #forget(): void {
    this.#memberId = '';
    if (this.#assigned.size === 0) return;
    this.#assigned = new Set();
    this.options.onForgotten?.();
  }

  async #beatUntilRebalance(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await delay(HEARTBEAT_MS, undefined, { signal });
      await this.#coordinator?.heartbeat({
        groupId: this.options.groupId,
        groupGenerationId: this.#generation,
        memberId: this.#memberId,
      });
      this.#confirm();
    }
  }

  #confirm(): void {
    const waiting = this.#confirmations;
    this.#confirmations = [];
    for (const resolve of waiting) resolve();
  }
}

function readMember({
  memberId,
  memberMetadata,
}: {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}): Member {
  const { userData } = MemberMetadata.decode(memberMetadata);
  const holds: unknown = userData && userData.length > 0 ? JSON.parse(userData.toString('utf8')) : [];
  return {
    id: memberId,
    holds: Array.isArray(holds) ? holds.filter((partition) => typeof partition === 'number') : [],
  };
}
