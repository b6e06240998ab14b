import { normalizeOperationOutcome, validateResource } from '@medplum/core';
import type { Bundle, Observation, OperationOutcome, Resource } from '@medplum/fhirtypes';

/** A call of an operation below the base: `/Observation/$lastn?patient=p1`. */
export interface OperationCall {
  readonly path: string;
  readonly query: string;
  readonly body: string;
}

/** Answers the operations that the sandbox has beside `$everything`; undefined for a path that is none of them. */
export function answerOperation(
  method: string,
  { path, query, body }: OperationCall,
  all: readonly Resource[],
  base: string,
): Resource | undefined {
  if (method === 'POST' && /^\/[A-Za-z]+(\/[A-Za-z0-9\-.]{1,64})?\/\$validate$/.test(path)) return validated(body, all);
  if (path !== '/Observation/$lastn') return undefined;
  const asked = method === 'POST' ? parametersIn(body) : new URLSearchParams(query);
  return lastOf(asked, all, base);
}

/** `$validate` (R4, Resource): what the definitions say of a resource, and whether what it refers to is there. */
function validated(body: string, all: readonly Resource[]): OperationOutcome {
  try {
    const resource = JSON.parse(body) as Resource;
    const keys = new Set(all.map(({ resourceType, id }) => `${resourceType}/${id}`));
    const missing = [...body.matchAll(/"reference"\s*:\s*"([A-Za-z]+\/[^"]+)"/g)]
      .map(([, reference = '']) => reference)
      .filter((reference) => !keys.has(reference));
    return {
      resourceType: 'OperationOutcome',
      issue: [
        ...validateResource(resource),
        ...missing.map((it) => ({
          severity: 'error' as const,
          code: 'not-found' as const,
          diagnostics: `${it} is not there`,
        })),
      ],
    };
  } catch (error) {
    return normalizeOperationOutcome(error);
  }
}

/** `Observation/$lastn` (R4, Observation): the last `max` of each code, one unless it is said. */
function lastOf(asked: URLSearchParams, all: readonly Resource[], base: string): Bundle {
  const max = Number(asked.get('max') ?? 1);
  const patient = asked.get('patient')?.replace(/^Patient\//, '');
  const category = asked.get('category');
  const byCode = new Map<string, Observation[]>();
  for (const it of all) {
    if (it.resourceType !== 'Observation') continue;
    if (patient !== undefined && it.subject?.reference !== `Patient/${patient}`) continue;
    if (category !== null && !it.category?.some(({ coding }) => coding?.some(({ code }) => code === category)))
      continue;
    const code = `${it.subject?.reference} ${it.code.coding?.[0]?.code}`;
    byCode.set(code, [...(byCode.get(code) ?? []), it]);
  }
  const time = (it: Observation) => it.effectiveDateTime ?? '';
  const found = [...byCode.values()].flatMap((each) =>
    each.toSorted((a, b) => time(b).localeCompare(time(a))).slice(0, max),
  );
  return {
    resourceType: 'Bundle',
    type: 'searchset',
    total: found.length,
    entry: found.map((resource) => ({ fullUrl: `${base}/Observation/${resource.id}`, resource })),
  };
}

function parametersIn(body: string): URLSearchParams {
  const { parameter = [] } = JSON.parse(body) as { readonly parameter?: readonly Record<string, unknown>[] };
  return new URLSearchParams(
    parameter.map(({ name, ...value }): [string, string] => [String(name), String(Object.values(value)[0])]),
  );
}
