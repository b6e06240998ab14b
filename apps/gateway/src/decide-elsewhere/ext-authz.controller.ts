import { malformed, Roles } from '#host';
import { All, Controller, Headers, HttpCode, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { answerProxy } from './answer-proxy.js';
import { Decisions } from './decisions.js';

/**
 * NGINX `auth_request`: 2xx lets in, 401 and 403 refuse. NGINX signs in as an enforcement point (`Authorization`), and
 * tells of the request that it holds in headers that count from nobody else: `X-Original-Method`, `X-Original-URI`,
 * `X-Original-Authorization`, and `X-Original-DPoP` for tokens that are bound to a key.
 */
@Controller('ext-authz')
@ApiExcludeController()
export class ExtAuthzController {
  constructor(
    private readonly decisions: Decisions,
    private readonly means: GatewayMeans,
  ) {}

  @All()
  @HttpCode(200)
  @Roles('enforcement-point')
  async decide(
    @Headers('x-original-method') method: string | undefined,
    @Headers('x-original-uri') uri: string | undefined,
    @Headers('x-original-authorization') authorization: string | undefined,
    @Headers('x-original-dpop') proof: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const at = uri === undefined ? undefined : this.means.at(uri);
    if (method === undefined || !at)
      throw malformed('X-Original-Method and X-Original-URI, below a FHIR endpoint, tell of the request.');
    await answerProxy(this.decisions, { ...at, method, authorization, proof }, reply);
  }
}
