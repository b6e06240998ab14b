import { type FhirResource, isObject, isResource, localReference } from '#smart';
import type { AskedService } from '../ask-rights/asked-service.js';
import { isWithin, spanOf } from './fhir-period.js';
import type { PatientRegister, Standing } from './patient-register.js';

/** So many patients are asked about in one search. */
const AT_ONCE = 10;
/** What narrows a permission to a part of the data: none of it is taken for the whole. */
const NARROWED = ['provision', 'class', 'code', 'data', 'dataPeriod', 'securityLabel'];
const PURPOSES = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
const ACTIONS = 'http://terminology.hl7.org/CodeSystem/consentaction';
/** The actions that giving data is. */
const GIVEN = ['access', 'disclose'];

/**
 * A register in FHIR Consents of one category, asked for at each call (PDex 2.2, Consent). Every
 * Consent is held against what was asked: servers exist that answer with everybody's. One that cannot be understood
 * counts as an objection, never as a permission.
 */
export class ConsentRegister implements PatientRegister {
  constructor(
    private readonly service: Pick<AskedService, 'ask' | 'unreadable' | 'close'>,
    private readonly options: {
      /** Base URLs by which the server names its own resources. */
      readonly bases: readonly string[];
      /** `system|code`. */
      readonly category: string;
      /** What has to stand in it: a permission, or no objection. */
      readonly needs: 'permit' | 'no-deny';
      /** Who a permission has to name for each client, as a reference; any will do where it is absent. */
      readonly actors?: Readonly<Record<string, string>>;
    },
  ) {}

  async says(
    patients: readonly string[],
    clientId: string,
    purposes: readonly string[],
  ): Promise<ReadonlyMap<string, Standing>> {
    const parts = Array.from({ length: Math.ceil(patients.length / AT_ONCE) }, (_, at) =>
      patients.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
    );
    const found = await Promise.all(parts.map(async (part) => await this.#consentsOf(part)));
    const said = new Map<string, Standing>();
    for (const consent of found.flat()) {
      const patient = localReference(consent['patient'], this.options.bases);
      const standing = this.#standingIn(consent, clientId, purposes);
      // Whose objection it is cannot be told: it may be that of anybody who was asked about.
      if (patient?.type !== 'Patient' && standing === 'deny' && this.#needsNoDeny)
        throw this.service.unreadable('an objection of a patient who cannot be told');
      if (patient?.type !== 'Patient' || !patients.includes(patient.id)) continue;
      if (standing === 'deny' || (standing === 'permit' && said.get(patient.id) !== 'deny'))
        said.set(patient.id, standing);
    }
    return said;
  }

  async close(): Promise<void> {
    await this.service.close();
  }

  async #consentsOf(patients: readonly string[]): Promise<readonly FhirResource[]> {
    // Category and status are looked at here: a server that does not know a parameter may find nothing, and so no objection.
    const query = new URLSearchParams({ patient: patients.map((id) => `Patient/${id}`).join(','), _count: '200' });
    const { json } = await this.service.ask({
      method: 'GET',
      target: `/Consent?${query.toString()}`,
      accept: 'application/fhir+json',
    });
    if (!isResource(json) || json.resourceType !== 'Bundle')
      throw this.service.unreadable('it answered a search with no Bundle');
    const { entry = [], link = [] } = json;
    if (!Array.isArray(entry) || !Array.isArray(link)) throw this.service.unreadable('a Bundle that is none');
    // An objection may stand on the next page.
    if (link.some((it) => isObject(it) && it['relation'] === 'next'))
      throw this.service.unreadable('more Consents than one page holds');
    return (entry as readonly unknown[])
      .map((it) => (isObject(it) ? it['resource'] : undefined))
      .filter(isResource)
      .filter((it) => it.resourceType === 'Consent');
  }

  get #needsNoDeny(): boolean {
    return this.options.needs === 'no-deny';
  }

  #standingIn(consent: FhirResource, clientId: string, purposes: readonly string[]): Standing {
    const { status, category, provision } = consent;
    if (status !== 'active' || !isOfCategory(category, this.options.category)) return 'nothing';
    if (!isObject(provision)) return 'deny';
    const span = spanOf(provision['period']);
    if (span && !isWithin(span, Date.now())) return 'nothing';
    if (!span || provision['type'] !== 'permit') return 'deny';
    if ([consent, provision].some((it) => it['modifierExtension'] !== undefined) || denies(provision['provision']))
      return this.#needsNoDeny ? 'deny' : 'nothing';
    if (NARROWED.some((name) => provision[name] !== undefined)) return 'nothing';
    const { purpose, action } = provision;
    if (purpose !== undefined && !holdsCoding(purpose, PURPOSES, purposes)) return 'nothing';
    if (action !== undefined && !listOf(action).some((it) => isObject(it) && holdsCoding(it['coding'], ACTIONS, GIVEN)))
      return 'nothing';
    return this.#namesClient(provision['actor'], clientId) ? 'permit' : 'nothing';
  }

  #namesClient(actors: unknown, clientId: string): boolean {
    const { actors: wanted, bases } = this.options;
    if (!wanted) return true;
    const named = Object.hasOwn(wanted, clientId) ? wanted[clientId] : undefined;
    if (named === undefined || !Array.isArray(actors)) return false;
    return (actors as readonly unknown[]).some((actor) => {
      const reference = isObject(actor) ? localReference(actor['reference'], bases) : undefined;
      return reference !== undefined && `${reference.type}/${reference.id}` === named;
    });
  }
}

/** Whether there is a rule within, however deep, that allows not or cannot be understood. */
function denies(rules: unknown): boolean {
  if (rules === undefined) return false;
  if (!Array.isArray(rules)) return true;
  return (rules as readonly unknown[]).some(
    (it) =>
      !isObject(it) || it['type'] !== 'permit' || it['modifierExtension'] !== undefined || denies(it['provision']),
  );
}

function holdsCoding(codings: unknown, system: string, codes: readonly string[]): boolean {
  return listOf(codings).some(
    (it) => isObject(it) && it['system'] === system && codes.some((code) => code === it['code']),
  );
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function isOfCategory(categories: unknown, wanted: string): boolean {
  return (Array.isArray(categories) ? categories : []).some((concept: unknown) => {
    const codings = isObject(concept) ? concept['coding'] : undefined;
    return (Array.isArray(codings) ? codings : []).some(
      (it: unknown) =>
        isObject(it) &&
        typeof it['system'] === 'string' &&
        typeof it['code'] === 'string' &&
        `${it['system']}|${it['code']}` === wanted,
    );
  });
}
