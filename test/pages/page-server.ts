import { once } from 'node:events';
import { createServer } from 'node:http';
import { simulatorPage } from '../../apps/sandbox/src/launch-simulator/simulator-page.js';
import { sandboxPagePolicy } from '../../apps/sandbox/src/sandbox-page.js';
import { pagePolicy } from '../../apps/token/src/pages/page-style.js';
import { renderPage } from '../../apps/token/src/pages/render-page.js';
import type { PageView } from '../../apps/token/src/pages/view-models.js';
import { languages } from '../../apps/token/src/pages/words/words.js';
import { sampleSimulator, sampleViews } from './sample-views.js';

/** The pages of development, in English alone. */
const developmentPages: Readonly<Record<string, () => string>> = {
  'launch-simulator': () => simulatorPage(sampleSimulator),
};

/** What is served by its name. */
export const pageNames: readonly string[] = [...Object.keys(sampleViews), ...Object.keys(developmentPages)];

/** Serves each sample page at `/<language>/<page>`, with the policy that production sends, on a free port of loopback. */
export async function servePages(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    const [, language, page] = (request.url ?? '').split('/');
    const developing = developmentPages[page ?? ''];
    if (developing !== undefined) {
      response
        .writeHead(200, {
          'content-type': 'text/html; charset=utf-8',
          'content-security-policy': sandboxPagePolicy([]),
        })
        .end(developing());
      return;
    }
    const view: PageView | undefined = Object.values(sampleViews).find((each) => each.page === page);
    const known = languages.find((each) => each === language);
    if (view === undefined || known === undefined) {
      response.writeHead(404).end();
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': pagePolicy() })
      .end(renderPage(view, known));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The pages have no port.');
  return {
    url: `http://127.0.0.1:${String(address.port)}`,
    close: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
