import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess, type SeenAnswer } from './gateway-in-process.js';
import { backend, type Guarded, guardedServers, own, roomy } from './guarded-servers.js';
import type { ModelScope, ModelToken } from './model.js';

/** Parameters that tell, or bring, more than the type that is searched: each refused where it could, and let through where it cannot. */
const scope = (type: string, letters = 'rs', context: ModelScope['context'] = 'patient'): ModelScope => ({
  context,
  type,
  letters,
  conditions: [],
});
const patients = (...scopes: ModelScope[]): ModelToken => ({ ...own, scopes });
const observations = patients(scope('Observation'));

/** What is asked, by whom it is refused, which scope would allow it; by whom it is let through. */
const cases: readonly [query: string, refused: ModelToken, wouldAllow: string, allowed: ModelToken][] = [
  [
    '/Observation?_include=Observation:performer:Practitioner',
    observations,
    'patient/Practitioner.r',
    patients(scope('Observation'), scope('Practitioner', 'r')),
  ],
  [
    '/Observation?_include=Observation:patient&_include:iterate=Patient:general-practitioner:Practitioner',
    patients(scope('Observation'), scope('Patient', 'r')),
    'patient/Practitioner.r',
    patients(scope('Observation'), scope('Patient', 'r'), scope('Practitioner', 'r')),
  ],
  [
    '/Observation?_revinclude=Provenance:target',
    observations,
    'patient/Provenance.s',
    patients(scope('Observation'), scope('Provenance')),
  ],
  [
    '/Patient?_revinclude=Observation:patient&_revinclude:iterate=Provenance:target',
    patients(scope('Patient'), scope('Observation')),
    'patient/Provenance.s',
    own,
  ],
  ['/Patient?_has:Observation:patient:code=4548-4', own, 'system/Observation.s', backend],
  ['/Observation?patient.gender=female', own, 'system/Patient.s', backend],
  ['/Observation?subject:Patient.name=a', own, 'system/Patient.s', backend],
  ['/Observation?patient:Patient._has:Condition:patient:code=a', own, 'system/Patient.s system/Condition.s', backend],
];

/** Nobody can check these, so that no scope allows them. */
const never = [
  '_filter=status+eq+final',
  '_list=l1',
  '_query=all',
  '_content=cancer',
  '_text=cancer',
  '_contained=true',
  '_contained=both',
  '_containedType=contained',
  '_include=*',
  '_revinclude=*',
  '_include:recurse=Observation:has-member',
  '_sort=colour',
  '_sort=patient.name',
  '_total=all',
  '_summary=none',
  '_elements=',
  '_elements=*',
];

const always = [
  '_contained=false',
  '_sort=-date,status',
  '_total=none',
  '_total=estimate',
  '_total=accurate',
  '_summary=true',
  '_summary=text',
  '_summary=data',
  '_summary=count',
  '_elements=status,code',
  '_include=Observation:has-member:Observation',
];

describe.each(guardedServers)('before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;

  beforeAll(async () => {
    guarded = await listen();
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
    gateway = new GatewayInProcess(upstream);
    await gateway.start();
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  const expectRefused = ({ status, text }: SeenAnswer) => {
    expect(status).toBe(403);
    expect(JSON.parse(text)).toMatchObject({ resourceType: 'OperationOutcome', issue: [{ severity: 'error' }] });
    expect(text).not.toMatch(/patient-(0[2-9]|1\d)/);
  };

  test.each(cases)('%s is refused, and told which scope would allow it', async (query, refused, wouldAllow) => {
    const answer = await gateway.call(refused, query);
    expectRefused(answer);
    expect(answer.headers['www-authenticate']).toContain(`scope="${wouldAllow}"`);
    expect(answer.text).toContain(`needs ${wouldAllow}`);
  });

  test.each(cases)('%s passes where nothing can leak by it', async (query, _refused, _wouldAllow, allowed) => {
    const answer = await gateway.call(allowed, query);
    expect(answer.status).toBe(200);
    if (allowed !== backend) expect(answer.text).not.toMatch(/patient-(0[2-9]|1\d)/);
  });

  test.each(never)('%s is refused under every scope', async (query) => {
    for (const token of [own, backend]) expectRefused(await gateway.call(token, `/Observation?${query}`));
  });

  test.each(always)('%s passes, and tells of the own alone', async (query) => {
    const answer = await gateway.call(own, `/Observation?${query}`);
    expect(answer.status).toBe(200);
    expect(answer.text.replace(/"url":"[^"]*"/, '')).not.toMatch(/patient-(0[2-9]|1\d)/);
    const { total = 0 } = JSON.parse(answer.text) as { total?: number };
    expect(total).toBeLessThanOrEqual(20);
  });
});
