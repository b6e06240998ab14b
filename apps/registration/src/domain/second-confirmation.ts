import {
  accept,
  refuse,
  type Addressed,
  type Decision,
  type RegistrationCommand,
  type RegistrationEvent,
} from '#contracts';
import { parseScope } from '#smart';
import { MOST_TRIES, type Application } from './application.js';
import { addIssuedSecret, replaceKeys } from './client-credentials.js';
import { noSuchApplication, stateForbids } from './refusals.js';

type CommandNamed<Name extends RegistrationCommand['type']> = Addressed<Extract<RegistrationCommand, { type: Name }>>;
type Proposed = Extract<RegistrationEvent, { type: 'credential-proposed' }>['data'];
type Proposal = CommandNamed<'issue-secret'>['data']['proposal'];

const MOST_WAITING = 5;
/** How long a new credential waits for its confirmation. */
const CONFIRM_WITHIN_MS = 24 * 3_600_000;

/** Changes keys. Where a new one needs a second confirmation it waits, and so does the removal of the one it replaces. */
export function changeKeys(
  state: Application,
  { data, meta }: CommandNamed<'change-keys'>,
): Decision<RegistrationEvent> {
  const { add, remove, proposal } = data;
  const waiting = state.proposals.find(({ key }) => key !== undefined && key.kid === remove?.kid);
  if (waiting && !add && remove && !state.keys.some(({ kid }) => kid === remove.kid)) return takeBack(waiting, remove);
  const change = { ...(add && { add }), ...(remove && { remove }) };
  const decided = replaceKeys(state, change);
  if (decided.kind === 'refused' || !add || !needsConfirmation(state)) return decided;
  // A compromised key never waits. Another stays until what replaces it is in force.
  const atOnce = remove?.compromised === true ? replaceKeys(state, { remove }) : accept<RegistrationEvent>();
  if (atOnce.kind === 'refused') return atOnce;
  const key = { key: add, ...(remove?.compromised === false && { replaces: remove.kid }) };
  return propose(state, key, proposal, meta, atOnce.events);
}

/** Keeps the hash of a secret, at once or when it has been confirmed. */
export function issueSecret(
  state: Application,
  { data, meta }: CommandNamed<'issue-secret'>,
): Decision<RegistrationEvent> {
  const { secret, proposal } = data;
  const decided = addIssuedSecret(state, secret, meta.time);
  if (decided.kind === 'refused' || !needsConfirmation(state)) return decided;
  return propose(state, { secret }, proposal && { ...proposal, id: secret.id }, meta, []);
}

/**
 * Puts a credential in force that waited: by the code that went to contacts, given by the owner; or by an operator
 * who is neither the owner nor asked for it. A wrong code is an event, so that tries are counted in the log.
 */
export function confirmCredential(
  state: Application,
  { data: { credentialId, proof }, meta }: CommandNamed<'confirm-credential'>,
): Decision<RegistrationEvent> {
  if (proof.by === 'code' && meta.actor !== state.ownerId) return refuse(noSuchApplication);
  const waiting = state.proposals.find((it) => it.credentialId === credentialId);
  if (waiting === undefined) {
    const detail = 'It was confirmed or taken back already, or there never was such a credential.';
    return refuse(stateForbids('nothing-to-confirm', 'Nothing to confirm', detail));
  }
  if (waiting.expiresAt <= meta.time) {
    return refuse(stateForbids('confirmation-expired', 'Too late', `The time for it ended at ${waiting.expiresAt}.`));
  }
  if (waiting.failed >= MOST_TRIES) {
    const detail = `A wrong code was given ${MOST_TRIES} times. Add the credential again.`;
    return refuse(stateForbids('confirmation-void', 'Too many wrong codes', detail));
  }
  if (proof.by === 'operator' && (meta.actor === state.ownerId || meta.actor === waiting.proposedBy)) {
    return refuse({
      status: 403,
      type: 'own-application',
      title: 'It is your own application',
      detail: 'Give the code that was sent to its contacts, or let another operator confirm.',
    });
  }
  if (proof.by === 'code' && proof.codeSha256 !== waiting.codeSha256) {
    return accept({ type: 'confirmation-failed', data: { credentialId } });
  }
  const decided = putInForce(state, waiting, meta.time);
  if (decided.kind === 'refused') return decided;
  return accept<RegistrationEvent>(
    { type: 'credential-confirmed', data: { credentialId, by: proof.by } },
    ...decided.events,
  );
}

/** Whether what the application asks for, was declared for or has been approved for is worth a second look. */
function needsConfirmation({ approval, declared, inForce }: Application): boolean {
  // Until the first approval its review looks at whatever was added.
  if (approval === undefined) return false;
  return [...declared.scopes, ...(inForce?.scopes ?? []), ...approval.scopes].some((text) => {
    const parsed = parseScope(text);
    if (!parsed.ok) return true;
    const { scope } = parsed;
    return (
      scope.kind === 'resource' &&
      (scope.context === 'system' || scope.interactions.some((one) => one === 'c' || one === 'u' || one === 'd'))
    );
  });
}

function propose(
  state: Application,
  credential: Pick<Proposed, 'key' | 'replaces' | 'secret'>,
  proposal: Proposal,
  { actor, time }: { readonly actor: string; readonly time: string },
  before: readonly RegistrationEvent[],
): Decision<RegistrationEvent> {
  if (proposal === undefined) {
    const detail = 'The instance that took the request does not know of confirmations yet. Try again.';
    return refuse(stateForbids('confirmation-needed', 'It needs a confirmation', detail));
  }
  if (state.proposals.filter(({ expiresAt }) => expiresAt > time).length >= MOST_WAITING) {
    const detail = `At most ${MOST_WAITING} keys and secrets wait for their confirmation at a time.`;
    return refuse(stateForbids('too-many-unconfirmed', 'Too many wait', detail));
  }
  const expiresAt = new Date(Date.parse(time) + CONFIRM_WITHIN_MS).toISOString();
  const { id: credentialId, codeSha256, sealedCode } = proposal;
  return accept<RegistrationEvent>(...before, {
    type: 'credential-proposed',
    data: { credentialId, ...credential, codeSha256, sealedCode, proposedBy: actor, expiresAt },
  });
}

/** By the rules of the moment: what has happened since it was proposed may speak against it. */
function putInForce(state: Application, { key, replaces, secret }: Proposed, now: string): Decision<RegistrationEvent> {
  if (secret) return addIssuedSecret(state, secret, now);
  const stillThere = state.keys.some(({ kid }) => kid === replaces);
  return replaceKeys(state, {
    ...(key && { add: key }),
    ...(replaces !== undefined && stillThere && { remove: { kid: replaces, compromised: false } }),
  });
}

/** A key that waited goes. Called compromised, it can never be added again. */
function takeBack({ credentialId, key }: Proposed, { compromised }: { readonly compromised: boolean }) {
  const dropped = { type: 'credential-dropped' as const, data: { credentialId } };
  if (!compromised || !key) return accept<RegistrationEvent>(dropped);
  const removed = { kid: key.kid, thumbprint: key.thumbprint, compromised };
  return accept<RegistrationEvent>(dropped, { type: 'keys-changed', data: { removed } });
}
