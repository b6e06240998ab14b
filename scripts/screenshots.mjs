/** `npm run screenshots`: takes the pictures of docs/pages anew, by day on a desk and by night on a telephone. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { startBrowser } from './infrastructure/browser.mjs';

const FOLDER = path.join('docs', 'pages');
/** @type {{ name: string, language: string, context: import('playwright-core').BrowserContextOptions }[]} */
const LOOKS = [
  { name: 'desk', language: 'en', context: { colorScheme: 'light', viewport: { width: 820, height: 600 } } },
  { name: 'telephone', language: 'es', context: { colorScheme: 'dark', viewport: { width: 390, height: 700 } } },
];

/** @type {typeof import('../test/pages/page-server.js')} */
const { pageNames, servePages } = await import(built('page-server'));

await mkdir(FOLDER, { recursive: true });
const pages = await servePages();
const browser = await startBrowser();
try {
  for (const { name, language, context } of LOOKS) {
    const look = await browser.newContext(context);
    for (const page of pageNames) {
      const tab = await look.newPage();
      await tab.goto(`${pages.url}/${language}/${page}`);
      await tab.screenshot({ path: path.join(FOLDER, `${page}-${name}.png`), fullPage: true });
    }
    await look.close();
  }
} finally {
  await browser.close();
  await pages.close();
}

/** @param {string} module of test/pages, as it was compiled: types come from its source */
function built(module) {
  return new URL(`../dist/test/pages/${module}.js`, import.meta.url).href;
}
