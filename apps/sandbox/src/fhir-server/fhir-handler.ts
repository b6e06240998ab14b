import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from '../read-body.js';
import type { SandboxFhirServer } from './sandbox-fhir-server.js';

/** The largest body that the sandbox reads, in bytes. */
const largestBody = 5 * 1024 * 1024;

/** The sandbox's FHIR server as a Node handler, for `mountHandler`. */
export function fhirHandler(
  server: SandboxFhirServer,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const body = await readBody(request, largestBody);
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const answer = await server.handle({
      method: request.method ?? '',
      target: request.url ?? '/',
      headers: request.headers,
      body,
    });
    response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  };
}
