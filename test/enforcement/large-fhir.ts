import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { createGzip } from 'node:zlib';

const PIECE = Buffer.alloc(65_536, 'A');

/** How a large resource is written: its size in bytes, what stands before and behind its data, how it is sent. */
export interface LargeResource {
  readonly bytes: number;
  readonly before: string;
  readonly behind: string;
  readonly encoding?: 'gzip';
  /** Says how large it is. */
  readonly tellsLength?: true;
  /** The connection breaks after so many bytes. */
  readonly cutAt?: number;
  /** After so many bytes nothing more comes. */
  readonly stopsAt?: number;
}

/** A FHIR server that holds resources with texts of any size: as fast as they are taken, none of it in memory. */
export class LargeFhir {
  readonly resources = new Map<string, LargeResource>();
  /** What was handed to the connection until now, in bytes. */
  sent = 0;
  /** How many requests there were until now. */
  asked = 0;
  #underWay = new Set<ServerResponse>();
  base = '';
  readonly #server = createServer((request, response) => {
    this.asked++;
    const path = (request.url ?? '').replace('/fhir/', '').split('?')[0] ?? '';
    const found = this.resources.get(path);
    const headers = { 'content-type': 'application/fhir+json', etag: 'W/"1"' };
    if (!found) response.writeHead(404, headers).end('{"resourceType":"OperationOutcome"}');
    else void this.#pour(response, found, headers);
  });

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/fhir`;
  }

  /** Waits until nobody is answered any more. */
  async idle(): Promise<void> {
    await Promise.all([...this.#underWay].filter((it) => !it.closed).map(async (it) => void (await once(it, 'close'))));
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #pour(
    response: ServerResponse,
    { bytes, before, behind, encoding, tellsLength, cutAt = Infinity, stopsAt = Infinity }: LargeResource,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    this.#underWay.add(response);
    const gone = once(response, 'close').then(() => this.#underWay.delete(response));
    const length = bytes + before.length + behind.length;
    response.writeHead(200, {
      ...headers,
      ...(encoding ? { 'content-encoding': encoding } : {}),
      ...(tellsLength ? { 'content-length': length } : {}),
    });
    const into = encoding ? createGzip({ level: 1 }) : response;
    if (into !== response) into.pipe(response);
    into.write(before);
    let left = bytes;
    for (; left > 0 && bytes - left < cutAt && !response.destroyed; left -= PIECE.length) {
      const piece = PIECE.subarray(0, Math.min(left, PIECE.length));
      this.sent += piece.length;
      if (!into.write(piece)) await Promise.race([once(into, 'drain'), gone]);
      if (bytes - left + piece.length >= stopsAt) await gone;
    }
    if (left > 0) response.destroy();
    else into.end(behind);
  }
}
