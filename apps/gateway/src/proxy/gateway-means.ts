import type { ActivityPort } from '#event-log';
import { BaseConfig, InjectActivity, Log, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { VerifiedTokens } from '../believe-token/verified-tokens.js';
import { GatewayConfig } from '../gateway.config.js';
import { ConfiguredRights } from '../user-rights/configured-rights.js';
import type { UserRights } from '../user-rights/user-rights.js';
import { CallRecords } from './call-records.js';
import { FHIR_MOUNT } from './fhir-calls.js';
import { GatewayPoint } from './gateway-point.js';

/** What every decision of this instance is taken with, whoever asks for it. */
@Injectable()
export class GatewayMeans {
  /** Our FHIR base, without a slash at its end. */
  readonly base: string;
  readonly tokens: VerifiedTokens;
  readonly rights: UserRights;
  readonly records: CallRecords;

  constructor(
    base: BaseConfig,
    config: GatewayConfig,
    gateway: GatewayPoint,
    @InjectActivity() activity: ActivityPort,
    log: Log,
    @Inject(VAULT) vault: Vault,
  ) {
    this.base = base.publicUrl + FHIR_MOUNT;
    this.tokens = new VerifiedTokens({
      jwksUrl: config.jwksUrl,
      issuer: base.publicUrl,
      audience: this.base,
      onStaleKeys: (error) => log.for('fhir').warn('the keys of the token service could not be renewed', error),
    });
    this.rights = new ConfiguredRights(new Map(config.rightsRules()));
    this.records = new CallRecords(activity, gateway.point.id, {
      // As the token service names them when a patient consents.
      vaultIdOf: async (id) => await vault.subjectId(this.base, `Patient/${id}`),
      onUnavailable: (error) => log.for('fhir').warn('a record lacks a patient: the vault cannot be asked', error),
    });
  }
}
