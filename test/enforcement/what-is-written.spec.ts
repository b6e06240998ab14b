import fc from 'fast-check';
import { parseExactly } from '#smart';
import { anyData, anyWrite, anyWritingToken, type ModelWrite } from './arbitraries.js';
import { GatewayInProcess, HostileUpstream } from './gateway-in-process.js';
import { type ModelResource, type ModelToken, sees } from './model.js';
import { sendWrite } from './send-asked.js';
import { type Data, expected, plainly } from './write-model.js';

/** `CASES=10000 npm run test:unit -- test/enforcement` is the long run. */
const CASES = Number(process.env['CASES'] ?? 500);
const LONGEST_MS = 60_000 + CASES * 200;
const upstream = new HostileUpstream();
const gateway = new GatewayInProcess(upstream);
beforeAll(async () => await gateway.start());
afterAll(async () => await gateway.close());

const keyOf = ({ resourceType, id }: ModelResource) => `${resourceType}/${id}`;

const send = async (token: ModelToken, write: ModelWrite) => await sendWrite(gateway, token, write);

test(
  'what is there afterwards is what the scopes let the token make of what was there',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyData, anyWritingToken, anyWrite, async (data, token, write) => {
        const server = upstream.holds(data);
        const answer = await send(token, write);
        const { status, after } = expected(token, data, write);
        expect(answer.status).toBe(status);
        expect(plainly(server.holds())).toEqual(plainly(after));
        if (answer.status >= 300 || answer.text === '') return;
        // What comes back is readable, and stands there.
        const given = parseExactly(answer.text) as ModelResource;
        expect(sees(token, given, 'r', server.holds())).toBe(true);
        expect(server.holds()).toContainEqual(given);
      }),
      { numRuns: CASES },
    );
  },
  LONGEST_MS,
);

test(
  'what the token does not reach changes no byte of what it is told of a write',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyData, anyData, anyWritingToken, anyWrite, async (data, others, token, write) => {
        const isHidden = (it: ModelResource, all: Data) => ![...'rsud'].some((letter) => sees(token, it, letter, all));
        const seen = data.filter((it) => !isHidden(it, data));
        const taken = new Set(seen.map(keyOf));
        const added = others.filter((it) => !taken.has(keyOf(it)) && isHidden(it, [...data, ...others]));
        const changed = [...seen, ...added];
        fc.pre(changed.every((it) => isHidden(it, changed) === !seen.includes(it)));

        upstream.holds(data);
        const before = await send(token, write);
        upstream.holds(changed);
        expect(await send(token, write)).toEqual(before);
      }),
      { numRuns: CASES },
    );
  },
  LONGEST_MS,
);
