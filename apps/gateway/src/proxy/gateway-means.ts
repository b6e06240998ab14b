import { DpopNonces, SpentProofs } from '#dpop';
import type { CallLimits } from '#contracts';
import type { ActivityPort } from '#event-log';
import { FhirConfig, type FhirEndpoint } from '#fhir-endpoints';
import { BaseConfig, InjectActivity, Log, Metrics, VAULT } from '#host';
import { splitTarget } from '#smart';
import type { Vault } from '#vault';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { Admissions } from '../admit-patients/admissions.js';
import { admissionsOf } from '../admit-patients/admissions-of.js';
import { UnansweredMeter } from '../ask-rights/unanswered-meter.js';
import { type TokensOfEndpoint, VerifiedTokens } from '../believe-token/verified-tokens.js';
import { GatewayConfig } from '../gateway.config.js';
import { CallLimiter } from '../limit-calls/call-limits.js';
import { Observing } from '../observe/observing.js';
import { Possession } from '../prove-possession/possession.js';
import { RecordSpool } from '../spool-records/record-spool.js';
import type { UserRights } from '../user-rights/user-rights.js';
import { type OpenedRights, userRightsOf } from '../user-rights/user-rights-of.js';
import { WithheldFrom } from '../user-rights/withheld.js';
import { CallRecords } from './call-records.js';
import { GatewayPoint } from './gateway-point.js';

/** What decisions about one endpoint are taken with. */
export interface EndpointMeans {
  readonly endpoint: FhirEndpoint;
  readonly tokens: TokensOfEndpoint;
  readonly possession: Possession;
  readonly rights: UserRights;
  readonly admissions: Admissions;
  readonly withheld: WithheldFrom;
  readonly records: CallRecords;
  readonly observing: Observing;
  /** Counts the calls of applications, at whichever endpoint, and whether they come here or somebody asks about them. */
  readonly limiter: CallLimiter;
  /** What an approval that says nothing else allows. */
  readonly limits: CallLimits;
}

/** A request at an endpoint: path and query below its base, as sent. */
export interface AtEndpoint {
  readonly means: EndpointMeans;
  readonly target: { readonly path: string; readonly query: string };
}

/** What every decision of this instance is taken with, whoever asks for it. */
@Injectable()
export class GatewayMeans implements OnModuleDestroy {
  readonly all: readonly EndpointMeans[];
  readonly #opened: readonly OpenedRights[];

  constructor(
    base: BaseConfig,
    { endpoints }: FhirConfig,
    config: GatewayConfig,
    gateway: GatewayPoint,
    @InjectActivity() activity: ActivityPort,
    log: Log,
    spent: SpentProofs,
    @Inject(VAULT) vault: Vault,
    spool: RecordSpool,
    metrics: Metrics,
  ) {
    const unanswered = new UnansweredMeter(metrics, log.for('fhir'));
    const tokens = new VerifiedTokens({
      jwksUrl: config.jwksUrl,
      issuer: base.publicUrl,
      onStaleKeys: (error) => log.for('fhir').warn('the keys of the token service could not be renewed', error),
    });
    const possession = new Possession({
      nonces: new DpopNonces(config.nonceSecrets()),
      nonceRequired: config.dpopNonceRequired,
      spent,
    });
    const opened = endpoints.all.map(
      (endpoint) => [endpoint, userRightsOf(endpoint, config.rightsRules(), unanswered.at(endpoint))] as const,
    );
    this.#opened = opened.map(([, it]) => it);
    const ofAll = { possession, limiter: new CallLimiter(), limits: config.limits() };
    this.all = opened.map(([endpoint, { rights }]) => ({
      ...ofAll,
      endpoint,
      tokens: tokens.at(endpoint),
      rights,
      admissions: admissionsOf(endpoint, unanswered.at(endpoint)),
      withheld: new WithheldFrom(endpoint.withhold ?? []),
      observing: new Observing(endpoint),
      records: new CallRecords(
        activity,
        gateway.point.id,
        endpoint.id,
        {
          // As the token service names them when a patient consents.
          vaultIdOf: async (id) => await vault.subjectId(endpoint.base, `Patient/${id}`),
          onUnavailable: (error) => log.for('fhir').warn('a record lacks a patient: the vault cannot be asked', error),
        },
        spool.port,
      ),
    }));
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(
      [...this.#opened, ...this.all.map(({ admissions }) => admissions)].map(async (it) => await it.close()),
    );
  }

  /** Of the endpoint that a request is at, by the whole target as it came in. */
  at(url: string): AtEndpoint | undefined {
    for (const means of this.all) {
      const target = splitTarget(url, means.endpoint.path);
      if (target) return { means, target };
    }
    return undefined;
  }

  /** Of an endpoint by its id; without one, of the only one there is. */
  of(id: string | undefined): EndpointMeans | undefined {
    if (id === undefined) return this.all.length === 1 ? this.all[0] : undefined;
    return this.all.find(({ endpoint }) => endpoint.id === id);
  }
}
