import { once } from 'node:events';
import { createServer } from 'node:http';
import { type HostileFhirServer, listenHostile, type StoredResource } from '#testing';
import { sandboxResources } from '../../apps/sandbox/src/fhir-server/data/sandbox-resources.js';
import { fhirHandler } from '../../apps/sandbox/src/fhir-server/fhir-handler.js';
import { SandboxFhirServer } from '../../apps/sandbox/src/fhir-server/sandbox-fhir-server.js';
import type { ModelToken } from './model.js';

/** Nothing here is about how much may be asked at once. */
export const roomy = { slots: { total: 64, perApplication: 64, waitingPerApplication: 64 }, breakMs: 1_000 };

export const own: ModelToken = {
  scopes: [{ context: 'patient', type: '*', letters: 'cruds', conditions: [] }],
  patient: 'patient-01',
  fhirUser: 'Patient/patient-01',
};
export const someoneElse: ModelToken = { ...own, patient: 'patient-02', fhirUser: 'Patient/patient-02' };
export const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'cruds', conditions: [] }] };

/** What is in every server at its start. */
export const data: readonly StoredResource[] = sandboxResources().map((it) => ({ ...it, id: it.id ?? '' }));

/** A FHIR server to guard: filled with the sandbox's data. */
export interface Guarded {
  readonly base: string;
  readonly close: () => Promise<void>;
  readonly hostile?: HostileFhirServer;
  /** Another program: what it leaves out of an answer is its own affair. */
  readonly isForeign?: boolean;
  /** It deletes whatever version `If-Match` names, so that the gateway sends it no deletion. */
  readonly deletesUnasked?: boolean;
}

async function listenSandbox(): Promise<Guarded> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
  const handle = fhirHandler(await SandboxFhirServer.start(base));
  http.on('request', (request, response) => {
    request.url = (request.url ?? '').replace(/^\/fhir/, '');
    void handle(request, response);
  });
  const close = async () => {
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
  };
  return { base, close };
}

/** The hostile server, once more set by a test. */
export async function listenHostileWith(set: (server: HostileFhirServer) => void): Promise<Guarded> {
  const { server: hostile, ...rest } = await listenHostile(data);
  set(hostile);
  return { hostile, ...rest };
}

/** A server that runs already, of any make: it is filled anew, and whatever else it holds stays. */
async function fillServer(base: string): Promise<Guarded> {
  const entry = data.map((resource) => {
    const url = `${resource.resourceType}/${resource.id}`;
    return { fullUrl: `${base}/${url}`, resource, request: { method: 'PUT', url } };
  });
  const response = await fetch(base, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry }),
  });
  if (!response.ok) throw new Error(`${base} was not filled: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return { base, isForeign: true, deletesUnasked: await deletesUnasked(base), close: async () => undefined };
}

/** Puts resources of a test's own on a server. */
export async function putOn({ base }: Guarded, resources: readonly StoredResource[]): Promise<void> {
  for (const resource of resources) {
    const key = `${resource.resourceType}/${resource.id}`;
    const response = await fetch(`${base}/${key}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/fhir+json' },
      body: JSON.stringify(resource),
    });
    if (!response.ok) throw new Error(`${key}: ${response.status} ${await response.text()}`);
    await response.body?.cancel();
  }
}

/** Whether a server deletes what is named in a version that it does not have. */
async function deletesUnasked(base: string): Promise<boolean> {
  const made = await fetch(`${base}/Basic`, {
    method: 'POST',
    headers: { 'content-type': 'application/fhir+json', prefer: 'return=representation' },
    body: JSON.stringify({ resourceType: 'Basic', code: { text: 'it is deleted at once' } }),
  });
  const { id } = (await made.json()) as { readonly id: string };
  const { ok } = await fetch(`${base}/Basic/${id}`, { method: 'DELETE', headers: { 'if-match': 'W/"0"' } });
  if (!ok) await fetch(`${base}/Basic/${id}`, { method: 'DELETE' });
  return ok;
}

const ofYours = process.env['FHIR_UPSTREAM_URL'];

/**
 * The servers that every attack is tried before: two of ours, and the one that `FHIR_UPSTREAM_URL` names, where it does.
 * `FHIR_UPSTREAM_URL=http://127.0.0.1:8080/fhir npm run test:unit -- test/enforcement` tries them before yours.
 */
export const guardedServers: [string, () => Promise<Guarded>][] = [
  ['the sandbox', listenSandbox],
  ['a hostile server', async () => await listenHostileWith(() => undefined)],
  ...(ofYours === undefined
    ? []
    : ([['the server at FHIR_UPSTREAM_URL', () => fillServer(ofYours)]] satisfies [string, () => Promise<Guarded>][])),
];

/** One more make of server, as HAPI FHIR is by default: it keeps `If-Match` of updates, and not of deletions. */
export const deletingUnasked: (typeof guardedServers)[number] = [
  'a server that deletes whatever version is named',
  async () => ({
    ...(await listenHostileWith((server) => (server.keepsDeletions = false))),
    deletesUnasked: true,
  }),
];

/** The servers that Bundles are tried before; in the long run (`CASES`) one more make of them. */
export const bundleServers = [...guardedServers, ...(process.env['CASES'] === undefined ? [] : [deletingUnasked])];
