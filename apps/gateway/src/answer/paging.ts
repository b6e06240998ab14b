import { type QueryParameter, writeParameters } from '#smart';
import {
  type PagedInteraction,
  type PageLinks,
  type PageOwner,
  PAGE_PARAMETER,
  type PagePlace,
} from '../page-links/page-links.js';

const DEFAULT_COUNT = 50;
const MOST = 500;

/** How many matches a page has: `_count`, 50 without one, at most 500. */
export function pageSizeOf(params: readonly QueryParameter[]): number {
  const asked = params.find(({ name }) => name === '_count')?.value;
  return asked === undefined ? DEFAULT_COUNT : Math.min(Number(asked), MOST);
}

/** So few matches are the least that the FHIR server is asked for at once, where some may be hidden or all are counted. */
const LEAST_FILTERED = 10;
const LEAST_COUNTED = 50;

/**
 * How many matches the FHIR server is asked for at once. Where that were as few as the caller likes, each match that is
 * hidden could be made to cost a request, and a refusal for too many would tell of it.
 *
 * @param size how many a page of ours has
 */
export function askedAtOnce(size: number, { whole, counts }: { readonly whole: boolean; readonly counts: boolean }) {
  if (counts) return Math.max(size, LEAST_COUNTED);
  return Math.max(size, whole ? 1 : LEAST_FILTERED);
}

interface BundleLink {
  readonly relation: 'self' | 'next';
  readonly url: string;
}

/** Writes the links of a bundle: of this API, and with nothing of the FHIR server in them. */
export class BundleLinks {
  constructor(
    /** Our FHIR base, without a slash at its end. */
    private readonly base: string,
    private readonly links: PageLinks,
    private readonly owner: PageOwner,
  ) {}

  /** What was understood of the request. */
  self(interaction: PagedInteraction): BundleLink {
    const query = writeParameters(interaction.params);
    return { relation: 'self', url: `${this.#address(interaction)}${query === '' ? '' : `?${query}`}` };
  }

  next(interaction: PagedInteraction, place: PagePlace): BundleLink {
    const sealed = this.links.seal(interaction, place, this.owner);
    return { relation: 'next', url: `${this.#address(interaction)}?${PAGE_PARAMETER}=${sealed}` };
  }

  #address(interaction: PagedInteraction): string {
    switch (interaction.kind) {
      case 'search-system':
        return `${this.base}/`;
      case 'search-type':
        return `${this.base}/${interaction.type}`;
      case 'history-type':
        return `${this.base}/${interaction.type}/_history`;
      case 'history-instance':
        return `${this.base}/${interaction.type}/${interaction.id}/_history`;
      case 'operation':
        return `${this.base}/${interaction.type}/${interaction.id}/$${interaction.name}`;
      default:
        return interaction satisfies never;
    }
  }
}
