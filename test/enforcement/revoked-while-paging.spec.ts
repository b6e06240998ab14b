import type { EffectiveAccess } from '#access';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { BASE, counting, GatewayInProcess } from './gateway-in-process.js';
import { type Guarded, guardedServers, putOn } from './guarded-servers.js';
import type { ModelToken } from './model.js';

const backend: ModelToken = { scopes: [{ context: 'system', type: '*', letters: 'rs', conditions: [] }] };
/** A search of these looks into what it finds, and so goes through the server's pages. */
const laboratory: ModelToken = {
  scopes: [
    { context: 'system', type: 'Observation', letters: 'rs', conditions: [{ name: 'category', value: 'laboratory' }] },
  ],
};

/** More than the server gives at once. */
const observations = Array.from({ length: 160 }, (_, at) => ({
  resourceType: 'Observation',
  id: `paged-${at}`,
  status: 'final',
  code: { text: 'x' },
  category: [
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'laboratory' }] },
  ],
  subject: { reference: 'Patient/patient-01' },
  note: [{ text: 'protected' }],
}));

describe.each(guardedServers)('a token that is revoked in the middle of paging, before %s', (_name, listen) => {
  let guarded: Guarded;
  let upstream: Upstream;
  let gateway: GatewayInProcess;
  let open: EffectiveAccess;
  /** Runs before the request to the FHIR server that has this number. */
  let before: { readonly request: number; readonly run: () => void } | undefined;
  let asked = 0;

  beforeAll(async () => {
    guarded = await listen();
    await putOn(guarded, observations);
    const slots = { total: 8, perApplication: 8, waitingPerApplication: 8 };
    upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, slots, breakMs: 1_000 });
    gateway = new GatewayInProcess(
      counting(upstream, () => {
        if (++asked === before?.request) before.run();
      }),
    );
    open = gateway.inForce;
    await gateway.start();
  });
  beforeEach(() => {
    gateway.inForce = open;
    before = undefined;
    asked = 0;
  });
  afterAll(async () => {
    await Promise.all([gateway.close(), upstream.close()]);
    await guarded.close();
  });

  const revoked = (): EffectiveAccess => ({ ...open, revokedTokens: new Set(['t1']) });
  const closed = (): EffectiveAccess => ({ ...open, status: 'closed', why: 'revoked', scopes: [] });

  test.each([
    ['the token', revoked],
    ['the application', closed],
  ])('gets no next page, and the FHIR server is not asked for one: %s', async (_what, ended) => {
    const first = await gateway.call(backend, '/Observation?_count=5');
    const { link } = JSON.parse(first.text) as { readonly link: readonly { relation: string; url: string }[] };
    const next = link.find(({ relation }) => relation === 'next')?.url.slice(BASE.length) ?? '';
    expect((await gateway.call(backend, next)).status).toBe(200);
    const requests = asked;

    gateway.inForce = ended();
    const after = await gateway.call(backend, next);
    expect(after.status).toBe(401);
    expect(after.headers['www-authenticate']).toContain('invalid_token');
    expect(after.text).not.toContain('protected');
    expect(asked).toBe(requests);
  });

  test.each([
    ['the token', revoked],
    ['the application', closed],
  ])(
    'while one call goes through the server’s pages: it stops there, and nothing of them leaves: %s',
    async (_what, ended) => {
      const requests = guarded.hostile?.requests.length ?? 0;
      before = { request: 3, run: () => (gateway.inForce = ended()) };
      const answer = await gateway.call(laboratory, '/Observation?_summary=count');
      expect(answer.status).toBe(401);
      expect(answer.text).not.toMatch(/protected|total/);
      expect(asked).toBe(3);
      // It was not sent the third.
      if (guarded.hostile) expect(guarded.hostile.requests.length - requests).toBe(2);
    },
  );
});
