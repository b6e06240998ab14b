import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { importPKCS8, SignJWT } from 'jose';
import { httpRequest, type Sent } from './load/load-plan.js';

/** Another system that the person who runs the bench has started, on loopback: what it answers is measured in the same run. */
interface Peer {
  readonly name: string;
  readonly port: number;
  /** Its own processes, and those of its database. */
  readonly pids: { readonly server: readonly number[]; readonly database: readonly number[] };
}

/** A token endpoint with clients of `private_key_jwt`. */
export interface TokenPeer extends Peer {
  readonly path: string;
  readonly scope: string;
  /** A JSON file of clients: `[{ id, alg, kid, pem }]`, the private keys as PKCS 8. Those of RS384 are used. */
  readonly clients: string;
  /** What stands behind each id in that file. */
  readonly suffix?: string;
}

/** A decision engine; a body of each kind of question. */
export interface DecisionPeer extends Peer {
  readonly path: string;
  readonly bodies: readonly object[];
}

/** What the file that an environment variable names holds; nothing where it names none. */
export function peersOf<P extends Peer>(variable: 'BENCH_TOKEN_PEERS' | 'BENCH_DECISION_PEERS'): readonly P[] {
  const file = process.env[variable];
  // Sound as far as the person who runs the bench wrote it: a wrong one fails at the first use.
  return file === undefined ? [] : (JSON.parse(readFileSync(file, 'utf8')) as readonly P[]);
}

/** Questions to a decision engine, as they are sent. */
export function questionsOf({ path, bodies }: DecisionPeer): readonly string[] {
  return bodies.map((body) => httpRequest('POST', path, { 'Content-Type': 'application/json' }, JSON.stringify(body)));
}

/** Makes token requests of a peer's clients in turn, each with an assertion of its own. */
export async function tokenRequestsOf(peer: TokenPeer): Promise<(count: number) => Promise<Sent>> {
  const file = JSON.parse(readFileSync(peer.clients, 'utf8')) as readonly Record<
    'id' | 'alg' | 'kid' | 'pem',
    string
  >[];
  const clients = await Promise.all(
    file
      .filter(({ alg }) => alg === 'RS384')
      .map(async ({ id, kid, pem }) => ({ id: id + (peer.suffix ?? ''), kid, key: await importPKCS8(pem, 'RS384') })),
  );
  const audience = `http://127.0.0.1:${peer.port}${peer.path}`;
  const sign = async (at: number): Promise<string> => {
    const client = clients[at % clients.length];
    if (!client) throw new Error(`${peer.clients} has no client of RS384`);
    const assertion = await new SignJWT({ iss: client.id, sub: client.id, aud: audience, jti: randomUUID() })
      .setProtectedHeader({ alg: 'RS384', typ: 'JWT', kid: client.kid })
      .setIssuedAt()
      .setExpirationTime('290s')
      .sign(client.key);
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      scope: peer.scope,
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: assertion,
    });
    // Some tell by the host who they are, and so who the audience is.
    const headers = { Host: `127.0.0.1:${peer.port}`, 'Content-Type': 'application/x-www-form-urlencoded' };
    return httpRequest('POST', peer.path, headers, form.toString());
  };
  return async (count) => ({
    kind: 'given',
    requests: await Promise.all(Array.from({ length: count }, async (_, at) => await sign(at))),
    once: true,
  });
}
