import { PARTITIONS } from './ids.js';
import type { ContextContract } from './definition.js';

const DAY_MS = 86_400_000;
const YEAR_MS = 365.25 * DAY_MS;

/** How a topic must stand for the log to be evidence; asserted at boot. */
export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /** Milliseconds that records live; `forever` for history. */
  readonly retentionMs: number | 'forever';
  readonly cleanup: 'delete' | 'compact';
  /** The largest record, in bytes. */
  readonly maxMessageBytes: number;
  readonly summary: string;
  /** The topic, of the same service, whose records this one's must outlive, and by how much. */
  readonly outlives?: { readonly topic: string; readonly byMs: number };
}

export const COMMAND_RETENTION_MS = 7 * DAY_MS;
/** The floor of what was decided must outlive what can still be decided. */
const OUTCOMES_OUTLIVE_MS = 2 * DAY_MS;
export const OUTCOME_RETENTION_MS = COMMAND_RETENTION_MS + OUTCOMES_OUTLIVE_MS;
/** Six years by default (45 CFR 164.528 looks back six years). */
export const ACTIVITY_RETENTION_MS = Math.ceil(6 * YEAR_MS);

const MEGABYTE = 1_048_576;

export interface ContextTopics {
  readonly commands: TopicSpec;
  readonly events: TopicSpec;
  readonly outcomes: TopicSpec;
}

/** The three topics of a context. Commands of review carry a population, hence the larger record. */
export function topicsOf(contract: Pick<ContextContract, 'context'>): ContextTopics {
  const { context } = contract;
  return {
    commands: {
      name: `gatehouse.${context}.commands`,
      partitions: PARTITIONS,
      retentionMs: COMMAND_RETENTION_MS,
      cleanup: 'delete',
      maxMessageBytes: 8 * MEGABYTE,
      summary: `What ${context} is asked to do.`,
    },
    events: {
      name: `gatehouse.${context}.events`,
      partitions: PARTITIONS,
      retentionMs: 'forever',
      cleanup: 'delete',
      maxMessageBytes: MEGABYTE,
      summary: `What happened in ${context}: the truth.`,
    },
    outcomes: {
      name: `gatehouse.${context}.outcomes`,
      partitions: PARTITIONS,
      retentionMs: OUTCOME_RETENTION_MS,
      outlives: { topic: `gatehouse.${context}.commands`, byMs: OUTCOMES_OUTLIVE_MS },
      cleanup: 'delete',
      maxMessageBytes: MEGABYTE,
      summary: `What became of the commands of ${context}.`,
    },
  };
}

export const activityTopic: TopicSpec = {
  name: 'gatehouse.activity',
  partitions: PARTITIONS,
  retentionMs: ACTIVITY_RETENTION_MS,
  cleanup: 'delete',
  maxMessageBytes: MEGABYTE,
  summary: 'Tokens issued and refused, access allowed and denied.',
};

export const enforcementTopic: TopicSpec = {
  name: 'gatehouse.enforcement',
  partitions: 1,
  retentionMs: 'forever',
  cleanup: 'compact',
  maxMessageBytes: MEGABYTE,
  summary: 'How far each enforcement point has applied the log.',
};

const SIEM_RETENTION_MS = 30 * DAY_MS;

/** Derived, and kept as long as a SIEM may be away. */
export const siemTopic: TopicSpec = {
  name: 'gatehouse.siem.ocsf',
  partitions: PARTITIONS,
  retentionMs: SIEM_RETENTION_MS,
  cleanup: 'delete',
  maxMessageBytes: MEGABYTE,
  summary: 'Every audit record as an OCSF event, for SIEMs. A repeat carries the same id and number.',
};

/** Forever: a checkpoint is what everything earlier is held against. */
export const checkpointsTopic: TopicSpec = {
  name: 'gatehouse.audit.checkpoints',
  partitions: 1,
  retentionMs: 'forever',
  cleanup: 'delete',
  maxMessageBytes: MEGABYTE,
  summary: 'Signed heads of the Merkle trees over the log, for whoever keeps them elsewhere.',
};

/** Forever: whoever restores an earlier copy of the vault learns here who must not come back with it. */
export const erasuresTopic: TopicSpec = {
  name: 'gatehouse.vault.erasures',
  partitions: 1,
  retentionMs: 'forever',
  cleanup: 'delete',
  maxMessageBytes: MEGABYTE,
  summary: 'Whom the vault has erased, by their random ids.',
};
