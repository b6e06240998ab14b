import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';

/** How an upstream answers a read, by the id that is asked for. */
export const paths = {
  /** At once, half a kilobyte. */
  quick: '/Observation/quick',
  /** At once, more than a socket takes at a time. */
  medium: '/Observation/medium',
  /** A byte twice a second, for ever. */
  dripping: '/Observation/dripping',
  /** At once, far more than the kernel keeps for a caller that reads slowly. */
  large: '/Observation/large',
} as const;

const LARGE_BYTES = 12 * 1_048_576;
const MEDIUM_BYTES = 262_144;
const DRIP_MS = 500;

/** A FHIR server that can be slow. */
export interface SlowUpstream {
  readonly url: string;
  /** How many reads drip now. */
  dripping(): number;
  close(): Promise<void>;
}

export async function slowUpstream(): Promise<SlowUpstream> {
  const drips = new Set<ServerResponse>();
  const large = observation('large', LARGE_BYTES);
  const medium = observation('medium', MEDIUM_BYTES);
  const quick = observation('quick', 500);
  const server = createServer((request, response) => {
    response.setHeader('content-type', 'application/fhir+json');
    if (request.url?.endsWith(paths.large)) response.end(large);
    else if (request.url?.endsWith(paths.medium)) response.end(medium);
    else if (request.url?.endsWith(paths.dripping)) {
      drips.add(response);
      response.once('close', () => drips.delete(response));
      response.write('{"resourceType":"Observation","id":"dripping"');
    } else response.end(quick);
  });
  const dripping = setInterval(() => drips.forEach((response) => response.write(' ')), DRIP_MS);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('not listening');
  return {
    url: `http://127.0.0.1:${address.port}/fhir`,
    dripping: () => drips.size,
    close: async () => {
      clearInterval(dripping);
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function observation(id: string, bytes: number): Buffer {
  return Buffer.from(
    JSON.stringify({ resourceType: 'Observation', id, status: 'final', note: [{ text: 'x'.repeat(bytes) }] }),
  );
}
