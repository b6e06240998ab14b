import { accept, type Addressed, type ApprovalCommand, type ApprovalEvent, type Decision } from '#contracts';
import type { ApplicationApproval } from '../domain/application-approval.js';
import { conflict } from '../domain/refusals.js';
import { inCommon, widerThan } from '../domain/scope-texts.js';

type NarrowApproval = Addressed<Extract<ApprovalCommand, { readonly type: 'narrow-approval' }>>;

/**
 * Takes scopes away from the approval in force, once for each item of a campaign. What stays is what was approved and
 * the item keeps as well: an item decided on an older, wider approval can never widen today's, and still takes away.
 */
export function narrowApproval(state: ApplicationApproval, command: NarrowApproval): Decision<ApprovalEvent> {
  const { approval } = state;
  const { scopes: kept, ...why } = command.data;
  if (state.narrowedBy.includes(why.itemId)) return accept();
  if (approval === undefined || approval.expired) {
    return conflict('no-approval', 'No approval', 'There is no approval in force that could be narrowed.');
  }
  if (widerThan(approval.scopes, kept, '').length === 0) return accept();
  const { version, submission, expiresAt, endpoints, limits } = approval;
  return accept({
    type: 'approval-narrowed',
    data: {
      ...why,
      approvalVersion: version + 1,
      submission,
      scopes: [...inCommon(approval.scopes, kept)],
      expiresAt,
      endpoints: [...endpoints],
      ...(limits === undefined ? {} : { limits }),
    },
  });
}
