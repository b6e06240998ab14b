import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

/** What a FHIR server may do wrong while it answers. */
export type Brokenness =
  'cut' | 'cut-gzip' | 'garbage' | 'html' | 'endless' | 'large' | 'bomb' | 'brotli' | 'drip' | 'hangup';

/** A FHIR server that answers well until it is told otherwise. */
export interface BrokenFhir {
  readonly base: string;
  /** What it answers from now on: broken in that way, with a status, or well. */
  answers: Brokenness | number | 'well' | 'gzip';
  /** How many requests came, and what their headers were. */
  readonly requests: IncomingMessage['headers'][];
  /** How many bytes it was able to send of endless bodies. */
  readonly sent: () => number;
  readonly close: () => Promise<void>;
}

const PIECE = Buffer.alloc(65_536, ' ');
const RESOURCE = JSON.stringify({ resourceType: 'Observation', id: 'o1', note: [{ text: 'x'.repeat(4_000) }] });

/** Starts one on a loopback port. */
export async function listenBroken(): Promise<BrokenFhir> {
  let bytes = 0;
  const json = { 'content-type': 'application/fhir+json' };
  const pour = async (response: ServerResponse, most: number) => {
    const closed = once(response, 'close');
    for (let left = most; left > 0 && !response.destroyed; left -= PIECE.length) {
      bytes += PIECE.length;
      if (!response.write(PIECE)) await Promise.race([once(response, 'drain'), closed]);
    }
    response.end();
  };
  const answer = async (response: ServerResponse, how: BrokenFhir['answers']) => {
    switch (how) {
      case 'well':
        return response.writeHead(200, json).end(RESOURCE);
      case 'gzip':
        return response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(gzipSync(RESOURCE));
      case 'cut':
        response.writeHead(200, { ...json, 'content-length': 100_000 }).write(RESOURCE);
        return response.socket?.end();
      case 'cut-gzip': {
        const half = gzipSync(RESOURCE).subarray(0, 20);
        return response.writeHead(200, { ...json, 'content-encoding': 'gzip' }).end(half);
      }
      case 'garbage':
        return response.writeHead(200, json).end('{"resourceType":"Observation","secret');
      case 'html':
        return response.writeHead(200, { 'content-type': 'text/html' }).end('<html>secret</html>');
      case 'brotli':
        return response.writeHead(200, { ...json, 'content-encoding': 'br' }).end('secret');
      case 'endless':
        return await pour(response.writeHead(200, json), 1_000_000_000);
      case 'large':
        return await pour(response.writeHead(200, { ...json, 'content-length': 1_000_000_000 }), 1_000_000_000);
      case 'bomb':
        return response
          .writeHead(200, { ...json, 'content-encoding': 'gzip' })
          .end(gzipSync(Buffer.alloc(20_000_000, ' ')));
      case 'drip': {
        const timer = setInterval(() => response.write(' '), 50);
        response.writeHead(200, json).once('close', () => clearInterval(timer));
        return undefined;
      }
      case 'hangup':
        return response.destroy();
      default:
        return response.writeHead(how, json).end('{"resourceType":"OperationOutcome","secret":true}');
    }
  };
  const requests: IncomingMessage['headers'][] = [];
  const http = createServer((request, response) => {
    requests.push(request.headers);
    void answer(response, broken.answers);
  }).listen(0, '127.0.0.1');
  await once(http, 'listening');
  const address = http.address();
  if (typeof address !== 'object' || !address) throw new Error('not listening');
  const broken: BrokenFhir = {
    base: `http://127.0.0.1:${address.port}/fhir`,
    answers: 'well',
    requests,
    sent: () => bytes,
    close: async () => {
      http.closeAllConnections();
      http.close();
      await once(http, 'close');
    },
  };
  return broken;
}
