import { parseExactly } from '#smart';

type Answer = Readonly<Record<string, unknown>>;

/** An entry as a request of its own. */
interface EntryRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What a transaction runs on, and how it misbehaves. */
interface Running {
  readonly base: string;
  /** The first failure undoes all. */
  readonly isWhole: boolean;
  /** An `ifMatch` is dropped. */
  readonly isHeedless: boolean;
  readonly newId: () => string;
  readonly run: (request: EntryRequest) => readonly [number, Answer];
  readonly undo: () => void;
  /** An outcome that tells all it knows. */
  readonly knows: () => Answer;
  /** Some resource of somebody. */
  readonly found: () => object | undefined;
}

interface Entry {
  readonly fullUrl?: string;
  readonly resource?: object;
  readonly request: { readonly method: string; readonly url: string; readonly ifMatch?: string };
}

/**
 * Runs a Bundle. Without a `type` it is a transaction; leading slashes do not matter; a fullUrl is replaced wherever it
 * stands, inside of texts too; answers carry what was found on the way, whoever it is about.
 *
 * @returns a status with the answer, or with the text of an error
 */
export function runTransaction(
  body: string,
  { base, isWhole, isHeedless, newId, run, undo, knows, found }: Running,
): { readonly status: number; readonly answer: Answer | string } {
  const { entry = [], type = 'transaction' } = parseExactly(body) as { type?: string; entry?: readonly Entry[] };
  const ids = new Map<string, string>();
  const given = entry.map(({ fullUrl, resource, request }) => {
    if (fullUrl === undefined || request.method !== 'POST' || !resource) return resource ?? {};
    const id = newId();
    ids.set(fullUrl, `${request.url.replaceAll('/', '')}/${id}`);
    return { id, ...resource };
  });
  const answers: object[] = [];
  for (const [at, { request }] of entry.entries()) {
    const { method, url: target, ifMatch } = request;
    const text = [...ids].reduce((all, [urn, key]) => all.replaceAll(urn, key), JSON.stringify(given[at]));
    const headers = ifMatch === undefined || isHeedless ? {} : { 'if-match': ifMatch };
    const [status, answer] = run({ method, target, headers, body: text });
    if (status >= 400 && type !== 'batch' && isWhole) {
      undo();
      return { status, answer: `HAPI-1: entry failed: ${JSON.stringify(answer)}` };
    }
    const { resourceType, id, meta } = answer as { resourceType: string; id?: string; meta?: { versionId: string } };
    answers.push({
      fullUrl: `${base}/${resourceType}/${id}`,
      resource: method === 'DELETE' ? found() : answer,
      response: {
        status: String(status),
        location: `${base}/${resourceType}/${id}/_history/${meta?.versionId}`,
        etag: `W/"${meta?.versionId}"`,
        outcome: knows(),
      },
    });
  }
  return { status: 200, answer: { resourceType: 'Bundle', type: `${type}-response`, entry: answers } };
}
