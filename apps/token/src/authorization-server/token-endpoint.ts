import { KnownOrigins } from '#access';
import { SpentProofs } from '#dpop';
import type { ActivityPort } from '#event-log';
import { FhirConfig } from '#fhir-endpoints';
import {
  BaseConfig,
  Database,
  FatalErrors,
  HealthRegistry,
  InjectActivity,
  isDatabaseUnavailable,
  Log,
  mountDirectly,
  mountHandler,
} from '#host';
import { oauthPaths } from '#smart';
import { VaultUnavailable } from '#vault';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { Provider } from 'oidc-provider';
import { servedGrants } from '../answer-token-request/served-grants.js';
import { tokenRequests, type TokenRequests } from '../answer-token-request/token-requests.js';
import { AdmittedClients, NotServing } from '../authenticate-client/admitted-clients.js';
import { ClientAuthentication } from '../authenticate-client/client-authentication.js';
import { SpentAssertions } from '../authenticate-client/spent-assertions.js';
import { issueToken } from '../issue-token/issue-token.js';
import { TokenFacts } from '../issue-token/token-facts.js';
import { UserTokens } from '../issue-token/user-tokens.js';
import { Launches } from '../launch-app/launches.js';
import { provenKey } from '../prove-possession/possession.js';
import { SigningUnavailable } from '../sign-tokens/key-service.js';
import { TokenConfig } from '../token.config.js';
import { authorizationServer } from './authorization-server.js';
import { ProviderRecords } from './provider-records.js';
import { SigningKeys, type KeyRing } from './signing-keys.js';

/** How often the keys are looked at, in milliseconds: one is due, or another instance has made one. */
const keysEveryMs = 60_000;

/** What answers with the keys of one moment. */
interface Serving {
  readonly ring: KeyRing;
  readonly provider: Provider;
  readonly answer: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
  readonly tokens: TokenRequests;
}

/**
 * Mounts the authorization server at `/oauth`, and before the router its token endpoint. Until its keys are at hand, which takes the database once, it answers
 * 503; when they change, another one with the new keys takes its place.
 */
@Injectable()
export class TokenEndpoint implements OnModuleInit, OnModuleDestroy {
  private serving: Serving | undefined;
  private readonly stopping = new AbortController();
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly base: BaseConfig,
    private readonly fhir: FhirConfig,
    private readonly database: Database,
    private readonly keys: SigningKeys,
    private readonly clients: AdmittedClients,
    private readonly origins: KnownOrigins,
    private readonly spent: SpentAssertions,
    private readonly spentProofs: SpentProofs,
    private readonly config: TokenConfig,
    private readonly records: ProviderRecords,
    private readonly launches: Launches,
    private readonly tokens: UserTokens,
    @InjectActivity() private readonly activity: ActivityPort,
    private readonly fatal: FatalErrors,
    private readonly health: HealthRegistry,
    log: Log,
  ) {
    this.log = log.for('token');
  }

  onModuleInit(): void {
    this.health.register('token-keys', () => {
      if (this.serving === undefined) throw new Error('the keys are not at hand');
    });
    const server = this.http.httpAdapter.getInstance<FastifyInstance>();
    mountHandler(server, {
      prefix: '/oauth',
      keepPrefix: true,
      publicUrl: this.base.publicUrl,
      handler: (request, response) => (this.serving?.answer ?? notReady)(request, response),
      onError: (error) => this.log.error('the authorization server failed to answer', error),
    });
    mountDirectly(server, {
      prefix: oauthPaths.token,
      handler: async (request, response, address) =>
        this.serving === undefined ? notReady(request, response) : this.serving.tokens(request, response, address),
      onError: (error) => this.log.error('the token endpoint failed to answer', error),
    });
    this.prepare().catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.fatal.report('the token endpoint has no signing key', error);
    });
  }

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /** The authorization server as it is now. Throws `NotServing` until its keys are at hand. */
  provider(): Provider {
    return this.served().provider;
  }

  /** The keys as they are now. Throws `NotServing` until they are at hand. */
  keyRing(): KeyRing {
    return this.served().ring;
  }

  private served(): Serving {
    if (this.serving === undefined) throw new NotServing('the keys are not at hand');
    return this.serving;
  }

  private async prepare(): Promise<void> {
    await this.database.ready();
    for (;;) {
      await this.look();
      await pause(this.serving === undefined ? 1_000 : keysEveryMs, undefined, {
        signal: this.stopping.signal,
        ref: false,
      });
    }
  }

  /** The database may go away again before the keys were read; those that are known go on. */
  private async look(): Promise<void> {
    try {
      const ring = await this.keys.ring();
      if (ring.id !== this.serving?.ring.id) this.serving = this.serverWith(ring);
    } catch (error) {
      const passes =
        error instanceof VaultUnavailable || error instanceof SigningUnavailable || isDatabaseUnavailable(error);
      if (!passes) throw error;
      // At a start the vault opens when it has read who was erased: ordinary, and over in a moment.
      if (this.serving === undefined && error instanceof VaultUnavailable)
        this.log.info('the signing keys wait for the vault');
      else this.log.warn('the signing keys cannot be read now', error);
    }
  }

  private serverWith(keys: KeyRing): Serving {
    const { publicUrl } = this.base;
    const { endpoints } = this.fhir;
    const { clients, spent } = this;
    const nonces = { nonceSecret: keys.cookies[0] ?? '', nonceRequired: this.config.dpopNonceRequired };
    const shown = provenKey({ publicUrl, spent: this.spentProofs, ...nonces });
    const facts = new TokenFacts(this.activity, this.log);
    const spendLaunch = (digest: string) => this.launches.spend(digest);
    const { records } = this;
    const provider = authorizationServer({ publicUrl, endpoints, keys, clients, spent, records, shown, spendLaunch });
    provider.on('server_error', (_ctx, error) => this.log.error('the authorization server failed', error));
    const issuing = { issuer: publicUrl, key: keys.accessToken, clients, facts, endpoints };
    const tokens = tokenRequests({
      ...{ publicUrl, clients, origins: this.origins, shown, facts },
      authentication: new ClientAuthentication(clients, spent, [publicUrl, publicUrl + oauthPaths.token]),
      grants: servedGrants({
        itself: issueToken(issuing),
        code: this.tokens.redeem({ keys, facts }),
        refresh: this.tokens.refresh({ keys, facts }),
      }),
      onFailure: (error) => this.log.error('the token endpoint failed', error),
    });
    return { ring: keys, provider, answer: provider.callback(), tokens };
  }
}

function notReady(_request: IncomingMessage, response: ServerResponse): void {
  const headers = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    pragma: 'no-cache',
    'retry-after': '1',
  };
  response
    .writeHead(503, headers)
    .end(JSON.stringify({ error: 'temporarily_unavailable', error_description: 'this service is starting' }));
}
