import { createErrorFromCode } from 'kafkajs/src/protocol/error.js';
import { AppendLane } from './append-lane.js';

/** Codes of Kafka's protocol. */
const NOT_ENOUGH_REPLICAS = createErrorFromCode(19);
const NOT_LEADER = createErrorFromCode(6);
const TOO_LARGE = createErrorFromCode(10);
const UNKNOWN_PRODUCER = createErrorFromCode(59);
const IDENTITY = { producerId: '7', producerEpoch: 0 };

describe('what one partition is given', () => {
  let lane: AppendLane;
  /** How often records were made: a number of its own for each, as the activity topic's records have. */
  let made: number;
  beforeEach(() => {
    lane = new AppendLane('topic', 3);
    lane.identify(IDENTITY);
    made = 0;
  });

  const add = (name: string, giveUpAt = Infinity): Promise<string> => {
    const { promise, resolve, reject } = Promise.withResolvers<{ readonly offset: bigint }>();
    const make = () => ({ key: 'k', value: `${name}#${made++}` });
    lane.add({ make, record: undefined, giveUpAt, resolve, reject });
    return promise.then(
      ({ offset }) => String(offset),
      (error: unknown) => (error instanceof Error && 'code' in error ? String(error.code) : 'failed'),
    );
  };
  const next = () => {
    const { firstSequence, producerId, records } = lane.next();
    return { firstSequence, producerId, values: records.map(({ value }) => value) };
  };

  it('tells each its offset, and counts on', async () => {
    const told = [add('a'), add('b')];
    expect(next()).toEqual({ firstSequence: 0, producerId: 7n, values: ['a#0', 'b#1'] });
    told.push(add('c'));
    lane.acknowledged(40n);
    expect(lane.isEmpty).toBe(false);
    expect(next()).toEqual({ firstSequence: 2, producerId: 7n, values: ['c#2'] });
    lane.acknowledged(42n);
    expect(lane.isEmpty).toBe(true);
    expect(await Promise.all(told)).toEqual(['40', '41', '42']);
  });

  it('resends a batch that may be in the log whole, with its numbers, before what came later', async () => {
    const told = [add('a'), add('b', 0)];
    const first = next();
    lane.unacknowledged(new Error('the connection ended'));
    told.push(add('c'));
    expect(next()).toEqual(first);
    // That it is refused now says nothing of the first time.
    lane.unacknowledged(NOT_ENOUGH_REPLICAS);
    expect(next()).toEqual(first);
    lane.acknowledged(5n);
    expect(next()).toMatchObject({ firstSequence: 2, values: ['c#2'] });
    lane.acknowledged(7n);
    expect(await Promise.all(told)).toEqual(['5', '6', '7']);
  });

  it('keeps what a leader that is none any more may have appended', () => {
    void add('a');
    const first = next();
    lane.unacknowledged(NOT_LEADER);
    void add('b');
    expect(next()).toEqual(first);
  });

  it('sends again what certainly is not in the log, as it was made, with what came since', async () => {
    const told = [add('a'), add('b')];
    next();
    lane.unacknowledged(NOT_ENOUGH_REPLICAS);
    told.push(add('c'));
    expect(next()).toEqual({ firstSequence: 0, producerId: 7n, values: ['a#0', 'b#1', 'c#2'] });
    lane.acknowledged(0n);
    expect(await Promise.all(told)).toEqual(['0', '1', '2']);
  });

  it('makes anew what stands behind a record that is given up, so that no number is missed', async () => {
    const late = add('a', 0);
    const inTime = add('b');
    expect(next().values).toEqual(['a#0', 'b#1']);
    lane.unacknowledged(NOT_ENOUGH_REPLICAS);
    expect(await late).toBe('not-appended');
    made = 0; // as a new run does
    expect(next()).toMatchObject({ firstSequence: 0, values: ['b#0'] });
    lane.acknowledged(0n);
    expect(await inTime).toBe('0');
  });

  it('makes anew what was made and did not fit into a batch whose records are given up', async () => {
    const late = add('x'.repeat(600_000), 0);
    void add('y'.repeat(600_000));
    expect(next().values).toHaveLength(1);
    lane.unacknowledged(NOT_ENOUGH_REPLICAS);
    expect(await late).toBe('not-appended');
    made = 0;
    expect(next().values.map((value) => value.replace(/^(.).*#/, '$1#'))).toEqual(['y#0']);
  });

  it('makes what does not fit into a batch once', () => {
    void add('x'.repeat(600_000));
    void add('y'.repeat(600_000));
    void add('z');
    const sent: string[] = [];
    for (const offset of [0n, 1n]) {
      sent.push(...next().values.map((value) => value.replace(/^(.).*#/, '$1#')));
      lane.acknowledged(offset);
    }
    expect(sent).toEqual(['x#0', 'y#1', 'z#2']);
  });

  it('gives up at once what no retry mends', async () => {
    const told = [add('a'), add('b')];
    next();
    lane.unacknowledged(TOO_LARGE);
    expect(await Promise.all(told)).toEqual(['not-appended', 'not-appended']);
    expect(lane.isEmpty).toBe(true);
  });

  it('says of a batch that it may be in the log, when nobody waits any more; numbers start anew', async () => {
    const told = add('a', 0);
    next();
    lane.unacknowledged(new Error('no answer'));
    expect(await told).toBe('append-unresolved');
    expect(lane.identity).toBeUndefined();
    void add('b');
    lane.identify({ producerId: '8', producerEpoch: 0 });
    expect(next()).toEqual({ firstSequence: 0, producerId: 8n, values: ['b#1'] });
  });

  it('resends with a new identity what was sent under one that the broker has forgotten', () => {
    void add('a');
    next();
    lane.acknowledged(0n);
    void add('b');
    next();
    lane.unacknowledged(UNKNOWN_PRODUCER);
    expect(lane.identity).toBeUndefined();
    expect(() => lane.next()).toThrow("no producer's identity");
    lane.identify({ producerId: '9', producerEpoch: 0 });
    expect(next()).toEqual({ firstSequence: 0, producerId: 9n, values: ['b#1'] });
  });

  it('tells those behind a stuck batch at their deadline that they never left', async () => {
    void add('a');
    next();
    lane.unacknowledged(new Error('no answer'));
    const [late, inTime] = [add('b', 0), add('c')];
    lane.failed(new Error('no leader'));
    expect(await late).toBe('not-appended');
    expect(next().values).toEqual(['a#0']);
    lane.acknowledged(0n);
    expect(next().values).toEqual(['c#1']);
    lane.acknowledged(1n);
    expect(await inTime).toBe('1');
  });

  it('is full of no more than it was given', () => {
    for (let count = 0; count < 1_200; count++) void add('a');
    expect(lane.waiting).toBe(1_200);
    expect(next().values).toHaveLength(500);
    expect(lane.waiting).toBe(700);
  });
});
