import type { AllowedOperation } from '#smart';
import type { StoredResource } from '#testing';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess, HostileUpstream, type SeenAnswer } from './gateway-in-process.js';
import { backend, data, type Guarded, guardedServers, own, roomy } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const described = { needs: [{ type: 'Observation', interaction: 's' }], partly: false } as const;
const lastn: AllowedOperation = {
  ...described,
  name: 'lastn',
  level: 'type',
  type: 'Observation',
  parameters: new Set(['patient', 'category', 'max']),
  answer: 'searchset',
  definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
};
/** The same, for those who see a part of all observations. */
const lastnOfPart: AllowedOperation = { ...lastn, partly: true };

const patientWith = (letters: string): ModelToken => ({
  ...own,
  scopes: [{ context: 'patient', type: 'Observation', letters, conditions: [] }],
});
const backendWith = (type: string, letters: string): ModelToken => ({
  scopes: [{ context: 'system', type, letters, conditions: [] }],
});
const granular: ModelToken = {
  scopes: [
    { context: 'system', type: 'Observation', letters: 'rs', conditions: [{ name: 'category', value: 'laboratory' }] },
  ],
};
const observation = (more: object = {}) => ({
  resourceType: 'Observation',
  status: 'final',
  code: { text: 'x' },
  subject: { reference: 'Patient/patient-01' },
  ...more,
});

interface Bundle {
  readonly total?: number;
  readonly entry?: readonly { readonly fullUrl: string; readonly resource: StoredResource }[];
}
interface Outcome {
  readonly resourceType: string;
  readonly issue: readonly Readonly<Record<string, unknown>>[];
}
const idsIn = ({ text }: SeenAnswer) => ((JSON.parse(text) as Bundle).entry ?? []).map(({ resource }) => resource.id);
const outcomeIn = ({ text }: SeenAnswer) => JSON.parse(text) as Outcome;
const parameters = (...parameter: object[]) => ({ resourceType: 'Parameters', parameter });

describe.each(guardedServers)('operations before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  const gateways: GatewayInProcess[] = [];
  let nothingListed: GatewayInProcess;
  let strict: GatewayInProcess;
  let lenient: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    const gatewayWith = async (...operations: AllowedOperation[]) => {
      const gateway = new GatewayInProcess(upstream, [], [], {}, operations);
      await gateway.start();
      gateways.push(gateway);
      return gateway;
    };
    nothingListed = await gatewayWith();
    strict = await gatewayWith(lastn);
    lenient = await gatewayWith(lastnOfPart);
  });
  afterAll(async () => {
    await Promise.all([...gateways.map(async (it) => await it.close()), upstream.close()]);
    await guarded.close();
  });

  const post = async (gateway: GatewayInProcess, token: ModelToken, target: string, body: unknown) =>
    await gateway.call(token, target, {
      method: 'POST',
      body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/fhir+json' },
    });

  function expectNothingForeign({ headers, text }: SeenAnswer): void {
    const all = JSON.stringify(headers) + text;
    for (const not of [/(patient|observation|encounter)-(0[2-9]|1\d)/, /127\.0\.0\.1|HAPI[-:]|patientzwei|<div/])
      expect(all).not.toMatch(not);
  }

  describe('that the endpoint lists', () => {
    test('are refused where they are not listed, and told where that would be', async () => {
      const answer = await nothingListed.call(backend, '/Observation/$lastn');
      expect(answer.status).toBe(403);
      expect(outcomeIn(answer).issue[0]).toMatchObject({
        code: 'not-supported',
        diagnostics: expect.stringContaining('$lastn'),
      });
    });

    test.each([
      ['of the system', '/$lastn'],
      ['of a resource', '/Observation/observation-01-laboratory/$lastn'],
      ['of another type', '/Condition/$lastn'],
      ['in other letters', '/Observation/$Lastn'],
      ['with an encoded name', '/Observation/%24lastn'],
      ['with more of a name', '/Observation/$lastn-all'],
      ['with a parameter that nobody listed', '/Observation/$lastn?_getpages=1'],
      ['with a parameter twice', '/Observation/$lastn?patient=patient-01&patient=patient-02'],
      ['with an encoded parameter beside the plain one', '/Observation/$lastn?patient=patient-01&%70atient=patient-02'],
      ['with an empty parameter', '/Observation/$lastn?patient='],
      ['in XML', '/Observation/$lastn?_format=xml'],
    ])('are called in the form that is listed, and not %s', async (_how, target) => {
      for (const gateway of [strict, lenient]) {
        const answer = await gateway.call(backend, target);
        expect(answer.status).toBe(403);
        expectNothingForeign(answer);
      }
    });

    test.each([
      ['a patient', own, 'system/Observation.s'],
      ['a granular scope', granular, 'system/Observation.s'],
      ['another type', backendWith('Condition', 'rs'), 'system/Observation.s'],
      ['no search', backendWith('Observation', 'r'), 'system/Observation.s'],
    ])('need all of what they look at: %s is refused, and told which scope would do', async (_who, token, scope) => {
      const answer = await strict.call(token, '/Observation/$lastn?patient=patient-01');
      expect(answer.status).toBe(403);
      expect(answer.headers['www-authenticate']).toContain(scope);
    });

    test.each([
      [
        'by GET',
        async (gateway: GatewayInProcess, token: ModelToken) =>
          await gateway.call(token, '/Observation/$lastn?max=1&_format=json'),
      ],
      [
        'by POST',
        async (gateway: GatewayInProcess, token: ModelToken) =>
          await post(gateway, token, '/Observation/$lastn', parameters({ name: 'max', valuePositiveInt: 1 })),
      ],
    ])('give %s what a search may find, and no more', async (_how, call) => {
      const all = await call(strict, backend);
      expect(all.status).toBe(200);
      expect(idsIn(all)).toEqual(expect.arrayContaining(['observation-01-laboratory', 'observation-02-laboratory']));
      expect(all.text).not.toContain(guarded.base);
      const part = await call(lenient, patientWith('s'));
      expect(part.status).toBe(200);
      expect(idsIn(part)).toContain('observation-01-laboratory');
      expect((JSON.parse(part.text) as Bundle).total).toBe(idsIn(part).length);
      expectNothingForeign(part);
    });

    test('give nothing of another patient, whether or not there is something', async () => {
      const [hidden, none] = [
        await lenient.call(patientWith('s'), '/Observation/$lastn?patient=patient-02'),
        await lenient.call(patientWith('s'), '/Observation/$lastn?patient=patient-none'),
      ];
      expectNothingForeign(hidden);
      if (!guarded.hostile) expect(hidden.text).toBe(none.text);
    });

    test.each<[string, unknown]>([
      ['no Parameters', observation()],
      ['a parameter that nobody listed', parameters({ name: 'count', valueInteger: 1 })],
      ['a parameter twice', parameters({ name: 'max', valueInteger: 1 }, { name: 'max', valueInteger: 2 })],
      ['two values', parameters({ name: 'max', valueInteger: 1, valueString: '2' })],
      ['a resource', parameters({ name: 'patient', resource: { resourceType: 'Patient' } })],
      ['parts', parameters({ name: 'patient', part: [] })],
      ['a key twice', '{"resourceType":"Parameters","parameter":[],"parameter":[]}'],
      ['an element beside', { ...parameters(), contained: [] }],
    ])('take no body with %s', async (_what, body) => {
      const answer = await post(lenient, own, '/Observation/$lastn', body);
      expect(answer.status).toBe(400);
      expectNothingForeign(answer);
    });

    test('are not called in a Bundle', async () => {
      const batch = {
        resourceType: 'Bundle',
        type: 'batch',
        entry: [{ request: { method: 'GET', url: 'Observation/$lastn' } }],
      };
      const answer = await post(strict, backend, '/', batch);
      expect(answer.text).toContain('by itself');
      expect(answer.text).not.toContain('observation-');
    });
  });

  describe('$validate', () => {
    test('tells severities, kinds and places, and nothing that the server wrote', async () => {
      const answer = await post(strict, own, '/Observation/$validate', observation({ status: undefined }));
      expect(answer.status).toBe(200);
      const { resourceType, issue } = outcomeIn(answer);
      expect(resourceType).toBe('OperationOutcome');
      expect(issue[0]).toMatchObject({ severity: 'error' });
      for (const each of issue)
        expect(Object.keys(each).filter((it) => it === 'details' || it === 'location')).toEqual([]);
      expectNothingForeign(answer);
      if (guarded.hostile) expect(issue[0]).toMatchObject({ expression: ['Observation.status'] });
    });

    test('writes nothing', async () => {
      const count = async () =>
        (JSON.parse((await strict.call(backend, '/Observation?_summary=count')).text) as Bundle).total;
      const before = await count();
      await post(strict, own, '/Observation/$validate', observation());
      await post(
        strict,
        own,
        '/Observation/observation-01-laboratory/$validate',
        observation({ id: 'observation-01-laboratory' }),
      );
      expect(await count()).toBe(before);
    });

    test('takes a Parameters with the resource, its mode and a profile', async () => {
      const body = parameters(
        { name: 'resource', resource: observation() },
        { name: 'mode', valueCode: 'create' },
        { name: 'profile', valueUri: 'http://hl7.org/fhir/StructureDefinition/vitalsigns' },
      );
      expect((await post(strict, own, '/Observation/$validate', body)).status).toBe(200);
    });

    test.each([
      ['a creation needs c', patientWith('rus'), '/Observation/$validate', observation(), 'patient/Observation.c'],
      [
        'an update needs u',
        patientWith('crs'),
        '/Observation/observation-01-laboratory/$validate',
        observation({ id: 'observation-01-laboratory' }),
        'patient/Observation.u',
      ],
    ])('needs what the write needs: %s', async (_what, token, target, body, scope) => {
      const answer = await post(strict, token, target, body);
      expect(answer.status).toBe(403);
      expect(answer.headers['www-authenticate']).toContain(scope);
    });

    test('of a resource that is hidden answers as of one that nobody has', async () => {
      const [hidden, none] = [
        await post(
          strict,
          own,
          '/Observation/observation-02-laboratory/$validate',
          observation({ id: 'observation-02-laboratory' }),
        ),
        await post(strict, own, '/Observation/observation-none/$validate', observation({ id: 'observation-none' })),
      ];
      expect(hidden.status).toBe(404);
      expect(hidden.text).toBe(none.text);
    });

    test('of what would be about somebody else is refused', async () => {
      const answer = await post(
        strict,
        own,
        '/Observation/$validate',
        observation({ subject: { reference: 'Patient/patient-02' } }),
      );
      expect(answer.status).toBe(403);
      expectNothingForeign(answer);
    });

    test.each(['encounter', 'derivedFrom', 'hasMember', 'extension'])(
      'does not tell whether what %s refers to is there',
      async (element) => {
        const about = (id: string) => {
          const to = { reference: `${element === 'encounter' ? 'Encounter' : 'Observation'}/${id}` };
          if (element === 'encounter') return observation({ encounter: to });
          if (element === 'extension')
            return observation({ extension: [{ url: 'http://x.example', valueReference: to }] });
          return observation({ [element]: [to] });
        };
        const hiddenId = element === 'encounter' ? 'encounter-02' : 'observation-02-laboratory';
        const ofId = async (id: string) => await post(strict, own, '/Observation/$validate', about(id));
        const [hidden, none] = [await ofId(hiddenId), await ofId('none')];
        expect(hidden.status).toBe(200);
        expect(hidden.text).toBe(none.text);
        expect(outcomeIn(hidden).issue).toMatchObject([{ severity: 'error', code: 'not-found' }]);
      },
    );

    test('does not reach for other servers', async () => {
      const asked = guarded.hostile?.requests.length;
      const answer = await post(
        strict,
        own,
        '/Observation/$validate',
        observation({ encounter: { reference: 'http://169.254.169.254/Encounter/1' } }),
      );
      expect(outcomeIn(answer).issue).toMatchObject([{ code: 'not-found' }]);
      const sent = guarded.hostile?.requests.slice(asked).filter(({ target }) => target.includes('$validate'));
      expect(sent ?? []).toEqual([]);
    });

    test.each([
      ['by GET', 'GET', '/Observation/observation-01-laboratory/$validate', undefined],
      ['of the system', 'POST', '/$validate', observation()],
      ['of a deletion', 'POST', '/Observation/observation-01-laboratory/$validate?mode=delete', observation()],
      ['of an update without its resource', 'POST', '/Observation/$validate?mode=update', observation()],
      ['with a profile that is no URL', 'POST', '/Observation/$validate?profile=file:///etc/passwd', observation()],
      ['with a mode twice', 'POST', '/Observation/$validate?mode=create&mode=create', observation()],
      ['in XML', 'POST', '/Observation/$validate?_format=xml', observation()],
    ])('is not called %s', async (_how, method, target, body) => {
      const answer = await strict.call(own, target, {
        method,
        ...(body ? { body: JSON.stringify(body), headers: { 'content-type': 'application/fhir+json' } } : {}),
      });
      expect(answer.status).toBe(403);
      expectNothingForeign(answer);
    });

    test.each<[string, unknown, number]>([
      ['another type', { resourceType: 'Condition' }, 400],
      [
        'two resources',
        parameters({ name: 'resource', resource: observation() }, { name: 'resource', resource: observation() }),
        400,
      ],
      [
        'a mode twice',
        parameters(
          { name: 'resource', resource: observation() },
          { name: 'mode', valueCode: 'create' },
          { name: 'mode', valueCode: 'delete' },
        ),
        400,
      ],
      ['a reference by search', observation({ encounter: { reference: 'Encounter?patient=patient-02' } }), 400],
    ])('takes no body with %s', async (_what, body, status) => {
      const answer = await post(strict, own, '/Observation/$validate', body);
      expect(answer.status).toBe(status);
      expectNothingForeign(answer);
    });

    test('is recorded before it is sent, by its name', async () => {
      await strict.idle();
      strict.records.length = 0;
      strict.onRecord = () => {
        throw new Error('the log is away');
      };
      const asked = guarded.hostile?.requests.length;
      expect((await post(strict, own, '/Observation/$validate', observation())).status).toBe(503);
      expect(guarded.hostile?.requests.length).toBe(asked);
      strict.onRecord = () => undefined;
      await post(strict, own, '/Observation/$validate', observation());
      await strict.idle();
      expect(strict.records).toMatchObject([
        { type: 'access-allowed', data: { interaction: 'operation', reason: 'the scopes allow $validate' } },
        { type: 'access-completed', data: { ending: 'sent' } },
      ]);
    });
  });
});

describe('what comes back of an operation', () => {
  const upstream = new HostileUpstream();
  const gatewayWith = async (operation: AllowedOperation, answer: object, status = 200) => {
    upstream.holds(data);
    const answering = {
      base: upstream.base,
      send: upstream.send,
      pass: upstream.pass,
      ask: async (...[target, by]: Parameters<HostileUpstream['ask']>) =>
        target.target.includes('/$')
          ? { resource: answer, text: JSON.stringify(answer) }
          : await upstream.ask(target, by),
    };
    expect(status).toBe(200);
    const gateway = new GatewayInProcess(answering, [], [], {}, [operation]);
    await gateway.start();
    return gateway;
  };
  const called = async (operation: AllowedOperation, target: string, answer: object, token = backend) => {
    const gateway = await gatewayWith(operation, answer);
    try {
      return await gateway.call(token, target);
    } finally {
      await gateway.close();
    }
  };
  const of = (answer: AllowedOperation['answer'], more: Partial<AllowedOperation> = {}): AllowedOperation => ({
    ...lastn,
    name: 'op',
    answer,
    ...more,
  });
  const theirs = data.find(({ id }) => id === 'observation-02-laboratory') ?? { resourceType: 'Observation', id: '' };
  const mine = data.find(({ id }) => id === 'observation-01-laboratory') ?? theirs;
  const secret = {
    resourceType: 'OperationOutcome',
    issue: [{ severity: 'error', code: 'secret', diagnostics: 'patient-02' }],
  };

  test('an OperationOutcome loses its texts, where one is due and where it is not', async () => {
    for (const kind of ['outcome', 'resource', 'bundle', 'parameters'] as const) {
      const { status, text } = await called(of(kind), '/Observation/$op', secret);
      expect(status).toBe(200);
      expect(JSON.parse(text)).toEqual({
        resourceType: 'OperationOutcome',
        issue: [{ severity: 'error', code: 'processing' }],
      });
    }
    const found = { resourceType: 'Bundle', type: 'searchset', entry: [{ resource: secret }, { resource: mine }] };
    const { text } = await called(of('searchset'), '/Observation/$op', found);
    expect(text).not.toContain('patient-02');
    expect(text).toContain(mine.id);
  });

  test('anything else is no OperationOutcome', async () => {
    expect((await called(of('outcome'), '/Observation/$op', theirs)).status).toBe(502);
  });

  test('one resource is seen, or not there', async () => {
    const part = of('resource', { partly: true, needs: [{ type: 'Observation', interaction: 'r' }] });
    expect((await called(part, '/Observation/$op', mine, patientWith('r'))).status).toBe(200);
    const hidden = await called(part, '/Observation/$op', theirs, patientWith('r'));
    expect(hidden.status).toBe(404);
    expect(hidden.text).not.toContain('observation-02');
  });

  test('a document leaves as a whole or not at all, without its links', async () => {
    const document = (...resources: unknown[]) => ({
      resourceType: 'Bundle',
      type: 'document',
      link: [{ relation: 'self', url: `${upstream.base}/secret` }],
      entry: resources.map((resource) => ({
        fullUrl: `${upstream.base}/Observation/x`,
        resource,
        response: { location: upstream.base },
      })),
    });
    const onlyObservations = backendWith('Observation', 'rs');
    const seen = await called(of('bundle'), '/Observation/$op', document(mine, theirs), onlyObservations);
    expect(seen.status).toBe(200);
    expect(seen.text).not.toMatch(/hostile\.internal|secret/);
    const patient = data.find(({ resourceType }) => resourceType === 'Patient') ?? {};
    for (const inside of [patient, document(mine), { resourceType: 'Spell' }, 7]) {
      const answer = await called(of('bundle'), '/Observation/$op', document(mine, inside), onlyObservations);
      expect(answer.status).toBe(403);
      expect(answer.text).not.toContain('observation-');
    }
  });

  test('Parameters are looked through to their last part', async () => {
    const onlyObservations = backendWith('Observation', 'rs');
    const patient = data.find(({ resourceType }) => resourceType === 'Patient') ?? {};
    const said = parameters({ name: 'result', valueBoolean: true }, { name: 'it', resource: mine });
    expect((await called(of('parameters'), '/Observation/$op', said, onlyObservations)).status).toBe(200);
    const nested = parameters({ name: 'a', part: [{ name: 'b', part: [{ name: 'c', resource: patient }] }] });
    expect((await called(of('parameters'), '/Observation/$op', nested, onlyObservations)).status).toBe(403);
    expect((await called(of('parameters'), '/Observation/$op', theirs, onlyObservations)).status).toBe(502);
  });

  test('what it is called on must be in sight', async () => {
    const onInstance = of('searchset', { level: 'instance', partly: true });
    const call = async (id: string) =>
      await called(onInstance, `/Observation/${id}/$op`, { resourceType: 'Bundle' }, patientWith('rs'));
    expect((await call('observation-01-laboratory')).status).toBe(200);
    const [hidden, none] = [await call('observation-02-laboratory'), await call('none')];
    expect([hidden.status, hidden.text]).toEqual([404, none.text]);
  });
});
