import { type Addressed, bodyDigest, type CommandOf, type EventOf, mintId, type Recorded } from '#contracts';
import { type counter, counterDecider } from '#testing';
import { type Decided, decideBatch, type ReadCommand } from './decide-batch.js';
import { PartitionState } from './partition-state.js';

type Counter = typeof counter;
type State = { readonly total: number };
const NOW = new Date('2026-03-01T12:00:00Z');
const HOUR_MS = 3_600_000;

let offset = 0n;
function read(
  subject: string,
  command: CommandOf<Counter>,
  meta: Partial<Addressed<CommandOf<Counter>>['meta']> = {},
): ReadCommand<Counter> {
  offset += 1n;
  return {
    offset,
    // Sound: type and data are those of the command given.
    command: {
      ...command,
      meta: {
        id: `command-${String(offset)}`,
        subject,
        actor: 'a',
        correlationId: 'c',
        causationId: 'c',
        time: NOW.toISOString(),
        deadline: new Date(NOW.getTime() + 60_000).toISOString(),
        bodyDigest: bodyDigest(command.data),
        ...meta,
      },
    },
  };
}

const add = (subject: string, amount: number, meta = {}): ReadCommand<Counter> =>
  read(subject, { type: 'add', data: { amount } }, meta);

/** A partition on which some counters stand open, each at version 1. */
function opened(...subjects: string[]): PartitionState<Counter, State> {
  const state = new PartitionState<Counter, State>(counterDecider);
  for (const subject of subjects) state.replace(subject, { state: { total: 0 }, version: 1, offset: 0n });
  return state;
}

function decide(
  state: PartitionState<Counter, State>,
  commands: readonly ReadCommand<Counter>[],
  encode: (event: Recorded<EventOf<Counter>>) => string = (event) => JSON.stringify(event.data),
  now = NOW,
): readonly Decided<Counter>[] {
  return decideBatch({ decider: counterDecider, encode }, state, 0, commands, now).decided;
}

const outcomes = (decided: readonly Decided<Counter>[]) => decided.map(({ outcome }) => outcome(7n));

describe('a batch of commands', () => {
  const subject = mintId(0);

  it('answers a command past its deadline `expired`, decides nothing on it, and lets a later copy be decided', () => {
    const late = { id: 'late', deadline: new Date(NOW.getTime() - 1).toISOString() };
    const [expired, retry] = decide(opened(subject), [add(subject, 1, late), add(subject, 1, { id: 'late' })]);
    expect(expired?.outcome(undefined)).toMatchObject({ commandId: 'late', status: 'expired' });
    expect(expired?.events).toEqual([]);
    expect(expired?.remember).toBe(false);
    expect(retry?.outcome(7n)).toMatchObject({ status: 'succeeded', version: 2 });
  });

  it('decides a command in its last millisecond', () => {
    const [decided] = decide(opened(subject), [add(subject, 1, { deadline: NOW.toISOString() })]);
    expect(decided?.outcome(7n)).toMatchObject({ status: 'succeeded' });
  });

  it('still answers a decided command when a copy of it comes after its deadline', () => {
    const state = opened(subject);
    state.remember({
      commandId: 'again',
      status: 'refused',
      bodyDigest: bodyDigest({ amount: 1 }),
      refusal: { status: 422, type: 'below-zero', title: 't', detail: 'd' },
      subject,
      decidedAt: NOW.getTime() - HOUR_MS,
    });
    const [repeated] = decide(state, [add(subject, 1, { id: 'again', deadline: '2026-03-01T11:00:00Z' })]);
    expect(repeated?.outcome(undefined)).toMatchObject({ status: 'refused', repeated: true });
  });

  it('fails a command on which the decider throws, and goes on with the next, also on the same counter', () => {
    const decided = decide(opened(subject), [add(subject, 1), add(subject, 666), add(subject, 1)]);
    expect(outcomes(decided)).toMatchObject([
      { status: 'succeeded', version: 2 },
      { status: 'failed' },
      { status: 'succeeded', version: 3, resource: { total: 2 } },
    ]);
    expect(decided.map(({ events }) => events.length)).toEqual([1, 0, 1]);
  });

  it('fails a command whose event no record can hold, and leaves nothing of it', () => {
    const decided = decide(opened(subject), [add(subject, 2), add(subject, 3)], (event) =>
      event.type === 'added' && event.data.amount === 2 ? 'x'.repeat(900_001) : '{}',
    );
    expect(outcomes(decided)).toMatchObject([
      { status: 'failed' },
      { status: 'succeeded', version: 2, resource: { total: 3 } },
    ]);
    expect(decided[0]?.events).toEqual([]);
  });

  it('fails a command whose event cannot be encoded', () => {
    const decided = decide(opened(subject), [add(subject, 2), add(subject, 3)], (event) => {
      if (event.type === 'added' && event.data.amount === 2) throw new Error('not by the schema');
      return '{}';
    });
    expect(outcomes(decided)).toMatchObject([{ status: 'failed' }, { status: 'succeeded', version: 2 }]);
  });
});

describe('what a writer remembers', () => {
  const subject = mintId(0);
  const outcome = (commandId: string, hoursAgo: number, more = {}) => ({
    outcome: { commandId, status: 'failed' as const, bodyDigest: bodyDigest({ amount: 1 }), ...more },
    subject,
    time: new Date(NOW.getTime() - hoursAgo * HOUR_MS).toISOString(),
    commandOffset: 5n,
  });

  it('is the answers of 24 hours, read from the log by whoever takes the partition over', () => {
    const state = new PartitionState<Counter, State>(counterDecider);
    state.note(outcome('old', 25), 0n, NOW.getTime());
    state.note(outcome('recent', 23), 1n, NOW.getTime());
    expect(state.recall('old')).toBeUndefined();
    expect(state.recall('recent')).toMatchObject({ status: 'failed' });
    expect(state.nextCommand).toBe(6n);
  });

  it('is the first answer of an id, never a repeat or an expiry', () => {
    const state = new PartitionState<Counter, State>(counterDecider);
    state.note(outcome('a', 1, { status: 'expired' }), 0n, NOW.getTime());
    expect(state.recall('a')).toBeUndefined();
    state.note(outcome('a', 1), 1n, NOW.getTime());
    state.note(outcome('a', 1, { status: 'refused' }), 2n, NOW.getTime());
    state.note(outcome('b', 1, { repeated: true }), 3n, NOW.getTime());
    expect(state.recall('a')).toMatchObject({ status: 'failed' });
    expect(state.recall('b')).toBeUndefined();
  });

  it('goes on after the highest command that events and outcomes name, and notices a lost event', () => {
    const state = new PartitionState<Counter, State>(counterDecider);
    const event = (version: number, commandOffset: bigint): Recorded<EventOf<Counter>> => ({
      type: 'opened',
      data: {},
      meta: {
        id: 'e',
        subject,
        time: NOW.toISOString(),
        actor: 'a',
        correlationId: 'c',
        causationId: 'c',
        version,
        commandOffset,
      },
    });
    state.note(outcome('a', 1), 0n, NOW.getTime());
    expect(state.nextCommand).toBe(6n);
    // Control records lie between: offsets leave gaps, versions do not.
    state.apply(event(1, 9n), 0n);
    state.apply(event(2, 8n), 4n);
    expect([state.nextCommand, state.nextEvent]).toEqual([10n, 5n]);
    expect(() => state.apply(event(4, 12n), 6n)).toThrow('the log has a gap');
  });

  it('shrinks as time passes', () => {
    const state = new PartitionState<Counter, State>(counterDecider);
    const answer = { status: 'failed' as const, bodyDigest: 'd', subject };
    state.remember({ ...answer, commandId: 'old', decidedAt: NOW.getTime() - 25 * HOUR_MS });
    state.remember({ ...answer, commandId: 'new', decidedAt: NOW.getTime() });
    expect(state.recall('old')).toBeUndefined();
    expect(state.recall('new')).toBeDefined();
  });
});
