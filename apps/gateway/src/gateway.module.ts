import { provideActivity } from '#host';
import { Module } from '@nestjs/common';
import { FhirMount } from './proxy/fhir-mount.js';
import { GatewayPoint } from './proxy/gateway-point.js';
import { AccessController } from './show-access/access.controller.js';
import { ShowAccessHandler } from './show-access/show-access.query.js';

@Module({
  controllers: [AccessController],
  providers: [GatewayPoint, FhirMount, ShowAccessHandler, ...provideActivity()],
})
export class GatewayModule {}
