import { localReference } from '../compartments/reference.js';
import { type FhirResource, isObject, valuesAt } from '../definitions/element-values.js';

const attachmentUrls = { steps: ['content', 'attachment', 'url'].map((name) => ({ name })) };

/**
 * Whether a DocumentReference shows a Binary: the URL of an attachment is that of the Binary as it is now, relative or by a base of the
 * guarded server, letter by letter. One that names a version shows no more than that there was one.
 *
 * @param bases see `localReference`
 */
export function showsBinary(document: FhirResource, id: string, bases: readonly string[]): boolean {
  if (document.resourceType !== 'DocumentReference') return false;
  const urls = valuesAt(document, attachmentUrls);
  return [`Binary/${id}`, ...bases.map((base) => `${base}/Binary/${id}`)].some((url) => urls.includes(url));
}

/** The Binaries of the guarded server that a resource names. `unclear`: it may name others, in a way that servers read differently. */
export interface NamedBinaries {
  readonly ids: readonly string[];
  readonly unclear: boolean;
}

/** Elements that hold an address: `url` of an attachment, `reference`, `valueUri` and the like. */
const address = /(ur[il]|reference|canonical)$/i;
/** `Binary` as a step of a path. */
const step = /(^|[/\\])binary([/\\?#;]|$)/i;

/**
 * The Binaries that any address in a resource names. Whoever sees the resource may take it for the right to see them.
 *
 * @param bases see `localReference`
 */
export function binariesNamedIn(resource: FhirResource, bases: readonly string[]): NamedBinaries {
  const ids = new Set<string>();
  let unclear = false;
  const look = (name: string, value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) look(name, each);
    else if (isObject(value)) for (const [below, each] of Object.entries(value)) look(below, each);
    else if (typeof value === 'string' && address.test(name) && namesBinary(value)) {
      const named = localReference(value, bases);
      if (named?.type === 'Binary') ids.add(named.id);
      else unclear ||= !isElsewhere(value, bases);
    }
  };
  look('', resource);
  return { ids: [...ids], unclear };
}

/** Whether a step of a path is `Binary`, as it stands there or once what is encoded is read. */
function namesBinary(text: string): boolean {
  let read = text.trim();
  for (let turn = 0; turn < 3; turn++) {
    if (step.test(read)) return true;
    const next = read.replaceAll(/%([0-7][0-9a-f])/gi, (_all, code: string) =>
      String.fromCharCode(Number.parseInt(code, 16)),
    );
    if (next === read) return false;
    read = next;
  }
  return step.test(read);
}

/** An absolute URL of another host than those of the guarded server. */
function isElsewhere(text: string, bases: readonly string[]): boolean {
  const host = hostOf(text);
  return host !== undefined && bases.every((base) => hostOf(base) !== host);
}

function hostOf(url: string): string | undefined {
  const host = URL.canParse(url) ? new URL(url).hostname : '';
  return host === '' ? undefined : host;
}
