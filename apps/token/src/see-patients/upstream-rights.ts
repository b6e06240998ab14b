import type { Bundle, BundleEntry, Encounter, HumanName, Patient, RelatedPerson, Resource } from '@medplum/fhirtypes';
import {
  CredentialUnavailable,
  type FhirEndpoint,
  type FhirEndpoints,
  type UpstreamAccess,
  upstreamAccessOf,
} from '#fhir-endpoints';
import { isAboutOthers, isResource as isFhirResource, isResourceType, membershipOf, patientsNamedIn } from '#smart';
import { Agent, request } from 'undici';
import type { PatientView } from '../pages/view-models.js';
import {
  RightsUnavailable,
  type AboutWhom,
  type EncounterOfPatient,
  type PatientRights,
  type PatientRightsOf,
} from './patient-rights.js';

/** What is read at all, and how long is waited for it. */
const limits = { patients: 100, encounters: 50, bytes: 4 * 1024 * 1024, ms: 5_000 } as const;
const idPattern = /^[A-Za-z0-9.-]{1,64}$/;

/** The rights that the data of each endpoint's own FHIR server shows. */
export class UpstreamRightsOf implements PatientRightsOf {
  private readonly byEndpoint: ReadonlyMap<FhirEndpoint, UpstreamRights>;

  constructor({ all }: FhirEndpoints) {
    this.byEndpoint = new Map(
      all.map((endpoint) => [endpoint, new UpstreamRights(endpoint.upstream.url, upstreamAccessOf(endpoint.upstream))]),
    );
  }

  at(endpoint: FhirEndpoint): UpstreamRights {
    const rights = this.byEndpoint.get(endpoint);
    if (rights === undefined) throw new RightsUnavailable(`${endpoint.id} is no endpoint of this service`);
    return rights;
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all([...this.byEndpoint.values()].map((it) => it.close()));
  }
}

/**
 * The rights that the FHIR server's own data shows: a patient sees themselves, a relative the patient they are recorded
 * for, a clinician the patients whose general practitioner they are. Everything that the server sends is checked again:
 * servers exist that answer a search they do not understand with everybody.
 */
class UpstreamRights implements PatientRights {
  private readonly agent: Agent;

  constructor(
    /** Without a slash at its end. */
    private readonly base: string,
    private readonly access: UpstreamAccess,
  ) {
    this.agent = new Agent({
      connections: 16,
      connectTimeout: limits.ms,
      maxResponseSize: limits.bytes,
      connect: { ...access.tls },
    });
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }

  async exists(fhirUser: string): Promise<boolean> {
    const resource = await this.read(fhirUser);
    if (resource === undefined || `${resource.resourceType}/${resource.id}` !== fhirUser) return false;
    if (resource.resourceType === 'RelatedPerson') return isCurrent(resource);
    return !('active' in resource) || resource.active !== false;
  }

  async patientsOf(fhirUser: string): Promise<readonly PatientView[]> {
    const [type] = fhirUser.split('/');
    switch (type) {
      case 'Patient':
      case 'RelatedPerson': {
        const patient = await this.ownPatient(fhirUser);
        return patient === undefined ? [] : [viewOf(patient)];
      }
      case 'Practitioner': {
        if (!(await this.practises(fhirUser))) return [];
        const found = await this.search('Patient', {
          'general-practitioner': fhirUser,
          _count: String(limits.patients),
        });
        return found.filter((it): it is Patient => isPatientOf(it, fhirUser)).map(viewOf);
      }
      default:
        return [];
    }
  }

  async patientFor(fhirUser: string, patientId: string): Promise<PatientView | undefined> {
    if (!idPattern.test(patientId)) return undefined;
    const clinician = fhirUser.startsWith('Practitioner/');
    if (clinician && !(await this.practises(fhirUser))) return undefined;
    const patient = clinician ? await this.read(`Patient/${patientId}`) : await this.ownPatient(fhirUser);
    if (patient?.resourceType !== 'Patient' || patient.id !== patientId) return undefined;
    return clinician && !isPatientOf(patient, fhirUser) ? undefined : viewOf(patient);
  }

  async encountersOf(patientId: string): Promise<readonly EncounterOfPatient[]> {
    const found = await this.search('Encounter', {
      patient: `Patient/${patientId}`,
      _count: String(limits.encounters),
    });
    return found.flatMap((it) => {
      const encounter = it.resourceType === 'Encounter' ? encounterOf(it) : undefined;
      return encounter?.patient === patientId ? [encounter] : [];
    });
  }

  async encounter(encounterId: string): Promise<EncounterOfPatient | undefined> {
    if (!idPattern.test(encounterId)) return undefined;
    const found = await this.read(`Encounter/${encounterId}`);
    return found?.resourceType === 'Encounter' && found.id === encounterId ? encounterOf(found) : undefined;
  }

  async whomIsAbout(reference: string): Promise<AboutWhom | undefined> {
    const resource = await this.ask(`/${reference}`);
    if (!isFhirResource(resource)) return undefined;
    const { resourceType: type } = resource;
    if (!isResourceType(type) || `${type}/${String(resource['id'])}` !== reference) return undefined;
    const bases = [this.base];
    const patients = patientsNamedIn(resource, type, bases);
    const { kind } = membershipOf(type);
    // What belongs to something else says by that alone whose it is.
    const isSilent = kind === 'linked' || (kind === 'member' && patients.length === 0);
    return { patients, unknown: isSilent || isAboutOthers(resource, type, bases) };
  }

  /** The patient that somebody is, or is recorded as a relative of. */
  private async ownPatient(fhirUser: string): Promise<Patient | undefined> {
    const person = await this.read(fhirUser);
    if (person === undefined || `${person.resourceType}/${person.id}` !== fhirUser) return undefined;
    if (person.resourceType === 'Patient') return person;
    if (person.resourceType !== 'RelatedPerson' || !isCurrent(person)) return undefined;
    const id = patientNamed((person satisfies RelatedPerson).patient.reference);
    const patient = id === undefined ? undefined : await this.read(`Patient/${id}`);
    return patient?.resourceType === 'Patient' && patient.id === id ? patient : undefined;
  }

  /** Whether a clinician is there and was not taken out of service. */
  private async practises(fhirUser: string): Promise<boolean> {
    const person = await this.read(fhirUser);
    return (
      person?.resourceType === 'Practitioner' && `Practitioner/${person.id}` === fhirUser && person.active !== false
    );
  }

  private async read(reference: string): Promise<Resource | undefined> {
    const answer = await this.ask(`/${reference}`);
    return answer === undefined || !isResource(answer) ? undefined : answer;
  }

  private async search(type: string, query: Record<string, string>): Promise<readonly Resource[]> {
    const parameters = new URLSearchParams(query);
    const answer = await this.ask(`/${type}?${parameters.toString()}`);
    if (!isResource(answer) || answer.resourceType !== 'Bundle') throw new RightsUnavailable('no bundle was sent');
    return ((answer satisfies Bundle).entry ?? []).flatMap(({ resource }: BundleEntry) => (resource ? [resource] : []));
  }

  private async ask(target: string): Promise<unknown> {
    try {
      const authorization = await this.access.authorization();
      const { statusCode, body } = await request(this.base + target, {
        dispatcher: this.agent,
        signal: AbortSignal.timeout(limits.ms),
        headers: {
          accept: 'application/fhir+json',
          'cache-control': 'no-cache',
          ...(authorization === undefined ? {} : { authorization }),
        },
      });
      if (statusCode === 401 && authorization !== undefined) this.access.refused(authorization);
      if (statusCode === 200) return await body.json();
      await body.dump();
      if (statusCode === 404 || statusCode === 410) return undefined;
      throw new RightsUnavailable(`the FHIR server answered ${statusCode}`);
    } catch (cause) {
      if (cause instanceof RightsUnavailable) throw cause;
      const why = cause instanceof CredentialUnavailable ? cause.message : 'the FHIR server did not answer';
      throw new RightsUnavailable(why, { cause });
    }
  }
}

function isResource(value: unknown): value is Resource {
  return (
    typeof value === 'object' && value !== null && 'resourceType' in value && typeof value.resourceType === 'string'
  );
}

/** Whether somebody is recorded as a relative now; what cannot be read as a time counts for nothing. */
function isCurrent({ active, period: { start, end } = {} }: RelatedPerson): boolean {
  const now = Date.now();
  const begun = start === undefined || Date.parse(start) <= now;
  return active !== false && begun && (end === undefined || endOf(end) > now);
}

/** When a FHIR dateTime is over, in milliseconds since 1970: a year, a month and a day are meant whole. */
function endOf(at: string): number {
  const [year, month, day] = at.split('-').map(Number);
  if (/^\d{4}(-\d\d){0,2}$/.test(at) && year !== undefined)
    return day === undefined
      ? Date.UTC(year + (month === undefined ? 1 : 0), month ?? 0)
      : Date.UTC(year, (month ?? 1) - 1, day + 1);
  return Date.parse(at);
}

function isPatientOf(resource: Resource, practitioner: string): boolean {
  return (
    resource.resourceType === 'Patient' &&
    resource.active !== false &&
    (resource.generalPractitioner ?? []).some(({ reference }) => reference === practitioner)
  );
}

function encounterOf({ id, subject, type, period, class: kind = {} }: Encounter): EncounterOfPatient | undefined {
  const patient = patientNamed(subject?.reference);
  if (id === undefined || patient === undefined) return undefined;
  const title = type?.[0]?.text ?? type?.[0]?.coding?.[0]?.display ?? kind.display ?? 'Visit';
  return { id, patient, title, ...(period?.start === undefined ? {} : { start: period.start }) };
}

function patientNamed(reference: string | undefined): string | undefined {
  return /^Patient\/([A-Za-z0-9.-]{1,64})$/.exec(reference ?? '')?.[1];
}

function viewOf({ id = '', name, birthDate, gender }: Patient): PatientView {
  return {
    id,
    name: nameOf(name) ?? 'Without a name',
    ...(birthDate === undefined ? {} : { birthDate }),
    ...(gender === undefined ? {} : { gender }),
  };
}

function nameOf(names: readonly HumanName[] | undefined): string | undefined {
  const name = names?.find(({ use }) => use === 'official') ?? names?.[0];
  const written = name?.text ?? [...(name?.given ?? []), name?.family ?? ''].join(' ').trim();
  return written === '' ? undefined : written;
}
