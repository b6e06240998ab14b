import { once } from 'node:events';
import { createServer } from 'node:http';
import { Registry } from 'prom-client';
import { type HostileFhirServer, listenHostile } from '#testing';
import { Upstream } from '../ask-upstream/upstream.js';
import { ShownWriteSupport } from '../write/shown-write-support.js';
import { WriteSupport } from '../write/write-support.js';
import { Conformance } from './conformance.js';

const slots = { total: 8, perApplication: 8, waitingPerApplication: 8 };

/** A server, and what is said of it: the capabilities as everybody reads them, warnings, metrics. */
async function before(set: (server: HostileFhirServer) => void, updatesCreate = true) {
  const { base, server, close } = await listenHostile([]);
  set(server);
  const upstream = new Upstream({ baseUrl: base, timeoutMs: 5_000, maxBytes: 100_000, slots, breakMs: 1_000 });
  const [registry, warnings] = [new Registry(), Array.of<string>()];
  const shown = new ShownWriteSupport({ registry }, { warn: (text) => void warnings.push(text) }, updatesCreate);
  const support = new WriteSupport(upstream, (found) => shown.found('default', found));
  const writes = { byName: new Set<never>(), ...(updatesCreate ? { updatesCreate } : {}) };
  const ours = 'https://g.example/fhir';
  const conformance = new Conformance(
    'https://g.example',
    ours,
    '2026-11-24T09:30:00Z',
    { writes },
    () => support.known,
  );
  const http = createServer(
    (request, response) => void conformance.answer(request, { path: '/metadata', query: '' }, response),
  ).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  return {
    support,
    warnings,
    said: async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/fhir/metadata`);
      const { rest } = (await answer.json()) as { rest: [{ resource: Record<string, unknown>[] }] };
      const { interaction, ...observation } = rest[0].resource.find(({ type }) => type === 'Observation') ?? {};
      const codes = (interaction as { readonly code: string }[]).map(({ code }) => code);
      return { codes, updateCreate: observation['updateCreate'], conditionalDelete: observation['conditionalDelete'] };
    },
    kept: async () => {
      const { values = [] } = (await registry.getSingleMetric('gatehouse_upstream_writes_kept')?.get()) ?? {};
      return Object.fromEntries(values.map(({ labels, value }): [string, number] => [String(labels['write']), value]));
    },
    close: async () => {
      http.closeAllConnections();
      http.close();
      await Promise.all([upstream.close(), close()]);
    },
  };
}

test('nothing is said of updates that create before a write showed what the server keeps', async () => {
  const it = await before(() => undefined);
  const { codes, updateCreate } = await it.said();
  expect([codes, updateCreate]).toEqual([expect.arrayContaining(['update', 'delete']), undefined]);
  await it.support.of();
  expect(await it.said()).toMatchObject({ updateCreate: true, conditionalDelete: 'single' });
  expect([it.warnings, await it.kept()]).toEqual([[], { update: 1, delete: 1, 'update-create': 1 }]);
  await it.close();
});

test('of a server that ignores If-None-Match it is said that no update creates, and whoever set it is warned', async () => {
  const it = await before((server) => (server.keepsAbsence = false));
  await it.support.of();
  expect(await it.said()).toMatchObject({ updateCreate: false, codes: expect.arrayContaining(['update']) as string[] });
  expect(it.warnings).toEqual([expect.stringContaining('GATEWAY_UPDATES_CREATE')]);
  expect(await it.kept()).toEqual({ update: 1, delete: 1, 'update-create': 0 });
  await it.close();
});

test('where no update is to create it is said so, and nobody is warned', async () => {
  const it = await before((server) => (server.keepsAbsence = false), false);
  expect((await it.said()).updateCreate).toBe(false);
  await it.support.of();
  expect([(await it.said()).updateCreate, it.warnings]).toEqual([false, []]);
  expect(await it.kept()).toEqual({ update: 1, delete: 1 });
  await it.close();
});

test('of a server that ignores If-Match no write is offered', async () => {
  const it = await before((server) => (server.keepsVersions = false));
  await it.support.of();
  const { codes, conditionalDelete } = await it.said();
  for (const code of ['create', 'update', 'patch', 'delete']) expect(codes).not.toContain(code);
  expect([codes, conditionalDelete]).toEqual([expect.arrayContaining(['read']), undefined]);
  expect(it.warnings).toEqual([expect.stringContaining('nothing is written')]);
  await it.close();
});
