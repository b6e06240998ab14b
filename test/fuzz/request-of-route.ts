import fc from 'fast-check';
import { type Document, type Parameter, type Route } from './document.js';
import { goodBodiesOf } from './good-bodies.js';
import { nearly } from './mutation.js';
import type { FuzzedRequest } from './request.js';
import { valueOf } from './value-of-schema.js';
import { wildBody, wildText } from './wild.js';

/** Who calls: people of the development directory, services of it, nobody, and somebody with a token that is none. */
export const callers = [
  'dev@example.org',
  'second-dev@example.org',
  'reviewer@example.org',
  'second-reviewer@example.org',
  'auditor@example.org',
  'operator@example.org',
  'launcher',
  'nobody',
  'garbage',
] as const;

/** Requests to one route: as they should be, almost so, and nothing like it. */
export function requestTo(document: Document, { method, path, operation }: Route): fc.Arbitrary<FuzzedRequest> {
  const parameters = operation.parameters ?? [];
  const takesBody = method !== 'GET';
  return fc
    .record({
      as: callerOf(method, path),
      path: pathOf(path),
      query: queryOf(document, parameters),
      headers: headersOf(parameters),
      type: takesBody ? contentType : fc.constant('application/json'),
      body: takesBody ? bodyOf(document, path, operation) : fc.constant(undefined),
    })
    .map(({ as, path: target, query, headers, type, body }) => ({
      method,
      as,
      target: query === '' ? target : `${target}?${query}`,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body: body.text }),
      readable: body?.readable ?? true,
    }));
}

/** Most often somebody who has a role for it: else a run would be all refusals. */
function callerOf(method: string, path: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...suited(method, path)) },
    { weight: 1, arbitrary: fc.constantFrom(...callers) },
  );
}

function suited(method: string, path: string): readonly string[] {
  if (path === '/oauth/launches') return ['launcher'];
  if (path.endsWith('/claim') || path === '/oauth/initial-access-tokens') return ['dev@example.org'];
  if (path.startsWith('/oauth/users')) return ['operator@example.org'];
  if (path.endsWith('/policies') || path.includes('/projections')) return ['operator@example.org'];
  if (path.startsWith('/audit')) return ['auditor@example.org', 'operator@example.org'];
  if (path.startsWith('/registration') && method !== 'GET' && !/(suspension|reinstatement|revocation)$/.test(path))
    return ['dev@example.org', 'dev@example.org', 'second-dev@example.org'];
  return ['reviewer@example.org', 'second-reviewer@example.org', 'operator@example.org'];
}

const contentType = fc.oneof(
  { weight: 20, arbitrary: fc.constant('application/json') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'application/json; charset=utf-16',
      'application/fhir+json',
      'application/x-www-form-urlencoded',
      'text/plain',
      'multipart/form-data',
      'json',
      '/',
    ),
  },
);

function bodyOf(
  document: Document,
  path: string,
  operation: Route['operation'],
): fc.Arbitrary<{ readonly text: string; readonly readable: boolean } | undefined> {
  const schema = operation.requestBody?.content['application/json']?.schema;
  const good = fc.constantFrom(...goodBodiesOf(path));
  const valid = schema === undefined ? good : fc.oneof(good, good, valueOf(document, schema));
  return fc.oneof(
    { weight: 3, arbitrary: valid.map((value) => ({ text: JSON.stringify(value), readable: true })) },
    { weight: 5, arbitrary: nearly(valid).map((value) => ({ text: JSON.stringify(value), readable: true })) },
    { weight: 1, arbitrary: wildBody.map((text) => ({ text, readable: false })) },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** Every `{name}` filled with something that is there, or that is not, or that is no name at all. */
function pathOf(template: string): fc.Arbitrary<string> {
  const parts = template.split('/');
  return fc
    .tuple(...parts.map((part, index) => (/^\{.*\}$/.test(part) ? segment(parts[index - 1] ?? '') : fc.constant(part))))
    .map((filled) => filled.join('/'));
}

function segment(collection: string): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 8, arbitrary: fc.nat({ max: 9 }).map((n) => `{{${collection}:${String(n)}}}`) },
    { weight: 1, arbitrary: fc.uuid() },
    {
      weight: 1,
      arbitrary: fc.constantFrom('019AB000-0000-7000-8000-00000000000A', 'x', '-1', '%2e%2e', '%00', '%ff', '%'),
    },
    {
      weight: 1,
      arbitrary: wildText
        .filter((text) => text.length > 0 && text.length < 6000)
        .map((text) => encodeURIComponent(text.toWellFormed())),
    },
  );
}

function queryOf(document: Document, parameters: readonly Parameter[]): fc.Arbitrary<string> {
  const named = parameters.filter((parameter) => parameter.in === 'query');
  const value = (parameter: Parameter) =>
    fc.oneof(
      valueOf(document, parameter.schema).map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
      valueOf(document, parameter.schema).map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
      wildText,
    );
  const pairs: fc.Arbitrary<readonly [string, string]>[] = named.map((parameter) =>
    fc.tuple(fc.constant(parameter.name), value(parameter)),
  );
  const strange = fc.constantFrom<readonly [string, string]>(
    ['unknown', '1'],
    ['limit[]', '1'],
    ['cursor', 'W10'],
    ['cursor', Buffer.from('["\\u0000","x"]').toString('base64url')],
    ['cursor', Buffer.from('["9999999-01-01","not an id"]').toString('base64url')],
    ['__proto__', 'x'],
    ['', ''],
  );
  const pair = pairs.length === 0 ? strange : fc.oneof(...pairs, ...pairs, strange);
  return fc.oneof(
    { weight: 12, arbitrary: fc.array(pair, { maxLength: named.length === 0 ? 1 : 3 }).map(encoded) },
    { weight: 1, arbitrary: fc.constantFrom('%', 'limit=%zz', 'cursor=%ff', '&&&', 'limit=1&limit=2', 'limit', '?') },
  );
}

function encoded(pairs: readonly (readonly [string, string])[]): string {
  return pairs
    .filter(([, value]) => value.length < 6000)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value.toWellFormed())}`)
    .join('&');
}

/** Values that may stand in a header: octets without controls. */
const headerText = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 20 }),
  fc.constantFrom('', '*', '"', '\u00ff\u0080', 'x'.repeat(300), '"1", "2"', 'W/"1"', '"-1"', '"99999999999999999999"'),
);

const valuesOfHeader: Readonly<Record<string, fc.Arbitrary<string>>> = {
  'Idempotency-Key': fc.oneof(fc.uuid(), fc.constantFrom('the-same', 'x'.repeat(255)), headerText),
  'If-Match': fc.oneof(fc.constantFrom('"1"', '"2"', '*', '"0"'), headerText),
  // What is not reached is waited for, 2 s: that has its place among the tests of positions, not here each time.
  'Gatehouse-Position': fc.oneof(
    fc.constantFrom(
      'gatehouse.registration.events:0:0',
      'gatehouse.registration.events:0:0,gatehouse.activity:1:0',
      'gatehouse.registration.events:99:0',
      ':',
    ),
    headerText,
  ),
};

function headersOf(parameters: readonly Parameter[]): fc.Arbitrary<Record<string, string>> {
  const named = parameters.filter((parameter) => parameter.in === 'header');
  return fc
    .tuple(
      ...named.map(({ name }) =>
        fc.option(fc.tuple(fc.constant(name), valuesOfHeader[name] ?? headerText), { freq: 2 }),
      ),
      fc.oneof(
        { weight: 8, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: fc.constantFrom('text/html', '*/*', 'x').map((accept) => ['Accept', accept] as const) },
      ),
    )
    .map((headers) => Object.fromEntries(headers.filter((header) => header !== null)));
}
