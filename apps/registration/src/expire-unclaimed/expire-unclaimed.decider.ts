import {
  accept,
  refuse,
  type Addressed,
  type Decision,
  type RegistrationCommand,
  type RegistrationEvent,
} from '#contracts';
import type { Application } from '../domain/application.js';
import { stateForbids } from '../domain/refusals.js';

/** Ends an open registration that nobody has claimed. One that was claimed, or has an owner anyway, stays as it is. */
export function expireRegistration(
  { unclaimed }: Application,
  { data: { dueAt }, meta }: Addressed<Extract<RegistrationCommand, { readonly type: 'expire-registration' }>>,
): Decision<RegistrationEvent> {
  if (unclaimed !== true) return accept();
  if (Date.parse(meta.time) < Date.parse(dueAt))
    return refuse(stateForbids('not-due', 'Not due', `The timer came early: it is due at ${dueAt}.`));
  return accept({ type: 'registration-expired', data: { dueAt } });
}
