import { FhirConfig } from '#fhir-endpoints';
import { VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { names, patientScopes } from '../ask-authorization/asked-scopes.js';
import { readEntries } from '../launch-app/context-entries.js';
import { Launches, type LaunchContext } from '../launch-app/launches.js';
import type { EncounterPickerView, PatientView } from '../pages/view-models.js';
import { PATIENT_RIGHTS, type EncounterOfPatient, type PatientRightsOf } from '../see-patients/patient-rights.js';
import { actionOf, applicationOf, refused, textOf, type Asking, type Step } from './pending-request.js';
import { fhirUserAt } from '../sign-in/fhir-user.js';
import { UserChoices } from './user-choices.js';

/** What a token of the request would be about. */
export interface EstablishedContext {
  readonly kind: 'established';
  /** The launch that it comes from, as `launchDigest` has it. */
  readonly launch?: string;
  readonly context: LaunchContext;
  /** Patients besides the one in context whom `fhirContext` is about. */
  readonly otherPatients: readonly string[];
  readonly fhirUser?: string;
  readonly patient?: PatientView;
}

type Refused = Extract<Step, { readonly kind: 'refused' }>;
type Launched = { readonly kind: 'launched'; readonly launch?: string; readonly context: LaunchContext };

/**
 * The context of a launch (SMART App Launch 2.2, 2.0.2 and 3.0.3): what an EHR has open, or what the user chooses; never
 * a patient whom the user may not see.
 */
@Injectable()
export class LaunchContexts {
  constructor(
    private readonly launches: Launches,
    private readonly choices: UserChoices,
    @Inject(PATIENT_RIGHTS) private readonly rights: PatientRightsOf,
    private readonly fhir: FhirConfig,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws DatabaseUnavailable, VaultUnavailable, RightsUnavailable */
  async establish(asking: Asking): Promise<EstablishedContext | Step> {
    const claimed = fhirUserAt(asking.person.fhirUser, asking.endpoint, this.fhir.endpoints);
    const rights = this.rights.at(asking.endpoint);
    const fhirUser = claimed !== undefined && (await rights.exists(claimed)) ? claimed : undefined;
    const launched = await this.launchOf(asking, claimed);
    if (launched.kind === 'refused') return launched;
    const found = await this.patientOf(asking, launched.context, fhirUser);
    if (found.kind !== 'patient') return found;
    const { patient } = found;
    const within = await this.encounterOf(asking, launched.context, patient);
    if (within.kind !== 'context') return within;
    const about = await readEntries(within.context.fhirContext ?? [], patient?.id, rights);
    if (!about.ok) return refused('access_denied', about.why);
    for (const other of about.others)
      if (fhirUser === undefined || (await rights.patientFor(fhirUser, other)) === undefined)
        return refused('access_denied', 'the user may not see somebody whom the context of the launch is about');
    return {
      kind: 'established',
      context: within.context,
      otherPatients: about.others,
      ...(launched.launch === undefined ? {} : { launch: launched.launch }),
      ...(fhirUser === undefined ? {} : { fhirUser }),
      ...(patient === undefined ? {} : { patient }),
    };
  }

  /** What the EHR has open, for this application and this user alone. */
  private async launchOf(
    { request, access, endpoint, asked, person }: Asking,
    claimed: string | undefined,
  ): Promise<Launched | Refused> {
    const launch = textOf(request.params['launch']);
    if (launch === undefined || !names(asked, 'launch')) return { kind: 'launched', context: {} };
    const found = await this.launches.find(launch, access.clientId);
    if (found === undefined) return refused('invalid_request', 'the launch is unknown, was used before or has expired');
    if (this.fhir.endpoints.withId(found.context.endpoint) !== endpoint)
      return refused('invalid_request', 'the launch is for another FHIR server');
    const subject = (await this.vault.lookupSubject(person.userId))?.subject;
    if (found.user !== subject && found.user !== claimed)
      return refused('access_denied', 'the launch is for another user');
    return { kind: 'launched', launch, context: found.context };
  }

  /** The patient in context, whom the user may see: the EHR's, the one that was chosen, the only one. */
  private async patientOf(
    { request, access, endpoint, asked, person }: Asking,
    opened: LaunchContext,
    fhirUser: string | undefined,
  ): Promise<{ readonly kind: 'patient'; readonly patient?: PatientView } | Step> {
    const needed =
      patientScopes(asked).length > 0 || names(asked, 'launch/patient') || names(asked, 'launch/encounter');
    if (opened.patient === undefined && !needed) return { kind: 'patient' };
    if (fhirUser === undefined) return refused('access_denied', 'the user has no record of their own here');
    const rights = this.rights.at(endpoint);
    const named = opened.patient ?? (await this.choices.of(request)).patient;
    if (named !== undefined) {
      const patient = await rights.patientFor(fhirUser, named);
      if (patient !== undefined) return { kind: 'patient', patient };
      if (opened.patient !== undefined)
        return refused('access_denied', 'the user may not see the patient of the launch');
    }
    const patients = await rights.patientsOf(fhirUser);
    const [only, another] = patients;
    if (only === undefined) return refused('access_denied', 'there is no patient whom the user may see');
    if (another === undefined) return { kind: 'patient', patient: only };
    const form = { action: actionOf(request, 'patient'), csrf: person.csrf };
    return { kind: 'page', view: { page: 'patient-picker', form, application: applicationOf(access), patients } };
  }

  private async encounterOf(
    asking: Asking,
    opened: LaunchContext,
    patient: PatientView | undefined,
  ): Promise<{ readonly kind: 'context'; readonly context: LaunchContext } | Step> {
    if (opened.encounter !== undefined) {
      const encounter = await this.rights.at(asking.endpoint).encounter(opened.encounter);
      return encounter !== undefined && encounter.patient === patient?.id
        ? { kind: 'context', context: opened }
        : refused('access_denied', 'the encounter of the launch is not one of the patient');
    }
    if (!names(asking.asked, 'launch/encounter') || patient === undefined) return { kind: 'context', context: opened };
    const encounters = await this.rights.at(asking.endpoint).encountersOf(patient.id);
    const { encounter: chosen } = await this.choices.of(asking.request);
    const found = encounters.find(({ id }) => id === chosen) ?? (encounters.length === 1 ? encounters[0] : undefined);
    if (found !== undefined) return { kind: 'context', context: { ...opened, encounter: found.id } };
    if (encounters.length === 0 || chosen === '') return { kind: 'context', context: opened };
    return { kind: 'page', view: encounterPicker(asking, patient, encounters) };
  }
}

function encounterPicker(
  { request, access, person }: Asking,
  patient: PatientView,
  encounters: readonly EncounterOfPatient[],
): EncounterPickerView {
  return {
    page: 'encounter-picker',
    form: { action: actionOf(request, 'encounter'), csrf: person.csrf },
    application: applicationOf(access),
    patient,
    encounters: encounters.map(({ id, title, start }) => ({ id, title, ...(start === undefined ? {} : { start }) })),
  };
}
