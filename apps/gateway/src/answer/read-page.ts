import { isObject, type UpstreamTarget } from '#smart';
import type { UpstreamAnswer } from '../ask-upstream/upstream-answer.js';
import { wrongAnswer } from './not-answered.js';

/** An entry of a bundle, of which nothing is known yet. */
export type Entry = Readonly<Record<string, unknown>>;

/** The FHIR server, as pages are asked of it. */
export interface AskedForPages {
  /** Base URL, without a slash at its end. */
  readonly upstream: string;
  ask(target: UpstreamTarget): Promise<UpstreamAnswer>;
}

/** A page of what the FHIR server finds, unjudged. */
export interface Page {
  readonly entries: readonly Entry[];
  /** Below the base of the FHIR server. */
  readonly next: string | undefined;
  readonly total: number | undefined;
}

/**
 * Asks for a page.
 *
 * @throws NotAnswered where it is none, UpstreamFailed
 */
export async function readPage(target: UpstreamTarget, at: AskedForPages): Promise<Page> {
  const { resource } = await at.ask(target);
  if (!isObject(resource) || resource['resourceType'] !== 'Bundle')
    throw wrongAnswer('the upstream answered no bundle');
  const { entry, link, total } = resource;
  return {
    entries: Array.isArray(entry) ? entry.filter(isObject) : [],
    next: nextOf(link, at.upstream),
    total: typeof total === 'number' && Number.isSafeInteger(total) && total >= 0 ? total : undefined,
  };
}

/** A next page counts only below the base of the FHIR server: a link must not send the gateway elsewhere. */
function nextOf(links: unknown, upstream: string): string | undefined {
  const next = (Array.isArray(links) ? links.filter(isObject) : []).find(({ relation }) => relation === 'next');
  if (!next) return undefined;
  const url = next['url'];
  const below = typeof url === 'string' && url.startsWith(upstream) ? url.slice(upstream.length) : undefined;
  if (below === undefined || !/^(\/[\w$][\w.-]*)*\/?\?[^\s#\\]*$/.test(below))
    throw wrongAnswer('the upstream’s next page is not one of it');
  return below;
}
