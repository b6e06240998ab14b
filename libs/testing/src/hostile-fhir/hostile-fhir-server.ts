import { createHash } from 'node:crypto';
import { parseExactly } from '#smart';
import { HostileExports } from './hostile-export.js';
import { runTransaction } from './hostile-transaction.js';
import { isFoundBy, referencesBy, type SearchPair, type StoredResource } from './hostile-search.js';

/** A request below the base of the server. */
export interface HostileRequest {
  readonly method: string;
  /** Path and query below the base. */
  readonly target: string;
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body?: string;
}

export interface HostileAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

interface Version {
  readonly resource: StoredResource | undefined;
  readonly id: string;
  readonly type: string;
  readonly version: number;
}

/**
 * A FHIR server that does what real ones were seen to do, each of it a way past a gateway that trusts it: it drops
 * parameters, shares page ids between callers, reflects `Host`, includes what nobody may see, moves resources between
 * patients, answers deleted versions, and tells all it knows in its errors.
 */
export class HostileFhirServer {
  readonly requests: HostileRequest[] = [];
  readonly exports = new HostileExports();
  readonly #versions: Version[] = [];
  /** Equal searches share one id, whoever asks; results of an earlier one are stale. */
  readonly #pages = new Map<string, readonly object[]>();
  #created = 0;
  /** How many matches a page of it has at most, whatever `_count` says. */
  mostAtOnce = Infinity;
  /** Whether it looks at `If-Match`; a stale one is a 409 then, where 412 is due. */
  keepsVersions = true;
  /** Whether it looks at `If-Match` of a deletion, too. */
  keepsDeletions = true;
  /** Whether it looks at `If-None-Match: *` of an update. */
  keepsAbsence = true;
  /** What it answers to an update of what is not there. */
  updateOfNothing: 'creates' | 404 | 405 = 'creates';
  /**
   * `piecemeal`: what was done before the entry that failed stays, and the answer is 200. `heedless`: an `ifMatch` in an entry
   * is dropped. `none`: it knows no transactions.
   */
  transactions: 'whole' | 'piecemeal' | 'heedless' | 'none' = 'whole';

  constructor(
    resources: readonly StoredResource[],
    /** What it calls itself when a request says no `Host`. */
    private readonly base: string,
  ) {
    for (const resource of resources) this.#put(resource);
  }

  /** All that there is now, each with its version. */
  holds(): readonly StoredResource[] {
    return [...this.#current()].map((it) => withVersion(it, this.#last(it.resourceType, it.id)?.version ?? 0));
  }

  handle(request: HostileRequest): HostileAnswer {
    this.requests.push(request);
    const mark = request.target.indexOf('?');
    const path = mark < 0 ? request.target : request.target.slice(0, mark);
    const query = mark < 0 ? '' : request.target.slice(mark + 1);
    // Doubled slashes, a slash at the end and encoded letters all resolve.
    const segments = path
      .split('/')
      .filter((it) => it !== '')
      .map(decodeURIComponent);
    const isForm = segments.at(-1) === '_search';
    const pairs = [...new URLSearchParams(isForm ? `${query}&${request.body ?? ''}` : query)] as SearchPair[];
    const host = request.headers?.['host'];
    const base = typeof host === 'string' ? `http://${host}/fhir` : this.base;
    const exported = this.exports.answer(
      request.method,
      segments,
      new URLSearchParams(query),
      [...this.#current()],
      base,
    );
    if (exported) return exported;
    const [status, body] = isForm
      ? this.#route({ ...request, method: 'GET' }, segments.slice(0, -1), pairs, base)
      : this.#route(request, segments, pairs, base);
    const version = body['meta'] as { readonly versionId?: string; readonly lastUpdated?: string } | undefined;
    const etag = `W/"${version?.versionId ?? '0'}"`;
    if (status === 200 && request.headers?.['if-none-match'] === etag)
      return { status: 304, headers: { etag }, body: '' };
    return {
      status,
      headers: {
        'content-type': 'application/fhir+json;charset=UTF-8',
        'access-control-allow-origin': '*',
        'access-control-allow-credentials': 'true',
        'set-cookie': 'JSESSIONID=secret',
        'x-cache': `MISS from ${base}`,
        'content-location': `${base}${path}`,
        ...(version ? { etag, 'last-modified': 'Thu, 15 Jan 2026 09:00:00 GMT' } : {}),
        ...(status === 201
          ? { location: `${base}/${String(body['resourceType'])}/${String(body['id'])}/_history/${version?.versionId}` }
          : {}),
      },
      body: JSON.stringify(body, null, 2),
    };
  }

  #route(
    request: HostileRequest,
    [type, id, history, version]: readonly string[],
    pairs: readonly SearchPair[],
    base: string,
  ): [number, Readonly<Record<string, unknown>>] {
    const page = pairs.find(([name]) => name === '_getpages')?.[1];
    if (page !== undefined) return this.#page(page, pairs, base);
    const { method } = request;
    if (method === 'POST' && type === undefined)
      return this.transactions === 'none' ? this.#error(404, 'HAPI-0000: no') : this.#transaction(request, base);
    if (id === '$validate' || history === '$validate') return this.#validate(request, base);
    if (method === 'POST' && type !== undefined && id === undefined) return this.#create(type, request);
    if (method === 'PUT' && type !== undefined) return this.#write(type, id, pairs, request);
    if (method === 'DELETE' && type !== undefined && id !== undefined) return this.#delete(type, id, request);
    if (type === undefined || type.startsWith('$') || type === '_history')
      return [200, this.#bundle([...this.#current()], base)];
    if (id === undefined) return this.#search(type, pairs, base);
    if (id === '_history') return this.#history(({ type: it }) => it === type, base);
    // Every patient's, on the type as on the instance.
    if (history === '$everything') return this.#everything(pairs, base);
    if (id.startsWith('$') || history?.startsWith('$')) return [200, this.#bundle([...this.#current()], base)];
    const versions = this.#versions.filter((it) => it.type === type && it.id === id);
    if (history === '_history' && version === undefined)
      return this.#history((it) => it.type === type && it.id === id, base);
    // A version is answered after a deletion as well.
    const found = history === '_history' ? versions.find((it) => String(it.version) === version) : versions.at(-1);
    if (found?.resource) return [200, withVersion(found.resource, found.version)];
    return this.#error(
      found ? 410 : 404,
      `HAPI-2001: Resource ${type}/${id} is not known; patients here: ${this.#patientIds()}`,
    );
  }

  #search(type: string, pairs: readonly SearchPair[], base: string): [number, Readonly<Record<string, unknown>>] {
    const key = JSON.stringify([type, pairs.filter(([name]) => name !== '_count').map((it) => it.join('='))]);
    const matches = [...this.#current()].filter(
      (it) => it.resourceType === type && pairs.every((pair) => isFoundBy(it, pair)),
    );
    const included = this.#included(matches, pairs);
    const elements = pairs.find(([name]) => name === '_elements')?.[1].split(',');
    const entry = (mode: string) => (resource: StoredResource) => ({
      fullUrl: `${base}/${resource.resourceType}/${resource.id}`,
      resource: elements ? onlyElements(resource, elements) : resource,
      search: { mode },
    });
    const id = createHash('sha256').update(key).digest('hex').slice(0, 24);
    this.#pages.set(id, [matches.map(entry('match')), included.map(entry('include'))]);
    return this.#page(id, pairs, base);
  }

  /** It says whether what is referred to is there, and tells what it knows besides. */
  #validate({ body = '' }: HostileRequest, base: string): [number, Readonly<Record<string, unknown>>] {
    const keys = new Set([...this.#current()].map(keyOf));
    const issue = [...body.matchAll(/"reference":"([^"]+)"/g)].map(([, reference = '']) => ({
      severity: 'error',
      code: keys.has(reference.split('/').slice(-2).join('/')) ? 'informational' : 'not-found',
      diagnostics: `HAPI-1094: ${base}/${reference}; patients here: ${this.#patientIds()}`,
      details: { text: this.#patientIds() },
      location: [`Line[1] Col[1] of ${base}`],
      expression: [
        `Observation.${this.#patientIds()}`,
        'Observation.status',
        'Patient.patient-02',
        'Observation.nowhere.patientzwei',
      ],
    }));
    return [
      412,
      {
        resourceType: 'OperationOutcome',
        text: { status: 'generated', div: `<div>${base}</div>` },
        id: 'patient-02',
        issue,
      },
    ];
  }

  /** Everybody's record, whoever is asked for, some of it twice. */
  #everything(pairs: readonly SearchPair[], base: string): [number, Readonly<Record<string, unknown>>] {
    const all = [...this.#current()].map((resource) => ({ fullUrl: `${base}/${keyOf(resource)}`, resource }));
    this.#pages.set('everything', [[...all, ...all.slice(0, 5)], []]);
    return this.#page('everything', pairs, base);
  }

  #page(id: string, pairs: readonly SearchPair[], base: string): [number, Readonly<Record<string, unknown>>] {
    const [matches = [], included = []] = (this.#pages.get(id) ?? []) as readonly (readonly object[])[];
    const numberOf = (wanted: string, otherwise: number) =>
      Number(pairs.find(([name]) => name === wanted)?.[1] ?? otherwise);
    const offset = numberOf('_getpagesoffset', 0);
    const count = Math.min(numberOf('_count', 3), this.mostAtOnce);
    const next = offset + count;
    const link = [{ relation: 'self', url: base }];
    if (next < matches.length)
      link.push({
        relation: 'next',
        url: `${base}?_getpages=${id}&_getpagesoffset=${next}&_count=${count}&_bundletype=searchset`,
      });
    // What is included ignores `_count`: all of it comes with every page.
    const entry = [...matches.slice(offset, next), ...included];
    return [200, { resourceType: 'Bundle', type: 'searchset', total: matches.length, link, entry }];
  }

  #included(matches: readonly StoredResource[], pairs: readonly SearchPair[]): readonly StoredResource[] {
    const all = [...this.#current()];
    const keys = new Set(matches.map(keyOf));
    return pairs.flatMap(([name, value]) => {
      const [source = '', code = ''] = value.split(':');
      if (name.startsWith('_include')) {
        const named = new Set(matches.flatMap((it) => referencesBy(it, code)));
        return all.filter((it) => named.has(keyOf(it)) && !keys.has(keyOf(it)));
      }
      if (!name.startsWith('_revinclude')) return [];
      // With those that refer to a match comes one of somebody else.
      const referring = all.filter((it) => it.resourceType === source);
      const asked = referring.filter((it) => referencesBy(it, code).some((key) => keys.has(key)));
      return [...asked, ...referring.filter((it) => !asked.includes(it)).slice(0, 1)];
    });
  }

  #history(of: (version: Version) => boolean, base: string): [number, Readonly<Record<string, unknown>>] {
    const entry = this.#versions
      .filter(of)
      .reverse()
      .map(({ resource, type, id, version }) => ({
        fullUrl: `${base}/${type}/${id}`,
        ...(resource ? { resource: withVersion(resource, version) } : {}),
        request: { method: resource ? 'PUT' : 'DELETE', url: `${type}/${id}` },
        response: { status: '200', etag: `W/"${version}"` },
      }));
    if (entry.length === 0) return this.#error(404, 'HAPI-0389: no history');
    return [
      200,
      { resourceType: 'Bundle', type: 'history', total: entry.length, link: [{ relation: 'self', url: base }], entry },
    ];
  }

  /** With `If-None-Exist` it gives whatever it finds; an id in the body is taken, whoever has it. */
  #create(type: string, { body = '', headers }: HostileRequest): [number, Readonly<Record<string, unknown>>] {
    const condition = headers?.['if-none-exist'];
    const found = [...this.#current()].find(
      (it) =>
        typeof condition === 'string' &&
        it.resourceType === type &&
        [...new URLSearchParams(condition)].every((pair) => isFoundBy(it, pair)),
    );
    if (found) return [200, found];
    const written = parseExactly(body) as Partial<StoredResource>;
    const id = written.id ?? `new-${++this.#created}`;
    return [201, this.#put({ ...written, resourceType: written.resourceType ?? type, id })];
  }

  /** Whatever the URL says, the body's `resourceType` wins; a patient may be another one than before. */
  #write(
    type: string,
    id: string | undefined,
    pairs: readonly SearchPair[],
    { body = '', headers }: HostileRequest,
  ): [number, Readonly<Record<string, unknown>>] {
    const written = parseExactly(body) as Partial<StoredResource>;
    const meant = id ?? pairs.find(([name]) => name === '_id')?.[1] ?? written.id ?? 'new';
    const last = this.#last(type, meant);
    if (this.#isStale(last, headers)) return this.#error(409, `HAPI-0550: the version of ${type}/${meant} is another`);
    if (this.keepsAbsence && last?.resource && headers?.['if-none-match'] === '*')
      return this.#error(412, `HAPI-0000: there is a ${type}/${meant}`);
    if (!last?.resource && this.updateOfNothing !== 'creates')
      return this.#error(this.updateOfNothing, `HAPI-0960: no ${type}/${meant}; patients here: ${this.#patientIds()}`);
    const stored = this.#put({ ...written, resourceType: written.resourceType ?? type, id: meant });
    return [last?.resource ? 200 : 201, stored];
  }

  #delete(type: string, id: string, { headers }: HostileRequest): [number, Readonly<Record<string, unknown>>] {
    const last = this.#last(type, id);
    if (this.keepsDeletions && this.#isStale(last, headers))
      return this.#error(409, `HAPI-0550: the version of ${type}/${id} is another`);
    this.#versions.push({ type, id, resource: undefined, version: (last?.version ?? 0) + 1 });
    return this.#error(200, `deleted ${type}/${id}`);
  }

  #transaction({ body = '' }: HostileRequest, base: string): [number, Readonly<Record<string, unknown>>] {
    const before = this.#versions.length;
    const { status, answer } = runTransaction(body, {
      base,
      isWhole: this.transactions !== 'piecemeal',
      isHeedless: this.transactions === 'heedless',
      newId: () => `new-${++this.#created}`,
      run: (request) => {
        const [path = '', query = ''] = request.target.split('?');
        const pairs = [...new URLSearchParams(query)] as SearchPair[];
        const segments = path.split('/').filter((it) => it !== '');
        return this.#route(request, segments, pairs, base);
      },
      undo: () => void (this.#versions.length = before),
      knows: () => this.#error(200, `HAPI-2: patients here: ${this.#patientIds()}`)[1],
      found: () => [...this.#current()].at(-1),
    });
    return [status, typeof answer === 'string' ? this.#error(status, answer)[1] : answer];
  }

  #last(type: string, id: string): Version | undefined {
    return this.#versions.findLast((it) => it.type === type && it.id === id);
  }

  #isStale(last: Version | undefined, headers: HostileRequest['headers']): boolean {
    const named = headers?.['if-match'];
    return this.keepsVersions && named !== undefined && named !== `W/"${last?.version ?? 0}"`;
  }

  #put(resource: StoredResource): StoredResource {
    const { resourceType: type, id } = resource;
    const version = (this.#last(type, id)?.version ?? 0) + 1;
    this.#versions.push({ type, id, resource, version });
    return withVersion(resource, version);
  }

  *#current(): Iterable<StoredResource> {
    const last = new Map(this.#versions.map((it) => [`${it.type}/${it.id}`, it]));
    for (const { resource } of last.values()) if (resource) yield resource;
  }

  #bundle(resources: readonly StoredResource[], base: string): Readonly<Record<string, unknown>> {
    const entry = resources.map((resource) => ({ fullUrl: `${base}/${keyOf(resource)}`, resource }));
    return { resourceType: 'Bundle', type: 'searchset', total: entry.length, entry };
  }

  #error(status: number, diagnostics: string): [number, Readonly<Record<string, unknown>>] {
    return [
      status,
      { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'processing', diagnostics }] },
    ];
  }

  #patientIds(): string {
    return [...this.#current()]
      .filter((it) => it.resourceType === 'Patient')
      .map(({ id }) => id)
      .join(', ');
  }
}

function keyOf({ resourceType, id }: StoredResource): string {
  return `${resourceType}/${id}`;
}

function withVersion(resource: StoredResource, version: number): StoredResource {
  return { ...resource, meta: { ...(resource['meta'] as object | undefined), versionId: String(version) } };
}

/** `_elements=status` takes the subject away: whose it is cannot be told any more. */
function onlyElements(resource: StoredResource, elements: readonly string[]): StoredResource {
  const kept = Object.entries(resource).filter(([name]) => elements.includes(name));
  return { ...Object.fromEntries(kept), resourceType: resource.resourceType, id: resource.id };
}
