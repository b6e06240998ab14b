import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createLocalJWKSet, errors, exportJWK, generateKeyPair, type JWK, jwtVerify, type JWTPayload } from 'jose';
import type { StoredResource } from '#testing';

/** A FHIR server that keeps users apart itself, by who it is told that acts. */
export class KeepingServer {
  readonly requests: { readonly method: string; readonly url: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** What it was told, of what it believed. */
  readonly told: JWTPayload[] = [];
  /** `looks`: it believes only what is signed for it. `ignores`: it gives everything to anybody. */
  mode: 'looks' | 'ignores' = 'looks';
  /** What the gateway itself is refused with, whoever acts; undefined where it is let in. */
  refusal: ((url: string) => 401 | 403 | undefined) | undefined;
  base = '';
  #key: JWK = {};
  readonly #server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    this.requests.push({ method, url, headers });
    request.resume();
    void this.#answer(method, url, headers).then(([status, body]) => {
      response.writeHead(status, { 'content-type': 'application/fhir+json', etag: 'W/"1"' });
      response.end(JSON.stringify(body));
    });
  });

  constructor(
    /** By type and id. */
    private readonly holds: readonly StoredResource[],
    /** Whether a user may see a resource. */
    private readonly may: (fhirUser: string, resource: StoredResource) => boolean,
    private readonly header = 'gatehouse-user',
  ) {}

  /** Starts it; gives the private key that it believes. */
  async start(): Promise<JWK> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    this.#key = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
    return { ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256' };
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer(method: string, url: string, headers: IncomingHttpHeaders): Promise<readonly [number, object]> {
    const outcome = { resourceType: 'OperationOutcome', issue: [{ diagnostics: 'java.lang: patient-02' }] };
    const refused = this.refusal?.(url);
    if (refused !== undefined) return [refused, outcome];
    const word = headers[this.header];
    let may = (_: StoredResource) => true;
    if (this.mode === 'looks' && typeof word === 'string') {
      const told = await this.#believed(word);
      if (!told) return [401, outcome];
      this.told.push(told);
      const fhirUser = String(told['fhirUser']);
      if (fhirUser.endsWith('/nobody')) return [403, outcome];
      may = (it) => this.may(fhirUser, it);
    }
    const [path = '', query] = url.slice('/fhir/'.length).split('?');
    const [type, id] = path.split('/');
    if (query !== undefined && id === undefined) {
      if (type === 'Condition') return [403, outcome];
      const entry = this.holds
        .filter((it) => it.resourceType === type && may(it))
        .map((resource) => ({ resource, search: { mode: 'match' } }));
      return [200, { resourceType: 'Bundle', type: 'searchset', total: entry.length, entry }];
    }
    const there = this.holds.find((it) => it.resourceType === type && it.id === id);
    if (!there) return [404, outcome];
    if (!may(there) || method !== 'GET') return [403, outcome];
    return [200, { ...there, meta: { versionId: '1' } }];
  }

  async #believed(word: string): Promise<JWTPayload | undefined> {
    try {
      const keys = createLocalJWKSet({ keys: [this.#key] });
      const { payload } = await jwtVerify(word, keys, { audience: this.base, typ: 'gatehouse-user+jwt' });
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JOSEError)) throw error;
      return undefined;
    }
  }
}
