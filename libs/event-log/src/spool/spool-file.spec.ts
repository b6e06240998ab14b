import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { NotSpooled, type SpoolEntry, SpoolFile, SpoolUnusable } from './spool-file.js';

const entry = (value: string): SpoolEntry => ({ partition: 3, key: 'k', value });
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'spool-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const file = () => join(folder, 'activity.spool');
const opened = async (most = 10_000) => await SpoolFile.open(folder, most);
/** What the next process finds. */
async function found(): Promise<readonly string[]> {
  const { spool, left } = await opened();
  await spool.close();
  return left.map(({ value }) => value);
}

test('what was written is there for the next process, in order, and for its owner alone', async () => {
  const { spool } = await opened();
  await Promise.all([spool.write([entry('a\n1'), entry('ü')]), spool.write([entry('c')])]);
  await spool.write([entry('d')]);
  expect(statSync(file()).mode & 0o777).toBe(0o600);
  await spool.close();
  expect(await found()).toEqual(['a\n1', 'ü', 'c', 'd']);
});

test('what nobody needs is forgotten, and nothing that somebody still does', async () => {
  const { spool } = await opened();
  await spool.write([entry('a')]);
  await spool.clear(() => false);
  expect(spool.size).toBeGreaterThan(0);
  await Promise.all([spool.clear(() => true), spool.write([entry('b')])]);
  await spool.close();
  expect((await found()).at(-1)).toBe('b');
});

test('beyond its bound it takes nothing, and room that was made is there again', async () => {
  const { spool } = await opened(100);
  await spool.write([entry('x'.repeat(60))]);
  await expect(spool.write([entry('y'.repeat(60))])).rejects.toThrow(NotSpooled);
  await spool.clear(() => true);
  await spool.write([entry('y'.repeat(60))]);
  await spool.close();
  expect(await found()).toEqual(['y'.repeat(60)]);
});

test.each(['deadbeef [1,"k', '00000000 [1,"k","v"]\n', '\0\0\0\0\n'])(
  'what was torn while it was written is forgotten: %j',
  async (torn) => {
    const { spool } = await opened();
    await spool.write([entry('a')]);
    await spool.close();
    appendFileSync(file(), torn);
    expect(await found()).toEqual(['a']);
    expect(await found()).toEqual(['a']);
  },
);

test('what was changed in its middle is not passed over', async () => {
  const { spool } = await opened();
  await spool.write([entry('aaaa'), entry('bbbb')]);
  await spool.close();
  writeFileSync(file(), readFileSync(file(), 'utf8').replace('aaaa', 'aaab'));
  await expect(opened()).rejects.toThrow(SpoolUnusable);
});

test('a folder is one process’s at a time; what a dead one left counts no more', async () => {
  const lock = join(folder, 'activity.lock');
  writeFileSync(lock, `${hostname()} ${process.ppid}`);
  await expect(opened()).rejects.toThrow(`is that of process ${process.ppid}`);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  writeFileSync(lock, `${hostname()} ${pid}`);
  expect(await found()).toEqual([]);
});
