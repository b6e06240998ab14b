import {
  type FhirResource,
  isResource,
  type ScopeInteraction,
  showsBinary,
  type Sight,
  type UpstreamTarget,
} from '#smart';
import { UpstreamFailed } from '../ask-upstream/upstream-failed.js';
import { NotAnswered } from './not-answered.js';
import { type AskedForPages, type Page, readPage } from './read-page.js';

/** So many pages of documents are looked at for one Binary, and so many documents are asked for at once. */
const PAGES = 3;
const AT_ONCE = 20;

/** What documents are looked for and judged with. */
interface Looking extends AskedForPages {
  readonly sight: Sight;
  foresee(resources: readonly FhirResource[], interaction: ScopeInteraction): Promise<void>;
}

/** The documents of a Binary. `withheld`: one of them is withheld by a rule, or may be. */
export interface ShownBinary {
  /** One that is seen. */
  readonly by: FhirResource | undefined;
  readonly withheld: boolean;
  /** All that were looked at, seen or not. */
  readonly documents: readonly FhirResource[];
}

/**
 * Looks for the DocumentReferences that show a Binary (R4, DocumentReference, search parameter `location`), and judges each as a read of
 * it would be. No more than a few pages are looked at: what stands behind shows nothing, and may withhold. A server that does not
 * take the search shows nothing either.
 *
 * @param shows whether one that names it shows it
 * @throws UpstreamFailed where the server is away, Unanswered
 */
export async function findShown(
  id: string,
  at: Looking,
  shows: (document: FhirResource) => Promise<boolean>,
): Promise<ShownBinary> {
  const withheld = at.sight.reaches.withheld;
  const { bases } = at.sight;
  let by: FhirResource | undefined;
  const all: FhirResource[] = [];
  let target: string | undefined = searchFor(id, bases);
  for (let page = 0; page < PAGES && target !== undefined; page++) {
    const found = await pageOf({ method: 'GET', target }, at);
    if (!found) return { by, withheld: true, documents: all };
    const documents = found.entries.flatMap(({ resource }) =>
      isResource(resource) && showsBinary(resource, id, bases) ? [resource] : [],
    );
    all.push(...documents);
    if (documents.some((it) => withheld?.hides(it, 'DocumentReference', bases) === true))
      return { by: undefined, withheld: true, documents: all };
    await at.foresee(documents, 'r');
    for (const document of documents) if (!by && (await shows(document))) by = document;
    if (by && !withheld) break;
    target = found.next;
  }
  return { by, withheld: withheld !== undefined && target !== undefined, documents: all };
}

function searchFor(id: string, bases: readonly string[]): string {
  const urls = [`Binary/${id}`, ...bases.map((base) => `${base}/Binary/${id}`)];
  // R4, Search, 3.1.1.6: what separates values is escaped.
  const value = urls.map((it) => it.replaceAll(/[\\,$|]/g, String.raw`\$&`)).join(',');
  return `/DocumentReference?location=${encodeURIComponent(value)}&_count=${AT_ONCE}`;
}

/** Undefined where the server does not answer such a search: who is told so could tell that the Binary is there. */
async function pageOf(target: UpstreamTarget, at: Looking): Promise<Page | undefined> {
  try {
    return await readPage(target, at);
  } catch (error) {
    const isOfIt =
      error instanceof NotAnswered || (error instanceof UpstreamFailed && !error.isItsFault && isRefusal(error));
    if (isOfIt) return undefined;
    throw error;
  }
}

/** Refused by the server, or larger than is taken. */
function isRefusal({ upstreamStatus, answer }: UpstreamFailed): boolean {
  return (
    (upstreamStatus !== undefined && ![401, 429].includes(upstreamStatus)) || answer.body.issue[0].code === 'too-costly'
  );
}
