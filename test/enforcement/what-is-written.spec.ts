import fc from 'fast-check';
import { parseExactly } from '#smart';
import { anyData, anyWrite, anyWritingToken, type ModelWrite, types } from './arbitraries.js';
import { GatewayInProcess } from './gateway-in-process.js';
import { hiddenApart } from './hidden-apart.js';
import { type ModelResource, type ModelToken, sees } from './model.js';
import { masked, serversInProcess } from './sandbox-in-process.js';
import { sendWrite } from './send-asked.js';
import { type Data, expected, plainly } from './write-model.js';

/** `CASES=10000 npm run test:unit -- test/enforcement` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 200;

describe.each(serversInProcess(types))('before %s', (_name, upstream, cost) => {
  const numRuns = Math.ceil(CASES / cost);
  const gateway = new GatewayInProcess(upstream);
  beforeAll(async () => await gateway.start());
  afterAll(async () => await gateway.close());

  const send = async (token: ModelToken, write: ModelWrite) => await sendWrite(gateway, token, write);

  test(
    'what is there afterwards is what the scopes let the token make of what was there',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyData, anyWritingToken, anyWrite, async (data, token, write) => {
          const server = await upstream.holds(data);
          const answer = await send(token, write);
          const { status, after } = expected(token, data, write);
          expect(answer.status).toBe(status);
          expect(plainly(await server.holds())).toEqual(
            plainly(upstream.losesDigits ? (JSON.parse(JSON.stringify(after)) as Data) : after),
          );
          if (answer.status >= 300 || answer.text === '') return;
          // What comes back is readable, and stands there.
          const given = parseExactly(answer.text) as ModelResource;
          const now = await server.holds();
          expect(sees(token, given, 'r', now)).toBe(true);
          expect(now).toContainEqual(given);
        }),
        { numRuns },
      );
    },
    LONGEST_MS,
  );

  test(
    'what the token does not reach changes no byte of what it is told of a write',
    async () => {
      await fc.assert(
        fc.asyncProperty(anyData, anyData, anyWritingToken, anyWrite, async (data, others, token, write) => {
          const isHidden = (it: ModelResource, all: Data) =>
            ![...'rsud'].some((letter) => sees(token, it, letter, all));
          const changed = hiddenApart(data, others, isHidden);

          await upstream.holds(data);
          const before = await send(token, write);
          await upstream.holds(changed);
          expect(masked(await send(token, write))).toBe(masked(before));
        }),
        { numRuns },
      );
    },
    LONGEST_MS,
  );
});
