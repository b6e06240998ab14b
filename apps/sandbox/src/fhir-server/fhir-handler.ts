import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SandboxFhirServer } from './sandbox-fhir-server.js';

/** The largest body that the sandbox reads, in bytes. */
const largestBody = 5 * 1024 * 1024;

/** The sandbox's FHIR server as a Node handler, for `mountHandler`. */
export function fhirHandler(server: SandboxFhirServer): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const body = await readBody(request);
    if (body === undefined) {
      response.writeHead(413, { connection: 'close' }).end();
      return;
    }
    const answer = await server.handle({ method: request.method ?? '', target: request.url ?? '/', headers: request.headers, body });
    response.writeHead(answer.status, { ...answer.headers, 'content-length': String(answer.body.length) });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  };
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) throw new TypeError('the stream of a request gives buffers');
    size += chunk.length;
    if (size > largestBody) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
