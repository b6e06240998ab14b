import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig, type Environment } from '#host';
import { EndpointIdsConfig } from './endpoint-ids.config.js';
import { FhirConfig } from './fhir.config.js';

const production: Environment = {
  KAFKA_BROKERS: 'kafka.example.org:9093',
  DATABASE_URL: 'postgres://u:p@db.example.org/g',
  PUBLIC_URL: 'https://gatehouse.example.org',
  IDENTITY_ISSUER: 'https://idp.example.org',
  IDENTITY_AUDIENCE: 'gatehouse',
};
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'endpoints-'));
  writeFileSync(join(folder, 'token'), 'secret-token\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

function load(environment: Environment, file?: unknown) {
  const path = join(folder, 'endpoints.json');
  if (file !== undefined) writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return loadConfig({ name: 'gateway', defaultPort: 8084 }, [FhirConfig], {
    ...environment,
    ...(file === undefined ? {} : { FHIR_ENDPOINTS: path }),
  }).get(FhirConfig).endpoints;
}

/** What a service that serves none of them knows. */
function idsIn(environment: Environment, file?: unknown) {
  const path = join(folder, 'ids.json');
  if (file !== undefined) writeFileSync(path, typeof file === 'string' ? file : JSON.stringify(file));
  return loadConfig({ name: 'approval', defaultPort: 8082 }, [EndpointIdsConfig], {
    ...environment,
    ...(file === undefined ? {} : { FHIR_ENDPOINTS: path }),
  }).get(EndpointIdsConfig).ids;
}

function faultsOf(environment: Environment, file?: unknown): string {
  try {
    load(environment, file);
    return '';
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

const north = { id: 'north', upstreamUrl: 'https://north.example.org/r4/' };
const south = { id: 'south', upstreamUrl: 'https://south.example.org/r4' };

describe('which FHIR endpoints there are', () => {
  it('one, by FHIR_UPSTREAM_URL, at /fhir', () => {
    const { only } = load({ ...production, FHIR_UPSTREAM_URL: 'https://ehr.example.org/r4' });
    expect(only).toEqual({
      id: 'default',
      base: 'https://gatehouse.example.org/fhir',
      path: '/fhir',
      upstream: { url: 'https://ehr.example.org/r4' },
    });
  });

  it('the sandbox’s in development', () => {
    const development = { ...production, GATEHOUSE_DEV: '1', PUBLIC_URL: '', HOST: '127.0.0.1' };
    expect(load(development).only?.upstream.url).toBe('http://127.0.0.1:8084/sandbox/fhir');
  });

  it('several by a file, each below /fhir', () => {
    const { all, only } = load(production, { endpoints: [north, south] });
    expect(only).toBeUndefined();
    expect(all.map(({ path, base, upstream }) => [path, base, upstream.url])).toEqual([
      ['/fhir/north', 'https://gatehouse.example.org/fhir/north', 'https://north.example.org/r4'],
      ['/fhir/south', 'https://gatehouse.example.org/fhir/south', 'https://south.example.org/r4'],
    ]);
  });

  it('one by a file stays at /fhir, with its credential; paths count from the file', () => {
    const credential = { kind: 'bearer', tokenFile: 'token' };
    const { only } = load(production, { endpoints: [{ ...north, credential }] });
    expect(only).toMatchObject({ id: 'north', path: '/fhir', base: 'https://gatehouse.example.org/fhir' });
    expect(only?.upstream.credential).toEqual({ kind: 'bearer', tokenFile: join(folder, 'token') });
  });

  it('known by their ids where none is served, without the files that are named', () => {
    const credential = { kind: 'bearer', tokenFile: 'not-here' };
    expect(idsIn(production, { endpoints: [{ ...north, credential }, south] })).toEqual(['north', 'south']);
    expect(idsIn({ ...production, FHIR_UPSTREAM_URL: 'https://ehr.example.org/r4' })).toEqual(['default']);
    expect(idsIn(production)).toBeUndefined();
    expect(() => idsIn(production, { endpoints: [north, north] })).toThrow('a list in which no id stands twice');
    const both = { ...production, FHIR_UPSTREAM_URL: 'https://ehr.example.org/r4' };
    expect(() => idsIn(both, { endpoints: [north] })).toThrow('without FHIR_UPSTREAM_URL beside it');
  });

  it('with a base URL of its own', () => {
    const endpoints = load(production, {
      endpoints: [{ ...north, baseUrl: 'https://fhir.north.example.org/' }, south],
    });
    expect(endpoints.withBase('https://fhir.north.example.org')?.id).toBe('north');
    expect(endpoints.withBase('https://fhir.north.example.org/')?.id).toBe('north');
    expect(endpoints.withBase('https://gatehouse.example.org/fhir/north')).toBeUndefined();
  });

  it.each([
    ['http://LocalHost:80/fhir', 'http://localhost/fhir'],
    ['https://Ehr.example.org:443/R4/', 'https://ehr.example.org/R4'],
    ['https://ehr.example.org', 'https://ehr.example.org'],
  ])('with the URL of the FHIR server as that writes it: %s', (url, written) => {
    expect(load({ ...production, FHIR_UPSTREAM_URL: url }).all[0]?.upstream.url).toBe(written);
  });

  it('what was stored while there was but one is about that one, or about `default`', () => {
    expect(load(production, { endpoints: [north] }).withId(undefined)?.id).toBe('north');
    expect(load(production, { endpoints: [north, { ...south, id: 'default' }] }).withId(undefined)?.id).toBe('default');
    expect(load(production, { endpoints: [north, south] }).withId(undefined)).toBeUndefined();
  });

  it('with rules of what is withheld there', () => {
    writeFileSync(join(folder, 'opted-out'), 'p1\n\n p2\n');
    const withhold = [{ name: 'opted out', patientsFile: 'opted-out', unlessPurpose: ['PATRQT'] }];
    const { only } = load(production, { endpoints: [{ ...north, withhold }] });
    expect(only?.withhold).toEqual([{ name: 'opted out', patients: ['p1', 'p2'], unlessPurpose: ['PATRQT'] }]);
  });

  describe('what is observed there', () => {
    const application = '019c2f1e-7a00-71fe-8289-205936c3f005';
    const until = new Date(Date.now() + 86_400_000).toISOString();
    const observing = (rule: object) => ({ endpoints: [{ ...north, observe: [rule] }] });

    it('is nothing unless it is said, and then of these applications until that time', () => {
      expect(load(production, { endpoints: [north] }).only?.observe).toBeUndefined();
      const { only } = load(production, observing({ applications: [application], interactions: ['read'], until }));
      expect(only?.observe).toEqual([
        { applications: new Set([application]), interactions: new Set(['read']), untilMs: Date.parse(until) },
      ]);
    });

    it('may be over: a start does not fail for it', () => {
      const rule = { applications: [application], until: '2020-01-01T00:00:00Z' };
      expect(load(production, observing(rule)).only?.observe).toHaveLength(1);
    });

    it.each<[string, object]>([
      ['all applications', { until }],
      ['all applications, by a star', { applications: ['*'], until }],
      ['none', { applications: [], until }],
      ['for ever', { applications: [application] }],
      ['for years', { applications: [application], until: '2999-01-01T00:00:00Z' }],
      ['until no time', { applications: [application], until: '2026-99-99T00:00:00Z' }],
      ['interactions that there are not', { applications: [application], interactions: ['reed'], until }],
      ['what is not understood', { applications: [application], interactions: ['unrecognised'], until }],
    ])('is refused of %s', (_what, rule) => {
      expect(faultsOf(production, observing(rule))).toMatch(/FHIR_ENDPOINTS must be .*\/endpoints\/0\/?/);
    });
  });

  describe('the operations that are let through', () => {
    const lastn = {
      name: '$lastn',
      level: 'type',
      type: 'Observation',
      needs: ['Observation.rs'],
      answer: 'searchset',
    };
    const listing = (...operations: object[]) => ({ endpoints: [{ ...north, operations }] });

    it('are none unless they are listed, and then as they are described', () => {
      expect(load(production, { endpoints: [north] }).only?.operations).toBeUndefined();
      expect(load(production, listing({ ...lastn, parameters: ['max'] })).only?.operations).toEqual([
        {
          name: 'lastn',
          level: 'type',
          type: 'Observation',
          needs: [
            { type: 'Observation', interaction: 'r' },
            { type: 'Observation', interaction: 's' },
          ],
          partly: false,
          parameters: new Set(['max']),
          answer: 'searchset',
          definition: 'http://hl7.org/fhir/OperationDefinition/Observation-lastn',
        },
      ]);
    });

    it.each<[string, object[]]>([
      ['one that changes data', [{ ...lastn, name: '$merge' }]],
      ['GraphQL', [{ ...lastn, name: 'graphql' }]],
      ['an export', [{ ...lastn, name: 'export' }]],
      ['one that needs nothing', [{ ...lastn, needs: [] }]],
      ['one that needs to write', [{ ...lastn, needs: ['Observation.u'] }]],
      ['one about no type', [{ ...lastn, type: 'Spell' }]],
      ['one that needs no type', [{ ...lastn, needs: ['Spell.r'] }]],
      ['one of the system with a type', [{ ...lastn, level: 'system' }]],
      ['one of no type', [{ ...lastn, type: undefined }]],
      ['one whose answer nobody knows to look through', [{ ...lastn, answer: 'binary' }]],
      ['a part of a document', [{ ...lastn, answer: 'bundle', partly: true }]],
      ['one twice', [lastn, { ...lastn, name: 'lastn' }]],
    ])('are not %s', (_what, operations) => {
      expect(faultsOf(production, listing(...operations))).toMatch(
        /FHIR_ENDPOINTS must be .*\/endpoints\/0\/operations/,
      );
    });
  });

  describe('of which patients applications see anything there', () => {
    const admitting = (...admit: object[]) => ({ endpoints: [{ ...north, admit }] });
    const consent = { kind: 'consent', category: 'urn:purposes|provider-access' };
    const optOut = { name: 'opt-out', kind: 'opt-out', purposes: ['TREAT'], register: consent };
    const attribution = {
      name: 'attribution',
      kind: 'attribution',
      register: { kind: 'group', groups: { clinic: 'g1' } },
    };

    it('is said by registers; paths count from the file', () => {
      const file = { ...optOut, name: 'file', register: { kind: 'file', patientsFile: 'token' } };
      const everybody = { ...optOut, name: 'groups', register: { kind: 'group', groups: { '*': 'g1', clinic: 'g2' } } };
      expect(load(production, admitting(attribution, optOut, everybody, file)).only?.admit).toEqual([
        attribution,
        optOut,
        everybody,
        { ...file, register: { kind: 'file', patientsFile: join(folder, 'token') } },
      ]);
    });

    it.each<[string, object[], string]>([
      ['by nobody', [{ ...optOut, register: undefined }], 'admit'],
      ['by a register that there is not', [{ ...optOut, register: { kind: 'oracle' } }], 'admit'],
      ['by one name twice', [optOut, { ...attribution, name: 'opt-out' }], 'names that stand once'],
      ['of an attribution by consents', [{ ...attribution, register: consent }], 'by group or file'],
      ['by Groups of nobody', [{ ...attribution, register: { kind: 'group', groups: {} } }], 'admit'],
      [
        'of objections by Groups of some clients',
        [{ ...optOut, register: { kind: 'group', groups: { clinic: 'g1' } } }],
        'a Group for all',
      ],
      ['by a category of no system', [{ ...optOut, register: { ...consent, category: 'x' } }], 'admit'],
      ['over an open line', [{ ...optOut, register: { ...consent, url: 'http://x.example' } }], 'https'],
      [
        'with a credential for no server',
        [{ ...optOut, register: { ...consent, credential: { kind: 'bearer', tokenFile: 'token' } } }],
        'url beside credential',
      ],
      [
        'with a secret that is not there',
        [
          {
            ...optOut,
            register: { ...consent, url: 'https://x.example', credential: { kind: 'bearer', tokenFile: 'gone' } },
          },
        ],
        'readable files (tokenFile)',
      ],
      [
        'by a file that is not there',
        [{ ...optOut, register: { kind: 'file', patientsFile: 'gone' } }],
        'patientsFile',
      ],
    ])('is not said %s', (_what, admit, said) => {
      const message = faultsOf(production, admitting(...admit));
      expect(message).toContain('FHIR_ENDPOINTS must be');
      expect(message).toContain(said);
    });
  });

  describe('who says what users may see there', () => {
    const by = (userRights: object) => ({ endpoints: [{ ...north, userRights }] });
    const pdp = { kind: 'authzen', name: 'pdp', url: 'https://pdp.example.org' };
    const key = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd', kid: 'k1', alg: 'ES256' };
    const keyFile = (content: object) => {
      writeFileSync(join(folder, 'key'), JSON.stringify(content));
      return { kind: 'upstream', keyFile: 'key' };
    };

    it('is a rule, a decision point or the FHIR server; paths count from the file', () => {
      const rules = { kind: 'rules', rules: ['Practitioner:everybody'] };
      expect(load(production, by(rules)).only?.userRights).toEqual(rules);
      const credential = { kind: 'bearer', tokenFile: 'token' };
      expect(load(production, by({ ...pdp, credential, timeoutMs: 500, batch: 1 })).only?.userRights).toEqual({
        ...pdp,
        credential: { kind: 'bearer', tokenFile: join(folder, 'token') },
        timeoutMs: 500,
        batch: 1,
      });
      const told = { ...keyFile(key), audience: 'ehr', header: 'X-User' };
      expect(load(production, by(told)).only?.userRights).toEqual({ ...told, keyFile: join(folder, 'key') });
    });

    it.each<[string, () => object, string]>([
      ['nobody that we know', () => ({ kind: 'somebody' }), 'userRights'],
      ['a rule for patients', () => ({ kind: 'rules', rules: ['Patient:everybody'] }), 'userRights'],
      ['no rule', () => ({ kind: 'rules', rules: [] }), 'userRights'],
      ['a decision point over an open line', () => ({ ...pdp, url: 'http://pdp.example.org' }), 'https'],
      [
        'a secret that is not there',
        () => ({ ...pdp, credential: { kind: 'bearer', tokenFile: 'gone' } }),
        'readable files (tokenFile)',
      ],
      ['a certificate without its key', () => ({ ...pdp, tls: { certFile: 'token' } }), 'keyFile together'],
      [
        'a certificate for a line without TLS',
        () => ({ ...pdp, url: 'http://127.0.0.1:9000', tls: { caFile: 'token' } }),
        'https where there is tls',
      ],
      ['a time without end', () => ({ ...pdp, timeoutMs: 3_600_000 }), 'userRights'],
      ['a key that is not there', () => ({ kind: 'upstream', keyFile: 'gone' }), 'keyFile'],
      ['a public key', () => keyFile({ ...key, d: undefined }), 'a private JWK'],
      ['a key without a name', () => keyFile({ ...key, kid: undefined }), 'a private JWK'],
      ['a shared secret', () => keyFile({ kty: 'oct', k: 'k', d: 'd', kid: 'k1', alg: 'HS256' }), 'a private JWK'],
      ['no key at all', () => ({ kind: 'upstream', keyFile: 'token' }), 'a private JWK'],
      ['a header that says who signs in', () => ({ ...keyFile(key), header: 'Authorization' }), 'userRights'],
      ['a header that says why', () => ({ ...keyFile(key), header: 'X-Purpose-Of-Use' }), 'means nothing else'],
      ['a header that says where from', () => ({ ...keyFile(key), header: 'X-Forwarded-For' }), 'means nothing else'],
    ])('is not %s', (_what, rights, said) => {
      const message = faultsOf(production, by(rights()));
      expect(message).toContain('FHIR_ENDPOINTS must be');
      expect(message).toContain(said);
    });
  });

  it.each<[string, unknown, string]>([
    [
      'a rule that would withhold everything',
      { endpoints: [{ ...north, withhold: [{ name: 'all' }] }] },
      'withhold all',
    ],
    ['a rule about no type', { endpoints: [{ ...north, withhold: [{ name: 'x', types: ['Spell'] }] }] }, 'Spell'],
    [
      'a rule about patients nobody lists',
      { endpoints: [{ ...north, withhold: [{ name: 'x', patientsFile: 'gone' }] }] },
      'patientsFile',
    ],
    [
      'a code without a system',
      { endpoints: [{ ...north, withhold: [{ name: 'x', codes: ['75622-1'] }] }] },
      '/endpoints/0',
    ],
    ['records of writes that wait', { endpoints: [{ ...north, auditAvailable: ['read', 'update'] }] }, 'update'],
    ['no JSON', '{', 'it is not JSON'],
    ['no list', { endpoints: {} }, '/endpoints'],
    ['an empty list', { endpoints: [] }, '/endpoints'],
    ['an id twice', { endpoints: [north, { ...south, id: 'north' }] }, 'no id stands twice'],
    [
      'a base twice',
      {
        endpoints: [
          { ...north, baseUrl: 'https://x.example' },
          { ...south, baseUrl: 'https://x.example/' },
        ],
      },
      'no baseUrl stands twice',
    ],
    ['an id that is a resource type', { endpoints: [{ ...north, id: 'Patient' }] }, '/endpoints/0/id'],
    ['an id that is a path', { endpoints: [{ ...north, id: 'a/b' }] }, '/endpoints/0/id'],
    ['a field that nobody knows', { endpoints: [{ ...north, upstream: 'x' }] }, '/endpoints/0'],
    ['a base in the clear', { endpoints: [{ ...north, baseUrl: 'http://x.example' }] }, 'https base URLs'],
    [
      'the administrative audience as base',
      { endpoints: [{ ...north, baseUrl: 'https://admin.example' }] },
      'IDENTITY_AUDIENCE',
    ],
    [
      'a credential over an open line',
      {
        endpoints: [
          { ...north, upstreamUrl: 'http://north.example.org', credential: { kind: 'bearer', tokenFile: 'token' } },
        ],
      },
      'upstreamUrl',
    ],
    [
      'a secret that is not there',
      { endpoints: [{ ...north, credential: { kind: 'bearer', tokenFile: 'gone' } }] },
      'tokenFile',
    ],
    ['a certificate without its key', { endpoints: [{ ...north, tls: { certFile: 'token' } }] }, 'keyFile'],
    [
      'a certificate for a line without TLS',
      { endpoints: [{ ...north, upstreamUrl: 'http://127.0.0.1:8080/fhir', tls: { caFile: 'token' } }] },
      'https where there is tls: /endpoints/0/tls',
    ],
    ['what is no certificate', { endpoints: [{ ...north, tls: { caFile: 'token' } }] }, 'in PEM (caFile)'],
  ])('refuses %s', (_what, file, said) => {
    const message = faultsOf({ ...production, IDENTITY_AUDIENCE: 'https://admin.example' }, file);
    expect(message).toContain('FHIR_ENDPOINTS must be');
    expect(message).toContain(said);
  });

  it('refuses none at all, both ways at once, and a file that is not there', () => {
    expect(faultsOf(production)).toContain('FHIR_UPSTREAM_URL must be');
    const both = { ...production, FHIR_UPSTREAM_URL: 'https://ehr.example.org' };
    expect(faultsOf(both, { endpoints: [north] })).toContain('without FHIR_UPSTREAM_URL beside it');
    expect(faultsOf({ ...production, FHIR_ENDPOINTS: join(folder, 'gone.json') })).toContain('ENOENT');
  });
});
