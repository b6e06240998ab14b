import { logServices } from '#contracts';
import { aclsOfAll, applyAcls, compareAcls, describeAcl, UnguardedLog, type Acl, type LogSettings } from '#event-log';
import { BrokerConfig, ConfigError, loadSections, parsePrincipals, principalsFor } from '#host';
import { parseArgs } from 'node:util';

/**
 * `npx gatehouse log acls`: prints the ACLs that the services need; with KAFKA_BROKERS set, what the brokers lack or let
 * others do; with `--apply` it puts that right. Exit code: 0 as it must be, 1 not so, 2 the configuration has a fault.
 */
const { values: flags } = parseArgs({
  options: { apply: { type: 'boolean' }, 'one-process': { type: 'boolean' }, json: { type: 'boolean' } },
});
const { KAFKA_BROKERS = '', KAFKA_PRINCIPALS = '', KAFKA_TOPIC_PREFIX: prefix = '' } = process.env;
const named = parsePrincipals(KAFKA_PRINCIPALS) ?? fail('KAFKA_PRINCIPALS must be a list of service=User:name.', 2);
const principals = principalsFor(flags['one-process'] === true ? 'gatehouse' : '', named);
const wanted = aclsOfAll(principals, prefix);

if (KAFKA_BROKERS === '') {
  if (flags.apply === true) fail('Set KAFKA_BROKERS and who you are there (KAFKA_SASL_USERNAME, …) to apply them.', 2);
  print(wanted, wanted.map(describeAcl));
} else {
  await meetBrokers().catch((error: unknown) => {
    if (error instanceof ConfigError) fail(error.message, 2);
    if (error instanceof UnguardedLog) fail(error.message, 1);
    // What kafkajs says of brokers that are away, that are not whom they must be, or that do not take a password.
    if (error instanceof Error && error.name.startsWith('KafkaJS'))
      fail(`The brokers cannot be asked at ${KAFKA_BROKERS}: ${error.message}`, 1);
    throw error;
  });
}

async function meetBrokers(): Promise<void> {
  // Whoever applies ACLs is none of the services.
  const config = loadSections({ name: 'log acls', defaultPort: 0 }, [BrokerConfig], process.env);
  const settings: LogSettings = {
    ...config.get(BrokerConfig).connection(),
    clientId: 'gatehouse-log-acls',
    prefix,
    sink: { debug: silent, info: silent, warn: silent, error: silent },
  };
  const found = await compareAcls(settings, wanted, principals);
  const { missing, foreign, broad } = found;
  const done = flags.apply === true;
  if (done) await applyAcls(settings, found);
  print(found, [
    ...missing.map((acl) => `${done ? 'added' : 'missing'}: ${describeAcl(acl)}`),
    ...foreign.map((acl) => `${done ? 'taken away' : 'not its writer'}: ${describeAcl(acl)}`),
    ...broad.map((acl) => `not its writer, and reaches other topics too, so narrow it by hand: ${describeAcl(acl)}`),
    ...(missing.length + foreign.length + broad.length > 0
      ? []
      : [`As they must be: ${wanted.length} ACLs for ${logServices.length} services.`]),
  ]);
  process.exitCode = broad.length > 0 || (!done && missing.length + foreign.length > 0) ? 1 : 0;
}

function print(data: object | readonly Acl[], lines: readonly string[]): void {
  console.log(flags.json === true ? JSON.stringify(data, undefined, 2) : lines.join('\n'));
}

function fail(message: string, code: number): never {
  console.error(message);
  process.exit(code);
}

function silent(): void {
  // What kafkajs says of its connections is not for who asks for ACLs.
}
