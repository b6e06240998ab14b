import { type FhirInteraction, parseScopes, readRequest, type Reaches, systemReaches } from '#smart';
import { openAccess } from '#testing';
import type { AccessTokenClaims } from '../../../apps/gateway/src/believe-token/access-token-claims.js';
import { decideCall } from '../../../apps/gateway/src/decide-call/decide-call.js';
import { type BenchPart, spread } from '../bench.js';

const RUNS = 5;
const CALLS = 2_000_000;
const SCOPES = [
  'patient/Patient.r',
  'patient/Condition.rs?category=encounter-diagnosis',
  'patient/Condition.rs?category=problem-list-item',
  'patient/MedicationRequest.rs',
  'patient/Medication.r',
  'patient/Encounter.rs',
  'patient/Practitioner.r',
  'patient/Organization.r',
  'patient/Provenance.rs',
  'patient/Observation.rs',
];
const reaches: Reaches = { ...systemReaches, patient: { kind: 'patient', id: 'p1' } };

const access = openAccess({ kind: 'patient-access', clientType: 'public', scopes: SCOPES });

/** A parsed token and a parsed request in, allow or deny out: no socket, no signature, no broker. */
export const part: BenchPart = {
  title: `a decision, by the last of ${SCOPES.length} scopes: the token's standing, what is approved still, the request`,
  async run(bench) {
    const parsed = parseScopes(SCOPES);
    if (!parsed.ok) throw new Error('not scopes');
    const claims: AccessTokenClaims = {
      endpoint: 'default',
      tokenId: 't1',
      epoch: 0,
      applicationId: 'a1',
      clientId: 'client-1',
      approvalVersion: 1,
      scopes: parsed.scopes,
      expiresAtMs: 0,
      subject: 'user-1',
      patient: 'p1',
      fhirUser: 'Patient/p1',
    };
    const asks = (path: string, query = ''): FhirInteraction =>
      readRequest({ method: 'GET', path, query, headers: {} });
    const kinds: Record<string, FhirInteraction> = {
      'a read': asks('/Observation/o1'),
      'a read that is refused': asks('/Slot/s1'),
      'a search with three parameters': asks('/Observation', 'patient=p1&category=laboratory&_sort=-date'),
      'a search with an include': asks('/MedicationRequest', 'patient=p1&_include=MedicationRequest:medication'),
    };
    for (const [name, interaction] of Object.entries(kinds)) {
      const decide = () => decideCall(claims, access, interaction, reaches).outcome;
      perSecond(decide, CALLS / 4); // warm
      const rates = Array.from({ length: RUNS }, () => perSecond(decide, CALLS));
      bench.print(`${name}: ${decide()}, ${spread(rates)} decisions/s`);
    }
    const read = () =>
      decideCall(claims, access, asks('/Observation', 'patient=p1&category=laboratory&_sort=-date'), reaches).outcome;
    const rates = Array.from({ length: RUNS }, () => perSecond(read, CALLS / 20));
    bench.print(`the same search, read and understood anew each time: ${spread(rates)} decisions/s`);
  },
};

function perSecond(decide: () => string, calls: number): number {
  let allowed = 0;
  const start = performance.now();
  for (let call = 0; call < calls; call++) if (decide() === 'allow') allowed++;
  const seconds = (performance.now() - start) / 1000;
  if (allowed !== 0 && allowed !== calls) throw new Error('one decision is not like another');
  return Math.round(calls / seconds);
}
