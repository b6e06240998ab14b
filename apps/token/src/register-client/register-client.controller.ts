import { ApiExcludeController, BaseConfig, Public } from '#host';
import { oauthPaths } from '#smart';
import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  Headers,
  HttpCode,
  Param,
  Post,
  Put,
  Res,
  UseFilters,
} from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import { OAuthBody, OAuthErrorFilter } from '../answer-oauth/oauth-error.filter.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { ClientRegistrations } from './client-registrations.js';
import type { WaitingCaller } from './registration-attempts.js';

/** Dynamic registration (RFC 7591) and its management (RFC 7592). What is not understood is passed over. */
@Controller(oauthPaths.registration)
@ApiExcludeController()
@Public()
@UseFilters(OAuthErrorFilter)
export class RegisterClientController {
  constructor(
    private readonly registrations: ClientRegistrations,
    private readonly base: BaseConfig,
  ) {}

  @Post()
  @HttpCode(201)
  @OAuthBody('application/json')
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async register(
    @Body() body: unknown,
    @Headers('authorization') authorization: string | undefined,
    @Res({ passthrough: true }) { raw }: FastifyReply,
  ) {
    const token = authorization === undefined ? undefined : bearerIn(authorization);
    return this.registrations.register(metadataIn(body), token, this.base.publicUrl, callerOf(raw));
  }

  @Get(':clientId')
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async read(@Param('clientId') clientId: string, @Headers('authorization') authorization: string | undefined) {
    return this.registrations.read(clientId, bearerIn(authorization), this.base.publicUrl);
  }

  @Put(':clientId')
  @OAuthBody('application/json')
  @Header('cache-control', 'no-store')
  @Header('pragma', 'no-cache')
  async update(
    @Param('clientId') clientId: string,
    @Headers('authorization') authorization: string | undefined,
    @Body() body: unknown,
  ) {
    return this.registrations.update(clientId, bearerIn(authorization), metadataIn(body), this.base.publicUrl);
  }

  @Delete(':clientId')
  @HttpCode(204)
  @Header('cache-control', 'no-store')
  async remove(@Param('clientId') clientId: string, @Headers('authorization') authorization: string | undefined) {
    await this.registrations.remove(clientId, bearerIn(authorization));
  }
}

/** Whoever waits for a response: answered once the last byte of a 201 has been handed to the network. */
function callerOf(response: ServerResponse): WaitingCaller {
  return {
    onEnd: (listener) => {
      const ended = () => listener(response.writableFinished && response.statusCode === 201);
      if (response.closed) ended();
      else response.once('close', ended);
    },
  };
}

/** RFC 6750, 2.1. */
function bearerIn(authorization: string | undefined): string {
  const token = /^Bearer ([A-Za-z0-9\-._~+/]+=*)$/i.exec(authorization ?? '')?.[1];
  if (token === undefined) throw new OAuthError(401, 'invalid_token', 'a bearer token is required');
  return token;
}

function metadataIn(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body))
    throw new OAuthError(400, 'invalid_client_metadata', 'the metadata must be a JSON object');
  return { ...body };
}
