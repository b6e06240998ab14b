import type { Position } from '#contracts';
import { ApiExcludeController, Roles, SeenPositions } from '#host';
import { Controller, Get, Header, Param, Req, UseFilters } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ReadAuditEvent, SearchAuditEvents } from './audit-events.query.js';
import { OperationOutcomeFilter } from './operation-outcome.filter.js';

/** Audit records as FHIR R4 has them (docs/adr/0012); its errors too, so it stands outside the OpenAPI document. */
@Controller('audit/fhir/AuditEvent')
@ApiExcludeController()
@Roles('auditor', 'operator')
@UseFilters(OperationOutcomeFilter)
export class AuditEventsController {
  constructor(private readonly queries: QueryBus) {}

  @Get()
  @Header('content-type', 'application/fhir+json')
  search(@Req() request: { readonly url: string }, @SeenPositions() seen: readonly Position[]) {
    const { searchParams } = new URL(request.url, 'http://localhost');
    return this.queries.execute(new SearchAuditEvents(searchParams, seen));
  }

  @Get(':id')
  @Header('content-type', 'application/fhir+json')
  read(@Param('id') id: string, @SeenPositions() seen: readonly Position[]) {
    return this.queries.execute(new ReadAuditEvent(id, seen));
  }
}
