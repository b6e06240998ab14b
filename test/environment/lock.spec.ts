import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { isRunning, nameOf, takeLock, waitForLock } from '../../scripts/infrastructure/lock.mjs';

describe('the lock of a start', () => {
  let folder: string;
  let file: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-lock-'));
    file = path.join(folder, 'lock');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is refused to a second start, which learns who has it', () => {
    expect(takeLock(file)).toHaveProperty('release');
    expect(takeLock(file)).toEqual({ holder: nameOf(process.pid) });
  });

  it('is free again once released, and leaves no file', async () => {
    const lock = await waitForLock(file);
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
    expect(takeLock(file)).toHaveProperty('release');
  });

  it('is taken over from a process that was killed', () => {
    const { pid } = spawnSync(process.execPath, ['--version']);
    writeFileSync(file, JSON.stringify({ pid, started: '1' }));
    expect(takeLock(file)).toHaveProperty('release');
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(nameOf(process.pid));
    expect(readdirSync(folder)).toEqual(['lock']);
  });

  it('is taken over from a process whose id another one has by now', () => {
    writeFileSync(file, JSON.stringify({ ...nameOf(process.pid), started: 'long ago' }));
    expect(takeLock(file)).toHaveProperty('release');
  });

  it('tells a process from a later one with the same id', () => {
    expect(isRunning(nameOf(process.pid))).toBe(true);
    expect(isRunning({ pid: process.pid, started: 'long ago' })).toBe(false);
  });
});
