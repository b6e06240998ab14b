import { createService, type RunningService, type ServicePart } from '#host';
import { freePort } from './free-port.js';
import type { TestIssuer } from './test-issuer.js';

/** A service under test, on a loopback port. */
export interface TestService extends RunningService {
  /** `fetch` of a path of it; an object as `json` is sent as a JSON body. */
  call(path: string, init?: RequestInit & { readonly json?: unknown }): Promise<Response>;
}

/**
 * Starts a part in development mode on a free port and waits until it is ready. `environment` adds to what
 * it is given, or takes away with `undefined`; the database is one of `isolate()`'s.
 */
export async function startTestService(
  part: ServicePart,
  on: {
    readonly databaseUrl: string;
    readonly issuer: TestIssuer;
    readonly environment?: Record<string, string | undefined>;
    readonly waitUntilReady?: boolean;
  },
): Promise<TestService> {
  const port = await freePort();
  const service = await createService(part, {
    GATEHOUSE_DEV: '1',
    LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'fatal',
    KAFKA_BROKERS: process.env['KAFKA_BROKERS'] ?? '127.0.0.1:9092',
    DATABASE_URL: on.databaseUrl,
    DATABASE_POOL: '5',
    PORT: String(port),
    IDENTITY_ISSUER: on.issuer.issuer,
    IDENTITY_AUDIENCE: on.issuer.audience,
    VAULT_KEY: Buffer.alloc(32, 7).toString('base64'),
    ...on.environment,
  });
  if (on.waitUntilReady !== false && !(await service.ready()))
    throw new Error(`${part.name} stopped before it was ready`);
  return { ...service, call: callsTo(service.url) };
}

/** `fetch` of paths of what answers at `url`. */
export function callsTo(url: string): TestService['call'] {
  return (path, init = {}) => fetch(`${url}${path}`, requestOf(init));
}

function requestOf({ json, ...init }: RequestInit & { readonly json?: unknown }): RequestInit {
  if (json === undefined) return { redirect: 'manual', ...init };
  return {
    redirect: 'manual',
    method: 'POST',
    ...init,
    body: JSON.stringify(json),
    headers: { 'content-type': 'application/json', ...Object.fromEntries(new Headers(init.headers)) },
  };
}
