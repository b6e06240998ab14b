import { decodeCursor } from '#host';

/** A search parameter, or a value of it, that this search does not have (FHIR R4, search). */
export class SearchRefused extends Error {
  override readonly name = 'SearchRefused';
}

/** A search as SQL: conditions on a row, their values, and how the page goes on. */
export interface Search {
  readonly conditions: readonly string[];
  readonly values: readonly (string | number | readonly string[])[];
  readonly count: number;
  /** What was asked, without where the page begins: how a link to the next page is made. */
  readonly asked: URLSearchParams;
}

const DEFAULT_COUNT = 50;
const MOST = 200;

type Condition = (value: string, parameter: (value: string | readonly string[]) => string) => string;

const INTERACTIONS: Readonly<Record<string, readonly string[]>> = {
  C: ['create'],
  R: ['read', 'vread'],
  U: ['update', 'patch'],
  D: ['delete'],
};

/** What each parameter asks of a row; commas are alternatives, repetitions must all hold. */
const PARAMETERS: Readonly<Record<string, Condition>> = {
  _id: (value, parameter) => {
    const [, id = value, patientAt] = /^(.*)\.(\d{1,6})$/.exec(value) ?? [];
    return `(r.id = ${parameter(id)} AND coalesce(p.at, 0) ${patientAt === undefined ? '<= 1' : `= ${Number(patientAt)}`})`;
  },
  date: dateCondition,
  patient: (value, parameter) => `p.patient = ${parameter(referenceTo('Patient', value))}`,
  agent: (value, parameter) => `${parameter(value)} IN (r.actor, ${CLIENT_ID}, r.user_id)`,
  entity: (value, parameter) =>
    value.startsWith('Patient/')
      ? `(p.patient = ${parameter(value.slice('Patient/'.length))} OR r.resource = ${parameter(value)})`
      : `r.resource = ${parameter(value)}`,
  outcome: (value, parameter) => `${OUTCOME} = ${parameter(codeOf(value, ['0', '4', '8', '12'], 'outcome'))}`,
  action: (value, parameter) => {
    const action = codeOf(value, ['C', 'R', 'U', 'D', 'E'], 'action');
    const of = INTERACTIONS[action];
    return of === undefined
      ? `NOT coalesce(r.interaction, '') = ANY (${parameter(Object.values(INTERACTIONS).flat())}::text[])`
      : `r.interaction = ANY (${parameter(of)}::text[])`;
  },
  subtype: (value, parameter) => `${parameter(value.replace(/^[^|]*\|/, ''))} IN (r.interaction, r.type)`,
};

/** The id of the client stands in few events: for the others it is the one that the application was registered under. */
export const CLIENT_ID = `coalesce(r.client_id, (SELECT g.client_id FROM projection.audit_records g
  WHERE g.application_id = r.application_id AND g.type = 'application-registered' LIMIT 1))`;

/** A refusal is a minor failure, what broke a serious one (AuditEvent.outcome). */
export const OUTCOME = `CASE
  WHEN r.outcome = 'denied' THEN CASE WHEN r.status >= 500 THEN '8' ELSE '4' END
  WHEN c.outcome = 'upstream-failed' OR c.status >= 500 THEN '8'
  WHEN c.outcome = 'withheld' OR c.status >= 400 THEN '4'
  ELSE '0' END`;

/**
 * Reads the parameters of a search.
 *
 * @throws SearchRefused for one that this search does not have: ignoring it would show more than was asked for
 */
export function readSearch(asked: URLSearchParams): Search {
  const values: (string | number | readonly string[])[] = [];
  const parameter = (value: string | number | readonly string[]) => `$${values.push(value)}`;
  const conditions: string[] = [];
  let count = DEFAULT_COUNT;
  for (const [name, text] of asked) {
    if (text.includes('\0')) throw new SearchRefused(`${name} has a character that no record has.`);
    if (name === '_count') count = countIn(text);
    else if (name === '_format') continue;
    else if (name === '_sort') {
      if (text !== '-date') throw new SearchRefused('_sort is -date: the newest first.');
    } else if (name === 'cursor') conditions.push(placeAfter(text, parameter));
    else {
      const condition = Object.hasOwn(PARAMETERS, name) ? PARAMETERS[name] : undefined;
      if (condition === undefined)
        throw new SearchRefused(
          `${name} is no parameter of this search: it has ${Object.keys(PARAMETERS).join(', ')}.`,
        );
      const alternatives = text.split(',').map((value) => condition(value, parameter));
      conditions.push(`(${alternatives.join(' OR ')})`);
      if (name === 'patient') conditions.push(nearPatients(text, parameter));
    }
  }
  const rest = new URLSearchParams([...asked].filter(([name]) => name !== 'cursor'));
  return { conditions, values, count, asked: rest };
}

/** Records that can be about these patients, by their indexes: each is looked at more closely afterwards. */
function nearPatients(text: string, parameter: (value: readonly string[]) => string): string {
  const ids = parameter(text.split(',').map((value) => referenceTo('Patient', value)));
  return `(r.patient = ANY (${ids}::text[]) OR r.call_id IN (
    SELECT n.call_id FROM projection.audit_records n WHERE n.patients && ${ids}::text[] AND n.call_id IS NOT NULL))`;
}

function countIn(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new SearchRefused('_count is a number.');
  return Math.max(1, Math.min(MOST, Number(text)));
}

function placeAfter(cursor: string, parameter: (value: string | number) => string): string {
  const [time, id, at] = decodeCursor(cursor, ['string', 'string', 'number']);
  const known = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(String(time)) && Number.isInteger(at);
  if (!known || Number.isNaN(Date.parse(String(time))) || String(id).includes('\0') || Math.abs(Number(at)) > 1_000_000)
    throw new SearchRefused('cursor is not of a link to a next page.');
  const [t, i, n] = [parameter(String(time)), parameter(String(id)), parameter(Number(at))];
  return `((r.time, r.id) < (${t}::timestamptz, ${i}::text) OR (r.id = ${i}::text AND coalesce(p.at, 0) > ${n}::integer))`;
}

function referenceTo(type: string, value: string): string {
  const [, given, id] = /^(?:(?:.*\/)?([A-Z][A-Za-z]+)\/)?([^/]+)$/.exec(value) ?? [];
  if (id === undefined || (given !== undefined && given !== type))
    throw new SearchRefused(`${value} is no reference to a ${type}.`);
  return id;
}

function codeOf(value: string, codes: readonly string[], name: string): string {
  const code = value.replace(/^[^|]*\|/, '');
  if (!codes.includes(code)) throw new SearchRefused(`${name} is one of ${codes.join(', ')}.`);
  return code;
}

const DATE =
  /^(eq|ne|gt|ge|lt|le|sa|eb)?(\d{4}(?:-\d\d(?:-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?)?)?)$/;

/** A date names the whole of its day, month or year (FHIR R4, search, date); times without a zone are not accepted. */
function dateCondition(value: string, parameter: (value: string) => string): string {
  const [, prefix = 'eq', text = ''] = DATE.exec(value.replaceAll(' ', '+')) ?? [];
  const range = rangeOf(text);
  if (range === undefined) throw new SearchRefused(`${value} is no date: for example ge2026-01-31.`);
  const begin = () => `${parameter(range.begin.toISOString())}::timestamptz`;
  const end = () => `${parameter(range.end.toISOString())}::timestamptz`;
  switch (prefix) {
    case 'eq':
      return `(r.time >= ${begin()} AND r.time < ${end()})`;
    case 'ne':
      return `(r.time < ${begin()} OR r.time >= ${end()})`;
    case 'ge':
      return `r.time >= ${begin()}`;
    case 'gt':
    case 'sa':
      return `r.time >= ${end()}`;
    case 'le':
      return `r.time < ${end()}`;
    default:
      return `r.time < ${begin()}`;
  }
}

function rangeOf(text: string): { readonly begin: Date; readonly end: Date } | undefined {
  const [year = '', month, day] = text.split('T')[0]?.split('-') ?? [];
  if (text.includes('T')) {
    const begin = new Date(text);
    const step = /T\d\d:\d\d(Z|[+-])/.test(text) ? 60_000 : text.includes('.') ? 1 : 1_000;
    return valid(begin, new Date(begin.getTime() + step));
  }
  if (text === '') return undefined;
  const [y, m, d] = [Number(year), Number(month ?? '1') - 1, Number(day ?? '1')];
  const begin = new Date(Date.UTC(y, m, d));
  if (begin.getUTCMonth() !== m || begin.getUTCDate() !== d) return undefined;
  const end = day !== undefined ? [y, m, d + 1] : month !== undefined ? [y, m + 1, 1] : [y + 1, 0, 1];
  return valid(begin, new Date(Date.UTC(end[0] ?? 0, end[1] ?? 0, end[2] ?? 1)));
}

function valid(begin: Date, end: Date): { readonly begin: Date; readonly end: Date } | undefined {
  const known = [begin, end].every((date) => !Number.isNaN(date.getTime()) && date.getUTCFullYear() > 0);
  return known ? { begin, end } : undefined;
}
