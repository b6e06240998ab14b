import { Authenticator, forbidden, malformed, Public } from '#host';
import { All, Controller, HttpCode, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { GatewayMeans } from '../proxy/gateway-means.js';
import { answerProxy } from './answer-proxy.js';
import { Decisions } from './decisions.js';

/** What Envoy is told to put before the path that it asks about (`path_prefix`). */
const PREFIX = '/ext-authz/envoy';
/** Who asks: Envoy's own token. `Authorization` is the caller's. */
const POINT = 'gatehouse-authorization';

/**
 * Envoy's HTTP `ext_authz`: 200 lets in, all else refuses. Envoy asks with the method, the path, `Authorization` and
 * `DPoP` of the request that it holds, and signs in as an enforcement point by a header of its own, which replaces a caller's.
 */
@Controller('ext-authz/envoy')
@ApiExcludeController()
@Public()
export class EnvoyAuthzController {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly decisions: Decisions,
    private readonly means: GatewayMeans,
  ) {}

  @All('*')
  @HttpCode(200)
  async decide(@Req() { raw }: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<void> {
    const { caller } = await this.authenticator.authenticate(raw, POINT);
    if (!caller.roles.includes('enforcement-point')) throw forbidden('This is for the roles enforcement-point.');
    const url = raw.url ?? '';
    const at = url.startsWith(`${PREFIX}/`) ? this.means.at(url.slice(PREFIX.length)) : undefined;
    if (!at) throw malformed('The path is not below a FHIR endpoint.');
    const { authorization, dpop } = raw.headers;
    const proof = Array.isArray(dpop) ? dpop.join(', ') : dpop;
    await answerProxy(this.decisions, { ...at, method: raw.method ?? '', authorization, proof }, reply);
  }
}
