import type { ActivityPort } from '#event-log';
import { BaseConfig, Database, FatalErrors, InjectActivity, isDatabaseUnavailable, Log, mountHandler } from '#host';
import { VaultUnavailable } from '#vault';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import type { JWK } from 'jose';
import { AdmittedClients } from '../authenticate-client/admitted-clients.js';
import { SpentAssertions } from '../authenticate-client/spent-assertions.js';
import { TokenFacts } from '../issue-token/token-facts.js';
import { authorizationServer } from './authorization-server.js';
import { SigningKeys } from './signing-keys.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** Mounts the authorization server at `/oauth`. Until its key is at hand, which takes the database once, it answers 503. */
@Injectable()
export class TokenEndpoint implements OnModuleInit, OnModuleDestroy {
  private answer: Answer = notReady;
  private readonly stopping = new AbortController();
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly base: BaseConfig,
    private readonly database: Database,
    private readonly keys: SigningKeys,
    private readonly clients: AdmittedClients,
    private readonly spent: SpentAssertions,
    @InjectActivity() private readonly activity: ActivityPort,
    private readonly fatal: FatalErrors,
    log: Log,
  ) {
    this.log = log.for('token');
  }

  onModuleInit(): void {
    mountHandler(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      prefix: '/oauth',
      keepPrefix: true,
      publicUrl: this.base.publicUrl,
      handler: (request, response) => this.answer(request, response),
      onError: (error) => this.log.error('the token endpoint failed to answer', error),
    });
    this.prepare().catch((error: unknown) => {
      if (!this.stopping.signal.aborted) this.fatal.report('the token endpoint has no signing key', error);
    });
  }

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  private async prepare(): Promise<void> {
    await this.database.ready();
    const key = await this.signingKey();
    const facts = new TokenFacts(this.activity, this.log);
    const { publicUrl } = this.base;
    const provider = authorizationServer({ publicUrl, key, clients: this.clients, spent: this.spent, facts });
    provider.on('server_error', (_ctx, error) => this.log.error('the token endpoint failed', error));
    this.answer = provider.callback();
  }

  /** The database may go away again before the key was read. */
  private async signingKey(): Promise<JWK> {
    for (;;) {
      try {
        return await this.keys.current();
      } catch (error) {
        if (!(error instanceof VaultUnavailable || isDatabaseUnavailable(error))) throw error;
        await pause(1_000, undefined, { signal: this.stopping.signal });
      }
    }
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
