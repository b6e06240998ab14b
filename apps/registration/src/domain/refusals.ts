import type { Refusal } from '#contracts';

/** One field that a rule refuses, by JSON Pointer. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** 404, for an application that does not exist and for one that the caller may not change: the two are never told apart. */
export const noSuchApplication: Refusal = {
  status: 404,
  type: 'not-found',
  title: 'Not found',
  detail: 'There is no such application, or you may not see it.',
};

/** 409: the application's state does not allow it. */
export function stateForbids(type: string, title: string, detail: string): Refusal {
  return { status: 409, type, title, detail };
}

/** 409: revoked is final. */
export const revokedForGood: Refusal = stateForbids(
  'revoked',
  'The application is revoked',
  'A revoked application stays revoked. Register a new one.',
);

/** 409: an open registration that nobody claimed is over. */
export const expiredForGood: Refusal = stateForbids(
  'expired',
  'The registration has expired',
  'Nobody claimed it in time. Register a new one.',
);

/** 422: what was declared breaks a rule of registration. */
export function metadataRefused(errors: readonly Fault[]): Refusal {
  return {
    status: 422,
    type: 'metadata-refused',
    title: 'The application cannot be registered like this',
    detail:
      errors.length === 1 ? `${errors[0]?.pointer}: ${errors[0]?.detail}` : `${errors.length} fields break a rule.`,
    errors: errors.map(({ pointer, detail }) => ({ pointer, detail })),
  };
}
