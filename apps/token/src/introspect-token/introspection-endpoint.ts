import type { IncomingMessage, ServerResponse } from 'node:http';
import { Log, mountDirectly } from '#host';
import { oauthPaths } from '#smart';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { readForm } from '../answer-oauth/form.js';
import { failedHere, oauthErrorAnswer } from '../answer-oauth/oauth-error.js';
import { sendAnswer, sendError, sendNotHere, sendOtherMethod } from '../answer-oauth/send-answer.js';
import { Introspection } from './introspection.js';

/**
 * Mounts the introspection endpoint (RFC 7662, 2) before the router: enforcement points elsewhere ask it at every call that
 * they let through (docs/adr/0024).
 */
@Injectable()
export class IntrospectionEndpoint implements OnModuleInit {
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly introspection: Introspection,
    log: Log,
  ) {
    this.log = log.for('token');
  }

  onModuleInit(): void {
    mountDirectly(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      prefix: oauthPaths.introspection,
      handler: (request, response) => this.handle(request, response),
      onError: (error) => this.log.error('the introspection endpoint failed to answer', error),
    });
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url?.split('?', 1)[0] !== oauthPaths.introspection) return sendNotHere(response);
    if (request.method !== 'POST') return sendOtherMethod(response, 'POST');
    try {
      sendAnswer(response, 200, await this.introspection.answer(request, await readForm(request)));
    } catch (error) {
      // Nobody is left to answer.
      if (request.destroyed && !request.complete) return;
      const answer = oauthErrorAnswer(error) ?? failedHere;
      if (answer === failedHere) this.log.error('introspection failed', error);
      sendError(request, response, answer);
    }
  }
}
