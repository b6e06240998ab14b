import { ownerIn, partiesOf, storyOf, type TimelineEvent } from './timeline.js';

let minute = 0;

function happened(
  type: string,
  actor: string,
  detail: TimelineEvent['detail'],
  reason: string | null = null,
): TimelineEvent {
  minute++;
  return { id: `e${minute}`, time: new Date(Date.UTC(2026, 0, 1, 0, minute)), type, actor, reason, detail };
}

const declared = { name: 'Lab viewer', kind: 'backend', clientType: 'confidential-asymmetric', purposesOfUse: [] };
const wide = { ...declared, scopes: ['system/Observation.rs', 'system/Patient.rs'] };
const narrow = { ...declared, scopes: ['system/Observation.rs'] };

const registered = happened('application-registered', 'dev', { ownerId: 'dev', reviewed: wide });
const submitted = happened('application-submitted', 'dev', { ownerId: 'dev', submission: 1, reviewed: narrow });
const approved = happened(
  'review-approved',
  'rev2',
  { reviewerIds: ['rev1', 'rev2'], scopes: narrow.scopes, expiresAt: '2027-01-01T00:00:00Z', approvalVersion: 1 },
  'fits',
);
const transferred = happened('ownership-transferred', 'dev', { ownerId: 'other', previousOwnerId: 'dev' });
const narrowed = happened('approval-narrowed', 'system:campaign', {
  decidedBy: 'rev3',
  scopes: [],
  approvalVersion: 2,
});
const life = [registered, submitted, approved, transferred, narrowed];

const named = (id: string) => ({ id, name: id.toUpperCase() });

describe('the story of an application', () => {
  it('says who registered it and when', () => {
    expect(storyOf(life, named).registered).toEqual({
      by: { id: 'dev', name: 'DEV' },
      at: registered.time.toISOString(),
    });
  });

  it('says what was asked: the last submission, or what was registered before there is one', () => {
    expect(storyOf(life, named).requested).toMatchObject({ scopes: narrow.scopes, submission: 1 });
    expect(storyOf([registered], named).requested).toMatchObject({ scopes: wide.scopes, kind: 'backend' });
    expect(storyOf([registered], named).requested).not.toHaveProperty('submission');
  });

  it('says who approved what: every reviewer of it, not the last one alone', () => {
    expect(storyOf(life, named).approvals[0]).toEqual({
      at: approved.time.toISOString(),
      type: 'review-approved',
      by: [named('rev1'), named('rev2')],
      reason: 'fits',
      scopes: narrow.scopes,
      expiresAt: '2027-01-01T00:00:00Z',
      approvalVersion: 1,
    });
  });

  it('names the person who had a campaign narrow it, not the reactor that brought it', () => {
    expect(storyOf(life, named).approvals[1]).toMatchObject({ type: 'approval-narrowed', by: [named('rev3')] });
  });

  it('lists every event, oldest first', () => {
    expect(storyOf(life, named).events.map(({ type }) => type)).toEqual(life.map(({ type }) => type));
  });

  it('knows the owner after a transfer, and everyone to be named', () => {
    expect(ownerIn(life)).toBe('other');
    expect([...partiesOf(life)].sort()).toEqual(['dev', 'other', 'rev1', 'rev2', 'rev3', 'system:campaign']);
  });

  it('has no answer where nothing is known yet', () => {
    expect(storyOf([approved], named)).not.toHaveProperty('registered');
    expect(storyOf([approved], named)).not.toHaveProperty('requested');
    expect(ownerIn([approved])).toBeUndefined();
  });
});
