import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { brokenSeals, seal } from './seals.js';

describe('a sealed folder', () => {
  let folder: string;
  const write = (name: string, text: string): void => writeFileSync(path.join(folder, name), text);
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'seals-'));
    write('a.json', '1');
    seal(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is well while nothing changes', () => {
    expect(brokenSeals(folder)).toEqual([]);
  });

  it('tells a changed file, and sealing again does not hide it', () => {
    write('a.json', '2');
    seal(folder);
    expect(brokenSeals(folder)).toEqual([expect.stringContaining('a.json was changed')]);
  });

  it('tells a file that is gone', () => {
    rmSync(path.join(folder, 'a.json'));
    expect(brokenSeals(folder)).toEqual([expect.stringContaining('a.json is gone')]);
  });

  it('tells a file that was never sealed, until it is', () => {
    write('b.json', '1');
    expect(brokenSeals(folder)).toEqual([expect.stringContaining('b.json is not sealed')]);
    seal(folder);
    expect(brokenSeals(folder)).toEqual([]);
  });
});
