import { withTrace } from '#host';
import { type BrokenFhir, listenBroken } from '#testing';
import { BodyMemory } from './body-memory.js';
import type { AskedFor } from './asked-for.js';
import { Upstream } from './upstream.js';
import type { UpstreamOptions } from './upstream-options.js';
import { NoLongerAllowed, UpstreamFailed } from './upstream-failed.js';

const MAX_BYTES = 2_000_000;
const memory = new BodyMemory(16_000_000);
let server: BrokenFhir;
const opened: Upstream[] = [];

beforeEach(async () => (server = await listenBroken()));
afterEach(async () => {
  await Promise.all(opened.splice(0).map((it) => it.close()));
  await server.close();
});

function upstreamWith(options: Partial<UpstreamOptions> = {}): Upstream {
  const upstream = new Upstream({
    baseUrl: server.base,
    timeoutMs: 20_000,
    maxBytes: MAX_BYTES,
    slots: { total: 8, perApplication: 8, waitingPerApplication: 8 },
    breakMs: 60_000,
    ...options,
  });
  opened.push(upstream);
  return upstream;
}

/** Asks for a resource; gives it, or what the caller is told. */
async function ask(upstream: Upstream, by: Partial<AskedFor> = {}): Promise<unknown> {
  const lease = memory.lease();
  try {
    const { resource } = await upstream.ask(
      { method: 'GET', target: '/Observation/o1' },
      {
        applicationId: 'a1',
        purposesOfUse: ['TREAT', 'HPAYMT'],
        signal: new AbortController().signal,
        isAllowed: () => true,
        memory: lease,
        ...by,
      },
    );
    return resource;
  } catch (error) {
    if (error instanceof UpstreamFailed) return error.answer;
    throw error;
  } finally {
    lease.release();
  }
}

test('is told of the trace that a call is a part of, and of none without one', async () => {
  const upstream = upstreamWith();
  const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
  await withTrace(traceparent, () => ask(upstream));
  expect(server.requests.at(-1)).toMatchObject({ traceparent });
  await ask(upstream);
  expect(server.requests.at(-1)).not.toHaveProperty('traceparent');
});

describe('a FHIR server that answers badly', () => {
  test.each([
    ['cut', 502],
    ['cut-gzip', 502],
    ['garbage', 502],
    ['html', 502],
    ['brotli', 502],
    ['hangup', 502],
    [500, 502],
    [503, 502],
    [401, 502],
    [410, 404],
    [422, 400],
  ] as const)('%s: nothing of it is told, and the next answer is its own', async (how, status) => {
    const upstream = upstreamWith();
    server.answers = how;
    const told = await ask(upstream);
    expect(told).toMatchObject({ status, body: { resourceType: 'OperationOutcome' } });
    expect(JSON.stringify(told)).not.toContain('secret');
    server.answers = 'well';
    expect(await ask(upstream)).toMatchObject({ id: 'o1' });
  });

  test.each(['endless', 'large', 'bomb'] as const)(
    'a body of 1 GB (%s) is counted and left, and never held',
    async (how) => {
      const upstream = upstreamWith();
      server.answers = how;
      expect(await ask(upstream)).toMatchObject({ status: 502, body: { issue: [{ code: 'too-costly' }] } });
      // What it got rid of beyond the bound stands in the kernel's buffers.
      expect(server.sent()).toBeLessThan(200_000_000);
      server.answers = 'well';
      expect(await ask(upstream)).toMatchObject({ id: 'o1' });
    },
  );

  test('large bodies of many calls share a memory; when it is full the next is refused, and then it is free again', async () => {
    const upstream = upstreamWith({ maxBytes: 20_000_000 });
    const small = new BodyMemory(1_000_000);
    const lease = small.lease();
    server.answers = 'endless';
    expect(await ask(upstream, { memory: lease })).toMatchObject({ status: 503, headers: { 'Retry-After': '2' } });
    expect(small.lease().take(600_000)).toBe(false);
    lease.release();
    expect(small.lease().take(1_000_000)).toBe(true);
  });

  test('one that drips is not waited for', async () => {
    server.answers = 'drip';
    expect(await ask(upstreamWith({ timeoutMs: 1_000 }))).toMatchObject({ status: 504 });
  });

  test('what it compressed is read', async () => {
    server.answers = 'gzip';
    expect(await ask(upstreamWith())).toMatchObject({ id: 'o1' });
  });
});

describe('a FHIR server that fails', () => {
  async function untilBroken(upstream: Upstream): Promise<void> {
    server.answers = 503;
    for (let at = 0; at < 100; at++) {
      const told = (await ask(upstream)) as { readonly status: number };
      if (told.status === 503) return;
    }
    throw new Error('the circuit never broke');
  }

  test('is asked no more, and its callers are told when to come again', async () => {
    const upstream = upstreamWith();
    await untilBroken(upstream);
    const asked = server.requests.length;
    expect(await ask(upstream)).toMatchObject({ status: 503, headers: { 'Retry-After': '5' } });
    expect(server.requests.length).toBe(asked);
  });

  test('is asked again after a while, and all is well', async () => {
    const circuit: boolean[] = [];
    const upstream = upstreamWith({ breakMs: 1, onCircuit: (isBroken) => circuit.push(isBroken) });
    server.answers = 503;
    while (circuit.length === 0) await ask(upstream);
    server.answers = 'well';
    while (circuit.at(-1) !== false) await ask(upstream);
    expect(await ask(upstream)).toMatchObject({ id: 'o1' });
  });

  test.each([404, 400, 500, 'garbage', 'bomb'] as const)(
    'what one request alone can bring about does not break it for others: %s',
    async (how) => {
      const upstream = upstreamWith();
      server.answers = how;
      for (let at = 0; at < 30; at++) await ask(upstream);
      server.answers = 'well';
      expect(await ask(upstream)).toMatchObject({ id: 'o1' });
    },
  );
});

test('who waited for a slot is looked at again before the request is sent', async () => {
  const upstream = upstreamWith({ slots: { total: 1, perApplication: 1, waitingPerApplication: 1 } });
  let allowed = true;
  const first = ask(upstream);
  const second = ask(upstream, { isAllowed: () => allowed });
  const third = await ask(upstream);
  expect(third).toMatchObject({ status: 429, headers: { 'Retry-After': '1' } });
  allowed = false;
  expect(await first).toMatchObject({ id: 'o1' });
  await expect(second).rejects.toThrow(NoLongerAllowed);
  expect(server.requests).toHaveLength(1);
});

test('the server is told the purposes that were approved, and asked for gzip', async () => {
  await ask(upstreamWith());
  expect(server.requests[0]).toMatchObject({ 'x-purpose-of-use': 'TREAT,HPAYMT', 'accept-encoding': 'gzip' });
  await ask(upstreamWith(), { purposesOfUse: [] });
  expect(server.requests[1]).not.toHaveProperty('x-purpose-of-use');
});
