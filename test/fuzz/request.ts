import { Agent, type IncomingMessage, request } from 'node:http';
import { once } from 'node:events';
import { buffer } from 'node:stream/consumers';

/** One request, to be sent as it stands: paths and headers that `fetch` would mend or refuse go out too. */
export interface FuzzedRequest {
  readonly method: string;
  /** With its query. May name things that are known by then, as `{{applications:3}}`. */
  readonly target: string;
  /** Whose token it carries. */
  readonly as: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Whether the body is JSON that the server has to be able to read. */
  readonly readable: boolean;
}

/** What came back. */
export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

const ANSWER_TIMEOUT_MS = 40_000;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

/** Sends it to `url`; throws when no answer comes. */
export async function send(url: string, { method, target, headers, body }: FuzzedRequest): Promise<Answered> {
  const { hostname, port } = new URL(url);
  const bytes = body === undefined ? undefined : Buffer.from(body, 'utf8');
  const outgoing = request({
    agent,
    hostname,
    port,
    method,
    path: target,
    headers: { ...headers, ...(bytes === undefined ? {} : { 'content-length': bytes.length }) },
    signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
  });
  outgoing.end(bytes);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = (await buffer(incoming)).toString('utf8');
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, text };
}

/** A command line that sends the same. */
export function curlOf(url: string, { method, target, as, headers, body }: FuzzedRequest): string {
  const shown = Object.entries(headers).map(([name, value]) =>
    name === 'authorization' && as !== 'nobody' && as !== 'garbage'
      ? `-H "authorization: Bearer $(npx gatehouse token --as ${as})"`
      : `-H ${quoted(`${name}: ${value}`)}`,
  );
  const data = body === undefined ? [] : [`--data-binary ${quoted(body)}`];
  return ['curl -i --path-as-is -g', `-X ${method}`, ...shown, ...data, quoted(`${url}${target}`)].join(' ');
}

/** For a shell: printable ASCII as it is, the rest as escapes of `$'…'`. */
function quoted(text: string): string {
  if (/^[\x20-\x7e]*$/.test(text)) return `'${text.replaceAll("'", `'\\''`)}'`;
  const bytes = [...Buffer.from(text, 'utf8')].map((byte) =>
    byte >= 0x20 && byte <= 0x7e && byte !== 0x27 && byte !== 0x5c
      ? String.fromCharCode(byte)
      : `\\x${byte.toString(16).padStart(2, '0')}`,
  );
  return `$'${bytes.join('')}'`;
}
