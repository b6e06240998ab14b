import { randomUUID } from 'node:crypto';
import { type Isolation, isolate } from '../../../../test/environment/isolation.js';
import type { LogSettings } from '../kafka/log-connection.js';
import { GroupMembership } from './group-membership.js';
import { OtherMember } from './other-member.js';

let own: Isolation;
let settings: LogSettings;
const ending: (() => Promise<void>)[] = [];

beforeAll(async () => {
  own = await isolate();
  const sink = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
}, 60_000);

afterEach(async () => {
  await Promise.all(ending.splice(0).map((end) => end()));
}, 30_000);

afterAll(() => own.dispose());

/** What a member was told to hold, one after the other. */
class Shares {
  readonly told: (ReadonlySet<number> | 'forgotten')[] = [];
  readonly #waiting = new Map<number, () => void>();

  tell(share: ReadonlySet<number> | 'forgotten'): void {
    this.told.push(share);
    this.#waiting.get(this.told.length)?.();
  }

  /** Resolves when it was told so often. */
  of(count: number): Promise<void> {
    if (this.told.length >= count) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.set(count, resolve));
  }
}

/** A group of which another member was the first. */
async function groupOfAnother() {
  const group = { groupId: `${settings.prefix}group-${randomUUID()}`, topic: `${settings.prefix}topic`, partitions: 8 };
  const other = await OtherMember.join(settings, group);
  ending.push(() => other.close());
  const shares = new Shares();
  const member = new GroupMembership(settings, {
    ...group,
    onAssignment: (partitions) => shares.tell(partitions),
    onForgotten: () => shares.tell('forgotten'),
  });
  ending.push(() => member.close());
  return { other, member, shares };
}

describe('a member of a group', () => {
  it('that stops before the others let it in has left: no partition waits for its session to run out', async () => {
    const { other, member } = await groupOfAnother();
    void member.start();
    await other.untilAskedToJoin();
    await member.close();
    await other.beginRebalance();
    await other.endRebalance();
    expect(other.others).toBe(0);
  }, 30_000);

  it('has started when it was given its share', async () => {
    const { other, member } = await groupOfAnother();
    let hasStarted = false;
    const started = member.start().then(() => (hasStarted = true));
    await other.untilAskedToJoin();
    expect(hasStarted).toBe(false);
    await other.beginRebalance();
    await other.endRebalance();
    await started;
  }, 30_000);

  it('that the group does not know any more says so, and that it holds nothing, until it is given a share anew', async () => {
    const { other, member, shares } = await groupOfAnother();
    const started = member.start();
    await other.untilAskedToJoin();
    await other.beginRebalance();
    await other.endRebalance();
    await started;
    await other.expelOthers();
    await shares.of(2);
    const all = new Set([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(shares.told).toEqual([all, 'forgotten']);
    await other.giveAllToTheRest();
    // What it held is not what it may say that it holds: another may have had it meanwhile.
    expect(other.othersHold).toEqual([[]]);
    await shares.of(3);
    expect(shares.told).toEqual([all, 'forgotten', all]);
  }, 30_000);
});
