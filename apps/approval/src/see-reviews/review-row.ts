import type { ReviewedMetadata } from '#contracts';
import { explainScope, parseScope } from '#smart';
import type { Subject } from '#vault';
import type { ReviewView } from '../domain/application-approval.js';
import { assessRisk } from './assess-risk.js';

/** A review as the projection keeps it. */
export interface ReviewRow {
  readonly id: string;
  readonly application_id: string;
  readonly due_at: Date;
  readonly view: ReviewView;
  readonly declared: ReviewedMetadata;
  /** Who owns the application now. */
  readonly owner_id: string | null;
}

/** Reads rows in the form above; a WHERE clause follows. */
export const selectReviews = `
  SELECT review.id, review.application_id, review.due_at, review.view, review.declared, application.owner_id
  FROM projection.approval_reviews AS review
  JOIN projection.approval_applications AS application USING (application_id)`;

/** What does not change while a review is decided: what was declared, by whom, what it exposes and how far it reaches. */
export function describeSubmission(row: ReviewRow, people: ReadonlyMap<string, Subject>) {
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
