import {
  type FhirInteraction,
  isResourceType,
  type OperationInteraction,
  type QueryParameter,
  type ResourceType,
} from '#smart';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';
import { Sealed, type SealingKeys } from './sealed.js';

/** Where the next page of a search or a history starts. */
const Place = Type.Object({
  kind: Type.Union([
    Type.Literal('search-type'),
    Type.Literal('search-system'),
    Type.Literal('history-type'),
    Type.Literal('history-instance'),
    /** `Patient/[id]/$everything`. */
    Type.Literal('operation'),
  ]),
  type: Type.Optional(Type.String()),
  id: Type.Optional(Type.String()),
  params: Type.Array(Type.Tuple([Type.String(), Type.String()])),
  /** Which of the searches that the one asked for became. */
  phase: Type.Integer({ minimum: 0 }),
  /** The page of the FHIR server, below its base; absent for its first. */
  target: Type.Optional(Type.String()),
  /** How many matches of that page were served already. */
  skip: Type.Integer({ minimum: 0 }),
  /** Milliseconds since 1970. */
  expiresAt: Type.Integer(),
});

const place = Compile(Place);

export type PagePlace = Omit<Static<typeof Place>, 'expiresAt' | 'kind' | 'type' | 'id' | 'params'>;
/** An operation on one resource. */
export type InstanceOperation = Extract<OperationInteraction, { readonly level: 'instance' }>;
export type PagedInteraction =
  | Extract<FhirInteraction, { readonly kind: 'search-type' | 'search-system' | 'history-type' | 'history-instance' }>
  | InstanceOperation;

/** For whom a link counts. */
export interface PageOwner {
  /** The id of the FHIR endpoint. */
  readonly endpoint: string;
  readonly applicationId: string;
  /** The grant, or the user, or the client itself. */
  readonly holder: string;
  readonly patient?: string;
}

/** The parameter that a page link consists of. */
export const PAGE_PARAMETER = '_page';
const LIFE_MS = 15 * 60_000;

/**
 * Page links: what the next page needs, encrypted, so that nobody reads a URL of the FHIR server, and bound to the
 * endpoint, the application, the grant or user and the patient, so that nobody else's token can use it. What is asked is decided anew
 * at every page.
 */
export class PageLinks {
  readonly #sealed: Sealed;

  constructor(
    keys: SealingKeys,
    private readonly now: () => number = Date.now,
  ) {
    this.#sealed = new Sealed(keys);
  }

  /** The value of `_page` that leads to a place. */
  seal(interaction: PagedInteraction, at: PagePlace, owner: PageOwner): string {
    const value: Static<typeof Place> = {
      kind: interaction.kind,
      ...('type' in interaction ? { type: interaction.type } : {}),
      ...('id' in interaction ? { id: interaction.id } : {}),
      params: interaction.params.map(({ name, value: text }): [string, string] => [name, text]),
      ...at,
      expiresAt: this.now() + LIFE_MS,
    };
    return this.#sealed.seal(value, boundTo(owner));
  }

  /** What was sealed; undefined when it was sealed for somebody else, is not ours, or has expired. */
  open(
    sealed: string,
    owner: PageOwner,
  ): { readonly interaction: PagedInteraction; readonly place: PagePlace } | undefined {
    const value = this.#sealed.open(sealed, boundTo(owner));
    if (!place.Check(value) || value.expiresAt <= this.now()) return undefined;
    const interaction = interactionOf(value);
    const { phase, target, skip } = value;
    return interaction && { interaction, place: { phase, skip, ...(target === undefined ? {} : { target }) } };
  }
}

function interactionOf({ kind, type, id, params: pairs }: Static<typeof Place>): PagedInteraction | undefined {
  const params = pairs.map(([name, value]): QueryParameter => ({ name, value }));
  if (kind === 'search-system') return { kind, via: 'get', params };
  if (type === undefined || !isResourceType(type)) return undefined;
  const known: ResourceType = type;
  if (kind === 'search-type') return { kind, type: known, via: 'get', params };
  if (kind === 'history-type') return { kind, type: known, params };
  if (id === undefined) return undefined;
  if (kind === 'operation') return { kind, name: 'everything', via: 'get', level: 'instance', type: known, id, params };
  return { kind, type: known, id, params };
}

function boundTo({ endpoint, applicationId, holder, patient }: PageOwner): readonly (string | null)[] {
  return ['gatehouse page 2', endpoint, applicationId, holder, patient ?? null];
}
