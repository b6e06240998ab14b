import { FhirConfig, type FhirEndpoint } from '#fhir-endpoints';
import { ApiTags, Creates, malformed, refused, Roles, unavailable } from '#host';
import { Body, Controller, Inject, Post } from '@nestjs/common';
import { Type, type Static } from 'typebox';
import { AdmittedClients, NotServing } from '../authenticate-client/admitted-clients.js';
import { PATIENT_RIGHTS, RightsUnavailable, type PatientRightsOf } from '../see-patients/patient-rights.js';
import { MintLaunch } from './launch.dto.js';
import { Launches, type LaunchContext } from './launches.js';

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

  /** The launch lives five minutes, for this application and this user, and is shown once. */
  @Post()
  @Roles('launcher')
  @Creates(Minted)
  async mint(@Body() body: MintLaunch): Promise<Static<typeof Minted>> {
    const { clientId, user, endpoint: named, fhirContext, ...rest } = body;
    if (!this.isOpen(clientId))
      throw refused('unknown-application', 'No such application', 'No application with open access has this clientId.');
    const endpoint = this.endpointNamed(named);
    const context: LaunchContext = {
      ...rest,
      endpoint: endpoint.id,
      ...(fhirContext === undefined ? {} : { fhirContext: fhirContext.map((entry) => ({ ...entry })) }),
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

  /** An encounter brings its patient; whether the user may see them is asked once they have signed in. */
  private async checked(context: LaunchContext, endpoint: FhirEndpoint): Promise<LaunchContext> {
    const { patient, encounter, fhirContext = [] } = context;
    if (fhirContext.some(({ reference, canonical }) => (reference === undefined) === (canonical === undefined)))
      throw malformed('An entry of fhirContext has either a reference or a canonical.', [
        { pointer: '/fhirContext', detail: 'must have entries with either a reference or a canonical' },
      ]);
    if (encounter === undefined) return context;
    try {
      const found = await this.rights.at(endpoint).encounter(encounter);
      if (found === undefined || (patient !== undefined && found.patient !== patient))
        throw refused('unknown-encounter', 'No such encounter', 'The encounter is not one of the patient.');
      return { ...context, patient: found.patient };
    } catch (error) {
      if (error instanceof RightsUnavailable) throw unavailable('The FHIR server does not answer.', 1, error);
      throw error;
    }
  }
}
