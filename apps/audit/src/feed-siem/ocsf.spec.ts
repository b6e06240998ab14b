import { encodeOcsf, goldenRecords, type OcsfEvent } from '#contracts';
import { auditedTopics, decodeAudited } from '#records';
import { ocsfOf } from './ocsf.js';

/** What OCSF 1.3.0 requires of each class, and of which one of several must be there; written from its schema, not ours. */
const REQUIRED: Readonly<Record<number, readonly string[]>> = {
  6003: ['actor', 'api', 'api.operation', 'src_endpoint'],
  3002: ['user'],
  3001: ['user'],
};
const EVERYWHERE = [
  'activity_id',
  'category_uid',
  'class_uid',
  'metadata',
  'metadata.product',
  'metadata.version',
  'severity_id',
  'time',
  'type_uid',
];
const ONE_OF: Readonly<Record<number, readonly (readonly string[])[]>> = {
  6003: [
    ['actor.app_uid', 'actor.user', 'actor.process', 'actor.session'],
    ['src_endpoint.ip', 'src_endpoint.name', 'src_endpoint.uid', 'src_endpoint.hostname'],
  ],
  3002: [
    ['service', 'dst_endpoint'],
    ['user.uid', 'user.name', 'user.account'],
  ],
  3001: [['user.uid', 'user.name', 'user.account']],
};
const ACTIVITIES: Readonly<Record<number, readonly number[]>> = {
  6003: [0, 1, 2, 3, 4, 99],
  3002: [0, 1, 2, 3, 4, 5, 99],
  3001: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 99],
};

const at = (value: unknown, path: string): unknown =>
  path.split('.').reduce<unknown>((of, name) => (of === undefined ? undefined : Reflect.get(Object(of), name)), value);

const channels = new Map(auditedTopics.map(({ name }) => [name.replace(/^gatehouse\./, ''), name]));
const records = goldenRecords().flatMap((golden) => {
  const topic = channels.get(golden.channel);
  return topic === undefined ? [] : [[golden.file, topic, golden.record] as const];
});

describe('an OCSF event', () => {
  it.each(records)('of %s has what its class requires, and is the same when it is made again', (_, topic, record) => {
    const position = { topic, partition: 5, offset: 7n };
    const make = (): OcsfEvent => ocsfOf(decodeAudited(topic, record), position);
    const event = make();
    expect(encodeOcsf(event)).toBe(encodeOcsf(make()));
    const { class_uid: ofClass, category_uid: category, type_uid: type, activity_id: activity } = event;
    for (const path of [...EVERYWHERE, ...(REQUIRED[ofClass] ?? [])])
      expect([path, at(event, path)]).not.toContain(undefined);
    for (const paths of ONE_OF[ofClass] ?? [])
      expect(paths.filter((path) => at(event, path) !== undefined)).not.toEqual([]);
    expect(category).toBe(Math.floor(ofClass / 1000));
    expect(type).toBe(ofClass * 100 + activity);
    expect(ACTIVITIES[ofClass]).toContain(activity);
    expect(Number.isSafeInteger(event.time)).toBe(true);
  });

  it.each(['command', 'report'])('of a refused %s says that nothing was changed, and is no everyday matter', (what) => {
    const [, topic = '', record = ''] = records.find(([file]) => file.startsWith(`activity/${what}-refused.v1`)) ?? [];
    const event = ocsfOf(decodeAudited(topic, record), { topic, partition: 5, offset: 7n });
    expect(event).toMatchObject({ class_uid: 3001, severity_id: 3, status_id: 2 });
  });

  it('carries the id and the number of its record, and where it stands', () => {
    const [, topic, record] = records.find(([file]) => file.startsWith('activity/access-allowed.v1')) ?? [];
    const { meta } = decodeAudited(topic ?? '', record ?? '');
    const event = ocsfOf(decodeAudited(topic ?? '', record ?? ''), { topic: topic ?? '', partition: 5, offset: 7n });
    expect(event.metadata).toMatchObject({
      uid: meta.id,
      sequence: 'run' in meta ? meta.sequence : -1,
      log_name: 'gatehouse.activity:5:7',
    });
  });
});
