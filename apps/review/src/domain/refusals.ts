import { refuse } from '#contracts';

export const noSuchCampaign = () =>
  refuse({ status: 404, type: 'not-found', title: 'Not found', detail: 'There is no such campaign.' });

export const noSuchItem = () =>
  refuse({ status: 404, type: 'not-found', title: 'Not found', detail: 'The campaign has no such item.' });

export const alreadyOpened = () =>
  refuse({ status: 409, type: 'already-opened', title: 'Already opened', detail: 'This campaign was opened before.' });

export const campaignClosed = (at: string | undefined) =>
  refuse({
    status: 409,
    type: 'campaign-closed',
    title: 'Campaign closed',
    detail: `The campaign was closed${at === undefined ? '' : ` at ${at}`}; nothing of it can be decided any more.`,
  });

export const alreadyDecided = () =>
  refuse({
    status: 409,
    type: 'already-decided',
    title: 'Already decided',
    detail: 'This access was decided before. Open another campaign to ask again.',
  });

export const ownApplication = () =>
  refuse({
    status: 403,
    type: 'own-application',
    title: 'Own application',
    detail: 'The owner of an application does not decide whether it keeps its access.',
  });

export const dueInThePast = () =>
  refuse({
    status: 422,
    type: 'due-in-the-past',
    title: 'Due in the past',
    detail: 'A campaign is due after it is opened.',
    errors: [{ pointer: '/dueAt', detail: 'must be later than now' }],
  });

export const wrongScopes = (detail: string, type = 'not-narrower') =>
  refuse({
    status: 422,
    type,
    title: 'Scopes refused',
    detail,
    errors: [{ pointer: '/scopes', detail }],
  });
