import { isObject, isResource, upstreamTarget } from '#smart';
import type { PagedInteraction, PagePlace } from '../page-links/page-links.js';
import { seesAllOf } from './sees-all-of.js';
import type { Answering, CheckedAnswer } from './answering.js';
import { notThere, wrongAnswer } from './not-answered.js';
import { collectMatches } from './collect-matches.js';
import type { Entry } from './read-page.js';
import { askedAtOnce, type BundleLinks, pageSizeOf } from './paging.js';

type History = Extract<PagedInteraction, { readonly kind: 'history-type' | 'history-instance' }>;

/**
 * Answers a history with the versions that the token may see. A deletion has no content to be judged by, so that it
 * is told only to whom all of the type is open. Who does not see the current version sees none.
 */
export async function answerHistory(
  interaction: History,
  from: PagePlace | undefined,
  links: BundleLinks,
  at: Answering,
): Promise<CheckedAnswer> {
  const { kind, type, params } = interaction;
  const whole = seesAllOf(type, at.sight, letterOf(interaction));
  if (kind === 'history-instance' && !whole) {
    const current = await at.readOrNothing(type, interaction.id);
    if (!current || !(await at.seesRead(current))) throw notThere('the current version is not in sight');
  }
  const size = Math.max(pageSizeOf(params), 1);
  const atOnce = askedAtOnce(size, { whole, counts: false });
  const target = upstreamTarget(interaction, [{ name: '_count', value: String(atOnce) }]);
  if (!target) throw wrongAnswer('a history that has no target');
  const page = await collectMatches(
    {
      from: from ?? { phase: 0, skip: 0 },
      count: size,
      phases: [target],
      letter: letterOf(interaction),
      whole,
      match: async (entry) => await versionIn(entry, interaction, whole, at),
    },
    at,
  );
  const total = page.next || from ? undefined : page.matches.length;
  const versions = page.matches.map(({ resource }) => resource).filter(isResource);
  const next = page.next ? [links.next(interaction, page.next)] : [];
  return {
    resource: {
      resourceType: 'Bundle',
      type: 'history',
      ...(total === undefined ? {} : { total }),
      link: [links.self(interaction), ...next],
      ...(page.matches.length === 0 ? {} : { entry: page.matches }),
    },
    about: versions.flatMap((it) => [it, ...at.judgedBy(it)]),
  };
}

/** An entry of the history, built anew, when it is one of what was asked for and may be seen. */
async function versionIn(
  { resource, request, response }: Entry,
  interaction: History,
  whole: boolean,
  at: Answering,
): Promise<Entry | undefined> {
  const { type } = interaction;
  const asked = isObject(request) ? request : {};
  const url = typeof asked['url'] === 'string' ? asked['url'] : '';
  const id = isResource(resource) ? resource['id'] : /\/([A-Za-z0-9\-.]{1,64})$/.exec(url)?.[1];
  if (typeof id !== 'string' || (interaction.kind === 'history-instance' && id !== interaction.id)) return undefined;
  if (resource === undefined) {
    const isOfType = new RegExp(`(^|/)${type}/`).test(url);
    if (!whole || asked['method'] !== 'DELETE' || !isOfType) return undefined;
  } else if (
    !isResource(resource) ||
    resource.resourceType !== type ||
    !(await (interaction.kind === 'history-instance' ? at.seesRead(resource) : at.sees(resource, 's')))
  ) {
    return undefined;
  }
  return {
    fullUrl: `${at.upstream}/${type}/${id}`,
    ...(resource === undefined ? {} : { resource }),
    request: { method: methodOf(asked['method']), url: `${type}/${id}` },
    ...(isObject(response) ? { response: textsOf(response, ['status', 'etag', 'lastModified']) } : {}),
  };
}

/** The history of a resource is read, that of a type is a search (SMART App Launch 2.2, Scopes). */
function letterOf({ kind }: History): 'r' | 's' {
  return kind === 'history-instance' ? 'r' : 's';
}

function methodOf(method: unknown): string {
  return typeof method === 'string' && /^(POST|PUT|PATCH|DELETE)$/.test(method) ? method : 'PUT';
}

function textsOf(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name): [string, string][] => {
      const value = from[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}
