import {
  type ExportLevel,
  type FhirResource,
  isObject,
  isResource,
  judge,
  localReference,
  patientsIn,
  patientsNamedIn,
  readExactJson,
  type ResourceType,
  type Sight,
  standingTo,
} from '#smart';
import { isWithin, spanOf } from '../admit-patients/fhir-period.js';
import { wrongAnswer } from '../answer/not-answered.js';
import { withOurUrls } from '../answer/our-urls.js';

/** A line that may leave, and whom it is about. */
export interface ExportedLine {
  readonly resource: FhirResource;
  /** With the newline at its end. */
  readonly text: string;
  /** Their ids on the FHIR server. */
  readonly patients: readonly string[];
}

/** What of an export may leave. */
export interface ExportSight {
  readonly type: ResourceType;
  readonly level: ExportLevel;
  /** Of a group's export: the patients that are in it. */
  readonly members?: ReadonlySet<string>;
  readonly sight: Sight;
  readonly bases: { readonly upstream: string; readonly ours: string };
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The line as it leaves, judged by its scopes as what a search finds is; undefined for what may not be seen, or is not asked for:
 * another type, somebody who is not in the group, what belongs to no patient.
 *
 * @throws NotAnswered for a line that is no resource, or could be read in two ways
 */
export function exportedLine(line: Buffer, at: ExportSight): ExportedLine | undefined {
  const read = readExactJson(textIn(line));
  if (!read.ok || !isResource(read.value)) throw wrongAnswer('a line of an export is no resource');
  const resource = read.value;
  const { type, sight, bases } = at;
  if (resource.resourceType !== type || judge(resource, 's', sight).kind !== 'seen') return undefined;
  if (!belongs(resource, patientsIn(resource, type, sight.bases), at)) return undefined;
  const patients = patientsNamedIn(resource, type, sight.bases);
  return {
    resource,
    text: `${withOurUrls(JSON.stringify(resource), bases.upstream, bases.ours)}
`,
    patients,
  };
}

/** Whether a resource is of one of the patients whose records are exported, or about nobody. */
function belongs(resource: FhirResource, patients: readonly string[], { level, members, sight }: ExportSight): boolean {
  if (level === 'system') return true;
  if (standingTo('', resource, sight.bases).kind === 'nobodys') return true;
  const known = members === undefined ? patients : patients.filter((it) => members.has(it));
  return known.some((it) => standingTo(it, resource, sight.bases).kind === 'theirs');
}

/**
 * The ids of the patients in a Group (R4, Group): those that are listed, active, and in it at a time. A period that cannot be
 * read is none that goes on.
 *
 * @param now milliseconds since 1970
 */
export function membersOf(group: FhirResource, bases: readonly string[], now: number): ReadonlySet<string> {
  const listed: unknown = group['member'];
  const members = (Array.isArray(listed) ? listed.filter(isObject) : []).filter(({ inactive, period }) => {
    const span = spanOf(period);
    return inactive !== true && span !== undefined && isWithin(span, now);
  });
  const named = members.map(({ entity }) => localReference(entity, bases));
  return new Set(named.flatMap((it) => (it?.type === 'Patient' ? it.id : [])));
}

function textIn(line: Buffer): string {
  try {
    return decoder.decode(line);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw wrongAnswer('a line of an export is not UTF-8');
  }
}
