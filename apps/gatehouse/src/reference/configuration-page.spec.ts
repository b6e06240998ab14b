import { readFile } from 'node:fs/promises';
import { configReference, configClassesOf } from '#host';
import { approvalPart } from '../../../approval/src/approval.part.js';
import { auditPart } from '../../../audit/src/audit.part.js';
import { gateway } from '../../../gateway/src/gateway.part.js';
import { registrationPart } from '../../../registration/src/registration.part.js';
import { reviewPart } from '../../../review/src/review.part.js';
import { tokenPart } from '../../../token/src/token.part.js';
import { configurationPage } from './configuration-page.js';

const PAGE = new URL('../../../../docs/configuration.md', import.meta.url);
const apps = [registrationPart, approvalPart, tokenPart, gateway, reviewPart, auditPart];

describe('the configuration reference', () => {
  it('stands in docs as it is made: `npm run configuration` makes it anew', async () => {
    expect(await readFile(PAGE, 'utf8')).toBe(configurationPage(apps));
  });

  it('names every setting of every app', () => {
    const page = configurationPage(apps);
    const variables = apps.flatMap((app) => configReference(configClassesOf(app)).map(({ variable }) => variable));
    expect([...new Set(variables)].filter((variable) => !page.includes(`| \`${variable}\``))).toEqual([]);
  });
});
