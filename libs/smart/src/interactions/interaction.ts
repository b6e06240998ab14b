import type { ResourceType } from '../definitions/r4.js';

/** One `name=value` of a query or a form, decoded once. Names may repeat: in a search that means "and". */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

type Params = { readonly params: readonly QueryParameter[] };
type OnType = Params & { readonly type: ResourceType };
type OnInstance = OnType & { readonly id: string };

/** One member per kind, so that a switch over `kind` narrows to it. */
type Each<Kind extends string, Rest> = Kind extends string ? { readonly kind: Kind } & Rest : never;

/**
 * What a request asks of a FHIR server (R4, RESTful API), by the codes of `restful-interaction`, with the
 * conditional forms named apart. `unrecognised` is every request that is not exactly one of these.
 */
export type FhirInteraction =
  | Each<'read' | 'update' | 'patch' | 'delete' | 'history-instance', OnInstance>
  | Each<'vread', OnInstance & { readonly versionId: string }>
  | Each<'create' | 'conditional-update' | 'conditional-patch' | 'conditional-delete' | 'history-type', OnType>
  | Each<'conditional-create', OnType & { readonly condition: readonly QueryParameter[] }>
  | Each<'search-type', OnType & { readonly via: 'get' | 'post' }>
  | Each<'search-system', Params & { readonly via: 'get' | 'post' }>
  | Each<'history-system' | 'capabilities', Params>
  /** `POST [base]`: which of the two it is, stands in the body. */
  | Each<'batch-or-transaction', Params>
  | OperationInteraction
  | { readonly kind: 'unrecognised'; readonly reason: string };

/** Those that change one resource. */
export type WriteInteraction = Extract<
  FhirInteraction,
  {
    readonly kind:
      | 'create'
      | 'update'
      | 'patch'
      | 'delete'
      | 'conditional-create'
      | 'conditional-update'
      | 'conditional-patch'
      | 'conditional-delete';
  }
>;

const writes: ReadonlySet<string> = new Set<WriteInteraction['kind']>([
  'create',
  'update',
  'patch',
  'delete',
  'conditional-create',
  'conditional-update',
  'conditional-patch',
  'conditional-delete',
]);

/** Whether an interaction changes one resource. */
export function isWrite(interaction: FhirInteraction): interaction is WriteInteraction {
  return writes.has(interaction.kind);
}

const kinds: Readonly<Record<Exclude<FhirInteraction['kind'], 'unrecognised'>, true>> = {
  read: true,
  vread: true,
  update: true,
  patch: true,
  delete: true,
  create: true,
  'conditional-create': true,
  'conditional-update': true,
  'conditional-patch': true,
  'conditional-delete': true,
  'history-instance': true,
  'history-type': true,
  'history-system': true,
  'search-type': true,
  'search-system': true,
  capabilities: true,
  'batch-or-transaction': true,
  operation: true,
};

/** Whether a text names a kind of interaction, as records do. */
export function isInteractionKind(text: string): boolean {
  return Object.hasOwn(kinds, text);
}

/** A call of `$name` on the system, a type or an instance. */
export type OperationInteraction = Params & {
  readonly kind: 'operation';
  readonly name: string;
  /** `delete` ends an export (Bulk Data Access 2.0, Delete Request), and is no other call. */
  readonly via: 'get' | 'post' | 'delete';
} & (
    | { readonly level: 'system' }
    | { readonly level: 'type'; readonly type: ResourceType }
    | { readonly level: 'instance'; readonly type: ResourceType; readonly id: string }
  );
