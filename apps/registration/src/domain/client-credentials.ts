import { accept, refuse, type Decision, type RegistrationCommand, type RegistrationEvent } from '#contracts';
import type { Application } from './application.js';
import { metadataRefused, stateForbids } from './refusals.js';

type CommandData<Name extends RegistrationCommand['type']> = Extract<RegistrationCommand, { type: Name }>['data'];

const MOST_KEYS = 20;
const MOST_SECRETS = 10;

/** Adds a key, removes one, or both: a rotation in one command never leaves the client without a key. */
export function replaceKeys(
  state: Application,
  { add, remove }: Omit<CommandData<'change-keys'>, 'proposal'>,
): Decision<RegistrationEvent> {
  if (add && state.declared.clientType !== 'confidential-asymmetric') {
    return refused('/add', 'is for clients of type confidential-asymmetric');
  }
  const removed = remove && (state.keys.find(({ kid }) => kid === remove.kid) ?? retired(state, remove));
  if (remove && !removed) return refused('/remove/kid', 'is not the kid of a key of this application');

  const kept = state.keys.filter(({ kid }) => kid !== remove?.kid);
  if (add) {
    if (kept.some(({ kid }) => kid === add.kid))
      return refused('/add/kid', 'is the kid of another key of this application');
    if (kept.some(({ thumbprint }) => thumbprint === add.thumbprint))
      return refused('/add', 'is already a key of this application');
    if (
      state.compromisedThumbprints.includes(add.thumbprint) ||
      (remove?.compromised === true && removed?.thumbprint === add.thumbprint)
    ) {
      return refused('/add', 'was called compromised: make another key');
    }
    if (kept.length >= MOST_KEYS)
      return refused('/add', `is one too many: an application has at most ${MOST_KEYS} keys`);
  }
  const lastKey = remove && !remove.compromised && kept.length === 0 && !add;
  if (lastKey && state.declared.jwksUri === undefined) {
    return refused('/remove/kid', 'is the last key: add another in the same request, or call it compromised');
  }
  const alreadyDead =
    removed !== undefined &&
    kept.length === state.keys.length &&
    state.compromisedThumbprints.includes(removed.thumbprint);
  if (!add && (!remove || alreadyDead)) return accept();
  return accept({
    type: 'keys-changed',
    data: {
      ...(add && { added: add }),
      ...(remove &&
        removed && { removed: { kid: remove.kid, thumbprint: removed.thumbprint, compromised: remove.compromised } }),
    },
  });
}

/** A key removed earlier can still turn out to be compromised; then what it earned dies as well. */
function retired(state: Application, remove: NonNullable<CommandData<'change-keys'>['remove']>) {
  return remove.compromised ? state.retiredKeys.findLast(({ kid }) => kid === remove.kid) : undefined;
}

/** Keeps the hash of a secret that the edge made. The earlier ones hold until they expire, so that a client can rotate. */
export function addIssuedSecret(
  state: Application,
  secret: CommandData<'issue-secret'>['secret'],
  now: string,
): Decision<RegistrationEvent> {
  if (state.declared.clientType !== 'confidential-symmetric') {
    return refuse(
      stateForbids(
        'no-secrets',
        'The client has no secrets',
        'Secrets are for clients of type confidential-symmetric.',
      ),
    );
  }
  if (state.secrets.filter(({ expiresAt }) => expiresAt > now).length >= MOST_SECRETS) {
    return refuse(
      stateForbids('too-many-secrets', 'Too many secrets', `At most ${MOST_SECRETS} secrets are valid at a time.`),
    );
  }
  return accept({ type: 'secret-issued', data: { secret } });
}

/** Takes a secret away. One that has gone already, or has expired, leaves nothing to do. */
export function withdrawSecret(
  state: Application,
  { secretId }: CommandData<'withdraw-secret'>,
): Decision<RegistrationEvent> {
  const secret = state.secrets.find(({ id }) => id === secretId);
  if (secret === undefined) {
    const waits = state.proposals.some((it) => it.credentialId === secretId && it.secret !== undefined);
    return waits ? accept({ type: 'credential-dropped', data: { credentialId: secretId } }) : accept();
  }
  return accept({ type: 'secret-withdrawn', data: { secret: { id: secret.id, sha256: secret.sha256 } } });
}

function refused(pointer: string, detail: string) {
  return refuse(metadataRefused([{ pointer, detail }]));
}
