import {
  accept,
  refuse,
  registration,
  type Addressed,
  type Decider,
  type Decision,
  type RegistrationCommand,
  type RegistrationEvent,
  type Refusal,
} from '#contracts';
import { viewOf } from './domain/application-view.js';
import { evolve, goesOnWith, type Application } from './domain/application.js';
import { changeMetadata } from './domain/change-metadata.js';
import { withdrawSecret } from './domain/client-credentials.js';
import { faultsOfKeys, faultsOfMetadata } from './domain/declared-metadata.js';
import { expiredForGood, metadataRefused, noSuchApplication, revokedForGood, stateForbids } from './domain/refusals.js';
import { expireRegistration } from './expire-unclaimed/expire-unclaimed.decider.js';
import { changeKeys, confirmCredential, issueSecret } from './domain/second-confirmation.js';

type Command = Addressed<RegistrationCommand>;
type CommandNamed<Name extends Command['type']> = Extract<Command, { type: Name }>;
type Decided = Decision<RegistrationEvent>;

/** What its owner alone does to an application. To anybody else it does not exist, whatever roles they have. */
const ownersCommands: ReadonlySet<Command['type']> = new Set<Command['type']>([
  'change-application',
  'submit-application',
  'withdraw-application',
  'change-keys',
  'issue-secret',
  'withdraw-secret',
  'transfer-ownership',
]);

/** Decides for one application: its metadata, keys and secrets, its submissions, suspension and revocation. */
export const registrationDecider: Decider<typeof registration, Application> = {
  contract: registration,
  version: 5,
  decide(state, command) {
    if (command.type === 'register-application') return register(state, command);
    if (state === undefined) return refuse(noSuchApplication);
    if (ownersCommands.has(command.type) && command.meta.actor !== state.ownerId) return refuse(noSuchApplication);
    if (state.closed?.kind === 'revoked') return decideOnEnded(command, revokedForGood);
    if (state.closed?.kind === 'expired') return decideOnEnded(command, expiredForGood);
    return decideOnLiving(state, command);
  },
  evolve,
  view: viewOf,
};

function register(state: Application | undefined, { data }: CommandNamed<'register-application'>): Decided {
  if (state !== undefined) return refuse(stateForbids('already-registered', 'Already registered', 'This id is taken.'));
  const faults = [
    ...faultsOfMetadata(data.reviewed, data.other),
    ...faultsOfKeys(data.reviewed, data.keys.length, true),
    ...repeatedKeys(data.keys),
  ];
  if (faults.length > 0) return refuse(metadataRefused(faults));
  const { submit, ...registered } = data;
  const { ownerId, reviewed } = data;
  return accept<RegistrationEvent>(
    { type: 'application-registered', data: registered },
    ...(submit ? [{ type: 'application-submitted' as const, data: { submission: 1, ownerId, reviewed } }] : []),
  );
}

/** Which key made a signature must be plain from its kid, and from the key. */
function repeatedKeys(keys: CommandNamed<'register-application'>['data']['keys']) {
  return keys.flatMap(({ kid, thumbprint }, index) =>
    keys.slice(0, index).some((key) => key.kid === kid || key.thumbprint === thumbprint)
      ? [{ pointer: `/jwks/keys/${index}`, detail: 'repeats the kid or the key of another' }]
      : [],
  );
}

/** An end is final. What comes late from another context finds nothing to do, and ending again changes nothing. */
function decideOnEnded(command: Command, forGood: Refusal): Decided {
  switch (command.type) {
    case 'revoke-application':
    case 'expire-registration':
    case 'apply-review':
    case 'apply-approval':
      return accept();
    default:
      return refuse(forGood);
  }
}

function decideOnLiving(state: Application, command: Exclude<Command, { type: 'register-application' }>): Decided {
  switch (command.type) {
    case 'change-application':
      return changeMetadata(state, command.data);
    case 'submit-application':
      return submit(state, command.data);
    case 'withdraw-application':
      return withdraw(state, command.data);
    case 'change-keys':
      return changeKeys(state, command);
    case 'issue-secret':
      return issueSecret(state, command);
    case 'confirm-credential':
      return confirmCredential(state, command);
    case 'withdraw-secret':
      return withdrawSecret(state, command.data);
    case 'transfer-ownership':
      return command.data.ownerId === state.ownerId
        ? accept()
        : accept({ type: 'ownership-transferred', data: { ...command.data, previousOwnerId: state.ownerId } });
    case 'expire-registration':
      return expireRegistration(state, command);
    case 'suspend-application':
      return state.closed
        ? accept()
        : accept({ type: 'application-suspended', data: { ...command.data, epoch: state.epoch + 1 } });
    case 'reinstate-application':
      return reinstate(state, command);
    case 'revoke-application':
      return accept({ type: 'application-revoked', data: { ...command.data, epoch: state.epoch + 1 } });
    case 'apply-review':
      return applyReview(state, command.data);
    case 'apply-approval':
      return applyApproval(state, command.data);
    default:
      return command satisfies never;
  }
}

function submit(state: Application, { comment }: CommandNamed<'submit-application'>['data']): Decided {
  const { submission, ownerId, declared } = state;
  if (submission?.status === 'open') {
    return refuse(stateForbids('already-submitted', 'Already submitted', 'The application waits for its review.'));
  }
  const faults = faultsOfKeys(declared, state.keys.length, false);
  if (faults.length > 0) return refuse(metadataRefused(faults));
  return accept({
    type: 'application-submitted',
    data: {
      submission: (submission?.number ?? 0) + 1,
      ownerId,
      reviewed: declared,
      ...goesOnWith(state),
      ...(comment !== undefined && { comment }),
    },
  });
}

function withdraw({ submission }: Application, { comment }: CommandNamed<'withdraw-application'>['data']): Decided {
  if (submission?.status !== 'open') {
    return refuse(stateForbids('not-submitted', 'Not submitted', 'There is no request for review to take back.'));
  }
  return accept({
    type: 'application-withdrawn',
    data: { submission: submission.number, ...(comment !== undefined && { comment }) },
  });
}

function reinstate(
  { closed, epoch, ownerId }: Application,
  { data, meta }: CommandNamed<'reinstate-application'>,
): Decided {
  if (closed?.kind !== 'suspended') {
    return refuse(stateForbids('not-suspended', 'Not suspended', 'The application is not suspended.'));
  }
  if (meta.actor === ownerId) {
    return refuse({
      status: 403,
      type: 'own-application',
      title: 'It is your own application',
      detail: 'Somebody else must decide on an application of yours.',
    });
  }
  return accept({ type: 'application-reinstated', data: { ...data, epoch } });
}

/** Once per review, and only of the last submission: what was asked before has been taken back. */
function applyReview({ review, submission }: Application, data: CommandNamed<'apply-review'>['data']): Decided {
  if (review?.id === data.reviewId || submission?.number !== data.submission) return accept();
  return accept({ type: 'review-applied', data });
}

/** Approval is the authority for what it approved; only news changes anything: a later version, or an end. */
function applyApproval({ approval, submission }: Application, data: CommandNamed<'apply-approval'>['data']): Decided {
  const known = approval?.approvalVersion ?? 0;
  const ends = data.approvalVersion === known && data.expired && approval?.expired === false;
  if (data.submission > (submission?.number ?? 0)) {
    return refuse(
      stateForbids('unknown-submission', 'Unknown submission', `There is no submission ${data.submission}.`),
    );
  }
  return data.approvalVersion > known || ends ? accept({ type: 'approval-applied', data }) : accept();
}
