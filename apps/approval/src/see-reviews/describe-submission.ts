import { explainScope, parseScope } from '#smart';
import type { Subject } from '#vault';
import { assessRisk } from './assess-risk.js';
import type { StoredReview } from './review.entity.js';

/** What does not change while a review is decided: what was declared, by whom, what it exposes and how far it reaches. */
export function describeSubmission(row: Pick<StoredReview, 'view' | 'declared'>, people: ReadonlyMap<string, Subject>) {
  const { ownerId, requestedScopes } = row.view;
  const name = people.get(ownerId)?.name;
  return {
    submitter: { id: ownerId, ...(name === undefined ? {} : { name }) },
    application: row.declared,
    risk: assessRisk(requestedScopes),
    exposes: requestedScopes.map((scope) => {
      const parsed = parseScope(scope);
      return { scope, means: parsed.ok ? explainScope(parsed.scope) : 'Nothing: it is not a scope.' };
    }),
  };
}
