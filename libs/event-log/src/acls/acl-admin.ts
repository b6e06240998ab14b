import kafkajs, { type Admin } from 'kafkajs';
import type { LogService } from '#contracts';
import { brokerErrorType } from '../kafka/broker-error.js';
import { createAdmin, type LogSettings } from '../kafka/log-connection.js';
import {
  type Acl,
  type AclDifference,
  aclsOf,
  describeAcl,
  differenceOf,
  foreignWriters,
  missingOf,
  type Principals,
} from './log-acls.js';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** The brokers let somebody write to the log who must not, or this service not what it needs. It must not start. */
export class UnguardedLog extends Error {
  override readonly name = 'UnguardedLog';
  readonly code = 'unguarded-log';
  constructor(readonly faults: readonly string[]) {
    super(`the brokers' ACLs are not as they must be:\n${faults.map((fault) => `- ${fault}`).join('\n')}`);
  }
}

/**
 * Asserts that each topic and transactional id has the writers of the table and no others, and that these services
 * may do what they need.
 *
 * @throws UnguardedLog naming every fault at once
 */
export async function assertGuarded(
  settings: LogSettings,
  services: readonly LogService[],
  principals: Principals,
): Promise<void> {
  const found = await withAdmin(settings, readAcls);
  const others = foreignWriters(found, principals, settings.prefix);
  const missing = services.flatMap((service) =>
    missingOf(aclsOf(service, principals[service], settings.prefix), found),
  );
  const faults = [
    ...others.map((acl) => `${describeAcl(acl)}: more than the table lets it`),
    ...missing.map((acl) => `missing: ${describeAcl(acl)}`),
  ];
  if (faults.length > 0) throw new UnguardedLog([...faults, 'apply them: npx gatehouse log acls --apply']);
}

/** What must change for the brokers' ACLs to be those wanted. */
export async function compareAcls(
  settings: LogSettings,
  wanted: readonly Acl[],
  principals: Principals,
): Promise<AclDifference> {
  const found = await withAdmin(settings, readAcls);
  return differenceOf(found, wanted, principals, settings.prefix);
}

/** Adds what is missing and takes away what lets others write. */
export async function applyAcls(settings: LogSettings, { missing, foreign }: AclDifference): Promise<void> {
  await withAdmin(settings, async (admin) => {
    if (missing.length > 0) await admin.createAcls({ acl: missing.map((acl) => ({ ...toKafka(acl), host: '*' })) });
    // From whichever host it was allowed.
    if (foreign.length > 0) await admin.deleteAcls({ filters: foreign.map((acl) => toKafka(acl)) });
  });
}

async function withAdmin<T>(settings: LogSettings, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = createAdmin(settings);
  await admin.connect();
  try {
    return await work(admin);
  } catch (error) {
    const type = brokerErrorType(error);
    if (type === 'SECURITY_DISABLED')
      throw new UnguardedLog([
        'the brokers have no authorizer: whoever reaches them may write (authorizer.class.name)',
      ]);
    if (type === 'CLUSTER_AUTHORIZATION_FAILED')
      throw new UnguardedLog([
        `${settings.sasl !== undefined && 'username' in settings.sasl ? settings.sasl.username : 'this principal'} may not see or change the ACLs: apply them as one who may, npx gatehouse log acls --apply`,
      ]);
    throw error;
  } finally {
    await admin.disconnect();
  }
}

async function readAcls(admin: Admin): Promise<readonly Acl[]> {
  const { resources } = await admin.describeAcls({
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ALLOW,
  });
  return resources.flatMap(({ resourceType, resourceName, resourcePatternType, acls }) => {
    const resource = RESOURCES.find(([, type]) => type === resourceType)?.[0];
    if (resource === undefined) return []; // of delegation tokens: none of ours
    const pattern = resourcePatternType === ResourcePatternTypes.PREFIXED ? 'prefixed' : 'literal';
    return acls.map(({ principal, operation }) => ({
      principal,
      resource,
      name: resourceName,
      pattern,
      operation: OPERATIONS.find(([, type]) => type === operation)?.[0] ?? String(operation),
    }));
  });
}

const RESOURCES = [
  ['topic', AclResourceTypes.TOPIC],
  ['group', AclResourceTypes.GROUP],
  ['transactional-id', AclResourceTypes.TRANSACTIONAL_ID],
  ['cluster', AclResourceTypes.CLUSTER],
] as const;

const OPERATIONS = [
  ['all', AclOperationTypes.ALL],
  ['read', AclOperationTypes.READ],
  ['write', AclOperationTypes.WRITE],
  ['create', AclOperationTypes.CREATE],
  ['delete', AclOperationTypes.DELETE],
  ['alter', AclOperationTypes.ALTER],
  ['describe', AclOperationTypes.DESCRIBE],
  ['describe-configs', AclOperationTypes.DESCRIBE_CONFIGS],
  ['alter-configs', AclOperationTypes.ALTER_CONFIGS],
] as const;

function toKafka({ principal, resource, name, pattern, operation }: Acl) {
  return {
    principal,
    resourceType: RESOURCES.find(([known]) => known === resource)?.[1] ?? AclResourceTypes.UNKNOWN,
    resourceName: name,
    resourcePatternType: pattern === 'prefixed' ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    operation: OPERATIONS.find(([known]) => known === operation)?.[1] ?? AclOperationTypes.UNKNOWN,
    permissionType: AclPermissionTypes.ALLOW,
  };
}
