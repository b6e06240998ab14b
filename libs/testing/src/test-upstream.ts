import { once } from 'node:events';
import { createServer } from 'node:http';

/** A FHIR server on loopback that knows a few patients, one of them another clinician's. */
export interface TestUpstream {
  readonly url: string;
  /** By `Type/id`; a test may add and take away. */
  readonly resources: Map<string, Readonly<Record<string, unknown>>>;
  /** When set, it answers every request with this status. */
  fails(status: number | undefined): void;
  close(): Promise<void>;
}

/** Starts one. A search gives everything of a type, as servers do that do not understand a parameter. */
export async function testUpstream(): Promise<TestUpstream> {
  const known = [
    patient('p1', 'Ada', 'Practitioner/d1'),
    patient('p2', 'Bo', 'Practitioner/d1'),
    patient('p3', 'Cy', 'Practitioner/d2'),
    { resourceType: 'Practitioner', id: 'd1' },
    { resourceType: 'Practitioner', id: 'd2' },
    { resourceType: 'Practitioner', id: 'd3' },
    { resourceType: 'RelatedPerson', id: 'r1', patient: { reference: 'Patient/p2' } },
    encounter('e1', 'p1'),
    encounter('e2', 'p1'),
    encounter('e3', 'p2'),
  ];
  const resources: TestUpstream['resources'] = new Map(known.map((it) => [`${it.resourceType}/${it.id}`, it]));
  let status: number | undefined;
  const server = createServer((request, response) => {
    const [, type = '', id] = new URL(request.url ?? '/', 'http://upstream').pathname.split('/');
    const entry = [...resources.values()]
      .filter(({ resourceType }) => resourceType === type)
      .map((resource) => ({ resource }));
    const found = id === undefined ? { resourceType: 'Bundle', entry } : resources.get(`${type}/${id}`);
    response.writeHead(status ?? (found === undefined ? 404 : 200), { 'content-type': 'application/fhir+json' });
    response.end(JSON.stringify(found ?? {}));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    resources,
    fails: (next) => {
      status = next;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function patient(id: string, given: string, practitioner: string) {
  const name = [{ given: [given], family: 'Example' }];
  return { resourceType: 'Patient', id, name, generalPractitioner: [{ reference: practitioner }] };
}

function encounter(id: string, patientId: string) {
  return { resourceType: 'Encounter', id, status: 'finished', subject: { reference: `Patient/${patientId}` } };
}
