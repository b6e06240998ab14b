import { groupsOf, type LogService, logUses, receivedBy, sentBy, writerIds } from '#contracts';

/** An ACL that allows something, as Kafka keeps it. */
export interface Acl {
  /** As Kafka writes it: `User:gatehouse-registration`, or `User:*`. */
  readonly principal: string;
  readonly resource: 'topic' | 'group' | 'transactional-id' | 'cluster';
  /** A name, what names begin with (`prefixed`), or `*` for every name. */
  readonly name: string;
  readonly pattern: 'literal' | 'prefixed';
  readonly operation: string;
}

/** Who each service is at the brokers. In one process all of them are one. */
export type Principals = Readonly<Record<LogService, string>>;

/** The name that Kafka has for the cluster as a resource. */
const CLUSTER = 'kafka-cluster';

/**
 * What a service needs at the brokers, and nothing more. Reading and writing let it describe as well; it may create the topics
 * of its row, should they not be there, and see the ACLs, which it asserts at its start.
 */
export function aclsOf(service: LogService, principal: string, prefix = ''): readonly Acl[] {
  const use = logUses[service];
  const sent = sentBy(use);
  const received = receivedBy(use);
  const topics = [...new Set([...sent, ...received])];
  const acl = (resource: Acl['resource'], name: string, ...operations: readonly string[]): readonly Acl[] =>
    operations.map((operation) => ({ principal, resource, name: prefix + name, pattern: 'literal', operation }));
  return [
    ...topics.flatMap((name) =>
      acl(
        'topic',
        name,
        ...(sent.includes(name) ? ['write'] : []),
        ...(received.includes(name) ? ['read'] : []),
        'describe-configs',
        'create',
      ),
    ),
    ...groupsOf(use).flatMap((name) => acl('group', name, 'read')),
    ...(use.context === undefined
      ? []
      : acl('transactional-id', writerIds(use.context), 'write').map((each) => ({
          ...each,
          pattern: 'prefixed' as const,
        }))),
    { principal, resource: 'cluster', name: CLUSTER, pattern: 'literal', operation: 'describe' },
  ];
}

/** What all services need; where several are one principal, each thing once. */
export function aclsOfAll(principals: Principals, prefix = ''): readonly Acl[] {
  const all = new Map<string, Acl>();
  for (const [service, principal] of entriesOf(principals))
    for (const acl of aclsOf(service, principal, prefix)) all.set(JSON.stringify(acl), acl);
  return [...all.values()];
}

/**
 * Operations by which records come into a topic or go out of it, at once or by what is changed of it; by which a group's
 * checkpoint is moved, so that a service passes over what was written (to read as a member of a group is to commit for it); and
 * by which ACLs and the brokers themselves are changed.
 */
const CHANGES: Readonly<Record<Acl['resource'], readonly string[]>> = {
  topic: ['write', 'delete', 'alter', 'alter-configs', 'all'],
  group: ['read', 'delete', 'all'],
  'transactional-id': ['write', 'all'],
  cluster: ['alter', 'alter-configs', 'cluster-action', 'all'],
};

/**
 * Those of the brokers' ACLs that let somebody change a topic of ours, move a checkpoint of ours, or take a writer's transactional
 * id, who may not by the table, or that let its writer do more than write: records that were written are nobody's to take away.
 * A service may change nothing of the cluster either. Whoever else may is an administrator of the brokers, as super users are, whom
 * no ACL names: that nobody is who should not be is for those who run the brokers.
 */
export function foreignWriters(found: readonly Acl[], principals: Principals, prefix = ''): readonly Acl[] {
  const allowed = aclsOfAll(principals, prefix);
  const services = ['User:*', ...Object.values(principals)];
  const guarded = guardedNames(prefix);
  return found.filter(
    (acl) =>
      CHANGES[acl.resource].includes(acl.operation) &&
      (acl.resource !== 'cluster' || services.includes(acl.principal)) &&
      guarded.some(
        ({ resource, name }) =>
          resource === acl.resource &&
          reaches(acl, name) &&
          !allowed.some(
            (ours) =>
              ours.operation === acl.operation &&
              ours.principal === acl.principal &&
              ours.resource === resource &&
              ours.name === name,
          ),
      ),
  );
}

/** What is wanted and not allowed by any ACL that was found. */
export function missingOf(wanted: readonly Acl[], found: readonly Acl[]): readonly Acl[] {
  return wanted.filter(
    (acl) =>
      !found.some(
        (other) =>
          [acl.principal, 'User:*'].includes(other.principal) &&
          other.resource === acl.resource &&
          [acl.operation, 'all'].includes(other.operation) &&
          (acl.pattern === 'literal' ? reaches(other, acl.name) : covers(other, acl.name)),
      ),
  );
}

/** How the brokers' ACLs differ from what the services need. */
export interface AclDifference {
  /** With what `foreign` allowed, too, that is to be taken away. */
  readonly missing: readonly Acl[];
  /** They let others change a topic of ours, or its writer do more than write, and speak of nothing else: `applyAcls` takes them away. */
  readonly foreign: readonly Acl[];
  /** They do so and reach other topics too: whoever runs the brokers must narrow them. */
  readonly broad: readonly Acl[];
}

/** What must change for the ACLs that were found to be those wanted. */
export function differenceOf(
  found: readonly Acl[],
  wanted: readonly Acl[],
  principals: Principals,
  prefix = '',
): AclDifference {
  const others = foreignWriters(found, principals, prefix);
  const foreign = others.filter((acl) => isOurs(acl, prefix));
  return {
    missing: missingOf(
      wanted,
      found.filter((acl) => !foreign.includes(acl)),
    ),
    foreign,
    broad: others.filter((acl) => !isOurs(acl, prefix)),
  };
}

/** One line for people. */
export function describeAcl({ principal, resource, name, pattern, operation }: Acl): string {
  return `${principal} ${operation} ${resource} ${name}${pattern === 'prefixed' ? '…' : ''}`;
}

/** Whether an ACL speaks of just this topic, id or group, so that taking it away concerns nothing else. */
export function isOurs({ name, pattern, resource }: Acl, prefix = ''): boolean {
  return guardedNames(prefix).some(
    (each) =>
      resource !== 'cluster' &&
      each.resource === resource &&
      each.name === name &&
      (pattern === 'prefixed') === (resource === 'transactional-id'),
  );
}

function guardedNames(prefix: string): readonly Pick<Acl, 'resource' | 'name'>[] {
  const uses = Object.values(logUses);
  const topics = new Set(uses.flatMap((use) => [...sentBy(use), ...receivedBy(use)]));
  const ids = uses.flatMap(({ context }) => (context === undefined ? [] : [writerIds(context)]));
  return [
    ...[...topics].map((name) => ({ resource: 'topic' as const, name: prefix + name })),
    ...ids.map((name) => ({ resource: 'transactional-id' as const, name: prefix + name })),
    ...uses.flatMap(groupsOf).map((name) => ({ resource: 'group' as const, name: prefix + name })),
    { resource: 'cluster', name: CLUSTER },
  ];
}

/** Whether an ACL reaches a topic by its name, or any of the ids that begin so. */
function reaches({ resource, pattern, name }: Acl, ours: string): boolean {
  if (name === '*') return true;
  if (pattern === 'prefixed')
    return ours.startsWith(name) || (resource === 'transactional-id' && name.startsWith(ours));
  return name === ours || (resource === 'transactional-id' && name.startsWith(ours));
}

/** Whether an ACL reaches everything that begins so. */
function covers({ pattern, name }: Acl, beginning: string): boolean {
  return name === '*' || (pattern === 'prefixed' && beginning.startsWith(name));
}

function entriesOf(principals: Principals): readonly (readonly [LogService, string])[] {
  return (Object.keys(logUses) as LogService[]).map((service) => [service, principals[service]] as const);
}
