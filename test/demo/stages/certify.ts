import { must } from '../checks.js';
import { at, listAt, textAt } from '../json.js';
import type { Stage } from '../walk.js';

const WEEK_MS = 7 * 86_400_000;

export const certify: Stage = {
  title: 'A periodic review asks whether the access is still needed, and keeps it',
  async run({ applicationId, reviewer, say }) {
    const campaign = await reviewer.post(
      '/review/campaigns',
      {
        name: 'Backend access, this quarter',
        dueAt: new Date(Date.now() + WEEK_MS).toISOString(),
        include: { applicationIds: [applicationId] },
      },
      201,
    );
    const campaignId = textAt(campaign.body, 'id');
    const { body } = await reviewer.get(`/review/campaigns/${campaignId}/items`, [campaign.position]);
    must(listAt(body, 'items').length === 1, 'the campaign lists the application', body);
    must(textAt(body, 'items.0.applicationId') === applicationId, 'the item is of this application', body);
    say(`evidence: ${JSON.stringify(at(body, 'items.0.evidence'))}`);
    say(`recommendation: ${String(at(body, 'items.0.recommendation'))}`);

    const itemId = textAt(body, 'items.0.id');
    const reason = 'The night ward uses it every day.';
    await reviewer.post(`/review/items/${itemId}/decisions`, { decision: 'keep', reason });
    await reviewer.post(`/review/items/${itemId}/decisions`, { decision: 'revoke', reason }, 409);
    say('kept; deciding the same item twice is refused, 409');
  },
};
