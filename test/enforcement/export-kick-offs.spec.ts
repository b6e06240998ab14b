import fc from 'fast-check';
import { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { backend, type Guarded, listenHostileWith, roomy } from './guarded-servers.js';

const headers = { prefer: 'respond-async', accept: 'application/fhir+json' };
const TARGET = '/$export?_type=Observation';

let guarded: Guarded;
let upstream: Upstream;
let gateway: GatewayInProcess;

beforeEach(async () => {
  guarded = await listenHostileWith((server) => (server.exports.isEachItsOwn = true));
  upstream = new Upstream({ baseUrl: guarded.base, timeoutMs: 5_000, maxBytes: 10_000_000, ...roomy });
  gateway = new GatewayInProcess(upstream);
  await gateway.start();
});
afterEach(async () => {
  await Promise.all([gateway.close(), upstream.close()]);
  await guarded.close();
});

const exports = () => {
  if (!guarded.hostile) throw new Error('not the hostile one');
  return guarded.hostile.exports;
};

/** Until `begin` is called, the server has been asked for an export and has not begun it. */
function heldKickOff(): { readonly asked: Promise<void>; readonly begin: () => void } {
  const asked = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  exports().onBegin = async () => {
    asked.resolve();
    await begun.promise;
  };
  return { asked: asked.promise, begin: begun.resolve };
}

/** The jobs that were ended at the server, once there are so many. */
async function deleted(count: number): Promise<readonly string[]> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const look = () => exports().deleted.length >= count && resolve();
  exports().onEnd = look;
  look();
  await promise;
  return exports().deleted;
}

const begin = async () => await gateway.call(backend, TARGET, { headers });

/** Asks for an export and leaves before there is an answer. */
async function beginAndLeave(): Promise<void> {
  const { asked, begin: serverBegins } = heldKickOff();
  const leaving = new AbortController();
  const called = gateway.call(backend, TARGET, { headers, signal: leaving.signal });
  await asked;
  leaving.abort();
  await expect(called).rejects.toThrow('aborted');
  // What is read of another call was read after the end of this one's connection.
  await gateway.call(backend, '/Observation/none');
  serverBegins();
  await gateway.idle();
}

test('an export whose caller left before it had begun is ended at the server', async () => {
  await beginAndLeave();
  expect(await deleted(1)).toEqual(['job-1']);
  expect(gateway.records.at(-1)).toMatchObject({ type: 'access-completed', data: { ending: 'caller-gone' } });
});

test('whoever leaves again and again has none at work, and may begin five', async () => {
  for (let count = 1; count <= 6; count++) await beginAndLeave();
  expect(await deleted(6)).toHaveLength(6);
  exports().onBegin = async () => undefined;
  const statuses: number[] = [];
  for (let count = 1; count <= 6; count++) statuses.push((await begin()).status);
  expect(statuses).toEqual([202, 202, 202, 202, 202, 429]);
});

test('what is being begun is counted: of many at the same time five are', async () => {
  const { begin: serverBegins } = heldKickOff();
  const all = Array.from({ length: 12 }, begin);
  // The others are refused while these are held.
  const refused = Promise.withResolvers<void>();
  let waiting = all.length;
  for (const each of all) void each.then(() => --waiting === 5 && refused.resolve());
  await refused.promise;
  serverBegins();
  const statuses = (await Promise.all(all)).map(({ status }) => status);
  expect(statuses.filter((it) => it === 202)).toHaveLength(5);
  expect(statuses.filter((it) => it === 429)).toHaveLength(7);
});

test('a kick-off that failed leaves its place to others', async () => {
  exports().elsewhere = { status: 'http://169.254.169.254/latest' };
  for (let count = 1; count <= 6; count++) expect((await begin()).status).toBe(502);
  exports().elsewhere = {};
  expect((await begin()).status).toBe(202);
});

test('access that is closed while the server begins ends the export there', async () => {
  const { asked, begin: serverBegins } = heldKickOff();
  const called = begin();
  await asked;
  gateway.inForce = { ...gateway.inForce, status: 'closed', why: 'revoked' };
  gateway.openCalls.lookAgain('a1');
  serverBegins();
  const { status, headers: told } = await called;
  expect([status, told['content-location']]).toEqual([401, undefined]);
  expect(await deleted(1)).toEqual(['job-1']);
});

test('an export that was begun already, and is the same at the server, stays', async () => {
  exports().isEachItsOwn = false;
  const status = (await begin()).headers['content-location'] ?? '';
  await beginAndLeave();
  expect((await gateway.call(backend, status)).status).toBe(200);
  expect(exports().deleted).toEqual([]);
});

test('five are at work of each application at each instance, whatever is begun, asked about and ended', async () => {
  const other = new GatewayInProcess(upstream);
  await other.start();
  const steps = fc.array(
    fc.record({
      step: fc.constantFrom('begin', 'begin', 'begin', 'look', 'end', 'sneak'),
      instance: fc.nat(1),
      applicationId: fc.constantFrom('a1', 'a2'),
      which: fc.nat(4),
    }),
    { minLength: 8, maxLength: 30 },
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      round++;
      /** What is at work, by application and instance. */
      const atWork = new Map<string, string[]>();
      for (const { step, instance, applicationId, which } of all) {
        const own = `${applicationId}-${round}`;
        const at = instance === 0 ? gateway : other;
        const running = atWork.get(`${own} ${instance}`) ?? [];
        atWork.set(`${own} ${instance}`, running);
        const [chosen] = running.splice(which, step === 'look' || step === 'end' ? 1 : 0);
        if (step === 'begin') {
          const answer = await at.call(backend, TARGET, { headers }, own);
          expect(answer.status).toBe(running.length < 5 ? 202 : 429);
          if (answer.status === 202) running.push(answer.headers['content-location'] ?? '');
        } else if (step === 'sneak') {
          // Nobody ends another's, nor learns how it stands.
          const [theirs] = [...atWork].flatMap(([whose, urls]) => (whose.startsWith(own) ? [] : urls));
          if (theirs) expect((await at.call(backend, theirs, { method: 'DELETE' }, own)).status).toBe(403);
        } else if (chosen) {
          const init = step === 'end' ? { method: 'DELETE' } : {};
          expect((await at.call(backend, chosen, init, own)).status).toBe(step === 'end' ? 202 : 200);
        }
      }
    }),
    { numRuns: Math.ceil(Number(process.env['CASES'] ?? 500) / 10) },
  );
  await other.close();
}, 120_000);
