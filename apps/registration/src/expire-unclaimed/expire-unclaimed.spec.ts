import { mintId, type CommandMeta, type Decision, type RegistrationCommand, type RegistrationEvent } from '#contracts';
import { registrationDecider } from '../application.decider.js';
import { statusOf, type Application } from '../domain/application.js';

const id = mintId(3);
const nobody = 'nobody';
const dueAt = '2026-03-31T00:00:00.000Z';

const register = (unclaimed: boolean): RegistrationCommand => ({
  type: 'register-application',
  data: {
    clientId: mintId(3),
    ownerId: nobody,
    reviewed: {
      name: 'Heart Diary',
      kind: 'patient-access',
      clientType: 'public',
      scopes: ['launch/patient', 'patient/Patient.r'],
      purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
      redirectUris: ['https://heart.example.org/callback'],
      allowedOrigins: [],
    },
    other: { description: '', attestations: [], documents: [] },
    keys: [],
    submit: false,
    ...(unclaimed ? { unclaimed: true as const } : {}),
  },
});
const expire: RegistrationCommand = { type: 'expire-registration', data: { dueAt } };
const claim: RegistrationCommand = { type: 'transfer-ownership', data: { ownerId: 'dora' } };

function decide(
  state: Application | undefined,
  command: RegistrationCommand,
  { actor = nobody, time = dueAt }: { actor?: string; time?: string } = {},
): Decision<RegistrationEvent> {
  const meta: CommandMeta = {
    ...{ id: 'c', subject: id, actor, time, deadline: time },
    ...{ bodyDigest: 'd', correlationId: 'x', causationId: 'x' },
  };
  return registrationDecider.decide(state, { ...command, meta });
}

/** What is there after some commands that were accepted. */
function given(...commands: readonly RegistrationCommand[]): Application {
  const application = commands.reduce<Application | undefined>((before, command) => {
    const decision = decide(before, command);
    if (decision.kind === 'refused') throw new Error(decision.refusal.detail);
    return decision.events.reduce<Application | undefined>((state, event) => {
      const meta = { id: mintId(3), subject: id, time: dueAt, actor: nobody, correlationId: 'x', causationId: 'x' };
      return registrationDecider.evolve(state, { ...event, meta: { ...meta, version: 1, commandOffset: 1n } });
    }, before);
  }, undefined);
  if (application === undefined) throw new Error('nothing is there');
  return application;
}

const timer = { actor: 'system:unclaimed-clock' };
const events = (decision: Decision<RegistrationEvent>) =>
  decision.kind === 'accepted' ? decision.events : `${decision.refusal.status} ${decision.refusal.type}`;

describe('an open registration that nobody has claimed', () => {
  it('ends when its time has come, once', () => {
    expect(events(decide(given(register(true)), expire, timer))).toEqual([
      { type: 'registration-expired', data: { dueAt } },
    ]);
    const ended = given(register(true), expire);
    expect(statusOf(ended)).toBe('expired');
    expect(events(decide(ended, expire, timer))).toEqual([]);
  });

  it('does not end early', () => {
    const early = { ...timer, time: '2026-03-30T23:59:59.999Z' };
    expect(events(decide(given(register(true)), expire, early))).toBe('409 not-due');
  });

  it('stays when it was claimed, though the timer comes all the same', () => {
    expect(events(decide(given(register(true), claim), expire, timer))).toEqual([]);
    expect(statusOf(given(register(true), claim, expire))).toBe('draft');
  });

  it('is not claimed, changed or submitted any more when it has ended', () => {
    const ended = given(register(true), expire);
    const late: readonly RegistrationCommand[] = [
      claim,
      { type: 'submit-application', data: {} },
      { type: 'change-application', data: { reviewed: {}, other: {}, removed: [] } },
      { type: 'reinstate-application', data: { reason: 'please' } },
    ];
    for (const command of late) expect(events(decide(ended, command))).toBe('409 expired');
  });
});

it('a draft that somebody owns is not an open registration, and waits as long as they like', () => {
  expect(events(decide(given(register(false)), expire, timer))).toEqual([]);
});
