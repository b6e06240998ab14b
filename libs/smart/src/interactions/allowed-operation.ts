import type { ResourceType } from '../definitions/r4.js';
import type { OperationInteraction } from './interaction.js';
import type { Need } from './understand-search.js';

/** How what an operation gives is looked through. */
export type OperationAnswer =
  /** A Bundle of what it found: entries that may not be seen are left out. */
  | 'searchset'
  /** One resource: seen, or not there. */
  | 'resource'
  /** A Bundle that makes sense as a whole, such as a document: all of it may be seen, or none leaves. */
  | 'bundle'
  /** A Parameters: each resource inside may be seen, or none of it leaves. */
  | 'parameters'
  /** An OperationOutcome: severities and codes alone leave. */
  | 'outcome';

/** An operation that an endpoint lets through, as its operator describes it (docs/adr/0028). It changes nothing. */
export interface AllowedOperation {
  /** Without the `$`. */
  readonly name: string;
  readonly level: OperationInteraction['level'];
  /** Absent at the level of the system. */
  readonly type?: ResourceType;
  readonly needs: readonly Pick<Need, 'type' | 'interaction'>[];
  /**
   * What it gives of one resource depends on that resource alone, so that leaving out what is hidden leaves out all of it:
   * whoever sees a part may call it. Otherwise all of what it needs must be seen.
   */
  readonly partly: boolean;
  /** Names of its parameters, in the query or in a Parameters body. */
  readonly parameters: ReadonlySet<string>;
  readonly answer: OperationAnswer;
  /** Canonical URL of its OperationDefinition. */
  readonly definition: string;
}

/** Operations that no configuration lets through, each with the reason. */
const NEVER: ReadonlyMap<string, string> = new Map([
  ['graphql', 'what a query reads is known after it was run'],
  ['everything', 'it is let through for one patient already'],
  ['validate', 'it is let through already'],
  ['export', 'it gives everybody’s data as files'],
  ['export-status', 'it gives everybody’s data as files'],
  ['export-file', 'it gives everybody’s data as files'],
  ['import', 'it changes data'],
  ['process-message', 'it changes data'],
  ['submit', 'it changes data'],
  ['merge', 'it changes data'],
  ['meta-add', 'it changes data'],
  ['meta-delete', 'it changes data'],
  ['add', 'it changes data'],
  ['remove', 'it changes data'],
  ['expunge', 'it changes data'],
  ['reindex', 'it changes the server'],
  ['mark-all-resources-for-reindexing', 'it changes the server'],
  ['apply', 'it may change data'],
  ['diff', 'it shows versions that belong to others'],
  ['meta', 'it tells the labels of what is hidden'],
]);

/** Why an operation can be in no list; undefined for one that can. */
export function neverAllowed(name: string): string | undefined {
  return NEVER.get(name);
}

/** The operation of the list that a call is for. */
export function allowedOperation(
  call: OperationInteraction,
  allowed: readonly AllowedOperation[],
): AllowedOperation | undefined {
  const type = call.level === 'system' ? undefined : call.type;
  return allowed.find((it) => it.name === call.name && it.level === call.level && it.type === type);
}
