import { parseScopes, systemReaches } from '#smart';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { ExportedFile } from './exported-file.js';

const scopes = parseScopes(['system/Observation.rs']);
const claims = {
  endpoint: 'default',
  tokenId: 't1',
  epoch: 0,
  applicationId: 'a1',
  clientId: 'c1',
  approvalVersion: 1,
  scopes: [],
  expiresAtMs: 0,
  subject: 'c1',
};
const sight = {
  type: 'Observation',
  level: 'system',
  sight: { scopes: scopes.ok ? scopes.scopes : [], reaches: systemReaches, bases: ['http://upstream.internal'] },
  bases: { upstream: 'http://upstream.internal', ours: 'https://gatehouse.example.org/fhir' },
} as const;

/** A file without an end; `given` counts what was taken of it. */
class Endless {
  given = 0;
  readonly told: string[] = [];

  async *read(): AsyncGenerator<Buffer, void> {
    for (;;) {
      const subject = { reference: `http://upstream.internal/Patient/p${this.given % 7}` };
      this.given++;
      yield Buffer.from(
        `${JSON.stringify({ resourceType: 'Observation', id: 'o', subject, note: 'x'.repeat(1_000) })}\n`,
      );
    }
  }

  file(): ExportedFile {
    return new ExportedFile(
      {
        call: {
          callId: 'call-1',
          claims,
          interaction: { kind: 'operation', level: 'system', name: 'export-file', via: 'get', params: [] },
          method: 'GET',
          correlationId: '',
        },
        decided: { outcome: 'allow', scopes: [], granted: [], whole: false },
        access: undefined,
        records: {
          decided: async (call, _decision, _access, _status, patients = []) => {
            this.told.push(`${call.partOf}: ${[...patients].sort().join()}`);
            return '';
          },
          completed: async (_call, { ending, bytes }) => void this.told.push(`${ending} ${bytes > 0}`),
        },
      },
      sight,
    );
  }
}

test('no more is taken of a file than leaves: who waits holds the server back', async () => {
  const endless = new Endless();
  const blocks = endless.file().blocks([() => endless.read()], new BodyMemory(1_000_000));
  for (let taken = 1; taken <= 3; taken++) {
    const { value } = await blocks.next();
    expect(value?.length).toBeGreaterThan(200_000);
    expect(endless.given * 1_000).toBeLessThan(taken * 300_000);
  }
  await blocks.return();
});

test('whose data a block holds is recorded before it leaves, and what became of it afterwards', async () => {
  const endless = new Endless();
  const blocks = endless.file().blocks([() => endless.read()], new BodyMemory(1_000_000));
  await blocks.next();
  expect(endless.told).toEqual(['call-1: p0,p1,p2,p3,p4,p5,p6']);
  await blocks.next();
  expect(endless.told.slice(1)).toEqual(['sent true', 'call-1: p0,p1,p2,p3,p4,p5,p6']);
  // Who goes away did not take it.
  await blocks.return();
  expect(endless.told.at(-1)).toBe('cut false');
});

test('the server’s address is ours in every line', async () => {
  const endless = new Endless();
  const blocks = endless.file().blocks([() => endless.read()], new BodyMemory(1_000_000));
  const { value } = await blocks.next();
  await blocks.return();
  expect(String(value)).not.toContain('upstream.internal');
  expect(String(value)).toContain('https://gatehouse.example.org/fhir/Patient/p1');
});
