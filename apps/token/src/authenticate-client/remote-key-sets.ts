import { calculateJwkThumbprint } from 'jose';
import { FetchRefused, type Fetched } from './guarded-fetch.js';

/** A public key that a client signs with, and the RFC 7638 thumbprint that its tokens remember. */
export interface ClientKey {
  readonly kid: string;
  readonly thumbprint: string;
  readonly jwk: Readonly<Record<string, unknown>>;
}

interface KeySet {
  readonly keys: readonly ClientKey[];
  readonly fetchedAt: number;
  readonly staleAt: number;
}

/** Without a `Cache-Control`; at most; and between two fetches for kids that a set does not have: milliseconds. */
const ages = { unsaid: 300_000, longest: 3_600_000, unknownKid: 10_000 } as const;
const mostSets = 1_000;
const mostKeys = 50;

/**
 * Key sets that clients publish, kept no longer than their `Cache-Control` says and fetched again for a `kid` that is
 * not in them (SMART App Launch 2.2, Registering a client's JWK Set).
 */
export class RemoteKeySets {
  private readonly sets = new Map<string, KeySet>();
  private readonly underWay = new Map<string, Promise<KeySet>>();

  constructor(
    private readonly fetcher: { json(address: string): Promise<Fetched> },
    private readonly now: () => number = Date.now,
  ) {}

  /** The keys of that name in the set at the address. Throws `FetchRefused`. */
  async keysNamed(address: string, kid: string): Promise<readonly ClientKey[]> {
    const kept = this.sets.get(address);
    if (kept !== undefined && this.now() < kept.staleAt) {
      const named = kept.keys.filter((key) => key.kid === kid);
      if (named.length > 0 || this.now() < kept.fetchedAt + ages.unknownKid) return named;
    }
    return (await this.fetch(address)).keys.filter((key) => key.kid === kid);
  }

  /** One fetch at a time for an address, however many wait for it. */
  private fetch(address: string): Promise<KeySet> {
    const running = this.underWay.get(address);
    if (running) return running;
    const fetching = this.read(address).finally(() => this.underWay.delete(address));
    this.underWay.set(address, fetching);
    return fetching;
  }

  private async read(address: string): Promise<KeySet> {
    const { body, cacheControl } = await this.fetcher.json(address);
    const fetchedAt = this.now();
    const set = { keys: await keysIn(body), fetchedAt, staleAt: fetchedAt + lifetimeOf(cacheControl) };
    this.sets.delete(address);
    this.sets.set(address, set);
    const [oldest] = this.sets.keys();
    if (this.sets.size > mostSets && oldest !== undefined) this.sets.delete(oldest);
    return set;
  }
}

/** How long a set may be kept, in milliseconds, by its `Cache-Control` (RFC 9111, 5.2.2). */
export function lifetimeOf(cacheControl: string | undefined): number {
  if (cacheControl === undefined) return ages.unsaid;
  if (/\bno-(store|cache)\b/i.test(cacheControl)) return 0;
  const seconds = /(?:^|[\s,])max-age\s*=\s*"?(\d{1,9})/i.exec(cacheControl)?.[1];
  return seconds === undefined ? ages.unsaid : Math.min(Number(seconds) * 1000, ages.longest);
}

async function keysIn(body: string): Promise<readonly ClientKey[]> {
  const set = parsed(body);
  const entries: readonly unknown[] = isRecord(set) && Array.isArray(set['keys']) ? set['keys'] : [];
  const keys = await Promise.all(entries.slice(0, mostKeys).map(keyOf));
  return keys.filter((key) => key !== undefined);
}

/** Keys of kinds that sign nothing here, and entries that are no keys, are passed over (RFC 7517, 5). */
async function keyOf(jwk: unknown): Promise<ClientKey | undefined> {
  if (!isRecord(jwk) || typeof jwk['kid'] !== 'string') return undefined;
  const material =
    jwk['kty'] === 'RSA'
      ? { kty: 'RSA', n: jwk['n'], e: jwk['e'] }
      : jwk['kty'] === 'EC'
        ? { kty: 'EC', crv: jwk['crv'], x: jwk['x'], y: jwk['y'] }
        : undefined;
  if (material === undefined || !isComplete(material)) return undefined;
  return { kid: jwk['kid'], thumbprint: await calculateJwkThumbprint(material), jwk };
}

function isComplete<M extends Record<string, unknown>>(material: M): material is M & { [name in keyof M]: string } {
  return Object.values(material).every((part) => typeof part === 'string' && part !== '');
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new FetchRefused('its answer is not JSON', { cause });
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
