import { channels, groupsOf, logServices, logUses, sentBy, topicsOf } from '#contracts';
import {
  type Acl,
  aclsOf,
  aclsOfAll,
  differenceOf,
  foreignWriters,
  isOurs,
  missingOf,
  type Principals,
} from './log-acls.js';

const principals = Object.fromEntries(logServices.map((name) => [name, `User:${name}`])) as Principals;
const one = Object.fromEntries(logServices.map((name) => [name, 'User:one'])) as Principals;
const wanted = aclsOfAll(principals);
const events = 'gatehouse.approval.events';

const group = groupsOf(logUses.approval)[0] ?? '';
const cluster = { resource: 'cluster', name: 'kafka-cluster' } as const;

const acl = (change: Partial<Acl>): Acl => ({
  principal: 'User:mallory',
  resource: 'topic',
  name: events,
  pattern: 'literal',
  operation: 'write',
  ...change,
});

describe('who may write to the log', () => {
  it('is one service for every topic of events and of outcomes', () => {
    for (const { context } of Object.values(logUses)) {
      if (context === undefined) continue;
      const { events: history, outcomes } = topicsOf(context);
      for (const { name } of [history, outcomes])
        expect(logServices.filter((service) => sentBy(logUses[service]).includes(name))).toEqual([context.context]);
    }
  });

  it('is somebody for every topic that there is', () => {
    const sent = new Set(Object.values(logUses).flatMap((use) => sentBy(use)));
    expect(channels.map(({ topic }) => topic.name).filter((name) => !sent.has(name))).toEqual([]);
  });
});

describe('the ACLs of a service', () => {
  it('are its topics, groups and transactional ids, and nothing by a wildcard', () => {
    const own = aclsOf('registration', 'User:r', 'p.');
    expect(own).toContainEqual(
      acl({
        principal: 'User:r',
        name: 'p.gatehouse.registration.writer.',
        resource: 'transactional-id',
        pattern: 'prefixed',
      }),
    );
    expect(
      own.filter(({ name, resource }) => name === '*' || (resource !== 'cluster' && !name.startsWith('p.'))),
    ).toEqual([]);
    expect(own.filter(({ pattern }) => pattern === 'prefixed')).toHaveLength(1);
    expect(new Set(own.map(({ operation }) => operation))).toEqual(
      new Set(['read', 'write', 'create', 'describe', 'describe-configs']),
    );
  });

  it('let the gateway write what it enforced, and no event, command or outcome', () => {
    const written = aclsOf('gateway', 'User:g').filter(({ operation }) => operation === 'write');
    expect(written.map(({ name }) => name)).toEqual(['gatehouse.activity', 'gatehouse.enforcement']);
  });

  it('stand once where all services are one', () => {
    expect(aclsOfAll(one)).toHaveLength(new Set(aclsOfAll(one).map((each) => JSON.stringify(each))).size);
    expect(foreignWriters(aclsOfAll(one), one)).toEqual([]);
  });
});

describe('others who may write', () => {
  it('are none while the brokers have what is wanted', () => {
    expect(foreignWriters(wanted, principals)).toEqual([]);
    expect(missingOf(wanted, wanted)).toEqual([]);
  });

  it.each<[string, Partial<Acl>]>([
    ['by the name of a topic', {}],
    ['as everybody', { principal: 'User:*' }],
    ['to every topic', { name: '*' }],
    ['to all that begins as a topic of ours', { name: 'gatehouse.', pattern: 'prefixed' }],
    ['by all operations', { operation: 'all' }],
    ['by deleting', { operation: 'delete' }],
    ['by how long a topic keeps its records', { operation: 'alter-configs' }],
    ['by the number of its partitions', { operation: 'alter' }],
    ['as its writer, by deleting', { principal: 'User:approval', operation: 'delete' }],
    ['as its writer, by how long it keeps its records', { principal: 'User:approval', operation: 'alter-configs' }],
    ['as its writer, by all operations', { principal: 'User:approval', operation: 'all' }],
    ['as another service', { principal: 'User:registration' }],
    ['by a writer’s transactional id', { resource: 'transactional-id', name: 'gatehouse.review.writer.3' }],
    ['by a reactor’s checkpoint', { resource: 'group', name: group, operation: 'read' }],
    ['by every checkpoint', { resource: 'group', name: '*', operation: 'all' }],
    ['by forgetting a checkpoint', { principal: 'User:approval', resource: 'group', name: group, operation: 'delete' }],
    ['as a service that may change ACLs', { principal: 'User:gateway', ...cluster, operation: 'alter' }],
    ['as everybody, who may change the brokers', { principal: 'User:*', ...cluster, operation: 'alter-configs' }],
    ['by every transactional id', { resource: 'transactional-id', name: 'gate', pattern: 'prefixed' }],
  ])('are found: %s', (_how, change) => {
    const found = acl(change);
    expect(foreignWriters([...wanted, found], principals)).toEqual([found]);
  });

  it.each<[string, Partial<Acl>]>([
    ['reads', { operation: 'read' }],
    ['writes elsewhere', { name: 'gatehouse.approval.events.copy' }],
    ['has a group of another name', { resource: 'group', operation: 'all' }],
    ['administers the brokers', { ...cluster, operation: 'alter' }],
    ['is the writer, by a name that reaches no other', { principal: 'User:approval', pattern: 'prefixed' }],
  ])('are not who %s', (_who, change) => {
    expect(foreignWriters([...wanted, acl(change)], principals)).toEqual([]);
  });

  it('leave their writer what it needs when they are taken away', () => {
    const all = acl({ principal: 'User:approval', operation: 'all' });
    const found = wanted.filter((each) => each.principal !== all.principal || each.name !== events);
    expect(missingOf(wanted, [...found, all])).toEqual([]);
    const { missing, foreign, broad } = differenceOf([...found, all], wanted, principals);
    expect([foreign, broad]).toEqual([[all], []]);
    expect(missingOf(wanted, [...found, ...missing])).toEqual([]);
    expect(missing).toContainEqual(acl({ principal: 'User:approval' }));
  });

  it('are taken away only where nothing else is meant', () => {
    expect(
      [{}, { name: '*' }, { name: 'gatehouse.', pattern: 'prefixed' as const }].map((each) => isOurs(acl(each))),
    ).toEqual([true, false, false]);
  });
});

it('what is allowed by a wider ACL is not missing', () => {
  const [first] = aclsOf('audit', 'User:audit');
  if (first === undefined) throw new Error('audit needs something');
  expect(missingOf([first], [])).toEqual([first]);
  expect(missingOf([first], [{ ...first, operation: 'all', name: 'gatehouse', pattern: 'prefixed' }])).toEqual([]);
  expect(missingOf([first], [{ ...first, principal: 'User:other' }])).toEqual([first]);
});
