import { SpentProofs } from '#dpop';
import { Database, Log, provideActivity } from '#host';
import { Module } from '@nestjs/common';
import { Decisions } from './decide-elsewhere/decisions.js';
import { EnvoyAuthzController } from './decide-elsewhere/envoy-authz.controller.js';
import { EvaluationsController } from './decide-elsewhere/evaluations.controller.js';
import { ExtAuthzController } from './decide-elsewhere/ext-authz.controller.js';
import { FhirMount } from './proxy/fhir-mount.js';
import { GatewayMeans } from './proxy/gateway-means.js';
import { GatewayPoint } from './proxy/gateway-point.js';
import { AccessController } from './show-access/access.controller.js';
import { ShowAccessHandler } from './show-access/show-access.query.js';
import { RecordSpool } from './spool-records/record-spool.js';

@Module({
  controllers: [AccessController, EvaluationsController, ExtAuthzController, EnvoyAuthzController],
  providers: [
    GatewayPoint,
    GatewayMeans,
    RecordSpool,
    FhirMount,
    Decisions,
    ShowAccessHandler,
    ...provideActivity(),
    {
      provide: SpentProofs,
      inject: [Database, Log],
      useFactory: (database: Database, log: Log) =>
        new SpentProofs(database, (error) => log.for('fhir').warn('spent proofs were not removed', error)),
    },
  ],
})
export class GatewayModule {}
