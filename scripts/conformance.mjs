// Writes docs/conformance.md: which test holds which section of which specification, by the names of the tests.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const named = /(['`])((?:(?!\1).)*\[((?:SMART|RFC|OIDC)[^\]§]*) §([\d.]+)\](?:(?!\1).)*)\1/g;

/** What nobody has tested by its section, or what is not there at all. */
const missing = [
  'Dynamic registration (RFC 7591, 7592), `user_access_brand_bundle`: not there.',
  'SMART 2.2 §4 (backend services): tested in `apps/token/src/token.int.spec.ts` and beside it, without its sections in the names.',
  'The scopes’ grammar (§3.0.2): tested by properties in `libs/smart/src/scopes`, without its sections in the names.',
];

const rows = globSync('{apps,libs,test}/**/*.spec.ts', { cwd: root })
  .sort()
  .flatMap((file) =>
    [...readFileSync(path.join(root, file), 'utf8').matchAll(named)].map(
      ([, , name = '', specification = '', section = '']) => ({
        specification,
        section,
        what: name.replace(/\[[^\]]*§[\d.]+\]\s*/, '').replaceAll('|', '\\|'),
        file,
      }),
    ),
  )
  .sort(
    (one, other) =>
      one.specification.localeCompare(other.specification, 'en', { numeric: true }) ||
      one.section.localeCompare(other.section, 'en', { numeric: true }),
  );

const table = rows.map(
  ({ specification, section, what, file }) => `| ${specification} §${section} | ${what} | \`${file}\` |`,
);
writeFileSync(
  path.join(root, 'docs', 'conformance.md'),
  `# What of the specifications is tested

Made by \`npm run conformance\` from the names of the tests.

| Section | Test | File |
| --- | --- | --- |
${table.join('\n')}

## Not covered

${missing.map((it) => `- ${it}`).join('\n')}
`,
);
