import assignerProtocol from 'kafkajs/src/consumer/assignerProtocol.js';
import { setTimeout as delay } from 'node:timers/promises';
import { brokerErrorType } from '../kafka/broker-error.js';
import { LogConnection, type LogSettings } from '../kafka/log-connection.js';
import type { MembershipOptions } from './group-membership.js';

const { MemberAssignment, MemberMetadata } = assignerProtocol;

/** What a new broker says of its groups. */
const notYet: ReadonlySet<string> = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** For tests: a member that leads its group, wants no partition, and ends each rebalance when the test says so. */
export class OtherMember {
  readonly #connection: LogConnection;
  #memberId = '';
  #generation = -1;
  #others: string[] = [];
  #othersHold: string[] = [];

  /** How many there were beside this one in the last rebalance. */
  get others(): number {
    return this.#others.length;
  }

  /** What each of them said in the last rebalance that it holds. */
  get othersHold(): readonly unknown[] {
    return this.#othersHold.map((held) => JSON.parse(held) as unknown);
  }

  constructor(
    settings: LogSettings,
    private readonly group: Pick<MembershipOptions, 'groupId' | 'topic' | 'partitions'>,
  ) {
    this.#connection = new LogConnection(settings);
  }

  static async join(...of: ConstructorParameters<typeof OtherMember>): Promise<OtherMember> {
    const member = new OtherMember(...of);
    while (!(await member.#hasBegun())) await delay(20);
    await member.endRebalance();
    return member;
  }

  /** Waits until a second member has come, and leaves all partitions to it. */
  async giveAllToTheRest(): Promise<void> {
    while (this.#others.length === 0) {
      await this.beginRebalance();
      await this.endRebalance();
    }
  }

  /** Waits until the group asks this member to join again: somebody else joins, or has left. */
  async untilAskedToJoin(): Promise<void> {
    const coordinator = await this.#connection.groupCoordinator(this.group.groupId);
    const member = { groupId: this.group.groupId, groupGenerationId: this.#generation, memberId: this.#memberId };
    for (;;) {
      try {
        await coordinator.heartbeat(member);
      } catch (error) {
        if (brokerErrorType(error) === 'REBALANCE_IN_PROGRESS') return;
        throw error;
      }
      await delay(20); // nobody tells
    }
  }

  async beginRebalance(): Promise<void> {
    const coordinator = await this.#connection.groupCoordinator(this.group.groupId);
    const metadata = MemberMetadata.encode({
      version: 0,
      topics: [this.group.topic],
      userData: Buffer.from('[]'),
    });
    const joined = await coordinator.joinGroup({
      groupId: this.group.groupId,
      sessionTimeout: 30_000,
      rebalanceTimeout: 30_000,
      memberId: this.#memberId,
      groupProtocols: [{ name: 'gatehouse-sticky-1', metadata }],
    });
    this.#memberId = joined.memberId;
    this.#generation = joined.generationId;
    const others = joined.members.filter(({ memberId }) => memberId !== joined.memberId);
    this.#others = others.map(({ memberId }) => memberId);
    this.#othersHold = others.map(({ memberMetadata }) =>
      String(MemberMetadata.decode(memberMetadata).userData?.toString('utf8')),
    );
  }

  /** Ends the session of the others, as when they were silent for too long: the group does not know them any more. */
  async expelOthers(): Promise<void> {
    const coordinator = await this.#connection.groupCoordinator(this.group.groupId);
    for (const memberId of this.#others) await coordinator.leaveGroup({ groupId: this.group.groupId, memberId });
    this.#others = [];
  }

  /** Gives all partitions to the others; once more where another has come meanwhile. */
  async endRebalance(): Promise<void> {
    for (;;) {
      try {
        await this.#share();
        return;
      } catch (error) {
        if (brokerErrorType(error) !== 'REBALANCE_IN_PROGRESS') throw error;
        await this.beginRebalance();
      }
    }
  }

  async close(): Promise<void> {
    const coordinator = await this.#connection.groupCoordinator(this.group.groupId);
    await coordinator.leaveGroup({ groupId: this.group.groupId, memberId: this.#memberId });
    await this.#connection.close();
  }

  async #hasBegun(): Promise<boolean> {
    try {
      await this.beginRebalance();
      return true;
    } catch (error) {
      const found = !(error instanceof Error && error.name === 'KafkaJSGroupCoordinatorNotFound');
      if (found && !notYet.has(brokerErrorType(error) ?? '')) throw error;
      return false;
    }
  }

  async #share(): Promise<void> {
    const coordinator = await this.#connection.groupCoordinator(this.group.groupId);
    const all = Array.from({ length: this.group.partitions }, (_, partition) => partition);
    await coordinator.syncGroup({
      groupId: this.group.groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupAssignment: [this.#memberId, ...this.#others].map((memberId) => ({
        memberId,
        memberAssignment: MemberAssignment.encode({
          version: 0,
          assignment: { [this.group.topic]: memberId === this.#memberId ? [] : all },
        }),
      })),
    });
  }
}
