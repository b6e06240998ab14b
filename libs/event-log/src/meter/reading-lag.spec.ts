import { lagOf, ReadingLag } from './reading-lag.js';

describe('how far a reader is behind', () => {
  let now = 0;
  const at = (seconds: number): number => (now = seconds * 1_000);
  let lag: ReadingLag;
  beforeEach(() => {
    at(0);
    lag = new ReadingLag(10n, () => now);
  });

  it('given that the end was heard of and all before it handled, then it is not behind', () => {
    at(5);
    lag.heard(10n);
    expect(lag.get()).toEqual({ records: 0, seconds: 0 });
  });

  it('given more at the end than was handled, then it is behind by as many, since it last was at the end', () => {
    at(5);
    lag.heard(10n);
    at(6);
    lag.heard(14n);
    at(8);
    lag.moved(12n);
    expect(lag.get()).toEqual({ records: 2, seconds: 3 });
    lag.moved(14n);
    expect(lag.get()).toEqual({ records: 0, seconds: 0 });
  });

  it('given brokers that are not heard of any more, then it may be behind, the longer the more', () => {
    lag.heard(10n);
    at(30);
    expect(lag.get()).toEqual({ records: 0, seconds: 30 });
  });

  it('given that it has begun and heard of no end, then it is behind since it began', () => {
    at(2);
    expect(lag.get()).toEqual({ records: 0, seconds: 2 });
  });

  it('of several partitions is the sum of the records, and the longest time', () => {
    const other = new ReadingLag(0n, () => now);
    lag.heard(13n);
    at(4);
    other.heard(1n);
    other.moved(1n);
    expect(lagOf([lag, other])).toEqual({ records: 3, seconds: 4 });
    expect(lagOf([])).toEqual({ records: 0, seconds: 0 });
  });
});
