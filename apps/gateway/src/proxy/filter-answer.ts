import type { FhirInteraction, Scope } from '#smart';

/** What the upstream's answer becomes. */
export type FilteredAnswer =
  | { readonly ok: true; readonly body: unknown }
  /** The answer is not one to what was asked: nothing of it may leave. */
  | { readonly ok: false; readonly reason: string };

/** They carry other resources inside, or say what the upstream thinks: never handed on as an entry. */
const neverAnEntry: ReadonlySet<string> = new Set([
  'Binary',
  'Bundle',
  'Parameters',
  'Subscription',
  'OperationOutcome',
]);

type Json = { readonly [name: string]: unknown };

/**
 * Checks what came back against what was asked and granted: a read must be that resource; of a bundle, entries of types
 * that are not granted are dropped. URLs of the upstream become ours. Pure.
 *
 * @param granted  what the token has and is approved now
 * @param upstream base URL of the FHIR server, without a slash at its end
 * @param base     our FHIR base, without a slash at its end
 */
export function filterAnswer(
  answer: unknown,
  interaction: FhirInteraction,
  granted: readonly Scope[],
  { upstream, base }: { readonly upstream: string; readonly base: string },
): FilteredAnswer {
  if (!isObject(answer)) return { ok: false, reason: 'the upstream answered no resource' };
  const { resourceType, id } = answer;
  switch (interaction.kind) {
    case 'read':
    case 'vread':
      if (resourceType !== interaction.type || id !== interaction.id)
        return { ok: false, reason: 'the upstream answered another resource' };
      break;
    case 'search-type':
    case 'search-system':
    case 'history-type':
    case 'history-instance':
      if (resourceType !== 'Bundle') return { ok: false, reason: 'the upstream answered no bundle' };
      break;
    default:
      return { ok: false, reason: `answers to ${interaction.kind} are not handed on` };
  }
  const kept = resourceType === 'Bundle' ? withGrantedEntries(answer, granted) : answer;
  return { ok: true, body: withOurUrls(kept, upstream, base) };
}

function withGrantedEntries(bundle: Json, granted: readonly Scope[]): Json {
  const { entry: entries, total, ...rest } = bundle;
  const all: readonly unknown[] = Array.isArray(entries) ? entries : [];
  const kept = all.filter((entry) => isGranted(entry, granted));
  // A total that counts what was dropped would tell of it.
  const counts = kept.length === all.length && total !== undefined ? { total } : {};
  return { ...rest, ...counts, ...(entries === undefined ? {} : { entry: kept }) };
}

function isGranted(entry: unknown, granted: readonly Scope[]): boolean {
  if (!isObject(entry)) return false;
  const { resource, request } = entry;
  // A deletion in a history has no resource; its URL names the type.
  const type = isObject(resource)
    ? resource['resourceType']
    : isObject(request)
      ? typeOfUrl(request['url'])
      : undefined;
  if (typeof type !== 'string' || neverAnEntry.has(type)) return false;
  return granted.some(
    (scope) =>
      scope.kind === 'resource' &&
      scope.context === 'system' &&
      scope.params.length === 0 &&
      (scope.type === '*' || scope.type === type) &&
      (scope.interactions.includes('r') || scope.interactions.includes('s')),
  );
}

function typeOfUrl(url: unknown): string | undefined {
  return typeof url === 'string' ? url.split(/[/?]/).find((segment) => /^[A-Z][A-Za-z]+$/.test(segment)) : undefined;
}

/** A copy in which every URL of the upstream, wherever it stands in a text, is one of ours. */
function withOurUrls(value: unknown, upstream: string, base: string): unknown {
  const pattern = new RegExp(`${upstream.replaceAll(/[^A-Za-z0-9_]/g, '\\$&')}(?=[/?#"'\\s<>]|$)`, 'g');
  const walk = (at: unknown): unknown => {
    if (typeof at === 'string') return at.includes(upstream) ? at.replace(pattern, () => base) : at;
    if (Array.isArray(at)) return at.map(walk);
    if (!isObject(at)) return at;
    return Object.fromEntries(Object.entries(at).map(([name, below]) => [name, walk(below)]));
  };
  return walk(value);
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
