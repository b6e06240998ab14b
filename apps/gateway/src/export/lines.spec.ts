import fc from 'fast-check';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { linesOf } from './lines.js';

async function* from(pieces: readonly Buffer[]): AsyncGenerator<Buffer, void> {
  yield* pieces;
}

async function read(pieces: readonly Buffer[], memory = new BodyMemory(1_000_000), most?: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(from(pieces), memory, most)) lines.push(line.toString('utf8'));
  return lines;
}

test('lines are what stands between newlines, however they come', async () => {
  const text = fc.string({ unit: fc.constantFrom('a', '\n', 'ü', '{', '\r') });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(10)), async (whole, cuts) => {
      const bytes = Buffer.from(whole);
      const pieces: Buffer[] = [];
      let at = 0;
      for (const cut of cuts) pieces.push(bytes.subarray(at, (at += cut)));
      pieces.push(bytes.subarray(at));
      expect(await read(pieces)).toEqual(whole.split('\n').filter((it) => it !== ''));
    }),
  );
});

test('a line beyond the bound ends it; one at the bound does not, and the next is counted anew', async () => {
  const line = (length: number) => Buffer.from(`${'x'.repeat(length)}\n`);
  expect(await read([line(10), line(10)], undefined, 10)).toHaveLength(2);
  await expect(read([line(10), line(11)], undefined, 10)).rejects.toMatchObject({ answer: { status: 502 } });
  await expect(read([Buffer.from('x'.repeat(6)), Buffer.from('x'.repeat(6))], undefined, 10)).rejects.toMatchObject({
    answer: { status: 502 },
  });
});

test('a large line needs memory of its own, and gives it back', async () => {
  const large = Buffer.from(`${'x'.repeat(400_000)}\n`);
  const memory = new BodyMemory(500_000);
  expect(await read([large, large, large], memory)).toHaveLength(3);
  expect(memory.lease().take(500_000)).toBe(true);
  await expect(read([large], memory)).rejects.toMatchObject({ answer: { status: 503 } });
});
