import { parseScopes, systemReaches } from '#smart';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { Admissions } from '../admit-patients/admissions.js';
import type { Standing } from '../admit-patients/patient-register.js';
import { CallRights } from '../ask-rights/call-rights.js';
import { Unanswered } from '../ask-rights/unanswered.js';
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

  file(rights?: CallRights): ExportedFile {
    return new ExportedFile(
      {
        call: {
          callId: 'call-1',
          claims,
          interaction: { kind: 'operation', level: 'system', name: 'export-file', via: 'get', params: [] },
          method: 'GET',
          correlationId: '',
          ...(rights ? { rights } : {}),
        },
        decided: { outcome: 'allow', scopes: [], granted: [], whole: false },
        access: undefined,
        records: {
          decidedNaming: async (call, _decision, _access, _status, patients = []) => {
            this.told.push(`${call.partOf}: ${[...patients].sort().join()}`);
            return { position: '', namesAll: true };
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
  const file = endless.file();
  const blocks = file.blocks([() => endless.read()], new BodyMemory(1_000_000));
  file.handedOver((await blocks.next()).value?.length ?? 0);
  expect(endless.told).toEqual(['call-1: p0,p1,p2,p3,p4,p5,p6']);
  await blocks.next();
  expect(endless.told.slice(1)).toEqual(['sent true', 'call-1: p0,p1,p2,p3,p4,p5,p6']);
  // Who goes away did not take it; a part of it may have left.
  await blocks.return();
  expect(endless.told.at(-1)).toBe('cut false');
  const another = endless.file();
  const cut = another.blocks([() => endless.read()], new BodyMemory(1_000_000));
  await cut.next();
  another.handedOver(65_536);
  await cut.return();
  expect(endless.told.at(-1)).toBe('cut true');
});

test('the server’s address is ours in every line', async () => {
  const endless = new Endless();
  const blocks = endless.file().blocks([() => endless.read()], new BodyMemory(1_000_000));
  const { value } = await blocks.next();
  await blocks.return();
  expect(String(value)).not.toContain('upstream.internal');
  expect(String(value)).toContain('https://gatehouse.example.org/fhir/Patient/p1');
});

describe('where patients are admitted', () => {
  /** What is said of everybody; undefined where nobody answers. */
  let standing: Standing | undefined;
  const rights = () => {
    const says = async (patients: readonly string[]) => {
      if (standing === undefined) throw new Unanswered('the register is away');
      const said = standing;
      return await Promise.resolve(new Map(patients.map((id) => [id, said])));
    };
    const register = { says, close: async () => await Promise.resolve() };
    return new CallRights(new Admissions([{ name: 'members', kind: 'opt-in', register }]).of('c1', []));
  };
  beforeEach(() => (standing = 'permit'));

  test('each block is asked about anew: who objects meanwhile is in none of those that follow', async () => {
    const endless = new Endless();
    async function* twice() {
      const lines = endless.read();
      // The second block's lines are read when the first was taken.
      for (let at = 0; at < 600; at++) yield (await lines.next()).value as Buffer;
    }
    const blocks = endless.file(rights()).blocks([twice], new BodyMemory(1_000_000));
    expect((await blocks.next()).value?.length).toBeGreaterThan(200_000);
    standing = 'deny';
    expect(await blocks.next()).toEqual({ done: true, value: undefined });
  });

  test('that nobody answers any more ends the file, and is counted', async () => {
    const endless = new Endless();
    const asked = rights();
    const blocks = endless.file(asked).blocks([() => endless.read()], new BodyMemory(1_000_000));
    await blocks.next();
    standing = undefined;
    await expect(blocks.next()).rejects.toThrow(Unanswered);
    expect(asked.tallies).toEqual([{ by: 'members', allowed: 0, denied: 0, unanswered: expect.any(Number) as number }]);
    expect(asked.tallies[0]?.unanswered).toBeGreaterThan(100);
  });

  test('of a file without a line it shows, too, that nobody answers', async () => {
    standing = undefined;
    await expect(new Endless().file(rights()).blocks([], new BodyMemory(1_000_000)).next()).rejects.toThrow(Unanswered);
  });
});
