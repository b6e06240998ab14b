import { type AdmissionSettings, type FhirEndpoint, type RegisterSettings, upstreamAccessOf } from '#fhir-endpoints';
import { AskedService } from '../ask-rights/asked-service.js';
import type { NotesUnanswered } from '../ask-rights/unanswered-meter.js';
import { Admissions } from './admissions.js';
import { ConsentRegister } from './consent-register.js';
import { FileRegister } from './file-register.js';
import { GroupRegister } from './group-register.js';
import type { PatientRegister } from './patient-register.js';

/** What a register is asked with where its settings do not say. */
const byDefault = { timeoutMs: 2_000, connections: 32, heldSeconds: 60 } as const;
/** A Group of a hundred thousand members has about ten megabytes. */
const ANSWER_AT_MOST = 33_554_432;

/**
 * Reads the files that the settings name; what cannot be read stops the start.
 *
 * @param notesUnanswered a register was asked and did not answer
 */
export function admissionsOf(endpoint: FhirEndpoint, notesUnanswered: NotesUnanswered): Admissions {
  const { admit = [] } = endpoint;
  return new Admissions(
    admit.map(({ name, kind, purposes, exceptPurposes, register }) => ({
      name,
      kind,
      ...(purposes === undefined ? {} : { purposes }),
      ...(exceptPurposes === undefined ? {} : { exceptPurposes }),
      register: registerOf({ name, kind }, register, endpoint, notesUnanswered),
    })),
  );
}

function registerOf(
  { name, kind }: Pick<AdmissionSettings, 'name' | 'kind'>,
  register: RegisterSettings,
  { base, upstream }: FhirEndpoint,
  notesUnanswered: NotesUnanswered,
): PatientRegister {
  const meaning = kind === 'opt-out' ? 'deny' : 'permit';
  if (register.kind === 'file') return new FileRegister(register.patientsFile, meaning);
  const { url = upstream.url, timeoutMs = byDefault.timeoutMs, connections = byDefault.connections } = register;
  const service = new AskedService({
    name,
    url,
    access: upstreamAccessOf(register.url === undefined ? upstream : register),
    timeoutMs,
    connections,
    maxBytes: ANSWER_AT_MOST,
    onUnanswered: notesUnanswered(name),
  });
  // A register of its own names patients of the endpoint's server by their URLs there.
  const bases = [...[url, upstream.url].map((it) => it.replace(/\/+$/, '')), base];
  switch (register.kind) {
    case 'group': {
      const { groups, heldSeconds = byDefault.heldSeconds } = register;
      return new GroupRegister(service, { bases, groups, heldMs: heldSeconds * 1000, meaning });
    }
    case 'consent': {
      const { category, actors } = register;
      const needs = kind === 'opt-out' ? 'no-deny' : 'permit';
      return new ConsentRegister(service, { bases, category, needs, ...(actors === undefined ? {} : { actors }) });
    }
    default:
      return register satisfies never;
  }
}
