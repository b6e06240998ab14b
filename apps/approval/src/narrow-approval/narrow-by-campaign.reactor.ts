import { approval, review } from '#contracts';
import { defineReactor } from '#event-log';

/** A campaign's decision to narrow an access takes scopes away from its approval. */
export const narrowByCampaign = defineReactor({
  name: 'approval-narrows-by-campaign',
  source: review,
  target: approval,
  react(event) {
    if (event.type !== 'item-decided' || event.data.decision !== 'narrow') return [];
    const { applicationId, itemId, reason, scopes = [] } = event.data;
    const { subject: campaignId, actor: decidedBy } = event.meta;
    return [
      { type: 'narrow-approval', subject: applicationId, data: { scopes, reason, campaignId, itemId, decidedBy } },
    ];
  },
});
