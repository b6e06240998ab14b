import { type ApprovalEvent, mintId, mintIdBeside, type RegistrationEvent } from '#contracts';
import { accessPatches } from './access-patch.js';

const application = mintId(1);

function recorded<E extends RegistrationEvent | ApprovalEvent>(event: E, time = '2026-01-01T00:00:00.000Z') {
  const meta = {
    id: 'e',
    subject: application,
    actor: 'a',
    correlationId: 'x',
    causationId: 'x',
    version: 1,
    commandOffset: 0n,
  };
  return { ...event, meta: { ...meta, time } };
}

const opened = (name: string) =>
  recorded({
    type: 'review-opened',
    data: {
      reviewId: mintIdBeside(application),
      submission: 1,
      ownerId: 'owner',
      reviewed: {
        name,
        kind: 'backend',
        clientType: 'public',
        scopes: [],
        purposesOfUse: [],
        redirectUris: [],
        allowedOrigins: [],
      },
      policyVersion: 0,
      approvalsNeeded: 1,
      maximumApprovalDays: 365,
      dueAt: '2026-02-01T00:00:00Z',
    },
  });
const approved = (approvalVersion: number, time?: string) =>
  recorded(
    {
      type: 'review-approved',
      data: {
        reviewId: mintIdBeside(application),
        submission: 1,
        approvalVersion,
        reviewerIds: [],
        scopes: ['system/Patient.r'],
        expiresAt: '2027-01-01T00:00:00Z',
        conditions: [],
        endpoints: ['*'],
        reason: 'fits',
      },
    },
    time,
  );

describe('what events say of an access', () => {
  it('an approval gives the scopes, and the name that was asked about', () => {
    expect(accessPatches([opened('Viewer'), approved(1)])).toEqual([
      {
        application_id: application,
        asked_name: 'Viewer',
        asked_kind: 'backend',
        name: 'Viewer',
        kind: 'backend',
        scopes: ['system/Patient.r'],
        approval_version: 1,
        expires_at: '2027-01-01T00:00:00Z',
        approved_at: '2026-01-01T00:00:00.000Z',
      },
    ]);
  });

  it('a name that waits for review is not yet the name', () => {
    expect(accessPatches([opened('Viewer'), approved(1), opened('Better viewer')])).toMatchObject([
      { name: 'Viewer', asked_name: 'Better viewer' },
    ]);
  });

  it('an approval of what was asked in an earlier batch takes the name from the row', () => {
    const [patch] = accessPatches([approved(1)]);
    expect(patch).toMatchObject({ take_asked: true });
    expect(patch).not.toHaveProperty('name');
  });

  it('the first approval is since when it is approved', () => {
    const again = [approved(1, '2026-01-01T00:00:00Z'), approved(2, '2026-03-01T00:00:00Z')];
    expect(accessPatches(again)).toMatchObject([{ approval_version: 2, approved_at: '2026-01-01T00:00:00Z' }]);
  });

  it('the last of suspension and reinstatement counts, and other events say nothing', () => {
    const suspended = recorded({ type: 'application-suspended', data: { reason: 'leak', epoch: 1 } });
    const reinstated = recorded({ type: 'application-reinstated', data: { reason: 'fixed', epoch: 1 } });
    const keys = recorded({ type: 'keys-changed', data: {} });
    expect(accessPatches([suspended, reinstated, keys])).toEqual([{ application_id: application, closed: 'none' }]);
    expect(accessPatches([keys])).toEqual([]);
  });
});
