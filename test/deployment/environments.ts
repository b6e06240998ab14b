import {
  BrokerConfig,
  configClassesOf,
  ConfigError,
  configReference,
  DatabaseConfig,
  loadConfig,
  loadSections,
  type ServicePart,
  TrustConfig,
  VaultConfig,
} from '#host';
import { approvalPart } from '../../apps/approval/src/approval.part.js';
import { auditPart } from '../../apps/audit/src/audit.part.js';
import { gateway } from '../../apps/gateway/src/gateway.part.js';
import { registrationPart } from '../../apps/registration/src/registration.part.js';
import { reviewPart } from '../../apps/review/src/review.part.js';
import { tokenPart } from '../../apps/token/src/token.part.js';

/** The services by their names. */
const parts: Readonly<Record<string, ServicePart>> = Object.fromEntries(
  [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart].map((part) => [part.name, part]),
);

/**
 * What is wrong with the environment that a deployment gives a service: what its own start would find, and variables that it
 * does not know, which a start does not look at.
 */
export function faultsOf(service: string, environment: Readonly<Record<string, string>>): readonly string[] {
  const part = parts[service];
  if (part === undefined) return [`there is no service ${service}`];
  const sections = configClassesOf(part);
  return [...unknownOf(service, sections, environment), ...startFaults(() => loadConfig(part, sections, environment))];
}

/** The same for a command that works beside the services: `log` (acls, inspect) or `vault` (backup, restore, rotate). */
export function faultsOfCommand(
  command: 'log' | 'vault',
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const sections = { log: [BrokerConfig], vault: [TrustConfig, VaultConfig, DatabaseConfig] }[command];
  return [
    ...unknownOf(command, sections, environment),
    ...startFaults(() => loadSections({ name: command, defaultPort: 0 }, sections, environment)),
  ];
}

function unknownOf(
  whom: string,
  sections: Parameters<typeof configReference>[0],
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const known = new Set(
    configReference(sections).flatMap(({ variable, secret }) => (secret ? [variable, `${variable}_FILE`] : [variable])),
  );
  const unknown = Object.keys(environment).filter((variable) => !known.has(variable));
  return unknown.map((variable) => `${variable} is no setting of ${whom}`);
}

function startFaults(load: () => unknown): readonly string[] {
  try {
    load();
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.faults.map(({ variable, mustBe }) => `${variable} must be ${mustBe}`);
  }
}
