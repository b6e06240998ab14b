import type { IncomingMessage } from 'node:http';
import { isObject, upstreamTarget } from '#smart';
import type { BundleLinks } from '../answer/paging.js';
import type { PassedAnswer, PassedRequest } from '../ask-upstream/upstream-pass.js';
import type { PagedInteraction } from '../page-links/page-links.js';
import type { JudgedCall } from '../proxy/read-call.js';

/** What a caller may say of its request; never who it is, whom it comes by, or which method is meant. */
const HANDED_ON = [
  'accept',
  'accept-language',
  'content-encoding',
  'content-type',
  'if-match',
  'if-none-exist',
  'prefer',
  'x-provenance',
];
/** Of a write they say on what it depends; for a read they are answered here. */
const OF_WRITES = ['if-none-match', 'if-modified-since'];

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

/** Whether a request may change data, as far as its form tells. */
export function mayChange(method: string, path: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && !(method === 'POST' && path.endsWith('/_search'));
}

/**
 * Whether a request can be handed on as it came: below the FHIR base it stays below it, however a server reads it. A
 * percent sign, `;`, a backslash, `//` and a segment of dots have no place in a FHIR path.
 */
export function mayPass(method: string, path: string): boolean {
  const isFhirPath = /^(\/[A-Za-z0-9$_.~@:-]+)*\/?$/.test(path) && !/\/\.+(\/|$)/.test(path);
  return isFhirPath && methodOf(method) !== undefined;
}

function methodOf(method: string): PassedRequest['method'] | undefined {
  return method === 'HEAD' ? 'GET' : METHODS.find((it) => it === method);
}

/**
 * A request as it goes on.
 *
 * @param target path and query below the base, as they came; {@link mayPass} said yes
 */
export function passedOn(
  { method = '', headers }: Pick<IncomingMessage, 'method' | 'headers'>,
  target: { readonly path: string; readonly query: string },
  { from, interaction }: Pick<JudgedCall, 'from' | 'interaction'>,
  body: Buffer | undefined,
): PassedRequest {
  const changes = mayChange(method, target.path);
  const names = changes ? [...HANDED_ON, ...OF_WRITES] : HANDED_ON;
  const kept = names.flatMap((name): [string, string][] => {
    const value = headers[name];
    return value === undefined ? [] : [[name, Array.isArray(value) ? value.join(', ') : value]];
  });
  const asCame = `${target.path}${target.query === '' ? '' : `?${target.query}`}`;
  // A page link leads to a page of the server's own.
  const page = from && (from.target ?? upstreamTarget(interaction)?.target);
  return {
    method: methodOf(method) ?? 'GET',
    target: page ?? asCame,
    headers: Object.fromEntries(kept),
    mayChange: changes,
    ...(body === undefined || body.length === 0 ? {} : { body }),
  };
}

/** An answer as it leaves: whatever it says, the server's URLs are ours. */
export interface PassedBack {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The answer as JSON; undefined for what is none. */
  readonly json: unknown;
}

/**
 * Makes of the server's answer what leaves.
 *
 * @param withOurUrls puts our URLs in the place of the server's
 */
export function passedBack(
  { status, headers, body }: PassedAnswer,
  interaction: JudgedCall['interaction'],
  links: BundleLinks,
  bases: { readonly upstream: string; readonly ours: string },
  withOurUrls: (text: string, upstream: string, ours: string) => string,
): PassedBack {
  const type = headers['content-type'] ?? '';
  const isJson = /^application\/([\w.-]+\+)?json\b/i.test(type);
  const isText = isJson || /^text\/|[/+](xml|ndjson)\b/i.test(type);
  const text = isText ? body.toString('utf8') : '';
  const json = isJson ? parsed(text) : undefined;
  const { upstream, ours } = bases;
  const moved = Object.entries(headers).map(([name, value]): [string, string] => [
    name,
    name.endsWith('location') && (value === upstream || value.startsWith(`${upstream}/`))
      ? ours + value.slice(upstream.length)
      : value,
  ]);
  return {
    status,
    headers: Object.fromEntries(moved),
    body: isText ? Buffer.from(withOurUrls(sealed(text, json, interaction, links, upstream), upstream, ours)) : body,
    json,
  };
}

/**
 * A bundle whose pages are reached by links of ours, so that each is known for the search that it is of. The text is kept
 * otherwise: numbers keep their digits.
 */
function sealed(
  text: string,
  json: unknown,
  interaction: JudgedCall['interaction'],
  links: BundleLinks,
  upstream: string,
): string {
  if (!isObject(json) || json['resourceType'] !== 'Bundle' || !isPaged(interaction)) return text;
  const all = Array.isArray(json['link']) ? json['link'].filter(isObject) : [];
  let out = text;
  for (const { relation, url } of all) {
    if (relation === 'self' || typeof url !== 'string' || !url.startsWith(upstream)) continue;
    const target = url.slice(upstream.length);
    if (!/^(\/[\w$][\w.-]*)*\/?\?[^\s#\\]*$/.test(target)) continue;
    const { url: ours } = links.next(interaction, { phase: 0, target, skip: 0 });
    out = out.replaceAll(JSON.stringify(url), () => JSON.stringify(ours));
  }
  return out;
}

function isPaged(interaction: JudgedCall['interaction']): interaction is PagedInteraction {
  switch (interaction.kind) {
    case 'search-type':
    case 'search-system':
    case 'history-type':
    case 'history-instance':
      return true;
    case 'operation':
      return interaction.level === 'instance' && interaction.name === 'everything';
    default:
      return false;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}
