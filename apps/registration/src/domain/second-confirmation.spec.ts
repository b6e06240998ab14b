import {
  mintId,
  type CommandMeta,
  type Decision,
  type Recorded,
  type RegistrationCommand,
  type RegistrationEvent,
} from '#contracts';
import { registrationDecider } from '../application.decider.js';
import type { ApplicationView } from './application-view.js';
import type { Application } from './application.js';
import { noticeOf, type CredentialNotice } from './credential-notice.js';

const id = mintId(3);
const owner = 'owner';
const [rightCode, wrongCode] = ['a'.repeat(64), 'b'.repeat(64)];
const key = (kid: string) => ({ kid, thumbprint: `thumb-${kid}`, jwk: { kty: 'EC', crv: 'P-384', kid } });
const proposal = () => ({ id: mintId(3), codeSha256: rightCode, sealedCode: 'sealed-code' });

/** An application that was told some commands, each of which must have been accepted; hours pass by `at`. */
class Given {
  constructor(
    readonly state?: Application,
    readonly events: readonly RegistrationEvent[] = [],
    readonly notices: readonly CredentialNotice[] = [],
    readonly hour = 0,
  ) {}

  at(hour: number): Given {
    return new Given(this.state, this.events, this.notices, hour);
  }

  decide(command: RegistrationCommand, actor = owner): Decision<RegistrationEvent> {
    const time = this.time;
    const meta: CommandMeta = {
      ...{ id: 'c', subject: id, actor, time, deadline: time },
      ...{ bodyDigest: 'd', correlationId: 'x', causationId: 'x' },
    };
    return registrationDecider.decide(this.state, { ...command, meta });
  }

  when(command: RegistrationCommand, actor = owner): Given {
    const decision = this.decide(command, actor);
    if (decision.kind === 'refused') throw new Error(`${command.type}: ${decision.refusal.detail}`);
    let { state } = this;
    const notices: CredentialNotice[] = [];
    for (const event of decision.events) {
      const meta = { id: mintId(3), subject: id, time: this.time, actor, correlationId: 'x', causationId: 'x' };
      const recorded: Recorded<RegistrationEvent> = { ...event, meta: { ...meta, version: 1, commandOffset: 1n } };
      const notice = noticeOf(state, recorded);
      if (notice) notices.push(notice);
      state = registrationDecider.evolve(state, recorded);
    }
    return new Given(state, decision.events, notices, this.hour);
  }

  get types(): readonly string[] {
    return this.events.map(({ type }) => type);
  }

  get view(): ApplicationView {
    if (!this.state) throw new Error('there is no application');
    return registrationDecider.view(this.state, 1) as ApplicationView;
  }

  private get time(): string {
    return new Date(Date.UTC(2026, 2, 1, this.hour)).toISOString();
  }
}

function approved(scopes: string[], clientType: 'confidential-asymmetric' | 'confidential-symmetric', kept = scopes) {
  return new Given()
    .when({
      type: 'register-application',
      data: {
        clientId: mintId(3),
        ownerId: owner,
        reviewed: {
          ...{ name: 'Heart Sync', kind: 'provider', clientType, scopes, allowedOrigins: [] },
          purposesOfUse: [{ code: 'TREAT', justification: 'Care.' }],
          redirectUris: ['https://heart.example.org/callback'],
        },
        other: { description: '', contacts: 'contacts-1', attestations: [], documents: [] },
        keys: clientType === 'confidential-asymmetric' ? [key('k1')] : [],
        submit: true,
      },
    })
    .when(
      {
        type: 'apply-approval',
        data: {
          ...{ approvalVersion: 1, submission: 1, scopes: kept, expiresAt: '2027-03-01T00:00:00Z', expired: false },
        },
      },
      'system:approval',
    );
}

const add = (kid: string, remove?: { kid: string; compromised: boolean }): RegistrationCommand => ({
  type: 'change-keys',
  data: { add: key(kid), ...(remove && { remove }), proposal: proposal() },
});
const waitingIn = (given: Given): string => given.view.unconfirmed.at(-1)?.id ?? '';
const byCode = (given: Given, codeSha256 = rightCode): RegistrationCommand => ({
  type: 'confirm-credential',
  data: { credentialId: waitingIn(given), proof: { by: 'code', codeSha256 } },
});
const byOperator = (given: Given): RegistrationCommand => ({
  type: 'confirm-credential',
  data: { credentialId: waitingIn(given), proof: { by: 'operator' } },
});
const refusalOf = (decision: Decision<RegistrationEvent>) => {
  if (decision.kind === 'accepted') throw new Error(`accepted with ${decision.events.length} events`);
  return [decision.refusal.status, decision.refusal.type];
};
const kids = (given: Given) => given.state?.keys.map(({ kid }) => kid);

const writing = approved(['user/Observation.crus'], 'confidential-asymmetric');
const proposed = writing.when(add('k2'));

describe('a new key or secret of an approved application', () => {
  it.each(['user/Observation.c', 'patient/Observation.u', 'user/*.cruds', 'patient/Observation.write'])(
    'waits for its confirmation under %s',
    (scope) => {
      const waiting = approved([scope], 'confidential-asymmetric').when(add('k2'));
      expect(waiting.types).toEqual(['credential-proposed']);
      expect(kids(waiting)).toEqual(['k1']);
      expect(waiting.view.unconfirmed).toEqual([
        {
          id: waitingIn(waiting),
          credential: 'key',
          thumbprint: 'thumb-k2',
          confirmBy: '2026-03-02T00:00:00.000Z',
          triesLeft: 5,
        },
      ]);
    },
  );

  it('counts at once where all it may do is read for a user', () => {
    const reading = approved(['user/Observation.rs', 'launch', 'openid'], 'confidential-asymmetric').when(add('k2'));
    expect(reading.types).toEqual(['keys-changed']);
    expect(kids(reading)).toEqual(['k1', 'k2']);
  });

  it('waits also when writing was declared but not approved, or is declared no more', () => {
    const narrower = approved(['user/Observation.crus'], 'confidential-asymmetric', ['user/Observation.rs']);
    expect(narrower.when(add('k2')).types).toEqual(['credential-proposed']);
    const reviewed = { scopes: ['user/Observation.rs'] };
    const hidden = writing.when({ type: 'change-application', data: { reviewed, other: {}, removed: [] } });
    expect(hidden.when(add('k2')).types).toEqual(['credential-proposed']);
  });

  it('is refused where nothing was made to confirm it by', () => {
    expect(refusalOf(writing.decide({ type: 'change-keys', data: { add: key('k2') } }))).toEqual([
      409,
      'confirmation-needed',
    ]);
  });

  it('counts once its code is given, or another operator confirms, in one step with the news', () => {
    for (const [command, actor] of [
      [byCode(proposed), owner],
      [byOperator(proposed), 'operator'],
    ] as const) {
      const confirmed = proposed.when(command, actor);
      expect(confirmed.types).toEqual(['credential-confirmed', 'keys-changed']);
      expect(kids(confirmed)).toEqual(['k1', 'k2']);
      expect(confirmed.view.unconfirmed).toEqual([]);
      expect(refusalOf(confirmed.decide(command, actor))).toEqual([409, 'nothing-to-confirm']);
    }
  });

  it('that is a secret waits as well, and may be taken back', () => {
    const secret = { id: mintId(3), sha256: 'c'.repeat(64), expiresAt: '2027-03-01T00:00:00Z' };
    const symmetric = approved(['user/Observation.crus'], 'confidential-symmetric');
    const waiting = symmetric.when({ type: 'issue-secret', data: { secret, proposal: proposal() } });
    expect([waiting.types, waiting.view.secrets, waitingIn(waiting)]).toEqual([['credential-proposed'], [], secret.id]);
    expect(waiting.when(byCode(waiting)).view.secrets).toEqual([{ id: secret.id, expiresAt: secret.expiresAt }]);
    const gone = waiting.when({ type: 'withdraw-secret', data: { secretId: secret.id } });
    expect(refusalOf(gone.decide(byCode(waiting)))).toEqual([409, 'nothing-to-confirm']);
  });
});

describe('whoever attacks a confirmation', () => {
  it('gets five tries, and then not even the right code helps', () => {
    let tried = proposed;
    for (let left = 4; left >= 0; left--) {
      tried = tried.when(byCode(proposed, wrongCode));
      expect([tried.types, tried.view.unconfirmed[0]?.triesLeft]).toEqual([['confirmation-failed'], left]);
    }
    expect(refusalOf(tried.decide(byCode(proposed)))).toEqual([409, 'confirmation-void']);
    expect(refusalOf(tried.decide(byOperator(proposed), 'operator'))).toEqual([409, 'confirmation-void']);
  });

  it('is too late after a day', () => {
    expect(proposed.at(23).decide(byCode(proposed)).kind).toBe('accepted');
    expect(refusalOf(proposed.at(24).decide(byCode(proposed)))).toEqual([409, 'confirmation-expired']);
    expect(refusalOf(proposed.at(24).decide(byOperator(proposed), 'operator'))).toEqual([409, 'confirmation-expired']);
  });

  it('needs to be the owner, for a code; an operator never confirms what is their own', () => {
    expect(refusalOf(proposed.decide(byCode(proposed), 'stranger'))).toEqual([404, 'not-found']);
    expect(refusalOf(proposed.decide(byOperator(proposed), owner))).toEqual([403, 'own-application']);
  });

  it('cannot take a waiting key over by a change of owner, nor the requester confirm as operator then', () => {
    const passed = proposed.when({ type: 'transfer-ownership', data: { ownerId: 'heir' } });
    for (const [command, actor] of [
      [byCode(proposed), 'heir'],
      [byOperator(proposed), owner],
    ] as const) {
      expect(refusalOf(passed.decide(command, actor))).toEqual([409, 'nothing-to-confirm']);
    }
  });

  it('cannot confirm the key of another proposal by its own code', () => {
    const other = { id: mintId(3), codeSha256: wrongCode, sealedCode: 'other' };
    const two = proposed.when({ type: 'change-keys', data: { add: key('k3'), proposal: other } });
    expect(two.when(byCode(two)).types).toEqual(['confirmation-failed']);
    expect(two.when(byCode(two, wrongCode)).types).toEqual(['credential-confirmed', 'keys-changed']);
  });

  it('floods nobody: five wait at most, until they expire', () => {
    const full = ['a', 'b', 'c', 'd'].reduce((given, kid) => given.when(add(kid)), proposed);
    expect(refusalOf(full.decide(add('e')))).toEqual([409, 'too-many-unconfirmed']);
    expect(full.at(24).when(add('e')).view.unconfirmed).toHaveLength(1);
  });

  it('finds a revoked application closed to it', () => {
    const revoked = proposed.when({ type: 'revoke-application', data: { reason: 'stolen' } }, 'operator');
    expect(refusalOf(revoked.decide(byCode(proposed)))).toEqual([409, 'revoked']);
  });
});

describe('a rotation that waits', () => {
  it('leaves the old key until the new one counts', () => {
    const waiting = writing.when(add('k2', { kid: 'k1', compromised: false }));
    expect([waiting.types, kids(waiting)]).toEqual([['credential-proposed'], ['k1']]);
    expect(kids(waiting.when(byCode(waiting)))).toEqual(['k2']);
  });

  it('never keeps a compromised key waiting', () => {
    const waiting = writing.when(add('k2', { kid: 'k1', compromised: true }));
    expect(waiting.types).toEqual(['keys-changed', 'credential-proposed']);
    expect(waiting.state?.compromisedThumbprints).toEqual(['thumb-k1']);
    expect([kids(waiting), kids(waiting.when(byCode(waiting)))]).toEqual([[], ['k2']]);
    const alone: RegistrationCommand = { type: 'change-keys', data: { remove: { kid: 'k1', compromised: true } } };
    expect(writing.when(alone).types).toEqual(['keys-changed']);
  });

  it('puts no key in force that was called compromised meanwhile', () => {
    const taken = proposed.when({ type: 'change-keys', data: { remove: { kid: 'k2', compromised: true } } });
    expect(taken.types).toEqual(['credential-dropped', 'keys-changed']);
    expect(refusalOf(taken.decide(add('k2')))).toEqual([422, 'metadata-refused']);
  });
});

describe('contacts', () => {
  const changeTo = (contacts: string): RegistrationCommand => ({
    type: 'change-application',
    data: { reviewed: {}, other: { contacts }, removed: [] },
  });
  const told = (given: Given) =>
    given.notices.map(({ about, recipients }) => [
      about,
      ...recipients.map(({ contacts, mayConfirm }) => `${contacts}${mayConfirm ? ' with code' : ''}`),
    ]);

  it('are told of every new key, before and after it counts', () => {
    expect(told(proposed)).toEqual([['key-waiting', 'contacts-1 with code']]);
    expect(told(proposed.when(byCode(proposed))).map(([about]) => about)).toEqual(['key-added']);
    expect(told(writing.when(changeTo('contacts-1')))).toEqual([]);
  });

  it('that were replaced a short while ago are told as well, and they alone get the code', () => {
    const replaced = writing.when(changeTo('contacts-2'));
    expect(told(replaced)).toEqual([['contacts-changed', 'contacts-1 with code']]);
    const twice = replaced.at(1).when(changeTo('contacts-3'));
    expect(told(twice.at(2).when(add('k2')))).toEqual([
      ['key-waiting', 'contacts-1 with code', 'contacts-2', 'contacts-3'],
    ]);
    expect(told(twice.at(7 * 24 + 2).when(add('k2')))).toEqual([['key-waiting', 'contacts-3 with code']]);
  });
});

it('keeps a state that a snapshot gives back unchanged', () => {
  expect(JSON.parse(JSON.stringify(proposed.state))).toEqual(proposed.state);
});
