import { refuse } from '#contracts';
import type { ScopeError } from './scope-texts.js';

/** Refusals of approval, each under its stable name (api.md, REST conventions). */

export const noSuchReview = () =>
  refuse({ status: 404, type: 'not-found', title: 'Not found', detail: 'There is no such review.' });

export const ownApplication = () =>
  refuse({
    status: 403,
    type: 'own-application',
    title: 'Your own application',
    detail: 'Nobody decides on an application of their own. Ask another reviewer.',
  });

export const conflict = (type: string, title: string, detail: string) => refuse({ status: 409, type, title, detail });

export const againstRule = (type: string, title: string, detail: string, errors: readonly ScopeError[]) =>
  refuse({ status: 422, type, title, detail, errors: errors.map((error) => ({ ...error })) });
