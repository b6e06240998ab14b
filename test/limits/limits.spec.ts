import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';

const page = readFileSync('docs/limits.md', 'utf8');

/** What can grow: private lists, maps and sets of classes, and those of modules. */
const GROWING =
  /^(?: {2}(?:private (?:readonly )?(?<own>\w+)|(?:readonly )?#(?<hidden>\w+))(?:: [^=\n]+)? = (?:new (?:Map|Set)(?:<.*>)?\(|\[\]|Array\.from\()|(?:export )?(?:const|let) (?<ofModule>\w+)(?:: [^=\n]+)? = new (?:Map|Set)(?:<.*>)?\(\))/gm;
const growing = globSync(['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts'])
  .filter((file) => !/\.spec\.ts$|^libs\/testing\/|^apps\/(sandbox|cli)\//.test(file))
  .flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(GROWING)].map(
      ({ groups = {} }) => `${path.basename(file)}#${groups['own'] ?? groups['hidden'] ?? groups['ofModule'] ?? ''}`,
    ),
  );

describe('docs/limits.md', () => {
  it('names everything that can grow', () => {
    expect(growing.length).toBeGreaterThan(50);
    expect(growing.filter((each) => !page.includes(`\`${each}\``))).toEqual([]); // else say there what bounds it
  });

  it('names nothing that is not there', () => {
    const named = [...page.matchAll(/`([\w.-]+\.ts#\w+)`/g)].map(([, each = '']) => each);
    expect(named.filter((each) => !growing.includes(each))).toEqual([]);
  });

  it('names tests that are there', () => {
    const tests = [...page.matchAll(/\[([^\]]+)\]\(\.\.\/([^)]+\.spec\.ts)\)/g)];
    expect(tests.length).toBeGreaterThan(10);
    const lost = tests.filter(
      ([, title = '', file = '']) => !existsSync(file) || !readFileSync(file, 'utf8').includes(title),
    );
    expect(lost.map(([, title, file]) => `${file}: ${title}`)).toEqual([]);
  });
});
