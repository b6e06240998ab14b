import { randomUUID } from 'node:crypto';
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
import { freePort, testIssuer, type TestIssuer } from '#testing';
import { type ServiceProcess, startServiceProcess } from '../fleet/service-process.js';
import type { Bench } from './bench.js';
import { fillLog } from './fill-log.js';

/** Ten scopes, the one that counts last. */
const SCOPES = [
  'Patient.r',
  'Condition.rs?category=encounter-diagnosis',
  'Condition.rs?category=problem-list-item',
  'MedicationRequest.rs',
  'Medication.r',
  'Encounter.rs',
  'Practitioner.r',
  'Organization.r',
  'Provenance.rs',
  'Observation.rs',
] as const;

interface Application {
  readonly id: string;
  readonly clientId: string;
}

/** A gateway before an upstream, and applications that are approved for ten scopes each, of `system/` and of `patient/`. */
export class GatewayUnderLoad {
  private constructor(
    private readonly bench: Bench,
    private readonly issuer: TestIssuer,
    readonly process: ServiceProcess,
    private readonly publicUrl: string,
  ) {}

  /** @param root of another checkout, whose build is started */
  static async start(bench: Bench, upstreamUrl: string, options: Readonly<Record<string, string>>, root?: string) {
    const contexts = [registration, approval, tokenContext].map(topicsOf);
    const topics = contexts.flatMap(({ commands, events, outcomes }) => [commands, events, outcomes]);
    await ensureTopics(bench.settings, [...topics, activityTopic, enforcementTopic], {
      replicationFactor: 1,
      minInSyncReplicas: 1,
    });
    const [issuer, port] = await Promise.all([testIssuer(), freePort()]);
    const publicUrl = `http://127.0.0.1:${port}`;
    const environment = {
      KAFKA_BROKERS: bench.brokers,
      KAFKA_TOPIC_PREFIX: bench.prefix,
      DATABASE_URL: bench.databaseUrl,
      PUBLIC_URL: publicUrl,
      IDENTITY_ISSUER: issuer.issuer,
      IDENTITY_AUDIENCE: issuer.audience,
      FHIR_UPSTREAM_URL: upstreamUrl,
      GATEWAY_JWKS_URL: `${issuer.issuer}/jwks`,
      ...options,
    };
    const process = await startServiceProcess('gateway', port, environment, root);
    return new GatewayUnderLoad(bench, issuer, process, publicUrl);
  }

  /** Approves so many applications more, and waits until the gateway knows them; gives an access token of each of the last. */
  async approve(count: number, context: 'system' | 'patient', tokens: number): Promise<readonly string[]> {
    const applications = Array.from({ length: count }, (_, index): Application => {
      return { id: mintId(index % PARTITIONS), clientId: randomUUID() };
    });
    const scopes = SCOPES.map((scope) => `${context}/${scope}`);
    await fillLog(this.bench.settings, PARTITIONS, function* (partition) {
      for (let at = partition; at < count; at += PARTITIONS) {
        const application = applications[at];
        if (application) yield* eventsOf(application, scopes);
      }
    });
    const withTokens = await Promise.all(
      applications.slice(-tokens).map(async (it) => await this.#tokenOf(it, scopes, context)),
    );
    // The last of each partition is known, so all are.
    for (const token of withTokens.slice(-PARTITIONS)) await this.#untilLetIn(token);
    return withTokens;
  }

  /** `Authorization` of an enforcement point. */
  async enforcementPoint(): Promise<string> {
    const token = await this.issuer.token({
      sub: 'point',
      roles: ['enforcement-point'],
      exp: Math.floor(Date.now() / 1_000) + 7_200,
    });
    return `Bearer ${token}`;
  }

  async stop(): Promise<void> {
    await this.process.stop();
    await this.issuer.close();
  }

  async #untilLetIn(token: string): Promise<void> {
    for (;;) {
      const { status } = await fetch(`${this.process.url}/fhir/Observation/o1`, {
        headers: { authorization: `Bearer ${token}` },
      });
      if (status === 200) return;
      if (status !== 401) throw new Error(`the gateway answers ${status}`);
      await new Promise((resolve) => setTimeout(resolve, 50)); // nobody tells
    }
  }

  /** As the token service would sign it, for two hours. */
  async #tokenOf({ id, clientId }: Application, scopes: readonly string[], context: string): Promise<string> {
    return await this.issuer.token({
      iss: this.publicUrl,
      aud: `${this.publicUrl}/fhir`,
      exp: Math.floor(Date.now() / 1_000) + 7_200,
      sub: clientId,
      client_id: clientId,
      jti: randomUUID(),
      scope: scopes.join(' '),
      gatehouse_application: id,
      gatehouse_approval_version: 1,
      gatehouse_epoch: 0,
      ...(context === 'patient' ? { patient: 'p1', fhirUser: 'Patient/p1' } : {}),
    });
  }
}

const codecs = { registration: new ContextCodec(registration), approval: new ContextCodec(approval) };

/** What the services would have written of an application until it was approved. */
function* eventsOf({ id, clientId }: Application, scopes: string[]) {
  const time = new Date().toISOString();
  const about = { subject: id, actor: 'bench', correlationId: 'bench', causationId: 'bench', time, commandOffset: 0n };
  const reviewed = {
    name: 'Exporter',
    kind: 'backend' as const,
    clientType: 'public' as const,
    scopes,
    purposesOfUse: [{ code: 'HOPERAT', justification: 'nightly export' }],
    redirectUris: [],
    allowedOrigins: [],
  };
  const other = { description: '', attestations: [], documents: [] };
  const standing = { approvalVersion: 1, submission: 1, scopes, expiresAt: '2999-01-01T00:00:00Z' };
  const review = {
    reviewId: mintIdBeside(id),
    reviewerIds: ['reviewer'],
    conditions: [],
    endpoints: ['*'],
    reason: 'fine',
  };
  const registered = { clientId, ownerId: 'owner', reviewed, other, keys: [] };
  const meta = (version: number) => ({ ...about, id: randomUUID(), version });
  const { events } = topicsOf(registration);
  yield {
    topic: events.name,
    key: id,
    value: codecs.registration.encodeEvent({ type: 'application-registered', data: registered }, meta(1)),
  };
  yield {
    topic: events.name,
    key: id,
    value: codecs.registration.encodeEvent(
      { type: 'approval-applied', data: { ...standing, expired: false } },
      meta(2),
    ),
  };
  yield {
    topic: topicsOf(approval).events.name,
    key: id,
    value: codecs.approval.encodeEvent({ type: 'review-approved', data: { ...standing, ...review } }, meta(1)),
  };
}
