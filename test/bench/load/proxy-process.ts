import { createServer } from 'node:http';
import { Pool } from 'undici';

/** What a bare proxy does with a body. */
export interface ProxyPlan {
  readonly upstream: string;
  /** Parses the body and writes it anew, the least that a gateway does that looks into it; else it is streamed. */
  readonly parses: boolean;
}

/** Not handed on by a proxy (RFC 9110, 7.6.1). */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'te', 'trailer', 'upgrade', 'host']);

/** A bare proxy on undici, to compare with: nothing is checked. A plan comes by message, its port goes back. */
process.once('message', ({ upstream, parses }: ProxyPlan) => {
  const pool = new Pool(upstream, { connections: 64, pipelining: 1 });
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    let status = 0;
    let head: Record<string, string | string[]> = {};
    pool.dispatch(
      { method: 'GET', path: request.url ?? '/', headers: withoutHops(request.headers) },
      {
        onRequestStart(controller) {
          response.once('close', () => {
            if (!response.writableFinished) controller.abort(new Error('the caller is gone'));
          });
        },
        onResponseStart(_controller, statusCode, headers) {
          status = statusCode;
          head = withoutHops(headers);
          if (!parses) response.writeHead(status, head);
        },
        onResponseData(controller, piece) {
          if (parses) pieces.push(piece);
          else if (!response.write(piece)) {
            controller.pause();
            response.once('drain', () => controller.resume());
          }
        },
        onResponseEnd() {
          if (!parses) return void response.end();
          const body = Buffer.from(JSON.stringify(JSON.parse(Buffer.concat(pieces).toString())));
          response.writeHead(status, { ...head, 'content-length': body.length });
          response.end(body);
        },
        onResponseError() {
          if (!response.headersSent) response.writeHead(502);
          response.end();
        },
      },
    );
  });
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    process.send?.(typeof address === 'object' && address !== null ? address.port : 0);
  });
});
process.once('disconnect', () => process.exit());

function withoutHops(headers: Readonly<Record<string, string | string[] | undefined>>) {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !HOP_BY_HOP.has(name)) kept[name] = value;
  return kept;
}
