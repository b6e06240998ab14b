import { readFile } from 'node:fs/promises';
import { validate, ValidationSeverity } from 'dockerfile-utils';

const read = (file: string) => readFile(file, 'utf8');

describe('the Dockerfile', () => {
  it('has no fault that a linter finds', async () => {
    const { ERROR } = ValidationSeverity;
    const strict = {
      deprecatedMaintainer: ERROR,
      directiveCasing: ERROR,
      emptyContinuationLine: ERROR,
      instructionCasing: ERROR,
      instructionCmdMultiple: ERROR,
      instructionEntrypointMultiple: ERROR,
      instructionHealthcheckMultiple: ERROR,
      instructionJSONInSingleQuotes: ERROR,
      instructionWorkdirRelative: ERROR,
    };
    expect(validate(await read('Dockerfile'), strict)).toEqual([]);
  });

  it('runs the Node that the project pins, from an image that is named by its digest', async () => {
    const pinned = (JSON.parse(await read('package.json')) as { dependencies: { node: string } }).dependencies.node;
    const stages = (await read('Dockerfile')).match(/^FROM .*$/gm);
    expect(stages).toEqual(['FROM ${NODE_IMAGE} AS build', 'FROM ${NODE_IMAGE} AS packages', 'FROM ${NODE_IMAGE}']);
    const image = /^ARG NODE_IMAGE=(.*)$/m.exec(await read('Dockerfile'))?.[1];
    expect(image).toMatch(new RegExp(`^node:${pinned.replaceAll('.', '\\.')}-bookworm-slim@sha256:[0-9a-f]{64}$`));
  });

  it('fetches nothing that is not named by its digest: no front end for the build either', async () => {
    const file = await read('Dockerfile');
    const syntax = /^#\s*syntax\s*=\s*(.*)$/im.exec(file)?.[1];
    expect(syntax ?? '@sha256:').toContain('@sha256:');
    const stages = ['build', 'packages', '${NODE_IMAGE}'];
    const from = [...file.matchAll(/^(?:FROM |COPY .*--from=|RUN .*from=)(\S+)/gm)].map(([, name]) => name);
    expect(from.filter((name) => !stages.includes(name ?? ''))).toEqual([]);
  });

  it('is nobody special, and knows whether it lives', async () => {
    const last = (await read('Dockerfile')).split(/^FROM /m).at(-1) ?? '';
    expect(/^USER (\S+)$/m.exec(last)?.[1]).toBe('1000:1000');
    expect(last).toMatch(/^HEALTHCHECK .*CMD \["node", "deploy\/image\/health.mjs"\]$/m);
  });

  it('is given nothing but what it copies: no secret of a development start', async () => {
    const lines = (await read('.dockerignore')).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(lines[0]).toBe('*');
    const let_in = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    const copied = [...(await read('Dockerfile')).matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) =>
      from.split(' '),
    );
    expect(copied.filter((path) => !let_in.some((each) => path === each || path.startsWith(`${each}/`)))).toEqual([]);
    expect(let_in.filter((each) => !copied.some((path) => path === each || path.startsWith(`${each}/`)))).toEqual([]);
  });
});
