import { createRequire } from 'node:module';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { startBrowser } from '../../scripts/infrastructure/browser.mjs';
import { pageNames, servePages } from './page-server.js';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const WCAG_2_2_AA: RunOptions = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
};
const PAGES = pageNames;
const TELEPHONE = { width: 320, height: 640 };

declare global {
  var axe: { run(options: RunOptions): Promise<AxeResults> };
}

describe('the pages in a browser', () => {
  let pages: Awaited<ReturnType<typeof servePages>>;
  let browser: Browser;

  beforeAll(async () => {
    [pages, browser] = await Promise.all([servePages(), startBrowser()]);
  });
  afterAll(async () => {
    await browser.close();
    await pages.close();
  });

  async function open(page: string, options: BrowserContextOptions = {}) {
    const context = await browser.newContext(options);
    const tab = await context.newPage();
    const said: string[] = [];
    tab.on('console', (message) => said.push(message.text()));
    tab.on('requestfailed', (request) => said.push(`${request.url()} failed`));
    await tab.goto(`${pages.url}/${page}`);
    return { context, tab, said };
  }

  it.each(PAGES.flatMap((page) => [[`en/${page}`, 'light'] as const, [`es/${page}`, 'dark'] as const]))(
    'keep WCAG 2.2 AA: %s, %s',
    async (page, colorScheme) => {
      // axe is a script, which the policy of the page would not let run.
      const { context, tab } = await open(page, { colorScheme, viewport: TELEPHONE, bypassCSP: true });
      await tab.addScriptTag({ path: AXE });
      const { violations, passes } = await tab.evaluate((options) => globalThis.axe.run(options), WCAG_2_2_AA);
      expect(violations.map(({ id, nodes }) => ({ id, where: nodes.map((node) => node.html) }))).toEqual([]);
      expect(passes.map(({ id }) => id)).toContain('color-contrast');
      await context.close();
    },
  );

  it.each(PAGES)(
    'are styled under their own policy, and fit a telephone without scrolling sideways: %s',
    async (page) => {
      const { context, tab, said } = await open(`es/${page}`, { viewport: TELEPHONE });
      const width = await tab.evaluate<number>('document.documentElement.scrollWidth');
      const margin = await tab.evaluate<string>('getComputedStyle(document.body).margin');
      expect(said).toEqual([]);
      expect(width).toBeLessThanOrEqual(TELEPHONE.width);
      expect(margin).toMatch(/^0px( auto)?$/);
      await context.close();
    },
  );

  it('offer the parts of a scope when the whole of it is not ticked, by keyboard alone', async () => {
    const { context, tab } = await open('en/consent');
    const whole = tab.getByRole('checkbox', { name: /^Results and measurements See/ });
    const part = tab.getByRole('checkbox', { name: 'Laboratory results', exact: true });
    expect(await part.isVisible()).toBe(false);
    await whole.focus();
    await tab.keyboard.press('Space');
    expect(await part.isVisible()).toBe(true);
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('Space');
    expect(await part.isChecked()).toBe(true);
    await context.close();
  });

  it('tick what is to be seen, and neither what may be changed nor a stay', async () => {
    const { context, tab } = await open('en/consent');
    const boxes = await tab.getByRole('checkbox', { checked: true }).all();
    const ticked = await Promise.all(boxes.map((box) => box.getAttribute('value')));
    expect(ticked).toEqual([
      'patient/Patient.rs',
      'patient/Condition.rs',
      'patient/Observation.rs',
      'openid',
      'fhirUser',
    ]);
    await context.close();
  });
});
