import type { IncomingMessage, ServerResponse } from 'node:http';
import { upstreamAccessOf } from '#fhir-endpoints';
import { BaseConfig, HealthRegistry, Log, Metrics, mountDirectly } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { Origins } from '../allow-origins/origins.js';
import { BodyMemory } from '../ask-upstream/body-memory.js';
import { Upstream } from '../ask-upstream/upstream.js';
import { Conformance } from '../conformance/conformance.js';
import { ExportLinks } from '../export/export-links.js';
import { ExportsAtWork } from '../export/exports-at-work.js';
import { GatewayConfig } from '../gateway.config.js';
import { shownObserving } from '../observe/shown-observing.js';
import { PageLinks } from '../page-links/page-links.js';
import { ShownWriteSupport } from '../write/shown-write-support.js';
import { WriteSupport } from '../write/write-support.js';
import { enforcedAt, FhirCalls } from './fhir-calls.js';
import { type EndpointMeans, GatewayMeans } from './gateway-means.js';
import { GatewayPoint } from './gateway-point.js';
import { fhirError } from './operation-outcome.js';
import { sendError } from './send-answer.js';

/** Where the FHIR endpoints are, one there or several below. */
const MOUNT = '/fhir';

/** What answers at one endpoint. */
interface Served {
  readonly upstream: Upstream;
  readonly conformance: Conformance;
  readonly calls: FhirCalls;
}

/** Puts the FHIR API beside Nest's routes: bodies, errors and methods there are FHIR's own. */
@Injectable()
export class FhirMount implements OnModuleInit, OnModuleDestroy {
  private readonly served: ReadonlyMap<EndpointMeans, Served>;
  private readonly origins: Origins;
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly base: BaseConfig,
    private readonly config: GatewayConfig,
    private readonly gateway: GatewayPoint,
    private readonly means: GatewayMeans,
    log: Log,
    metrics: Metrics,
    health: HealthRegistry,
  ) {
    this.log = log.for('fhir');
    this.origins = new Origins(gateway.point.access);
    const pageKeys = config.sealingKeys();
    const ofAll = {
      pages: new PageLinks(pageKeys),
      exports: new ExportLinks(pageKeys),
      exportsAtWork: new ExportsAtWork(),
      origins: this.origins,
      memory: new BodyMemory(config.bodyMemory),
      bundles: config.bundleLimits(),
    };
    const enforced = config.enforced();
    const ofWrites = { enforced, inFlight: gateway.inFlightWrites, bodyMost: config.bodyMaxBytes };
    const shownSupport = new ShownWriteSupport(metrics, this.log, enforced.writes?.updatesCreate === true);
    const observed = shownObserving(means.all, metrics, health);
    const since = new Date().toISOString();
    for (const { endpoint, observing } of means.all)
      if (observing.count() > 0)
        this.log.warn(
          `endpoint ${endpoint.id} observes ${observing.count()} applications: what it would refuse it lets in`,
        );
    this.served = new Map(
      means.all.map((each) => {
        const { endpoint, tokens, possession, rights, admissions, records, observing, limiter, limits } = each;
        const upstream = this.upstreamOf(each);
        const onObserved = (outcome: string) => observed.inc({ endpoint: endpoint.id, outcome });
        const support = new WriteSupport(upstream, (found) => shownSupport.found(endpoint.id, found));
        const enforcedHere = enforcedAt(endpoint, enforced);
        const own = {
          tokens,
          possession,
          rights,
          admissions,
          records,
          upstream,
          observing,
          onObserved,
          writes: { ...ofWrites, support },
          limiter,
          limits,
        };
        return [
          each,
          {
            upstream,
            conformance: new Conformance(base.publicUrl, endpoint.base, since, enforcedHere, () => support.known),
            calls: new FhirCalls(gateway, { ...ofAll, ...own }, endpoint, this.log),
          },
        ];
      }),
    );
  }

  onModuleInit(): void {
    mountDirectly(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      prefix: MOUNT,
      handler: async (request, response, address) => await this.handle(request, response, address),
      onError: (error) => this.log.error('a call of the FHIR API failed', error),
    });
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.served.values()].map(({ upstream }) => upstream.close()));
  }

  private async handle(request: IncomingMessage, response: ServerResponse, address: string): Promise<void> {
    const at = this.means.at(request.url ?? '');
    const isOpenToAll = at !== undefined && Conformance.isOpenToAll(at.target.path);
    if (this.origins.answerPreflight(request, response, isOpenToAll)) return;
    const served = at && this.served.get(at.means);
    if (!at || !served) {
      sendError(response, fhirError(404, 'not-found', 'There is nothing here.'));
      request.resume();
    } else if (!served.conformance.answer(request, at.target, response))
      await served.calls.handle(request, response, address);
  }

  private upstreamOf({ endpoint }: EndpointMeans): Upstream {
    const { upstreamTimeout, upstreamMaxBytes, passedMaxBytes, upstreamConnections } = this.config;
    const { passedAtOnce, exportFilesAtOnce } = this.config;
    const waitingMs = upstreamTimeout * 1000;
    const halfForOne = (total: number) => ({ total, perApplication: total / 2, waitingPerApplication: total * 4 });
    return new Upstream({
      baseUrl: endpoint.upstream.url,
      access: upstreamAccessOf(endpoint.upstream),
      timeoutMs: upstreamTimeout * 1000,
      maxBytes: upstreamMaxBytes,
      passedMaxBytes,
      slots: halfForOne(upstreamConnections),
      // They last as long as their callers like.
      passing: { ...halfForOne(passedAtOnce), waitingMs },
      files: { ...halfForOne(exportFilesAtOnce), waitingMs },
      breakMs: 5_000,
      onCircuit: (isBroken, why) => {
        const server = `the FHIR server of endpoint ${endpoint.id}`;
        this.log.warn(isBroken ? `${server} failed too often: not asked for now` : `${server} is back`, why);
      },
    });
  }
}
