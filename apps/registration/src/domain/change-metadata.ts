import { accept, refuse, type Decision, type RegistrationCommand, type RegistrationEvent } from '#contracts';
import { differencesOf } from './application-view.js';
import { goesOnWith, without, type Application } from './application.js';
import { faultsOfKeys, faultsOfMetadata } from './declared-metadata.js';
import { metadataRefused } from './refusals.js';
import { overrulesStatement } from './software-statement.js';

/** Fields that a change may take away; the others are always there. */
const removable: ReadonlySet<string> = new Set([
  'launchUri',
  'jwksUri',
  'privacyPolicyUri',
  'termsUri',
  'logoUri',
  'requirePushedAuthorizationRequests',
  'dpopBoundAccessTokens',
  'softwareStatement',
  'contacts',
]);

/**
 * A change of metadata. What was reviewed is in force until the change is approved too, and is submitted at once; what
 * was never approved, or is not reviewed at all, changes at once (security.md, Registration).
 */
export function changeMetadata(
  state: Application,
  data: Extract<RegistrationCommand, { type: 'change-application' }>['data'],
): Decision<RegistrationEvent> {
  const { reviewed, other } = data;
  const removed = overrulesStatement(state, data) ? [...data.removed, 'softwareStatement'] : data.removed;
  const needed = removed.filter((name) => !removable.has(name));
  if (needed.length > 0) {
    return refuse(metadataRefused(needed.map((name) => ({ pointer: `/${name}`, detail: 'cannot be removed' }))));
  }
  const declared = without({ ...state.declared, ...reviewed }, removed);
  const kept = without({ ...state.other, ...other }, removed);
  const faults = [...faultsOfMetadata(declared, kept), ...faultsOfKeys(declared, state.keys.length, false)];
  if (faults.length > 0) return refuse(metadataRefused(faults));

  const change = {
    reviewed: differencesOf(state.declared, without(reviewed, removed)),
    other: differencesOf(state.other, without(other, removed)),
    removed: removed.filter((name) => name in state.declared || name in state.other),
  };
  const touchesReviewed =
    Object.keys(change.reviewed).length > 0 || change.removed.some((name) => name in state.declared);
  if (!touchesReviewed && Object.keys(change.other).length === 0 && change.removed.length === 0) return accept();
  if (!touchesReviewed) return accept({ type: 'application-changed', data: { ...change, pending: false } });

  const { submission, inForce } = state;
  const underReview = submission?.status === 'open';
  const pending = inForce !== undefined && differs(inForce, declared);
  const events: RegistrationEvent[] = [];
  // A reviewer never decides on what the developer no longer asks for.
  if (underReview) events.push({ type: 'application-withdrawn', data: { submission: submission.number } });
  events.push({ type: 'application-changed', data: { ...change, pending } });
  if (pending || (underReview && inForce === undefined)) {
    events.push({
      type: 'application-submitted',
      data: {
        submission: (submission?.number ?? 0) + 1,
        ownerId: state.ownerId,
        reviewed: declared,
        ...goesOnWith(state),
      },
    });
  }
  return accept(...events);
}

function differs(one: object, other: object): boolean {
  return Object.keys(differencesOf(one, other)).length > 0 || Object.keys(one).some((name) => !(name in other));
}
