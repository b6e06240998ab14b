import { FhirConfig, type FhirEndpoint } from '#fhir-endpoints';
import { ApiResponse, ApiTags, malformed, Problems, refused, Roles, unavailable } from '#host';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import { Type, type Static } from 'typebox';
import { AdmittedClients, NotServing } from '../authenticate-client/admitted-clients.js';
import { PATIENT_RIGHTS, RightsUnavailable, type PatientRightsOf } from '../see-patients/patient-rights.js';
import { type FhirContextEntry, MintLaunch } from './launch.dto.js';
import { entryFault, readEntries } from './context-entries.js';
import { Launches, type ContextEntry, type LaunchContext } from './launches.js';

const Minted = Type.Object({ launch: Type.String(), expiresAt: Type.String({ format: 'date-time' }) });

/** An EHR starts an application (SMART App Launch 2.2, 2.0.2.1): it mints the `launch` that it hands over. */
@Controller('oauth/launches')
@ApiTags('token')
export class LaunchesController {
  constructor(
    private readonly launches: Launches,
    private readonly clients: AdmittedClients,
    @Inject(PATIENT_RIGHTS) private readonly rights: PatientRightsOf,
    private readonly fhir: FhirConfig,
  ) {}

  /**
   * The launch lives five minutes, for this application and this user, and is shown once and kept as a hash, so that a
   * repeated request gives another one (docs/adr/0051).
   */
  @Post()
  @Roles('launcher')
  @ApiResponse({ status: 201, schema: Minted })
  @Problems(400, 401, 403, 413, 415, 422, 500, 503)
  async mint(@Body() body: MintLaunch): Promise<Static<typeof Minted>> {
    const { clientId, user, endpoint: named, fhirContext, ...rest } = body;
    if (!this.isOpen(clientId))
      throw refused('unknown-application', 'No such application', 'No application with open access has this clientId.');
    const endpoint = this.endpointNamed(named);
    const context: LaunchContext = {
      ...rest,
      endpoint: endpoint.id,
      ...(fhirContext === undefined ? {} : { fhirContext: fhirContext.map(entryOf) }),
    };
    return this.launches.mint({ clientId, user, context: await this.checked(context, endpoint) });
  }

  private endpointNamed(id: string | undefined): FhirEndpoint {
    const { endpoints } = this.fhir;
    const endpoint = id === undefined ? endpoints.only : endpoints.withId(id);
    if (endpoint === undefined)
      throw refused('unknown-endpoint', 'No such FHIR endpoint', 'The launch names no FHIR endpoint of this service.');
    return endpoint;
  }

  private isOpen(clientId: string): boolean {
    try {
      return this.clients.open(clientId) !== undefined;
    } catch (error) {
      if (error instanceof NotServing) throw unavailable('This service does not know now what is in force.', 1, error);
      throw error;
    }
  }

  /**
   * An encounter brings its patient, and what else is open is that patient's; whether the user may see them is asked once
   * they have signed in, when all of it is looked at again.
   */
  private async checked(context: LaunchContext, endpoint: FhirEndpoint): Promise<LaunchContext> {
    for (const [at, entry] of (context.fhirContext ?? []).entries()) mustBeEntry(entry, `/fhirContext/${at}`);
    try {
      const whose = await this.withPatient(context, endpoint);
      const about = await readEntries(whose.fhirContext ?? [], whose.patient, this.rights.at(endpoint));
      if (!about.ok) throw refused('unknown-context', 'No such context', `In fhirContext, ${about.why}.`);
      return whose;
    } catch (error) {
      if (error instanceof RightsUnavailable) throw unavailable('The FHIR server does not answer.', 1, error);
      throw error;
    }
  }

  private async withPatient(context: LaunchContext, endpoint: FhirEndpoint): Promise<LaunchContext> {
    const { patient, encounter } = context;
    if (encounter === undefined) return context;
    const found = await this.rights.at(endpoint).encounter(encounter);
    if (found === undefined || (patient !== undefined && found.patient !== patient))
      throw refused('unknown-encounter', 'No such encounter', 'The encounter is not one of the patient.');
    return { ...context, patient: found.patient };
  }
}

/** As it is kept: without what was not given. */
function entryOf({ identifier, ...entry }: FhirContextEntry): ContextEntry {
  return { ...entry, ...(identifier === undefined ? {} : { identifier: { ...identifier } }) };
}

function mustBeEntry(entry: ContextEntry, pointer: string): void {
  const fault = entryFault(entry);
  if (fault === undefined) return;
  const { kind, detail } = fault;
  if (kind === 'malformed') throw malformed('An entry of fhirContext is none.', [{ pointer, detail }]);
  throw refused('unfit-context', 'Unfit context', detail, [{ pointer, detail }]);
}
