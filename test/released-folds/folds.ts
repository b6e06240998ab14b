import { type ContextContract, type Decider, ContextCodec, goldenRecords } from '#contracts';
import { type AccessEvent, ACCESS_FOLD_VERSION, AccessFold } from '#access';
import { auditedTopics, auditRowOf, decodeAudited } from '#records';
import { approvalDecider } from '../../apps/approval/src/approval.decider.js';
import { auditRecordsProjection } from '../../apps/audit/src/audit-records/audit-records.projection.js';
import { registrationDecider } from '../../apps/registration/src/application.decider.js';
import { campaignDecider } from '../../apps/review/src/campaign.decider.js';
import { grantsDecider } from '../../apps/token/src/grants.decider.js';

/** What a release makes of the golden records of every event, one after the other. */
export interface Folding {
  readonly name: string;
  /** Raised with every change of what is made of a record: older snapshots and rows are then made anew. */
  readonly version: number;
  /** The golden records that must be among its steps. */
  readonly all: readonly string[];
  /** Each record with what is known after it, as JSON has it. */
  readonly steps: () => readonly (readonly [file: string, state: unknown])[];
}

const golden = goldenRecords();
const filesOf = (channel: string): readonly string[] =>
  golden.filter((record) => record.channel === channel).map(({ file }) => file);

function recordOf(file: string): string {
  const found = golden.find((each) => each.file === file);
  if (!found) throw new Error(`there is no golden record ${file}`);
  return found.record;
}

/** As if the log held these records in this order; each aggregate's versions follow each other. */
function folded<C extends ContextContract, S>(decider: Decider<C, S>, lives: readonly (readonly string[])[]): Folding {
  const { context } = decider.contract;
  const codec = new ContextCodec(decider.contract);
  return {
    name: `${context}-writer`,
    version: decider.version,
    all: filesOf(`${context}.events`),
    steps: () =>
      lives.flatMap((life) => {
        let state: S | undefined;
        return life.map((name, index) => {
          const file = `${context}.events/${name}.json`;
          const event = codec.decodeEvent(recordOf(file));
          state = decider.evolve(state, { ...event, meta: { ...event.meta, version: index + 1 } });
          return [file, state] as const;
        });
      }),
  };
}

const registered = [
  'application-registered.v1',
  'application-changed.v1',
  'application-submitted.v1',
  'review-applied.v1',
  'approval-applied.v1',
  'keys-changed.v1',
  'secret-issued.v1',
  'credential-proposed.v1',
  'confirmation-failed.v1',
  'credential-confirmed.v1',
  'secret-withdrawn.v1',
  'application-suspended.v1',
  'application-reinstated.v1',
  'ownership-transferred.v1',
  'application-revoked.v1',
];
const reviewed = ['review-opened.v1', 'review-endorsed.v1', 'review-approved.v1', 'approval-narrowed.v1'];
const ended = ['grant-consented.v1', 'token-revoked.v1', 'grant-revoked.v1', 'grants-closed.v1'];

const access: Folding = {
  name: 'effective-access',
  version: ACCESS_FOLD_VERSION,
  all: [],
  steps() {
    const life = [
      ...registered.slice(0, 3).map((name) => `registration.events/${name}.json`),
      ...reviewed.map((name) => `approval.events/${name}.json`),
      ...registered.slice(3, -1).map((name) => `registration.events/${name}.json`),
      ...ended.map((name) => `token.events/${name}.json`),
      'approval.events/approval-expired.v1.json',
      'registration.events/application-revoked.v1.json',
    ];
    const fold = new AccessFold();
    return life.map((file) => {
      // Sound: these are the contexts that effective access is folded from.
      const event = decodeAudited(`gatehouse.${file.split('/')[0] ?? ''}`, recordOf(file)) as AccessEvent;
      fold.apply(event, Date.parse(event.meta.time));
      return [file, [...fold.items()]] as const;
    });
  },
};

const auditRows: Folding = {
  name: auditRecordsProjection.name,
  version: auditRecordsProjection.version,
  all: auditedTopics.flatMap(({ name }) => filesOf(name.replace(/^gatehouse\./, ''))),
  steps: () =>
    auditedTopics.flatMap(({ name }) =>
      filesOf(name.replace(/^gatehouse\./, '')).map((file) => {
        const row = auditRowOf(decodeAudited(name, recordOf(file)), { topic: name, partition: 5, offset: 7n });
        return [file, row] as const;
      }),
    ),
};

/** Every event of every context, in lives that the log can hold. */
export const foldings: readonly Folding[] = [
  folded(registrationDecider, [
    registered,
    ['application-registered.v1.hardened', 'application-submitted.v1.hardened', 'application-changed.v1.hardened'],
    ['application-registered.v1.vouched', 'application-submitted.v1.vouched', 'application-changed.v1.vouched'],
    ['application-registered.v1.unclaimed', 'application-submitted.v1', 'application-withdrawn.v1'],
    ['application-registered.v1', 'application-submitted.v1', 'application-submitted.v1.requestedAt'],
    ['application-registered.v1.unclaimed', 'credential-proposed.v1', 'credential-dropped.v1'],
    ['application-registered.v1.unclaimed', 'registration-expired.v1'],
  ]),
  folded(approvalDecider, [
    [...reviewed, 'approval-expired.v1'],
    ['review-opened.v1.hardened', 'review-clock-breached.v1', 'review-rejected.v1'],
    ['review-opened.v1.vouched', 'review-changes-requested.v1', 'review-opened.v1', 'review-withdrawn.v1'],
    ['review-opened.v1', 'review-endorsed.v1.limits', 'review-approved.v1.limits', 'approval-narrowed.v1.limits'],
    ['review-opened.v1', 'review-changes-requested.v1', 'review-opened.v1.requestedAt'],
    ['policy-set.v1', 'policy-set.v1.policy-holidays'],
  ]),
  folded(grantsDecider, [ended, ['grant-consented.v1', 'grant-revoked.v1.reason']]),
  folded(campaignDecider, [
    ['campaign-opened.v1', 'campaign-items-added.v1', 'campaign-reminded.v1', 'item-decided.v1', 'campaign-closed.v1'],
  ]),
  access,
  auditRows,
];
