import { type FhirResource, isObject, isResource, type UpstreamTarget } from '#smart';
import type { PagePlace } from '../page-links/page-links.js';
import type { Answering } from './answering.js';
import { type Entry, readPage } from './read-page.js';

/** A page of what may be seen. */
export interface Collected<Match> {
  readonly matches: readonly Match[];
  /** The other entries of the pages that were looked through, and the matches that are not served here. */
  readonly others: readonly Entry[];
  /** Where the next page starts, when something is left that may be seen. */
  readonly next?: PagePlace;
  /** What the FHIR server says that there are, on its first page. */
  readonly upstreamTotal?: number;
}

export interface Collecting<Match> {
  readonly from: PagePlace;
  /** How many matches are wanted. */
  readonly count: number;
  /** The first page of each search that the one asked for became. */
  readonly phases: readonly UpstreamTarget[];
  /** The match in an entry, when it is one that may be seen. */
  readonly match: (entry: Entry, phase: number) => Promise<Match | undefined>;
  /** With what `match` looks at what the FHIR server does not say that it included. */
  readonly letter: 'r' | 's';
  /** All of it may be seen: that the FHIR server has a next page means that there is more. */
  readonly whole: boolean;
}

/**
 * Goes through the FHIR server's pages until `count` matches that may be seen are found and it is known whether one
 * more is. So a page holds as many as were asked for, and there is a next one exactly when it has something: how much
 * is hidden in between shows in neither.
 */
export async function collectMatches<Match>(
  { from, count, phases, match, letter, whole }: Collecting<Match>,
  at: Answering,
): Promise<Collected<Match>> {
  const matches: Match[] = [];
  const others: Entry[] = [];
  const done = (next?: PagePlace) => ({
    matches,
    others,
    ...(next === undefined ? {} : { next }),
    ...(upstreamTotal === undefined ? {} : { upstreamTotal }),
  });
  let upstreamTotal: number | undefined;
  let { phase, target, skip } = from;
  for (;;) {
    const first = phases[phase];
    if (!first) return done();
    const page = await readPage(target === undefined ? first : { method: 'GET', target }, at);
    if (target === undefined && phases.length === 1) upstreamTotal = page.total;
    await at.foresee(matchesIn(page.entries), letter);
    let onPage = 0;
    let next: PagePlace | undefined;
    for (const entry of page.entries) {
      const found = next ? undefined : await match(entry, phase);
      if (found === undefined) others.push(entry);
      else if (++onPage <= skip) others.push(entry);
      else if (matches.length < count) matches.push(found);
      else {
        // One more than is wanted: the next page starts with it.
        next = { phase, ...(target === undefined ? {} : { target }), skip: onPage - 1 };
        others.push(entry);
      }
    }
    if (next) return done(next);
    skip = 0;
    target = page.next;
    if (target === undefined) phase++;
    else if (whole && matches.length >= count) return done({ phase, target, skip });
  }
}

function matchesIn(entries: readonly Entry[]): readonly FhirResource[] {
  return entries
    .filter((it) => !['include', 'outcome'].some((mode) => mode === modeOf(it)))
    .map(({ resource }) => resource)
    .filter(isResource);
}

/** The mode that the FHIR server gave an entry. */
export function modeOf({ search }: Entry): unknown {
  return isObject(search) ? search['mode'] : undefined;
}
