import type { SimulatorView } from '../../apps/sandbox/src/launch-simulator/simulator-page.js';
import type { PageView } from '../../apps/token/src/pages/view-models.js';

const form = { action: '/oauth/interaction/sample', csrf: 'sample' };
const application = {
  name: 'Blood Pressure Diary',
  privacyPolicyUri: 'https://diary.example/privacy',
  termsUri: 'https://diary.example/terms',
};
const approval = { by: 'Riverside Health', until: '2027-03-02T00:00:00Z' };
const ana = { id: 'ana', name: 'Ana María Ortiz', birthDate: '1984-07-12', gender: 'female' };
const luis = { id: 'luis', name: 'Luis Ortiz', birthDate: '2016-02', gender: 'male' };
const category = (code: string) => ({
  scope: `patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|${code}`,
  category: code,
});
const asked = { context: 'patient', parts: [] } as const;

/** One of each page, with all that it can show. */
export const sampleViews = {
  consent: {
    page: 'consent',
    form,
    application,
    approval,
    user: { name: ana.name },
    patient: ana,
    asked: [
      { ...asked, scope: 'patient/Patient.rs', type: 'Patient', reads: true, changes: false },
      { ...asked, scope: 'patient/Condition.rs', type: 'Condition', reads: true, changes: false },
      {
        ...asked,
        scope: 'patient/Observation.rs',
        type: 'Observation',
        reads: true,
        changes: false,
        parts: [category('laboratory'), category('vital-signs')],
      },
      { ...asked, scope: 'patient/Observation.cu', type: 'Observation', reads: false, changes: true },
    ],
    identity: ['openid', 'fhirUser'],
    offline: { days: 90 },
  },
  'patient-picker': { page: 'patient-picker', form, application, patients: [ana, luis] },
  'encounter-picker': {
    page: 'encounter-picker',
    form,
    application,
    patient: ana,
    encounters: [{ id: 'visit', title: 'Office visit', start: '2026-10-03T10:00:00Z' }],
  },
  grants: {
    page: 'grants',
    withdraw: form,
    signOut: form,
    user: { name: ana.name },
    grants: [
      {
        grantId: 'grant',
        applicationName: application.name,
        approval,
        allowed: [
          { type: 'Observation', reads: true, changes: true },
          { type: 'Condition', reads: true, changes: false },
        ],
        patient: ana,
        consentedAt: '2026-10-03T10:00:00Z',
        lastUsedAt: '2026-11-23T08:15:00Z',
        expiresAt: '2027-02-21T00:00:00Z',
      },
    ],
    withdrawn: { applicationName: 'Sleep Coach', enforcedAt: '2026-11-24T03:00:00Z', points: 3, outstanding: 1 },
  },
  notice: {
    page: 'notice',
    status: 400,
    notice: 'cannot-go-on',
    said: 'invalid_redirect_uri: redirect_uri did not match any of the registered ones',
  },
} as const satisfies Readonly<Record<PageView['page'], PageView>>;

/** The EHR of development, when an encounter of another patient was chosen. */
export const sampleSimulator: SimulatorView = {
  action: '/sandbox/ehr',
  applications: [{ value: 'diary', label: application.name }],
  users: [{ value: 'practitioner-01@example.org', label: 'Dr. Grace Adeyemi (practitioner-01)' }],
  patients: [
    { value: 'ana', label: 'Ana María Ortiz (ana)' },
    { value: 'luis', label: 'Luis Ortiz (luis)' },
  ],
  encounters: [{ patient: 'Luis Ortiz', of: [{ value: 'visit', label: 'Office visit, 2026-10-03' }] }],
  chosen: { application: 'diary', patient: 'ana', encounter: 'visit' },
  fault: 'The encounter is not one of the patient.',
};
