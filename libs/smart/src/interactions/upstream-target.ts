import type { FhirInteraction } from './interaction.js';
import { writeParameters } from './request-target.js';

/** What to ask of the FHIR server behind the gateway. */
export interface UpstreamTarget {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the base of the upstream, encoded, with its query. */
  readonly target: string;
  /** The body of a search by POST, `application/x-www-form-urlencoded`. */
  readonly form?: string;
}

/** The gateway speaks JSON to the upstream by `Accept`, and gives the caller what it asked for by itself. */
const ours: ReadonlySet<string> = new Set(['_format', '_pretty']);

/**
 * Writes an interaction anew from what was judged, so that no byte of the caller's URL goes upstream. Searches by
 * POST stay such. Undefined for what the gateway answers itself, or does not send in this form: the conditional
 * writes, which it resolves to one id first, batches, whose entries it sends, and operations.
 */
export function upstreamTarget(interaction: FhirInteraction): UpstreamTarget | undefined {
  switch (interaction.kind) {
    case 'read':
      return get(`/${interaction.type}/${interaction.id}`, interaction);
    case 'vread':
      return get(`/${interaction.type}/${interaction.id}/_history/${interaction.versionId}`, interaction);
    case 'history-instance':
      return get(`/${interaction.type}/${interaction.id}/_history`, interaction);
    case 'history-type':
      return get(`/${interaction.type}/_history`, interaction);
    case 'history-system':
      return get('/_history', interaction);
    case 'search-type':
      return search(`/${interaction.type}`, interaction);
    case 'search-system':
      return search('', interaction);
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

const parametersOf = ({ params }: WithParams) => writeParameters(params.filter(({ name }) => !ours.has(name)));

function get(path: string, interaction: WithParams): UpstreamTarget {
  const query = parametersOf(interaction);
  return { method: 'GET', target: query === '' ? path : `${path}?${query}` };
}

function search(path: string, interaction: WithParams & { readonly via: 'get' | 'post' }): UpstreamTarget {
  if (interaction.via === 'get') return get(path === '' ? '/' : path, interaction);
  return { method: 'POST', target: `${path}/_search`, form: parametersOf(interaction) };
}
