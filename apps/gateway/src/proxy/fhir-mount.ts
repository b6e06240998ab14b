import { BaseConfig, Log, mountHandler } from '#host';
import { splitTarget } from '#smart';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Origins } from '../allow-origins/origins.js';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { Conformance } from '../conformance/conformance.js';
import { GatewayConfig } from '../gateway.config.js';
import { CallLimiter } from '../limit-calls/call-limits.js';
import { PageLinks } from '../page-links/page-links.js';
import { FHIR_MOUNT, FhirCalls } from './fhir-calls.js';
import { GatewayMeans } from './gateway-means.js';
import { GatewayPoint } from './gateway-point.js';
import { originalUrlOf } from './read-call.js';
import { Upstream } from '../ask-upstream/upstream.js';

/** Puts the FHIR API beside Nest's routes: bodies, errors and methods there are FHIR's own. */
@Injectable()
export class FhirMount implements OnModuleInit, OnModuleDestroy {
  private readonly upstream: Upstream;
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly base: BaseConfig,
    private readonly config: GatewayConfig,
    private readonly gateway: GatewayPoint,
    private readonly shared: GatewayMeans,
    log: Log,
  ) {
    this.log = log.for('fhir');
    this.upstream = new Upstream({
      baseUrl: base.fhirUpstreamUrl,
      timeoutMs: config.upstreamTimeout * 1000,
      maxBytes: config.upstreamMaxBytes,
      slots: {
        total: config.upstreamConnections,
        perApplication: config.upstreamConnections / 2,
        waitingPerApplication: config.upstreamConnections * 4,
      },
      breakMs: 5_000,
      onCircuit: (isBroken) =>
        this.log.warn(isBroken ? 'the FHIR server failed too often: not asked for now' : 'the FHIR server is back'),
    });
  }

  onModuleInit(): void {
    const { publicUrl } = this.base;
    const { base: fhirBase, tokens, rights, records } = this.shared;
    const conformance = new Conformance(publicUrl, new Date().toISOString());
    const pages = new PageLinks(this.config.pageKeyBytes());
    const origins = new Origins(this.gateway.point.access);
    const means = {
      ...{ tokens, rights, pages, records, origins, upstream: this.upstream },
      memory: new BodyMemory(this.config.bodyMemory),
      limiter: new CallLimiter(),
      limits: this.config.limits(),
    };
    const calls = new FhirCalls(this.gateway, means, fhirBase, this.log);
    mountHandler(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      prefix: FHIR_MOUNT,
      publicUrl,
      handler: async (request, response) => {
        const target = splitTarget(originalUrlOf(request), FHIR_MOUNT);
        const isOpenToAll = target !== undefined && Conformance.isOpenToAll(target.path);
        if (origins.answerPreflight(request, response, isOpenToAll)) return;
        if (target && conformance.answer(request, target, response)) return;
        await calls.handle(request, response);
      },
      onError: (error) => this.log.error('a call of the FHIR API failed', error),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.upstream.close();
  }
}
