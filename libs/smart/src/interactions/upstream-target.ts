import type { FhirInteraction, QueryParameter } from './interaction.js';
import { writeParameters } from './request-target.js';

/** What to ask of the FHIR server behind the gateway. */
export interface UpstreamTarget {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base of the upstream, encoded, with its query. */
  readonly target: string;
  /** The body of a search by POST, `application/x-www-form-urlencoded`. */
  readonly form?: string;
  /** The body of an operation by POST: a resource as JSON. */
  readonly body?: string;
  /** Statuses beside 200 whose resource is wanted: what is said with them is looked at before anybody sees it. */
  readonly alsoWants?: readonly number[];
}

/** About the shape of the answer: the gateway asks for all of it, in JSON by `Accept`, and cuts it itself. */
const ours: ReadonlySet<string> = new Set([
  '_format',
  '_pretty',
  '_elements',
  '_summary',
  '_count',
  '_total',
  '_contained',
]);

/**
 * Writes an interaction anew from what was judged, so that no byte of the caller's URL goes upstream. Searches by
 * POST stay such. Undefined for what the gateway answers itself, or does not send in this form: the conditional
 * writes, which it resolves to one id first, batches, whose entries it sends, and operations.
 *
 * @param added to a search or a history: parameters that narrow it, or say how much of it is wanted at a time
 */
export function upstreamTarget(
  interaction: FhirInteraction,
  added: readonly QueryParameter[] = [],
): UpstreamTarget | undefined {
  switch (interaction.kind) {
    case 'read':
      return get(`/${interaction.type}/${interaction.id}`, interaction);
    case 'vread':
      return get(`/${interaction.type}/${interaction.id}/_history/${interaction.versionId}`, interaction);
    case 'history-instance':
      return get(`/${interaction.type}/${interaction.id}/_history`, interaction, added);
    case 'history-type':
      return get(`/${interaction.type}/_history`, interaction, added);
    case 'history-system':
      return get('/_history', interaction, added);
    case 'search-type':
      return search(`/${interaction.type}`, interaction, added);
    case 'search-system':
      return search('', interaction, added);
    case 'create':
      return { method: 'POST', target: `/${interaction.type}` };
    case 'update':
      return { method: 'PUT', target: `/${interaction.type}/${interaction.id}` };
    case 'delete':
      return { method: 'DELETE', target: `/${interaction.type}/${interaction.id}` };
    case 'patch':
    case 'conditional-create':
    case 'conditional-update':
    case 'conditional-patch':
    case 'conditional-delete':
    case 'batch-or-transaction':
    case 'operation':
    case 'capabilities':
    case 'unrecognised':
      return undefined;
    default:
      return interaction satisfies never;
  }
}

type WithParams = Extract<FhirInteraction, { readonly params: unknown }>;

type Added = readonly QueryParameter[];

const parametersOf = ({ params }: WithParams, added: Added) =>
  writeParameters([...params.filter(({ name }) => !ours.has(name)), ...added]);

function get(path: string, interaction: WithParams, added: Added = []): UpstreamTarget {
  const query = parametersOf(interaction, added);
  return { method: 'GET', target: query === '' ? path : `${path}?${query}` };
}

function search(
  path: string,
  interaction: WithParams & { readonly via: 'get' | 'post' },
  added: Added,
): UpstreamTarget {
  if (interaction.via === 'get') return get(path === '' ? '/' : path, interaction, added);
  return { method: 'POST', target: `${path}/_search`, form: parametersOf(interaction, added) };
}
