import { registration, review } from '#contracts';
import { defineReactor } from '#event-log';

/** An access that a certification campaign no longer finds needed is revoked. */
export const followReview = defineReactor({
  name: 'registration-follows-review',
  source: review,
  target: registration,
  react(event) {
    if (event.type !== 'item-decided' || event.data.decision !== 'revoke') return [];
    const { applicationId, reason } = event.data;
    return [{ type: 'revoke-application', subject: applicationId, data: { reason } }];
  },
});
