import { isLogService, logServices, type LogService } from '#contracts';
import type { Principals } from '#event-log';

/** The one process, in which all services are one principal. */
const ONE_PROCESS = 'gatehouse';

/** What KAFKA_PRINCIPALS says: who services are at the brokers, where that is not `User:gatehouse-<service>`. */
export type NamedPrincipals = Readonly<Record<string, string>>;

/**
 * Reads `registration=User:CN=registration,O=Example; approval=User:approval`. Undefined when it is not of that form,
 * names a service that there is not, or one twice.
 */
export function parsePrincipals(text: string): NamedPrincipals | undefined {
  const named = new Map<string, string>();
  for (const entry of text.split(';').map((part) => part.trim())) {
    if (entry === '') continue;
    const [, service = '', principal = ''] = /^(\w+)\s*=\s*(User:\S.*)$/.exec(entry) ?? [];
    if ((service !== ONE_PROCESS && !isLogService(service)) || named.has(service) || principal === 'User:*')
      return undefined;
    named.set(service, principal);
  }
  return Object.fromEntries(named);
}

/**
 * Who each service is at the brokers.
 *
 * @param process  the service that asks: in the one process, `gatehouse`, all are one
 * @param username the SCRAM user that the one process signs in as
 */
export function principalsFor(process: string, named: NamedPrincipals, username?: string): Principals {
  const one = named[ONE_PROCESS] ?? `User:${username ?? ONE_PROCESS}`;
  const of = (service: LogService): string =>
    process === ONE_PROCESS ? one : (named[service] ?? `User:gatehouse-${service}`);
  // Sound: every service has its entry.
  return Object.fromEntries(logServices.map((service) => [service, of(service)])) as Principals;
}
