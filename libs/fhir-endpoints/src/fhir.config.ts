import { readFileSync } from 'node:fs';
import { BaseConfig, sandboxPaths, Setting, type ConfigFault, type ConfigSection } from '#host';
import { isResourceType, type WithholdingRule } from '#smart';
import { IsOptional, IsString, Matches } from 'class-validator';
import { readEndpointFile, type EndpointEntry, type ObserveSettings, type RuleSettings } from './endpoint-file.js';
import { isOpenLine } from './endpoint-parts.js';
import { operationsOf } from './operation-settings.js';
import { DEFAULT_ENDPOINT, FhirEndpoints, type FhirEndpoint, type ObserveRule } from './fhir-endpoint.js';

/** Where the FHIR API is served; with several endpoints, each below it. */
const FHIR_PATH = '/fhir';

const openFhir = 'reached by https outside development, but on this machine: it is patients’ data';

/** Which FHIR endpoints there are: of the gateway and of the token service, which have to agree. */
export class FhirConfig implements ConfigSection {
  @Setting('FHIR_UPSTREAM_URL', {
    mustBe:
      'the base URL of the FHIR server, https outside development but on this machine, unless FHIR_ENDPOINTS names several',
    describe: 'The FHIR server behind the gateway.',
    byDefault: 'the sandbox’s FHIR server in development',
  })
  @IsOptional()
  @Matches(/^https?:\/\/[^?#@\s]+$/)
  fhirUpstreamUrl?: string;

  @Setting('FHIR_ENDPOINTS', {
    mustBe: 'the path of a JSON file that lists FHIR endpoints (docs/endpoints.md)',
    describe: 'Several FHIR endpoints, or one with a credential of its own, in the place of `FHIR_UPSTREAM_URL`.',
    byDefault: 'one endpoint, `default`',
  })
  @IsOptional()
  @IsString()
  endpointFile?: string;

  endpoints = new FhirEndpoints([]);
  private fileFault: string | undefined;

  complete(_service: object, base: object): void {
    if (!(base instanceof BaseConfig)) return;
    const { publicUrl = '', development } = base as Partial<BaseConfig>;
    if (this.endpointFile !== undefined) {
      const read = readEndpointFile(this.endpointFile);
      if (read.ok) this.endpoints = new FhirEndpoints(endpointsOf(read.entries, publicUrl));
      else this.fileFault = read.fault;
      return;
    }
    if (development === true) this.fhirUpstreamUrl ??= `${publicUrl}${sandboxPaths.fhir}`;
    if (this.fhirUpstreamUrl === undefined) return;
    this.endpoints = new FhirEndpoints(
      endpointsOf([{ id: DEFAULT_ENDPOINT, upstreamUrl: this.fhirUpstreamUrl }], publicUrl),
    );
  }

  faults(base: object): readonly ConfigFault[] {
    const file = {
      variable: 'FHIR_ENDPOINTS',
      ...(this.endpointFile === undefined ? {} : { given: this.endpointFile }),
    };
    const { endpointFile, fhirUpstreamUrl, fileFault } = this;
    if (endpointFile === undefined && fhirUpstreamUrl === undefined)
      return [{ variable: 'FHIR_UPSTREAM_URL', mustBe: 'the http(s) base URL of the FHIR server' }];
    if (endpointFile !== undefined && fhirUpstreamUrl !== undefined)
      return [{ ...file, mustBe: 'given without FHIR_UPSTREAM_URL beside it' }];
    if (fileFault !== undefined) return [{ ...file, mustBe: fileFault }];
    const isDevelopment = base instanceof BaseConfig && base.development;
    const open = isDevelopment ? [] : this.endpoints.all.filter(({ upstream }) => isOpenLine(upstream.url));
    if (fhirUpstreamUrl !== undefined && open.length > 0)
      return [{ variable: 'FHIR_UPSTREAM_URL', mustBe: openFhir, given: fhirUpstreamUrl }];
    if (open.length > 0) return [{ ...file, mustBe: `a list of FHIR servers, each ${openFhir}` }];
    return base instanceof BaseConfig ? this.baseFaults(base).map((mustBe) => ({ ...file, mustBe })) : [];
  }

  /** A token for one endpoint must count nowhere else: not at another, and not at the administrative API. */
  private baseFaults({ identityAudience, development }: BaseConfig): readonly string[] {
    const bases = this.endpoints.all.map(({ base }) => base);
    return [
      ...(new Set(bases).size < bases.length ? ['a list in which no baseUrl stands twice'] : []),
      ...(bases.includes(identityAudience) ? ['a list of other base URLs than IDENTITY_AUDIENCE'] : []),
      ...(!development && bases.some((it) => it.startsWith('http:')) ? ['a list of https base URLs'] : []),
    ];
  }
}

/** Alone an endpoint stands at `/fhir`; where there are several, each stands below it by its id. */
function endpointsOf(entries: readonly EndpointEntry[], publicUrl: string): readonly FhirEndpoint[] {
  return entries.map((entry) => {
    const { id, baseUrl, upstreamUrl, credential, tls, withhold, observe, auditAvailable, operations } = entry;
    const { userRights, admit } = entry;
    const path = entries.length === 1 ? FHIR_PATH : `${FHIR_PATH}/${id}`;
    return {
      id,
      path,
      base: withoutSlash(baseUrl ?? publicUrl + path),
      upstream: {
        url: withoutSlash(asServersWriteIt(upstreamUrl)),
        ...(credential === undefined ? {} : { credential }),
        ...(tls === undefined ? {} : { tls }),
      },
      ...(withhold === undefined ? {} : { withhold: withhold.map(ruleOf) }),
      ...(userRights === undefined ? {} : { userRights }),
      ...(admit === undefined ? {} : { admit }),
      ...(observe === undefined ? {} : { observe: observe.map(observed) }),
      ...(auditAvailable === undefined ? {} : { auditAvailable: new Set(auditAvailable) }),
      ...(operations === undefined ? {} : { operations: operationsOf(operations) }),
    };
  });
}

function ruleOf({ name, types, security, codes, patientsFile, unlessPurpose }: RuleSettings): WithholdingRule {
  return {
    name,
    ...(types === undefined ? {} : { types: types.filter(isResourceType) }),
    ...(security === undefined ? {} : { security }),
    ...(codes === undefined ? {} : { codes }),
    ...(patientsFile === undefined ? {} : { patients: idsIn(patientsFile) }),
    ...(unlessPurpose === undefined ? {} : { unlessPurpose }),
  };
}

function observed({ applications, interactions, until }: ObserveSettings): ObserveRule {
  return {
    applications: new Set(applications),
    ...(interactions === undefined ? {} : { interactions: new Set(interactions) }),
    untilMs: Date.parse(until),
  };
}

function idsIn(path: string): readonly string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The URL as a server writes it that says the Host it is asked by, whose own URLs are known by it. What is no URL is a fault elsewhere. */
function asServersWriteIt(url: string): string {
  return URL.parse(url)?.href ?? url;
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
