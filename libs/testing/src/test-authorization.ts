import { createHash, randomBytes } from 'node:crypto';
import {
  approval,
  mintId,
  registration,
  token,
  type ActivityEntry,
  type Recorded,
  type RegistrationEvent,
  type ReviewedMetadata,
  type TokenEvent,
} from '#contracts';
import { activitySource, eventsOf, LogTail, type LogSettings, type RecordSource } from '#event-log';
import type { ServicePart } from '#host';
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose';
import { Client } from 'pg';
import { isolate, type Isolation } from '../../../test/environment/isolation.js';
import { LogSeed } from './seed-log.js';
import { testBrowser, type TestBrowser } from './test-browser.js';
import { testClient, type TestClient } from './test-client.js';
import { testIssuer, type TestIssuer } from './test-issuer.js';
import { startTestService, type TestService } from './test-service.js';
import { testUpstream, type TestUpstream } from './test-upstream.js';

/** Where the applications of these tests get their answers. */
const back = 'https://app.example/back';
/** The secret of symmetric clients. */
const secret = 'a-secret-of-at-least-256-bits-0123456789';

const everything = [
  'launch',
  'launch/patient',
  'launch/encounter',
  'openid',
  'fhirUser',
  'offline_access',
  'online_access',
  'patient/*.rs',
  'user/*.rs',
];

/** An approved application that users authorize. */
export interface TestApp {
  readonly id: string;
  readonly client: TestClient;
}

/** What the token endpoint answers. */
export interface TokenAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: {
    readonly access_token: string;
    readonly refresh_token?: string;
    readonly id_token?: string;
    readonly error?: string;
    readonly scope: string;
    readonly [name: string]: unknown;
  };
}

/** What answers: a service in this process, or processes behind one address. */
type Served = Pick<TestService, 'url' | 'call' | 'close'>;
type Fields = readonly (readonly [name: string, value: string])[];
type Query = Readonly<Record<string, string | undefined>>;

/** Starts an authorization server with everything around it: the log, a provider, a FHIR server. */
export async function testAuthorization(
  part: ServicePart,
  environment: Readonly<Record<string, string>> = {},
): Promise<TestAuthorization> {
  return testAuthorizationOf(({ own, issuer, upstream }) =>
    startTestService(part, {
      databaseUrl: own.databaseUrl,
      issuer,
      environment: {
        KAFKA_BROKERS: own.brokers,
        KAFKA_TOPIC_PREFIX: own.prefix,
        FHIR_UPSTREAM_URL: upstream.url,
        ...environment,
      },
    }),
  );
}

/** What stands around an authorization server: a log and a database, a provider, a FHIR server. */
interface AroundAuthorization {
  readonly own: Isolation;
  readonly issuer: TestIssuer;
  readonly upstream: TestUpstream;
}

/** As {@link testAuthorization}, for a server that the caller starts in its own way. */
export async function testAuthorizationOf(
  start: (around: AroundAuthorization) => Promise<Served>,
): Promise<TestAuthorization> {
  const [own, issuer, upstream] = await Promise.all([isolate(), testIssuer(), testUpstream()]);
  const sink = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const settings = { brokers: own.brokers.split(','), clientId: 'test', prefix: own.prefix, sink };
  const service = await start({ own, issuer, upstream });
  const authorization = new TestAuthorization(service, issuer, upstream, settings, own);
  await authorization.start();
  return authorization;
}

/** An authorization server under test, and what a browser and an application do with it. */
export class TestAuthorization {
  readonly back = back;
  readonly secret = secret;
  readonly facts: ActivityEntry[] = [];
  readonly events: Recorded<TokenEvent>[] = [];
  private readonly log: LogSeed;
  private readonly tails: { close(): Promise<void> }[] = [];
  private readonly waiting = new Set<() => void>();

  constructor(
    readonly service: Served,
    readonly issuer: TestIssuer,
    readonly upstream: TestUpstream,
    readonly settings: LogSettings,
    readonly own: Isolation,
  ) {
    this.log = new LogSeed(settings);
  }

  async start(): Promise<void> {
    await Promise.all([this.gather(activitySource, this.facts), this.gather(eventsOf(token), this.events)]);
  }

  async close(): Promise<void> {
    await this.service.close();
    await Promise.all(this.tails.map((tail) => tail.close()));
    await this.log.close();
    await Promise.all([this.upstream.close(), this.issuer.close()]);
    await this.own.dispose();
  }

  /** The FHIR base of it: what `aud` must be. */
  get fhirBase(): string {
    return `${this.service.url}/fhir`;
  }

  /** Ada, who is Patient/p1, unless a test says otherwise: `Practitioner/d1` has p1 and p2. */
  signInAs(sub = 'ada', fhirUser = 'Patient/p1'): void {
    this.issuer.signInAs({ sub, name: `${sub} Example`, fhirUser });
  }

  /** Waits for a record that was or will be appended. */
  gathered<E>(from: readonly E[], matches: (entry: E) => boolean): Promise<E> {
    return new Promise((resolve) => {
      const look = () => {
        const found = from.find(matches);
        if (found === undefined) return;
        this.waiting.delete(look);
        resolve(found);
      };
      this.waiting.add(look);
      look();
    });
  }

  /** An application as it stands after its review, known to the instance. */
  async approved(
    clientType: 'public' | 'confidential-symmetric' | 'confidential-asymmetric' = 'public',
    scopes: string[] = everything,
    more: Partial<ReviewedMetadata> = {},
  ): Promise<TestApp> {
    const client = await testClient();
    const app = { id: mintId(3), client };
    const about = this.about(app);
    const standing = { approvalVersion: 1, submission: 1, scopes, expiresAt: '2999-01-01T00:00:00Z' };
    await this.log.event(
      registration,
      {
        type: 'application-registered',
        data: {
          clientId: client.clientId,
          ownerId: 'owner',
          reviewed: {
            name: 'Growth & Chart',
            kind: 'patient-access',
            clientType,
            scopes,
            purposesOfUse: [{ code: 'PATRQT', justification: 'asked by patients' }],
            redirectUris: [back, 'http://127.0.0.1/cb'],
            allowedOrigins: ['https://app.example'],
            ...more,
          },
          other: { description: '', attestations: [], documents: [] },
          keys: clientType === 'confidential-asymmetric' ? [client.key] : [],
        },
      },
      about,
    );
    if (clientType === 'confidential-symmetric') {
      const sha256 = createHash('sha256').update(secret).digest('hex');
      const kept = { id: mintId(3), sha256, expiresAt: '2999-01-01T00:00:00Z' };
      await this.log.event(registration, { type: 'secret-issued', data: { secret: kept } }, about);
    }
    const review = { reviewId: mintId(3), reviewerIds: ['r'], conditions: [], endpoints: ['*'], reason: 'fine' };
    await this.log.event(approval, { type: 'review-approved', data: { ...standing, ...review } }, about);
    await this.log.event(registration, { type: 'approval-applied', data: { ...standing, expired: false } }, about);
    await this.until(client.clientId, (page) => !page.includes('invalid_client'));
    return app;
  }

  /** Suspends it, and waits until the instance knows. */
  async suspended(app: TestApp): Promise<void> {
    const event = { type: 'application-suspended', data: { reason: 'leak', epoch: 1 } } as const;
    await this.log.event(registration, event, this.about(app));
    await this.until(app.client.clientId, (page) => page.includes('invalid_client'));
  }

  /** Opens it again, under the next epoch, and waits likewise. */
  async reinstated(app: TestApp): Promise<void> {
    const event = { type: 'application-reinstated', data: { reason: 'mended', epoch: 2 } } as const;
    await this.log.event(registration, event, this.about(app));
    await this.until(app.client.clientId, (page) => !page.includes('invalid_client'));
  }

  /** Takes scopes away from its approval, and lets it end at a time. */
  async narrowed(app: TestApp, scopes: string[], expiresAt = '2999-01-01T00:00:00Z'): Promise<void> {
    const standing = { approvalVersion: 2, submission: 1, scopes, expiresAt, endpoints: ['*'] };
    const why = { reason: 'not needed', campaignId: mintId(3), itemId: mintId(3), decidedBy: 'a-reviewer' };
    await this.log.event(approval, { type: 'approval-narrowed', data: { ...standing, ...why } }, this.about(app));
  }

  /** Looks into the database, or makes it as if time had passed. */
  async sql(statement: string): Promise<readonly unknown[]> {
    const client = new Client({ connectionString: this.own.databaseUrl });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }

  /** Appends an event of registration about it. */
  async happened(app: TestApp, event: RegistrationEvent): Promise<void> {
    await this.log.event(registration, event, this.about(app));
  }

  /** A request of an application, with what is given in the place of what is right; `undefined` takes away. */
  request(app: TestApp, params: Query = {}): { readonly verifier: string; readonly url: string } {
    const verifier = randomBytes(32).toString('base64url');
    const query: Query = {
      response_type: 'code',
      client_id: app.client.clientId,
      redirect_uri: back,
      scope: 'launch/patient patient/Patient.rs',
      state: 'the state',
      aud: this.fhirBase,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...params,
    };
    return { verifier, url: `${this.service.url}/oauth/authorize?${new URLSearchParams(given(query)).toString()}` };
  }

  /** Follows a request to the page at which it stops. */
  async toPage(browser: TestBrowser, url: string) {
    const reached = await browser.follow(url, back);
    return { ...reached, csrf: csrfIn(reached.page) };
  }

  /** Agrees to everything that is offered. Gives the URL at which the application gets its answer. */
  async agree(browser: TestBrowser, url: string, extra: Fields = []): Promise<URL> {
    const { page, url: at, csrf } = await this.toPage(browser, url);
    if (page === undefined) return new URL(at);
    const chosen = offeredIn(page).map((scope): [string, string] => ['scope', scope]);
    const fields: Fields = [['csrf', csrf], ['decision', 'allow'], ...chosen, ...extra];
    return new URL((await browser.post(`${at}/consent`, fields, back)).url);
  }

  /** Posts to the token endpoint. */
  async token(form: Query, headers: Record<string, string> = {}, service = this.service): Promise<TokenAnswer> {
    const response = await service.call('/oauth/token', {
      method: 'POST',
      body: new URLSearchParams(given(form)),
      headers,
    });
    return {
      status: response.status,
      headers: response.headers,
      body: (await response.json()) as TokenAnswer['body'],
    };
  }

  /** Redeems a code as a public application. */
  redeem(app: TestApp, code: string | null, verifier: string, fields: Query = {}): Promise<TokenAnswer> {
    return this.token({
      grant_type: 'authorization_code',
      client_id: app.client.clientId,
      redirect_uri: back,
      code: code ?? '',
      code_verifier: verifier,
      ...fields,
    });
  }

  /** Refreshes as a public application. */
  refresh(app: TestApp, refreshToken: string | undefined, fields: Query = {}): Promise<TokenAnswer> {
    const form = { grant_type: 'refresh_token', client_id: app.client.clientId, refresh_token: refreshToken ?? '' };
    return this.token({ ...form, ...fields });
  }

  /** A whole launch of a public application. */
  async granted(app: TestApp, params: Query = {}, extra: Fields = []) {
    const browser = testBrowser();
    const { url, verifier } = this.request(app, params);
    const answer = await this.agree(browser, url, extra);
    const code = answer.searchParams.get('code') ?? '';
    const { body, status } = await this.redeem(app, code, verifier);
    if (status !== 200) throw new Error(`no token: ${answer.href} ${JSON.stringify(body)}`);
    return { browser, code, verifier, body };
  }

  /** The claims of a token of this issuer. */
  async claimsOf(jwt: string): Promise<JWTPayload> {
    const keys = createRemoteJWKSet(new URL(`${this.service.url}/oauth/jwks`));
    return (await jwtVerify(jwt, keys, { issuer: this.service.url })).payload;
  }

  private about({ id }: TestApp) {
    return { subject: id, actor: 'test', time: new Date().toISOString() };
  }

  /** Asks until the instance has folded what was appended. */
  private async until(clientId: string, holds: (page: string) => boolean): Promise<void> {
    for (const until = Date.now() + 30_000; Date.now() < until;) {
      const response = await this.service.call(`/oauth/authorize?client_id=${clientId}`);
      if (holds(await response.text())) return;
    }
    throw new Error('the instance does not come to know');
  }

  private async gather<E>(source: RecordSource<E>, into: E[]): Promise<void> {
    const tail = new LogTail(this.settings, {
      sources: [source],
      from: 'start',
      onBatch: (entries) => {
        into.push(...entries.map(({ event }) => event));
        for (const look of this.waiting) look();
      },
      onFailure: (error) => {
        throw error;
      },
    });
    this.tails.push(tail);
    await tail.start();
  }
}

/** Without what was taken away. */
function given(query: Query): [string, string][] {
  return Object.entries(query).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
}

/** The token of the form on a page. */
export function csrfIn(page = ''): string {
  return /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? '';
}

/** The scopes that a consent page offers as a whole. */
export function offeredIn(page: string): readonly string[] {
  return [...page.matchAll(/type="checkbox" name="scope" value="([^"]+)" checked/g)].map(([, scope = '']) =>
    scope.replaceAll('&#38;', '&'),
  );
}
