import type { INestApplication } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** Of swagger-ui-dist, with their media types. */
const ASSETS: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'application/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Gatehouse</title>
    <link rel="stylesheet" href="./docs/swagger-ui.css">
    <link rel="icon" href="./docs/favicon-32x32.png" sizes="32x32">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="./docs/swagger-ui-bundle.js"></script>
    <script src="./docs/page.js"></script>
  </body>
</html>
`;

const SCRIPT = `SwaggerUIBundle({ url: './docs/openapi.json', dom_id: '#swagger-ui', deepLinking: true, validatorUrl: null });
`;

type Handler = (request: FastifyRequest, reply: FastifyReply) => unknown;

/**
 * Serves `/docs` (Swagger UI from its package, no other host) and `/docs/openapi.json`. What makes the document is loaded, and the
 * document made, when it is first asked for (docs/adr/0048-memory-at-rest.md).
 */
export function serveDocs(app: INestApplication, name: string, version: string, publicUrl: string): void {
  const router = app.getHttpAdapter();
  const get = (path: string, handler: Handler): void => void router.get(path, handler);
  get('/docs', (_request, reply) => reply.type('text/html').send(PAGE));
  // The page's links are for the path without a slash.
  get('/docs/', (_request, reply) => reply.redirect('../docs'));
  get('/docs/page.js', (_request, reply) => reply.type('application/javascript; charset=utf-8').send(SCRIPT));
  for (const [file, type] of Object.entries(ASSETS)) {
    get(`/docs/${file}`, async (_request, reply) => reply.type(type).send(await readFile(assetFile(file))));
  }
  let document: Promise<object> | undefined;
  get('/docs/openapi.json', async (_request, reply) => {
    document ??= import('./open-api-document.js').then((made) => made.openApiDocument(app, name, version, publicUrl));
    return reply.type('application/json; charset=utf-8').send(await document);
  });
}

function assetFile(name: string): string {
  return createRequire(import.meta.url).resolve(`swagger-ui-dist/${name}`);
}
