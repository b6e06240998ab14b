import type { RegistrationCommand } from '#contracts';
import { differencesOf } from './application-view.js';
import type { Application } from './application.js';

type Change = Extract<RegistrationCommand, { type: 'change-application' }>['data'];

/**
 * Whether a change says otherwise than the software statement that vouches for the application (RFC 7591, 2.3), and brings no
 * other: nobody vouches for it then any more.
 */
export function overrulesStatement({ declared }: Application, { reviewed, removed }: Change): boolean {
  const { softwareStatement: statement } = declared;
  if (statement === undefined || reviewed.softwareStatement !== undefined) return false;
  const changed = differencesOf(declared, reviewed);
  return statement.vouchesFor.some((name) => name in changed || removed.includes(name));
}
