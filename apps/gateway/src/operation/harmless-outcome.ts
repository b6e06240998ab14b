import { type FhirResource, isObject } from '#smart';

/** An issue of an OperationOutcome without anything that a FHIR server wrote. */
export interface HarmlessIssue {
  readonly severity: string;
  readonly code: string;
  readonly diagnostics?: string;
  readonly expression?: readonly string[];
}

const SEVERITIES: ReadonlySet<string> = new Set(['fatal', 'error', 'warning', 'information']);
/** R4, ValueSet issue-type. */
const CODES: ReadonlySet<string> = new Set(
  (
    'invalid structure required value invariant security login unknown expired forbidden suppressed processing not-supported ' +
    'duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly business-rule conflict transient ' +
    'lock-error no-store exception timeout incomplete throttled informational'
  ).split(' '),
);
const MOST = 200;

/**
 * What of an OperationOutcome of a FHIR server may leave: how severe each issue is, of what kind, and where in the
 * caller's own resource. Its texts name ids, addresses and other people's data.
 *
 * @param about the resource that the caller sent; without it no place is told
 */
export function harmlessOutcome(given: FhirResource, about?: FhirResource): FhirResource {
  const listed: unknown = given['issue'];
  const all = (Array.isArray(listed) ? listed.filter(isObject) : []).slice(0, MOST);
  const issues = all.map((each): HarmlessIssue => {
    const { severity, code, expression } = each;
    const places = about ? placesIn(expression, about) : [];
    return {
      severity: typeof severity === 'string' && SEVERITIES.has(severity) ? severity : 'error',
      code: typeof code === 'string' && CODES.has(code) ? code : 'processing',
      ...(places.length === 0 ? {} : { expression: places }),
    };
  });
  return outcomeOf(issues);
}

/** An OperationOutcome of these issues; of none, that there is none. */
export function outcomeOf(issues: readonly HarmlessIssue[]): FhirResource {
  const none: HarmlessIssue = { severity: 'information', code: 'informational', diagnostics: 'There is no issue.' };
  return { resourceType: 'OperationOutcome', issue: issues.length === 0 ? [none] : issues };
}

/** The places that the caller's own resource has, but for their last step: it may be what is missing. */
function placesIn(expression: unknown, about: FhirResource): readonly string[] {
  const texts = Array.isArray(expression) ? (expression as readonly unknown[]) : [];
  return texts.filter((it): it is string => typeof it === 'string' && isPlaceIn(it, about)).slice(0, 10);
}

function isPlaceIn(text: string, about: FhirResource): boolean {
  if (text.length > 300) return false;
  const [first, ...steps] = text.split('.');
  if (first !== about.resourceType) return false;
  let at: unknown = about;
  for (const [index, step] of steps.entries()) {
    const [, name, list] = /^([a-z][A-Za-z]{0,40})(?:\[(\d{1,4})\])?$/.exec(step) ?? [];
    if (name === undefined) return false;
    const isLast = index === steps.length - 1;
    const found: unknown = isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
    if (found === undefined) return isLast && list === undefined;
    at = Array.isArray(found) ? (found as readonly unknown[])[Number(list ?? 0)] : found;
    if (at === undefined) return false;
  }
  return true;
}
