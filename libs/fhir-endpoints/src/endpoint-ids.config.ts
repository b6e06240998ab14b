import { BaseConfig, Setting, type ConfigFault, type ConfigSection } from '#host';
import { IsOptional, IsString } from 'class-validator';
import { readListedEndpoints } from './endpoint-file.js';
import { DEFAULT_ENDPOINT } from './fhir-endpoint.js';

/**
 * Which FHIR endpoints there are, by their ids alone: for a service that names endpoints and serves none. It is told by the
 * settings of those that do (`FhirConfig`), and needs none of the secrets that these name.
 */
export class EndpointIdsConfig implements ConfigSection {
  @Setting('FHIR_UPSTREAM_URL', {
    mustBe: 'as the gateway and the token service have it',
    describe: 'Where it is set there is one FHIR endpoint, `default`. Nothing is asked of it here.',
    byDefault: 'set in development',
  })
  @IsOptional()
  @IsString()
  fhirUpstreamUrl?: string;

  @Setting('FHIR_ENDPOINTS', {
    mustBe: 'the path of the JSON file that the gateway and the token service read (docs/endpoints.md)',
    describe: 'Which FHIR endpoints there are. The files that it names need not be there.',
    byDefault: 'not known without either: whatever an approval names is taken',
  })
  @IsOptional()
  @IsString()
  endpointFile?: string;

  /** Absent where nobody told. */
  ids: readonly string[] | undefined;
  private fileFault: string | undefined;

  complete(_service: object, base: object): void {
    if (this.endpointFile !== undefined) {
      const read = readListedEndpoints(this.endpointFile);
      if (read.ok) this.ids = read.entries.map(({ id }) => id);
      else this.fileFault = read.fault;
      return;
    }
    const development = base instanceof BaseConfig && base.development;
    if (development || this.fhirUpstreamUrl !== undefined) this.ids = [DEFAULT_ENDPOINT];
  }

  faults(): readonly ConfigFault[] {
    const { endpointFile: given, fileFault: mustBe } = this;
    if (given === undefined) return [];
    // As the gateway has it: nobody may approve for `default` while others are served.
    if (this.fhirUpstreamUrl !== undefined)
      return [{ variable: 'FHIR_ENDPOINTS', mustBe: 'given without FHIR_UPSTREAM_URL beside it', given }];
    return mustBe === undefined ? [] : [{ variable: 'FHIR_ENDPOINTS', mustBe, given }];
  }
}
