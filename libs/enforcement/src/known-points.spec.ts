import { encodeReport, PointKey, type PointReport } from '#contracts';
import type { LogRecord } from '#event-log';
import { reportSource, type ToldReport } from './point-codec.js';
import { KnownPoints } from './known-points.js';

let wall: number;
let monotonic: number;
let refused: string[];
let points: KnownPoints;
const key = new PointKey();
const id = key.idOf('gateway');

beforeEach(() => {
  wall = Date.parse('2026-11-24T09:30:00Z');
  monotonic = 0;
  refused = [];
  points = new KnownPoints(
    { leaseMs: 1_000 },
    () => ({ wall, monotonic }),
    (_told, reason) => refused.push(reason),
  );
});

const report = (said: Partial<PointReport> = {}): PointReport => ({
  id,
  kind: 'gateway',
  positions: { 'gatehouse.registration.events': ['7'] },
  appliedAt: new Date(wall).toISOString(),
  inFlightWrites: {},
  stopped: false,
  ...said,
});

const told = (value: string, underKey: string): ToldReport => {
  const [bytes, rawKey] = [Buffer.from(value), Buffer.from(underKey)];
  const record: LogRecord = { topic: '', partition: 0, offset: 1n, key: underKey, rawKey, value: bytes };
  return reportSource.decode(bytes, record);
};
const signed = (said: Partial<PointReport> = {}, by = key): ToldReport =>
  told(by.sign(encodeReport(report(said))), said.id ?? id);
const unsigned = (said: Partial<PointReport> = {}): ToldReport => told(encodeReport(report(said)), said.id ?? id);

describe('the points that are known', () => {
  it('are those that report and have not stopped', () => {
    points.hear([signed()], false);
    expect(points.current()).toEqual([report()]);
    points.hear([signed({ stopped: true })], false);
    expect(points.current()).toEqual([]);
    expect(refused).toEqual([]);
  });

  it('are forgotten once their lease has certainly run out', () => {
    points.hear([signed()], false);
    monotonic += 1_101;
    wall += 1_101;
    expect(points.all()).toHaveLength(1);
    expect(points.current()).toEqual([]);
  });

  it('refuse what was forged in the order in which it stands', () => {
    points.hear([told('no report', id), unsigned({ stopped: true }), signed({}, new PointKey())], false);
    expect(refused).toEqual([
      'it is no report of this release',
      'it has no signature',
      'its key is not that of the point which it names',
    ]);
  });

  const forgeries: readonly [string, string, () => ToldReport][] = [
    ['an unsigned word that it has stopped', 'it has no signature', () => unsigned({ stopped: true })],
    [
      'one that is signed by another point',
      'its key is not that of the point which it names',
      () => signed({ stopped: true }, new PointKey()),
    ],
    [
      'a report that was changed',
      'its signature does not fit what it says',
      () => told(key.sign(encodeReport(report())).replace('"stopped":false', '"stopped":true'), id),
    ],
    [
      'a copy under the key of another record, which compaction would let it replace',
      'it stands under a key other than its point’s id',
      () => told(key.sign(encodeReport(report({ stopped: true }))), 'gateway-of-somebody'),
    ],
    [
      'a point’s own report of places that are none',
      'it is no report of this release',
      () => signed({ positions: { 'gatehouse.registration.events': ['far'] } }),
    ],
    ['no report at all', 'it is no report of this release', () => told('stop them all', id)],
  ];
  it.each(forgeries)('are not changed by %s', (_what, reason, forged) => {
    points.hear([signed(), forged()], false);
    points.hear([forged()], false);
    points.hear([forged()], true);
    expect(points.current()).toEqual([report()]);
    expect(refused).toEqual([reason, reason, reason]);
  });

  it('may be of a release before signatures: such a one holds a receipt up, and confirms nothing, not even its end', () => {
    const old = `gateway-${'019c2f1e-7a00-77d0-82ae-c099cedaa005'}`;
    points.hear([unsigned({ id: old, stopped: true })], false);
    expect(points.current()).toEqual([report({ id: old, positions: {} })]);
    expect(refused).toEqual(['it has no signature']);
    monotonic += 1_101;
    wall += 1_101;
    expect(points.current()).toEqual([]);
  });

  it('of such a release are no more where the past says that it was long ago; one that reports counts, whatever its clock says', () => {
    const old = `gateway-${'019c2f1e-7a00-77d0-82ae-c099cedaa005'}`;
    const behind = unsigned({ id: old, appliedAt: new Date(wall - 7_200_000).toISOString() });
    points.hear([behind], true);
    expect(points.current()).toEqual([]);
    points.hear([behind], false);
    expect(points.current()).toMatchObject([{ id: old }]);
  });

  it('of the past are told by the newest that each has signed, whatever was forged after it', () => {
    const other = new PointKey();
    const newest = report({ positions: { 'gatehouse.registration.events': ['9'] } });
    points.hear(
      [signed(), signed(newest), signed({ id: other.idOf('token') }, other), unsigned({ stopped: true })],
      true,
    );
    expect(points.current()).toEqual(
      expect.arrayContaining([newest, expect.objectContaining({ id: other.idOf('token') })]),
    );
    expect(points.current()).toHaveLength(2);
  });
});
