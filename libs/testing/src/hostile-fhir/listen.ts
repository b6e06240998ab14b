import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { HostileFhirServer } from './hostile-fhir-server.js';
import type { StoredResource } from './hostile-search.js';

/** A hostile FHIR server on a loopback port, with these resources. */
export async function listenHostile(
  resources: readonly StoredResource[],
): Promise<{ readonly base: string; readonly server: HostileFhirServer; readonly close: () => Promise<void> }> {
  const http = createServer().listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  if (typeof address !== 'object' || !address) throw new Error('not listening');
  const base = `http://127.0.0.1:${address.port}/fhir`;
  const server = new HostileFhirServer(resources, base);
  http.on('request', (request, response) => {
    void text(request).then(async (body) => {
      const target = (request.url ?? '').replace(/^\/fhir/, '');
      if (/\$export(\?|$)/.test(target)) await server.exports.onBegin();
      const answer = server.handle({ method: request.method ?? '', target, headers: request.headers, body });
      response.writeHead(answer.status, answer.headers);
      if (server.exports.endsFiles || !target.includes('$export-poll-file')) response.end(answer.body);
      else response.write(answer.body);
    });
  });
  const close = async () => {
    http.closeAllConnections();
    http.close();
    await once(http, 'close');
  };
  return { base, server, close };
}
