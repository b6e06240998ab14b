import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { build } from '../../scripts/build.mjs';

describe('the build', () => {
  let root: string;
  const at = (file: string): string => path.join(root, file);
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(at(file)), { recursive: true });
    writeFileSync(at(file), text);
  };

  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-build-'));
    cpSync('.swcrc', at('.swcrc'));
    symlinkSync(path.resolve('node_modules'), at('node_modules'));
    write('apps/door/src/main.ts', 'export const open: boolean = true;\n');
    write('apps/door/src/main.spec.ts', 'not built');
    write('libs/keys/src/page.html', '<p>keys</p>');
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  it('compiles sources, copies what they read, and leaves tests out', async () => {
    expect(await build(root)).toBe(2);
    expect(readFileSync(at('dist/apps/door/src/main.js'), 'utf8')).toContain('export const open = true;');
    expect(readFileSync(at('dist/libs/keys/src/page.html'), 'utf8')).toBe('<p>keys</p>');
    expect(existsSync(at('dist/apps/door/src/main.spec.js'))).toBe(false);
  });

  it('does nothing a second time', async () => {
    await build(root);
    expect(await build(root)).toBe(0);
  });

  it('compiles again what changed, even to a source with an older date', async () => {
    await build(root);
    write('apps/door/src/main.ts', 'export const open = false;\n');
    utimesSync(at('apps/door/src/main.ts'), new Date(2020, 1), new Date(2020, 1));
    expect(await build(root)).toBe(1);
    expect(readFileSync(at('dist/apps/door/src/main.js'), 'utf8')).toContain('open = false');
  });

  it('removes what has no source any more', async () => {
    await build(root);
    rmSync(at('apps/door/src/main.ts'));
    await build(root);
    expect(existsSync(at('dist/apps/door/src/main.js'))).toBe(false);
    expect(existsSync(at('dist/apps/door/src/main.js.map'))).toBe(false);
  });

  it('compiles everything again under another configuration', async () => {
    await build(root);
    const configuration = JSON.parse(readFileSync(at('.swcrc'), 'utf8')) as object;
    writeFileSync(at('.swcrc'), JSON.stringify({ ...configuration, minify: false }));
    expect(await build(root)).toBe(2);
  });

  it('names the file that does not parse, and does not take it for built', async () => {
    write('apps/door/src/broken.ts', 'export const = ;');
    await expect(build(root)).rejects.toThrow(/broken\.ts[^]*The build failed/);
    await expect(build(root)).rejects.toThrow('The build failed');
  });
});
