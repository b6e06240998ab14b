import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { at } from '../demo/json.js';

interface Kept {
  readonly version: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** The patient and the Observation of a program: `Patient/patient-01`, `Observation/observation-01-laboratory`. */
const PATIENTS = 16;

/**
 * A FHIR server that costs next to nothing: it reads, searches Observations by patient, creates, and updates and deletes
 * with `If-Match` (R4, RESTful API, 3.1.0.5), and counts what it carried out.
 */
export class CheapFhirServer {
  readonly #kept = new Map<string, Kept>();
  /** The values of `valueQuantity`, by the resource, in the order in which they were written. */
  readonly #written = new Map<string, number[]>();
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #created = 0;
  url = '';

  static async start(): Promise<CheapFhirServer> {
    const started = new CheapFhirServer();
    for (let number = 1; number <= PATIENTS; number++) {
      const patient = `patient-${twoDigits(number)}`;
      const observation = `observation-${twoDigits(number)}-laboratory`;
      started.#put('Patient', patient, { resourceType: 'Patient', id: patient });
      started.#put('Observation', observation, {
        resourceType: 'Observation',
        id: observation,
        status: 'final',
        code: { text: 'How often it was written' },
        subject: { reference: `Patient/${patient}` },
      });
    }
    started.#server.listen(0, '127.0.0.1');
    await once(started.#server, 'listening');
    const address = started.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('not listening');
    started.url = `http://127.0.0.1:${String(address.port)}/fhir`;
    return started;
  }

  /** The values that were written to a resource (`Observation/id`), in their order. */
  written(target: string): readonly number[] {
    return this.#written.get(target) ?? [];
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url);
    const [, , type = '', id] = url.pathname.split('/');
    const body = Buffer.concat(await request.toArray()).toString();
    if (request.method === 'GET' && id === undefined) {
      tell(response, 200, this.#search(type, url.searchParams.get('patient')));
      return;
    }
    if (request.method === 'POST') {
      const created = `created-${String(++this.#created)}`;
      this.#tellKept(response, 201, this.#put(type, created, { ...objectIn(body), id: created }));
      return;
    }
    const target = `${type}/${id ?? ''}`;
    const kept = this.#kept.get(target);
    if (kept === undefined || id === undefined) tell(response, 404, outcome('not-found'));
    else if (request.method === 'GET') this.#tellKept(response, 200, kept);
    else if (![undefined, etagOf(kept)].includes(request.headers['if-match'])) tell(response, 412, outcome('conflict'));
    else if (request.method === 'DELETE') {
      this.#kept.delete(target);
      response.writeHead(204).end();
    } else {
      const resource = objectIn(body);
      const value = at(resource, 'valueQuantity.value');
      if (typeof value === 'number') this.#written.set(target, [...this.written(target), value]);
      this.#tellKept(response, 200, this.#put(type, id, resource));
    }
  }

  #put(type: string, id: string, resource: Kept['resource']): Kept {
    const version = (this.#kept.get(`${type}/${id}`)?.version ?? 0) + 1;
    const kept = { version, resource: { ...resource, meta: { versionId: String(version) } } };
    this.#kept.set(`${type}/${id}`, kept);
    return kept;
  }

  #search(type: string, patient: string | null): object {
    const entry = [...this.#kept]
      .filter(([target, { resource }]) => target.startsWith(`${type}/`) && isOf(resource, patient))
      .map(([target, { resource }]) => ({ fullUrl: `${this.url}/${target}`, resource, search: { mode: 'match' } }));
    return { resourceType: 'Bundle', type: 'searchset', total: entry.length, entry };
  }

  #tellKept(response: ServerResponse, status: number, kept: Kept): void {
    const { resourceType, id } = kept.resource;
    response.setHeader('etag', etagOf(kept));
    if (status === 201)
      response.setHeader(
        'location',
        `${this.url}/${String(resourceType)}/${String(id)}/_history/${String(kept.version)}`,
      );
    tell(response, status, kept.resource);
  }
}

function tell(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/fhir+json' }).end(JSON.stringify(body));
}

function etagOf({ version }: Kept): string {
  return `W/"${String(version)}"`;
}

function isOf(resource: Kept['resource'], patient: string | null): boolean {
  return patient === null || at(resource, 'subject.reference') === `Patient/${patient.replace(/^Patient\//, '')}`;
}

function outcome(code: string): object {
  return { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code }] };
}

function objectIn(body: string): Kept['resource'] {
  return { ...(JSON.parse(body) as object) };
}

export function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}
