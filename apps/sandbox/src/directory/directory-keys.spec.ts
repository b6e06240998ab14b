import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keptDirectoryKeys } from './directory-keys.js';

describe('the directory’s keys', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'directory-keys-'));
    path = join(folder, 'directory', 'keys.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are made once, kept, and readable by their owner alone', async () => {
    const made = await keptDirectoryKeys(path);
    expect(await keptDirectoryKeys(path)).toEqual(made);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'directory'))).toEqual(['keys.json']);
    expect(made.accessToken).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256' });
    expect(made.idToken).toMatchObject({ kty: 'RSA', alg: 'RS256' });
  });

  it.each(['{}', 'null', '{"accessToken":{}}'])('are not silently replaced when the file holds %s', async (text) => {
    await keptDirectoryKeys(path);
    await writeFile(path, text);
    await expect(keptDirectoryKeys(path)).rejects.toThrow('remove it');
    expect(await readFile(path, 'utf8')).toBe(text);
  });
});
