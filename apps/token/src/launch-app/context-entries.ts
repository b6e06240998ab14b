import { isResourceType } from '#smart';
import type { PatientRights } from '../see-patients/patient-rights.js';
import type { ContextEntry } from './launches.js';

/** Why an entry of `fhirContext` cannot stand: it is no entry, or may not be one. */
export interface EntryFault {
  readonly kind: 'malformed' | 'refused';
  readonly detail: string;
}

/**
 * The rules of an entry that no FHIR server is asked about (SMART App Launch 2.2, 2.0.11): it names something, and patients
 * and encounters, which have places of their own, only in another role than `launch`. Those are named by reference, or
 * nobody could say whose they are. Identifiers and canonicals are the EHR's word: they lead to nothing here.
 */
export function entryFault({ reference, canonical, identifier, type, role }: ContextEntry): EntryFault | undefined {
  if (reference === undefined && canonical === undefined && identifier === undefined)
    return { kind: 'malformed', detail: 'must have entries with a reference, a canonical or an identifier' };
  const [referenced] = reference?.split('/') ?? [];
  const named = referenced ?? type;
  if (named !== undefined && !isResourceType(named))
    return { kind: 'malformed', detail: 'must name resource types of FHIR R4' };
  if (referenced !== undefined && type !== undefined && type !== referenced)
    return { kind: 'malformed', detail: 'must have the type that the reference has' };
  if (named !== 'Patient' && named !== 'Encounter') return undefined;
  if (isOfLaunch({ role })) return { kind: 'refused', detail: `${named} has a place of its own in a launch.` };
  return reference === undefined ? { kind: 'refused', detail: `${named} has to be named by a reference.` } : undefined;
}

/** What entries are about besides the patient in context, or why they cannot be told to the application. */
export type EntriesAbout =
  { readonly ok: true; readonly others: readonly string[] } | { readonly ok: false; readonly why: string };

/**
 * Reads what entries refer to, and holds it against the patient in context: that patient's, or about no patient at all. What
 * has another role than `launch`, and what is there without a patient in context, may be about others, whom the user has
 * to be let see.
 *
 * @throws RightsUnavailable
 */
export async function readEntries(
  entries: readonly ContextEntry[],
  patient: string | undefined,
  rights: Pick<PatientRights, 'whomIsAbout'>,
): Promise<EntriesAbout> {
  const others = new Set<string>();
  const read = await Promise.all(
    entries.flatMap(({ reference, role }) =>
      reference === undefined ? [] : [rights.whomIsAbout(reference).then((named) => ({ role, named }))],
    ),
  );
  for (const { role, named } of read) {
    if (named === undefined) return { ok: false, why: 'something of the context is not there' };
    if (named.unknown) return { ok: false, why: 'something of the context does not say whose it is' };
    const strangers = named.patients.filter((it) => it !== patient);
    if (strangers.length > 0 && patient !== undefined && isOfLaunch({ role }))
      return { ok: false, why: 'something of the context is another patient’s' };
    for (const each of strangers) others.add(each);
  }
  return { ok: true, others: [...others] };
}

function isOfLaunch({ role = 'launch' }: { readonly role: string | undefined }): boolean {
  return role === 'launch';
}
