import { lookup as resolveName, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';
import { Agent, request } from 'undici';

/** What a fetch of somebody else's URL may cost. */
const limits = { bytes: 64 * 1024, ms: 3_000 } as const;

/** An address of a client's choosing was not fetched, or gave nothing that may be used. */
export class FetchRefused extends Error {
  override readonly name = 'FetchRefused';
  readonly code = 'fetch-refused';
}

export interface Fetched {
  readonly body: string;
  readonly cacheControl: string | undefined;
}

export interface FetchGuard {
  /** Development alone: plain http and loopback addresses may be fetched. */
  readonly allowLoopback: boolean;
  /** How names are resolved: `dns.lookup` unless a test says otherwise. */
  readonly resolve?: typeof resolveName;
}

/**
 * Fetches JSON from URLs that clients registered (OWASP, Server-Side Request Forgery): https, public unicast addresses
 * alone, no redirects, no proxies, bounded in size and time. The address is looked at when the connection is made, and
 * it is the one that is connected to, so that a name which changes its mind gains nothing.
 */
export class GuardedFetch {
  private readonly agent: Agent;

  constructor(private readonly guard: FetchGuard) {
    this.agent = new Agent({
      connect: { lookup: this.lookup(), timeout: limits.ms },
      connections: 2,
      keepAliveTimeout: 1_000,
    });
  }

  /** @throws FetchRefused for whatever kept it from a 200 with a small body */
  async json(address: string): Promise<Fetched> {
    const url = this.permitted(address);
    try {
      const response = await request(url, {
        dispatcher: this.agent,
        headers: { accept: 'application/jwk-set+json, application/json' },
        signal: AbortSignal.timeout(limits.ms),
      });
      if (response.statusCode !== 200) {
        await response.body.dump({ limit: limits.bytes });
        throw new FetchRefused(`it answered ${response.statusCode}`);
      }
      const { 'cache-control': cacheControl } = response.headers;
      return {
        body: await textOf(response.body),
        cacheControl: Array.isArray(cacheControl) ? cacheControl.join(',') : cacheControl,
      };
    } catch (error) {
      throw error instanceof FetchRefused ? error : new FetchRefused('it could not be fetched', { cause: error });
    }
  }

  async onModuleDestroy(): Promise<void> {
    await this.agent.destroy();
  }

  private permitted(address: string): URL {
    const url = URL.canParse(address) ? new URL(address) : undefined;
    if (url === undefined || !(url.protocol === 'https:' || (url.protocol === 'http:' && this.guard.allowLoopback))) {
      throw new FetchRefused('only https addresses are fetched');
    }
    if (url.username !== '' || url.password !== '') throw new FetchRefused('credentials in an address are refused');
    // A literal address is connected to without a lookup, so it is looked at here.
    const host = url.hostname.replace(/^\[|\]$/g, '');
    if (isIP(host) !== 0 && !mayReach(host, this.guard.allowLoopback))
      throw new FetchRefused('internal addresses are not fetched');
    return url;
  }

  private lookup(): LookupFunction {
    const { allowLoopback, resolve = resolveName } = this.guard;
    return (hostname, options: LookupOptions, callback) => {
      resolve(hostname, { ...options, all: true }, (error, addresses: LookupAddress[]) => {
        if (error) return callback(error, []);
        const [first] = addresses;
        if (first === undefined || !addresses.every(({ address }) => mayReach(address, allowLoopback))) {
          return callback(new FetchRefused('internal addresses are not fetched'), []);
        }
        if (options.all === true) return callback(null, addresses);
        callback(null, first.address, first.family);
      });
    };
  }
}

/** Whether an address is a public one: unicast, and not IPv4 in another dress. */
export function mayReach(address: string, allowLoopback: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return range === 'unicast' || (allowLoopback && range === 'loopback');
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > limits.bytes) throw new FetchRefused(`its answer is longer than ${limits.bytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
