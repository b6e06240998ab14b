import { GatewayInProcess, HostileUpstream } from './gateway-in-process.js';
import { own } from './guarded-servers.js';
import type { ModelResource } from './model.js';

/** How many requests one call may become is no way to find out, one by one, what is there and hidden. */
const upstream = new HostileUpstream();
const gateway = new GatewayInProcess(upstream);
beforeAll(async () => await gateway.start());
afterAll(async () => await gateway.close());

const observation = (id: string, patient: string): ModelResource => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  subject: { reference: `Patient/${patient}` },
  // Whom a search for the token's patient finds, whoever it is about.
  performer: [{ reference: 'Patient/patient-01' }],
});
const numbered = (count: number, prefix: string, patient: string) =>
  Array.from({ length: count }, (_none, index) => observation(`${prefix}${index}`, patient));
const idsOf = (all: readonly ModelResource[]) => all.map(({ id }) => id).join();

/** The answer, sealed places left out. */
async function answered(target: string, held: readonly ModelResource[]) {
  upstream.holds(held);
  const { status, text } = await gateway.call(own, target);
  return { status, text: text.replaceAll(/_page=[\w-]+/g, '_page=') };
}

test.each(['_summary=count&_count=1', '_count=0', '_total=accurate&_count=1', '_summary=count&_count=2'])(
  'a count (%s) is the same whether or not one that is hidden is among those asked for',
  async (controls) => {
    for (const count of [58, 59, 60, 61, 117, 118, 119, 120]) {
      const visible = numbered(count, 'v', 'patient-01');
      const hidden = observation('h', 'patient-02');
      const target = `/Observation?_id=${idsOf([...visible, hidden])}&${controls}`;
      const without = await answered(target, visible);
      expect([count, without.status]).toEqual([count, 200]);
      expect(without.text).toContain(`"total":${count}`);
      expect(await answered(target, [...visible, hidden])).toEqual(without);
    }
  },
);

test('a page is the same whether or not a hundred that are hidden stand between its matches', async () => {
  const first = observation('v1', 'patient-01');
  // About nobody, so that it is theirs who took part.
  const { subject: _, ...last } = observation('v2', 'patient-01');
  const hidden = numbered(100, 'h', 'patient-02');
  const target = `/Observation?_id=${idsOf([first, ...hidden, last])}&_count=1`;
  const without = await answered(target, [first, last]);
  expect(without.status).toBe(200);
  expect(await answered(target, [first, ...hidden, last])).toEqual(without);
});
