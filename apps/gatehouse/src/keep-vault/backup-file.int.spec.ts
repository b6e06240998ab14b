import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { LocalWrappingKeys, VaultCorrupt } from '#vault';
import fc from 'fast-check';
import { readBackup, writeBackup } from './backup-file.js';
import { Failed } from './told.js';

const keys = new LocalWrappingKeys(randomBytes(32));
let folder: string;
let file: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-backup-'));
  file = path.join(folder, 'read');
});
afterAll(() => rm(folder, { recursive: true }));

async function* each(lines: readonly string[]): AsyncGenerator<string> {
  for (const line of lines) yield await Promise.resolve(line);
}

/** A backup of these lines, as bytes. */
async function backupOf(lines: readonly string[]): Promise<Buffer> {
  const written = path.join(folder, randomBytes(8).toString('hex'));
  await writeBackup(written, keys, each(lines));
  return await readFile(written);
}

async function linesOf(bytes: Buffer, by = keys): Promise<string[]> {
  await writeFile(file, bytes);
  const lines: string[] = [];
  for await (const line of readBackup(file, by)) lines.push(line);
  return lines;
}

/** Several pieces, that do not shrink when they are packed. */
const long = Array.from({ length: 60 }, () => randomBytes(40_000).toString('hex'));

describe('the file of a backup', () => {
  it('has every line again, whatever stands in it, in one piece or in many', async () => {
    const line = fc.json({ noUnicodeString: false }).map((text) => JSON.stringify(text));
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 30 }), async (lines) => {
        expect(await linesOf(await backupOf(lines))).toEqual(lines);
      }),
      { numRuns: 25 },
    );
    expect(await linesOf(await backupOf(long))).toEqual(long);
  });

  it('gives nothing once any byte of it was changed, or it was cut anywhere, or something was added', async () => {
    const whole = await backupOf(['{"one":1}', '{"two":2}']);
    const spoilt = fc.oneof(
      fc.tuple(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, by]) => {
        const copy = Buffer.from(whole);
        copy.writeUInt8(copy.readUInt8(at) ^ by, at);
        return copy;
      }),
      fc.nat(whole.length - 1).map((at) => whole.subarray(0, at)),
      fc.uint8Array({ minLength: 1, maxLength: 9 }).map((more) => Buffer.concat([whole, more])),
    );
    await fc.assert(
      fc.asyncProperty(spoilt, async (bytes) => {
        const error = await linesOf(bytes).catch((thrown: unknown) => thrown);
        expect(error instanceof Failed || error instanceof VaultCorrupt).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('gives nothing once pieces were left out, repeated, or taken from another file', async () => {
    const [whole, other] = [await backupOf(long), await backupOf(long)];
    const [pieces, others] = [piecesOf(whole), piecesOf(other)];
    const [head = whole, first = whole, second = whole, ...rest] = pieces;
    expect(rest.length).toBeGreaterThan(1);
    const last = rest.at(-1) ?? whole;
    for (const mixed of [
      [head, second, ...rest],
      [head, first, first, second, ...rest],
      [head, second, first, ...rest],
      [head, first, last],
      [head, first, second, ...rest.slice(0, -1)],
      [head, first, second, ...rest.slice(0, -1), others.at(-1) ?? whole],
      [others[0] ?? whole, first, second, ...rest],
    ])
      await expect(linesOf(Buffer.concat(mixed))).rejects.toThrow(/cut or changed|another key, or changed/);
    expect(await linesOf(Buffer.concat(pieces))).toEqual(long);
  });

  it('opens under no other key', async () => {
    const whole = await backupOf(['{}']);
    await expect(linesOf(whole, new LocalWrappingKeys(randomBytes(32)))).rejects.toThrow(VaultCorrupt);
  });

  it('does not stay half written when what it is made of fails', async () => {
    const written = path.join(folder, 'failed');
    const failing = (async function* () {
      yield await Promise.resolve('{}');
      throw new Error('the database went away');
    })();
    await expect(writeBackup(written, keys, failing)).rejects.toThrow('went away');
    await expect(readFile(written)).rejects.toThrow('ENOENT');
    await expect(readFile(`${written}.partial`)).rejects.toThrow('ENOENT');
  });
});

/** The two lines at the beginning, then each piece with its length. */
function piecesOf(bytes: Buffer): readonly Buffer[] {
  let at = bytes.indexOf('\n', bytes.indexOf('\n') + 1) + 1;
  const pieces = [bytes.subarray(0, at)];
  while (at < bytes.length) {
    const end = at + 4 + bytes.readUInt32BE(at);
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
