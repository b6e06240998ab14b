import fc from 'fast-check';
import { mintId, type EventOf, type Outcome, type Recorded, type RecordedOutcome } from '#contracts';
import { type counter, counterDecider } from '#testing';
import { PartitionState } from './partition-state.js';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const HOUR_MS = 3_600_000;
const subjects = ['a', 'b', 'c'];

type State = PartitionState<typeof counter, { readonly total: number }>;
type Step = {
  readonly subject: string;
  readonly amount: number;
  readonly hoursAgo: number;
  readonly repeated: boolean;
};

const step = fc.record({
  subject: fc.constantFrom(...subjects),
  amount: fc.integer({ min: 0, max: 9 }),
  hoursAgo: fc.integer({ min: 0, max: 40 }),
  repeated: fc.boolean(),
});

/** What a writer would find in the log: an event and an outcome for each step, in order, the oldest first. */
function history(steps: readonly Step[]): ((state: State) => void)[] {
  const versions = new Map<string, number>();
  return steps
    .toSorted((one, other) => other.hoursAgo - one.hoursAgo)
    .map(({ subject, amount, hoursAgo, repeated }, index) => {
      const version = (versions.get(subject) ?? 0) + 1;
      versions.set(subject, version);
      const time = new Date(NOW - hoursAgo * HOUR_MS).toISOString();
      const commandOffset = BigInt(index);
      const event = {
        ...(version === 1 ? { type: 'opened', data: {} } : { type: 'added', data: { amount } }),
        meta: {
          id: mintId(0),
          subject,
          time,
          actor: 'x',
          correlationId: 'x',
          causationId: 'x',
          version,
          commandOffset,
        },
      } as Recorded<EventOf<typeof counter>>;
      const outcome: Outcome = {
        commandId: `${index}`,
        status: 'succeeded',
        bodyDigest: 'd',
        version,
        resource: { amount },
      };
      const recorded: Omit<RecordedOutcome, 'actor'> = {
        outcome: repeated ? { ...outcome, repeated } : outcome,
        subject,
        time,
        commandOffset,
      };
      return (state) => {
        state.apply(event, BigInt(index * 2));
        state.note(recorded, BigInt(index * 3), NOW);
      };
    });
}

function fold(steps: readonly ((state: State) => void)[], state: State = new PartitionState(counterDecider)): State {
  for (const apply of steps) apply(state);
  return state;
}

/** All that a state holds, as a snapshot would keep it. */
function held(state: State): unknown {
  const { nextEvent, nextOutcome, nextCommand, lastEvent } = state;
  return { items: [...state.items()], nextEvent, nextOutcome, nextCommand, lastEvent };
}

/** The state after a snapshot and a new start. */
function restarted(state: State): State {
  const { nextEvent, nextOutcome, nextCommand, lastEvent } = state;
  const fresh: State = new PartitionState(counterDecider);
  const stored = JSON.parse(JSON.stringify([...state.items()])) as Iterable<Parameters<State['take']>[0]>;
  for (const item of stored) fresh.take(item, NOW);
  return Object.assign(fresh, { nextEvent, nextOutcome, nextCommand, lastEvent });
}

describe('what a writer holds', () => {
  it('is the same, folded from the beginning or from a snapshot at any place', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), fc.nat(), (steps, at) => {
        const log = history(steps);
        const cut = at % (log.length + 1);
        const fromSnapshot = fold(log.slice(cut), restarted(fold(log.slice(0, cut))));
        expect(held(fromSnapshot)).toEqual(held(fold(log)));
      }),
    );
  });

  it('does not change in a snapshot that is being written while the fold goes on', () => {
    const log = history([
      { subject: 'a', amount: 1, hoursAgo: 2, repeated: false },
      { subject: 'a', amount: 2, hoursAgo: 1, repeated: false },
      { subject: 'b', amount: 3, hoursAgo: 0, repeated: false },
    ]);
    const state = fold(log.slice(0, 1));
    const before = [...state.items()];
    const taken = state.items();
    fold(log.slice(1), state);
    expect([...taken]).toEqual(before);
    expect([...state.items()]).not.toEqual(before);
  });

  it('forgets answers that are older than a day, also those of a snapshot', () => {
    const log = history([{ subject: 'a', amount: 1, hoursAgo: 0, repeated: false }]);
    const state = fold(log);
    expect(state.recall('0')).toMatchObject({ status: 'succeeded', version: 1 });
    const later: State = new PartitionState(counterDecider);
    for (const item of state.items()) later.take(item, NOW + 25 * HOUR_MS);
    expect(later.recall('0')).toBeUndefined();
    expect(later.aggregate('a')).toMatchObject({ version: 1 });
  });
});
