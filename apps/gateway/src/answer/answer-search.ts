import {
  asAsked,
  extentOf,
  type FhirResource,
  isResource,
  matchesParameter,
  type NarrowedSearch,
  narrowSearch,
  type QueryParameter,
  type ResourceType,
  shapeResource,
  upstreamTarget,
} from '#smart';
import type { PagedInteraction, PagePlace } from '../page-links/page-links.js';
import type { Answering, CheckedAnswer } from './answering.js';
import { wrongAnswer } from './not-answered.js';
import { collectMatches, type Collecting, modeOf } from './collect-matches.js';
import type { Entry } from './read-page.js';
import { includedWith, keyOf } from './included.js';
import { askedAtOnce, type BundleLinks, pageSizeOf } from './paging.js';

type Search = Extract<PagedInteraction, { readonly kind: 'search-type' | 'search-system' }>;

/**
 * Answers a search with what it finds and the token may see: the matches, what was asked to be included with them, and
 * a total that counts nothing else. The bundle is built anew; nothing of the FHIR server's own is handed on.
 */
export async function answerSearch(
  interaction: Search,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
): Promise<CheckedAnswer> {
  const { params } = interaction;
  const searched = typesOf(interaction);
  const narrowed = narrow(interaction, searched, at);
  const size = pageSizeOf(params);
  const valueOf = (name: string) => params.find((it) => it.name === name)?.value;
  const countOnly = valueOf('_summary') === 'count' || size === 0;
  const counts = countOnly || valueOf('_total') === 'accurate';
  const atOnce = { name: '_count', value: String(askedAtOnce(size, { whole: narrowed.whole, counts })) };
  const collecting: Omit<Collecting<FhirResource>, 'from' | 'count'> = {
    phases: narrowed.phases.map(({ added }) => {
      const target = upstreamTarget(interaction, [...added, atOnce]);
      if (!target) throw wrongAnswer('a search that has no target');
      return target;
    }),
    letter: 's',
    whole: narrowed.whole,
    match: async (entry, phase) => await matchIn(entry, searched, narrowed.phases[phase]?.foundBefore ?? [], at),
  };
  const start = { phase: 0, skip: 0 };
  if (countOnly) {
    const { matches } = await collectMatches({ ...collecting, from: start, count: Infinity }, at);
    const total = matches.length;
    return {
      resource: { resourceType: 'Bundle', type: 'searchset', total, link: [links.self(interaction)] },
      ...aboutCounted(matches),
    };
  }

  const page = await collectMatches({ ...collecting, from: from ?? start, count: size }, at);
  page.matches.forEach((match) => at.saw(match));
  const included = await includedWith(page.matches, page.others, params, at);
  const total = from ? undefined : await totalOf(page, valueOf('_total'), collecting, at);
  const about = [...page.matches, ...included];
  const shaped = (resource: FhirResource, mode: string) => ({
    fullUrl: `${at.upstream}/${keyOf(resource)}`,
    resource: shapeResource(resource, params),
    search: { mode },
  });
  const entry = [...page.matches.map((it) => shaped(it, 'match')), ...included.map((it) => shaped(it, 'include'))];
  const next = page.next ? [links.next(interaction, page.next)] : [];
  return {
    resource: {
      resourceType: 'Bundle',
      type: 'searchset',
      ...(total === undefined ? {} : { total: total.of }),
      link: [links.self(interaction), ...next],
      ...(entry.length === 0 ? {} : { entry }),
    },
    ...aboutCounted(total?.counted ?? [], [...about, ...about.flatMap((it) => at.judgedBy(it))]),
    ...(total?.isOfServer ? { isAboutOthers: true } : {}),
  };
}

function typesOf(interaction: Search): ReadonlySet<string> {
  if (interaction.kind === 'search-type') return new Set([interaction.type]);
  return new Set(interaction.params.find(({ name }) => name === '_type')?.value.split(',') ?? []);
}

function narrow(interaction: Search, searched: ReadonlySet<string>, { sight }: Answering): NarrowedSearch {
  if (interaction.kind === 'search-type') return narrowSearch(interaction.type, interaction.params, sight);
  const seesAll = (type: string) =>
    sight.scopes.some((scope) => extentOf(scope, type as ResourceType, 's', sight.reaches) === 'whole');
  return { whole: [...searched].every(seesAll), phases: asAsked };
}

async function matchIn(
  entry: Entry,
  searched: ReadonlySet<string>,
  foundBefore: readonly QueryParameter[],
  at: Answering,
): Promise<FhirResource | undefined> {
  const { resource } = entry;
  const mode = modeOf(entry);
  if (mode === 'include' || mode === 'outcome' || !isResource(resource)) return undefined;
  const { resourceType: type, id } = resource;
  if (!searched.has(type) || typeof id !== 'string') return undefined;
  if (foundBefore.some((it) => matchesParameter(resource, type as ResourceType, it, at.sight.bases))) return undefined;
  return (await at.sees(resource, 's')) ? resource : undefined;
}

/** How many matches there are that may be seen. */
interface Total {
  readonly of: number;
  /** Those that stand on later pages, where they were looked at. */
  readonly counted: readonly FhirResource[];
  /** The FHIR server counted: of whom it tells beyond the page is not known. */
  readonly isOfServer?: true;
}

/** How many there are that may be seen, when that is known or asked for. */
async function totalOf(
  { matches, next, upstreamTotal }: Awaited<ReturnType<typeof collectMatches<FhirResource>>>,
  asked: string | undefined,
  collecting: Omit<Collecting<FhirResource>, 'from' | 'count'>,
  at: Answering,
): Promise<Total | undefined> {
  if (asked === 'none') return undefined;
  if (!next) return { of: matches.length, counted: [] };
  if (collecting.whole && upstreamTotal !== undefined) return { of: upstreamTotal, counted: [], isOfServer: true };
  if (asked !== 'accurate') return undefined;
  const { matches: counted } = await collectMatches({ ...collecting, from: next, count: Infinity }, at);
  return { of: matches.length + counted.length, counted };
}

/** Of how many resources that are counted the record says whose they are; about more, it says that there are others. */
const COUNTED_ABOUT = 200;

/** Whose data an answer tells of that counts resources, beside those that it shows. */
function aboutCounted(
  counted: readonly FhirResource[],
  shown: readonly FhirResource[] = [],
): Pick<CheckedAnswer, 'about' | 'isAboutOthers'> {
  if (counted.length <= COUNTED_ABOUT) return { about: [...shown, ...counted] };
  return { about: [...shown, ...counted.slice(0, COUNTED_ABOUT)], isAboutOthers: true };
}
