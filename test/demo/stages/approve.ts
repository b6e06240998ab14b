import { must } from '../checks.js';
import { at, listAt, textAt } from '../json.js';
import type { Stage } from '../walk.js';
import { APPROVED, ASKED } from '../what-is-asked.js';

const DAY_MS = 86_400_000;
const APPROVED_DAYS = 90;

export const approve: Stage = {
  title: 'A reviewer approves it for less than it asked',
  async run({ applicationId, submitted, developer, reviewer, say }) {
    const queue = await reviewer.get(`/approval/reviews?applicationId=${applicationId}&status=pending`, [submitted]);
    must(listAt(queue.body, 'items').length === 1, 'the submission is in the reviewers’ queue', queue.body);
    const reviewId = textAt(queue.body, 'items.0.id');
    say(`in the queue until ${textAt(queue.body, 'items.0.dueAt')}: ${reviewId}`);

    const decision = { decision: 'approve', reason: 'Charts of vital signs need no diagnoses.' };
    const wider = { ...decision, scopes: [...ASKED, 'system/Encounter.rs'] };
    await reviewer.post(`/approval/reviews/${reviewId}/decisions`, wider, 422);
    say('approving more than was asked: refused, 422');

    const expiresAt = new Date(Date.now() + APPROVED_DAYS * DAY_MS).toISOString();
    const approved = await reviewer.post(`/approval/reviews/${reviewId}/decisions`, {
      ...decision,
      scopes: APPROVED,
      expiresAt,
    });
    say(`approved until ${expiresAt}: ${APPROVED.join(' ')}`);

    const application = await developer.get(`/registration/applications/${applicationId}`, [approved.position]);
    must(at(application.body, 'status') === 'active', 'registration has learnt of the approval', application.body);
    const scopes = listAt(application.body, 'approvedScopes').join(' ');
    must(scopes === APPROVED.join(' '), 'it is approved for that and no more', application.body);
    say('the developer sees it: active');
  },
};
