// Writes docs/conformance.md: which test holds which requirement, and which section of which specification.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { testNames } from './conformance/test-names.mjs';

/** @typedef {{ title: string, base?: string, files: Record<string, string>, requirements: [string, string, string, string[] | string][] }} Requirements */

const root = fileURLToPath(new URL('..', import.meta.url));
const named = /\[((?:SMART|RFC|OIDC)[^\]§]*) §([\d.]+)\]/g;
/** @param {string} text */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** @type {Map<string, string[]>} */
const tests = new Map(
  globSync(['{apps,libs,test}/**/*.spec.ts', 'test/end-to-end/smart-launches.ts'], { cwd: root })
    .sort()
    .map((file) => [file, testNames(file, readFileSync(path.join(root, file), 'utf8'))]),
);

/** @type {string[]} */
const lost = [];
const tables = ['smart-app-launch-2.2.json', 'what-is-judged.json'].map((name) => {
  /** @type {Requirements} */
  const { title, base, files, requirements } = JSON.parse(
    readFileSync(path.join(root, 'scripts', 'conformance', name), 'utf8'),
  );
  const rows = requirements.map(([ids, where, what, held]) => {
    const section = base === undefined ? where : `[${where.replace('.html', '')}](${base}${where})`;
    const by =
      typeof held === 'string' ? `**not covered**: ${held}` : held.map((test) => shown(test, files)).join('<br>');
    return `| ${base === undefined ? '' : `${ids} | `}${section} | ${cell(what)} | ${cell(by)} |`;
  });
  const head =
    base === undefined
      ? ['| About | What | Held by |', '| --- | --- | --- |']
      : ['| No. | Section | What | Held by |', '| --- | --- | --- | --- |'];
  return `## ${title}\n\n${[...head, ...rows].join('\n')}\n`;
});

/**
 * @param {string} reference the short name of a file, a colon, and words of a test's name
 * @param {Record<string, string>} files
 */
function shown(reference, files) {
  const at = reference.indexOf(': ');
  const [alias, words] = [reference.slice(0, at), reference.slice(at + 2)];
  const file = files[alias] ?? '';
  const found = tests.get(file)?.find((name) => name.includes(words));
  if (found === undefined) lost.push(`${reference} (${file})`);
  return `${withoutSections(found ?? '')} (\`${file}\`)`;
}

/** @param {string} name of a test */
function withoutSections(name) {
  return name.replaceAll(/\[[^\]]*§[\d.]+\]\s*/g, '');
}

if (lost.length > 0) {
  console.error(`These tests hold a requirement and are not there any more:\n  ${lost.join('\n  ')}`);
  process.exit(1);
}

const sections = [...tests]
  .flatMap(([file, names]) =>
    names.flatMap((name) =>
      [...name.matchAll(named)].map(([, specification = '', section = '']) => {
        return { specification, section, what: withoutSections(name), file };
      }),
    ),
  )
  .sort(
    (one, other) =>
      one.specification.localeCompare(other.specification, 'en', { numeric: true }) ||
      one.section.localeCompare(other.section, 'en', { numeric: true }),
  )
  .map(({ specification, section, what, file }) => `| ${specification} §${section} | ${cell(what)} | \`${file}\` |`);

writeFileSync(
  path.join(root, 'docs', 'conformance.md'),
  `# What of the specifications is tested

Made by \`npm run conformance\` from \`scripts/conformance\` and the names of the tests; it fails when a test that holds a requirement is gone. The numbers
are those under which the Inferno programme's test kit lists the requirements of SMART App Launch 2.2.0.

${tables.join('\n')}
## By section

| Section | Test | File |
| --- | --- | --- |
${sections.join('\n')}
`,
);
