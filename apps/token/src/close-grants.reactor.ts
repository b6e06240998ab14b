import { registration, token } from '#contracts';
import { defineReactor } from '#event-log';

/** A revoked application has no grants. The receipt does not wait for it: registration's own event closes access. */
export const closeGrants = defineReactor({
  name: 'token-closes-grants',
  source: registration,
  target: token,
  restMs: 200,
  react: (event) =>
    event.type === 'application-revoked'
      ? [{ type: 'close-grants', subject: event.meta.subject, data: { reason: event.data.reason } }]
      : [],
});
