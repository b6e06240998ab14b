import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  activityTopic,
  approval,
  ContextCodec,
  enforcementTopic,
  mintId,
  mintIdBeside,
  PARTITIONS,
  registration,
  token as tokenContext,
  topicsOf,
} from '#contracts';
import { ensureTopics } from '#event-log';
import { freePort, testClient, type TestClient, testIssuer, type TestIssuer } from '#testing';
import { Client } from 'pg';
import { type ServiceProcess, startServiceProcess } from '../fleet/service-process.js';
import type { Bench } from './bench.js';
import { fillLog } from './fill-log.js';

const SCOPES = ['system/Patient.rs', 'system/Observation.rs'];
const USER_SCOPES = ['launch/patient', 'offline_access', 'patient/Patient.rs', 'patient/Observation.rs'];

/** A client with the key that it signs with; many share one, since making keys takes longer than the bench. */
export interface BenchClient {
  readonly applicationId: string;
  readonly clientId: string;
  readonly signer: TestClient;
}

/** The token service as a process of its own, and clients that are approved. */
export class TokensUnderLoad {
  private constructor(
    private readonly bench: Bench,
    private readonly issuer: TestIssuer,
    readonly process: ServiceProcess,
    private readonly signers: readonly TestClient[],
  ) {}

  static async start(bench: Bench, upstreamUrl: string, options: Readonly<Record<string, string>>) {
    const contexts = [registration, approval, tokenContext].map(topicsOf);
    const topics = contexts.flatMap(({ commands, events, outcomes }) => [commands, events, outcomes]);
    await ensureTopics(bench.settings, [...topics, activityTopic, enforcementTopic], {
      replicationFactor: 1,
      minInSyncReplicas: 1,
    });
    const [issuer, port] = await Promise.all([testIssuer(), freePort()]);
    const signers = await Promise.all(Array.from({ length: 8 }, () => testClient(randomUUID(), 'RS384')));
    const service = await startServiceProcess('token', port, {
      KAFKA_BROKERS: bench.brokers,
      KAFKA_TOPIC_PREFIX: bench.prefix,
      DATABASE_URL: bench.databaseUrl,
      DATABASE_POOL: '10',
      PUBLIC_URL: `http://127.0.0.1:${port}`,
      IDENTITY_ISSUER: issuer.issuer,
      IDENTITY_AUDIENCE: issuer.audience,
      FHIR_UPSTREAM_URL: upstreamUrl,
      ...options,
    });
    return new TokensUnderLoad(bench, issuer, service, signers);
  }

  /** Approves so many backend services more, and waits until the service knows the last of them. */
  async approve(count: number): Promise<readonly BenchClient[]> {
    const clients = Array.from({ length: count }, (_, index): BenchClient => {
      const signer = this.signers[index % this.signers.length];
      if (!signer) throw new Error('nobody signs');
      return { applicationId: mintId(index % PARTITIONS), clientId: randomUUID(), signer };
    });
    await this.#append(clients, 'confidential-asymmetric', SCOPES);
    return clients;
  }

  /** The body of a token request, with an assertion of its own. */
  async tokenRequest({ clientId, signer }: BenchClient): Promise<string> {
    const assertion = await signer.assertion(`${this.process.url}/oauth/token`, {
      iss: clientId,
      sub: clientId,
      exp: Math.floor(Date.now() / 1_000) + 290,
    });
    return signer.form(assertion, { scope: SCOPES.join(' ') }).toString();
  }

  /** An access token of a client. */
  async accessToken(client: BenchClient): Promise<string> {
    const response = await fetch(`${this.process.url}/oauth/token`, {
      method: 'POST',
      body: new URLSearchParams(await this.tokenRequest(client)),
    });
    const answer = (await response.json()) as { readonly access_token?: string };
    if (answer.access_token === undefined) throw new Error(`no token: ${JSON.stringify(answer)}`);
    return answer.access_token;
  }

  /** Refresh tokens as they stand after consent, each of a grant and a public application of its own. */
  async refreshTokens(count: number): Promise<readonly string[]> {
    const clients = Array.from({ length: count }, (_, index): BenchClient => {
      const signer = this.signers[0];
      if (!signer) throw new Error('nobody signs');
      return { applicationId: mintId(index % PARTITIONS), clientId: randomUUID(), signer };
    });
    await this.#append(clients, 'public', USER_SCOPES);
    const database = new Client({ connectionString: this.bench.databaseUrl });
    await database.connect();
    const tokens: string[] = [];
    for (const { applicationId, clientId } of clients) {
      const grantId = mintIdBeside(applicationId);
      const token = `${randomBytes(32).toString('base64url')}.${clientId}`;
      await database.query(
        `INSERT INTO protocol.grants (grant_id, application_id, client_id, user_id, scopes, duration, context, expires_at)
         VALUES ($1, $2, $3, $4, $5, 'offline', $6, now() + interval '1 day')`,
        [
          ...[grantId, applicationId, clientId, randomUUID(), JSON.stringify(USER_SCOPES)],
          JSON.stringify({ patient: 'p1', fhirUser: 'Patient/p1' }),
        ],
      );
      await database.query(
        `INSERT INTO protocol.refresh_tokens (digest, grant_id, expires_at) VALUES ($1, $2, now() + interval '1 day')`,
        [createHash('sha256').update(token).digest(), grantId],
      );
      tokens.push(token);
    }
    await database.end();
    return tokens;
  }

  /** `Authorization` of an enforcement point. */
  async enforcementPoint(): Promise<string> {
    const exp = Math.floor(Date.now() / 1_000) + 7_200;
    return `Bearer ${await this.issuer.token({ sub: 'point', roles: ['enforcement-point'], exp })}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.issuer.close();
  }

  async #append(
    clients: readonly BenchClient[],
    clientType: 'public' | 'confidential-asymmetric',
    scopes: string[],
  ): Promise<void> {
    await fillLog(this.bench.settings, PARTITIONS, function* (partition) {
      for (let at = partition; at < clients.length; at += PARTITIONS) {
        const client = clients[at];
        if (client) yield* eventsOf(client, clientType, scopes);
      }
    });
    // The last of each partition is known, so all are.
    for (const { clientId } of clients.slice(-PARTITIONS)) await this.#untilKnown(clientId);
  }

  async #untilKnown(clientId: string): Promise<void> {
    for (;;) {
      const response = await fetch(`${this.process.url}/oauth/authorize?client_id=${clientId}`, { redirect: 'manual' });
      if (!(await response.text()).includes('invalid_client')) return;
      await new Promise((resolve) => setTimeout(resolve, 50)); // nobody tells
    }
  }
}

const codecs = { registration: new ContextCodec(registration), approval: new ContextCodec(approval) };

/** What the services would have written of an application until it was approved. */
function* eventsOf(
  { applicationId: id, clientId, signer }: BenchClient,
  clientType: 'public' | 'confidential-asymmetric',
  scopes: string[],
) {
  const isPublic = clientType === 'public';
  const time = new Date().toISOString();
  const about = { subject: id, actor: 'bench', correlationId: 'bench', causationId: 'bench', time, commandOffset: 0n };
  const meta = (version: number) => ({ ...about, id: randomUUID(), version });
  const reviewed = {
    name: 'App',
    kind: isPublic ? ('patient-access' as const) : ('backend' as const),
    clientType,
    scopes,
    purposesOfUse: [{ code: 'TREAT', justification: 'to see how much it can bear' }],
    redirectUris: isPublic ? ['https://app.example/back'] : [],
    allowedOrigins: [],
  };
  const standing = { approvalVersion: 1, submission: 1, scopes, expiresAt: '2999-01-01T00:00:00Z' };
  const keys = isPublic ? [] : [signer.key];
  const other = { description: '', attestations: [], documents: [] };
  const registered = { clientId, ownerId: 'owner', reviewed, other, keys };
  const reviewId = mintIdBeside(id);
  const review = { reviewId, reviewerIds: ['reviewer'], conditions: [], endpoints: ['*'], reason: 'fine' };
  const events = topicsOf(registration).events.name;
  yield {
    topic: events,
    key: id,
    value: codecs.registration.encodeEvent({ type: 'application-registered', data: registered }, meta(1)),
  };
  yield {
    topic: topicsOf(approval).events.name,
    key: id,
    value: codecs.approval.encodeEvent({ type: 'review-approved', data: { ...standing, ...review } }, meta(1)),
  };
  yield {
    topic: events,
    key: id,
    value: codecs.registration.encodeEvent(
      { type: 'approval-applied', data: { ...standing, expired: false } },
      meta(2),
    ),
  };
}
