import { approval } from './approval/contract.js';
import { channels } from './catalogue.js';
import type { ContextContract } from './definition.js';
import { registration } from './registration/contract.js';
import { review } from './review/contract.js';
import { token } from './token/contract.js';
import { activityTopic, checkpointsTopic, enforcementTopic, erasuresTopic, siemTopic, topicsOf } from './topics.js';

/** The services that use the log, each with a principal of its own at the brokers. */
export type LogService = 'registration' | 'approval' | 'token' | 'gateway' | 'review' | 'audit';

/** What a service does with the log, besides what its context brings with it. Topics by their names without prefix. */
export interface LogUse {
  /** The context whose commands it takes and decides: it alone writes that one's events and outcomes. */
  readonly context?: ContextContract;
  /** Topics that it appends to without deciding. */
  readonly appends: readonly string[];
  readonly reads: readonly string[];
  /** Its reactors: the name of each is that of a consumer group. */
  readonly reactors: readonly string[];
}

const eventsOf = (contract: ContextContract): string => topicsOf(contract).events.name;
const enforcement = enforcementTopic.name;
const activity = activityTopic.name;
/** Whoever opens the vault must know who was erased. */
const erasures = erasuresTopic.name;
const access = [registration, approval, token].map(eventsOf);

/**
 * Who does what with the log. The brokers' ACLs are made from this table, and a service that uses a topic or
 * group which its row does not name does not start: the code cannot move away from what was allowed.
 */
export const logUses: Readonly<Record<LogService, LogUse>> = {
  registration: {
    context: registration,
    // Of ids that are nobody's any more: open registrations that were claimed, or have ended.
    appends: [activity, erasures],
    reads: [eventsOf(approval), eventsOf(review), enforcement, erasures],
    reactors: ['registration-follows-approval', 'registration-follows-review'],
  },
  approval: {
    context: approval,
    appends: [activity],
    reads: [eventsOf(registration), eventsOf(review), erasures],
    reactors: ['approval-reviews-submissions', 'approval-narrows-by-campaign'],
  },
  token: {
    context: token,
    // Clients that register themselves: their commands are registration's to decide.
    appends: [activity, enforcement, erasures, topicsOf(registration).commands.name],
    reads: [...access, enforcement, erasures, topicsOf(registration).outcomes.name],
    reactors: ['token-closes-grants'],
  },
  gateway: { appends: [activity, enforcement], reads: [...access, enforcement, erasures], reactors: [] },
  review: {
    context: review,
    appends: [activity],
    reads: [eventsOf(registration), eventsOf(approval), activity, erasures],
    reactors: [],
  },
  // An auditor may look at any record where it stands.
  audit: {
    appends: [checkpointsTopic.name, siemTopic.name],
    reads: channels.map(({ topic }) => topic.name),
    reactors: [],
  },
};

export const logServices = Object.keys(logUses) as readonly LogService[];

export function isLogService(name: string): name is LogService {
  return Object.hasOwn(logUses, name);
}

/** The consumer group of a context's writers: which instance decides for which partition. */
export function writerGroup({ context }: Pick<ContextContract, 'context'>): string {
  return `gatehouse.${context}.writer`;
}

/** What the transactional ids of a context's writers begin with; the partition follows. */
export function writerIds({ context }: Pick<ContextContract, 'context'>): string {
  return `gatehouse.${context}.writer.`;
}

/** The consumer group whose offsets are a reactor's checkpoint. */
export function reactorGroup(name: string): string {
  return `gatehouse.reactor.${name}`;
}

/** The topics that a service writes. */
export function sentBy({ context, appends }: LogUse): readonly string[] {
  return [...ownTopics(context), ...appends];
}

/** The topics that a service reads. */
export function receivedBy({ context, reads }: LogUse): readonly string[] {
  return [...new Set([...ownTopics(context), ...reads])];
}

function ownTopics(context: ContextContract | undefined): readonly string[] {
  if (context === undefined) return [];
  const { commands, events, outcomes } = topicsOf(context);
  return [commands.name, events.name, outcomes.name];
}

/** The consumer groups that a service joins. */
export function groupsOf({ context, reactors }: LogUse): readonly string[] {
  return [...(context === undefined ? [] : [writerGroup(context)]), ...reactors.map(reactorGroup)];
}
