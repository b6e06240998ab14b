import fc from 'fast-check';
import type { Campaign } from './campaign.js';
import { callers } from './request-of-route.js';
import type { Answered, FuzzedRequest } from './request.js';
import { wildText } from './wild.js';

/** A place whose contract is another specification's: what is asked of it, and what its errors look like. */
interface Place {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly string[];
  /** Whether a refusal speaks as its specification has it. */
  readonly speaks: (answer: Answered) => boolean;
}

const json = ({ text }: Answered): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;
const typeOf = ({ headers }: Answered): string => String(headers['content-type'] ?? '');

/** OAuth's JSON (RFC 6749 §5.2). */
const oauthError = (answer: Answered): boolean =>
  typeOf(answer).startsWith('application/json') && typeof json(answer)['error'] === 'string';
/** The same, a page for people, or a problem where HTTP itself was at fault. */
const oauth = (answer: Answered): boolean =>
  answer.status === 404 || // no such page: said by oidc-provider, in plain text
  typeOf(answer).startsWith('text/html') ||
  oauthError(answer) ||
  problem(answer);
const fhir = (answer: Answered): boolean =>
  (typeOf(answer).startsWith('application/fhir+json') && json(answer)['resourceType'] === 'OperationOutcome') ||
  problem(answer);
const problem = (answer: Answered): boolean =>
  typeOf(answer) === 'application/problem+json' && typeof json(answer)['type'] === 'string';

const authorization = [
  'response_type',
  'client_id',
  'redirect_uri',
  'scope',
  'state',
  'aud',
  'code_challenge',
  'launch',
];
const search = ['_id', '_count', 'patient', 'category', '_include', 'code', '_revinclude', '_format'];

const places: readonly Place[] = [
  { method: 'GET', path: '/oauth/authorize', parameters: [...authorization, 'code_challenge_method'], speaks: oauth },
  { method: 'POST', path: '/oauth/authorize', parameters: authorization, speaks: oauth },
  {
    method: 'POST',
    path: '/oauth/token',
    parameters: [
      'grant_type',
      'scope',
      'code',
      'refresh_token',
      'client_id',
      'client_assertion',
      'client_assertion_type',
    ],
    speaks: oauthError,
  },
  { method: 'POST', path: '/oauth/par', parameters: [...authorization, 'client_assertion'], speaks: oauthError },
  { method: 'POST', path: '/oauth/introspect', parameters: ['token', 'token_type_hint'], speaks: oauthError },
  { method: 'POST', path: '/oauth/revoke', parameters: ['token', 'token_type_hint', 'client_id'], speaks: oauthError },
  { method: 'POST', path: '/oauth/register', parameters: ['client_name', 'redirect_uris'], speaks: oauthError },
  { method: 'POST', path: '/oauth/back-channel-logout', parameters: ['logout_token'], speaks: oauthError },
  { method: 'GET', path: '/oauth/jwks', parameters: ['x'], speaks: oauth },
  { method: 'GET', path: '/oauth/interaction/{}', parameters: ['x'], speaks: oauth },
  { method: 'POST', path: '/oauth/interaction/{}', parameters: ['patient', 'decision'], speaks: oauth },
  { method: 'GET', path: '/oauth/{}', parameters: ['x'], speaks: oauth },
  { method: 'GET', path: '/.well-known/smart-configuration', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/.well-known/{}', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/fhir/{}', parameters: search, speaks: fhir },
  { method: 'GET', path: '/fhir/Patient/{}', parameters: search, speaks: fhir },
  { method: 'POST', path: '/fhir/Observation', parameters: search, speaks: fhir },
  { method: 'PUT', path: '/fhir/Patient/{}', parameters: search, speaks: fhir },
  { method: 'DELETE', path: '/fhir/{}', parameters: search, speaks: fhir },
  {
    method: 'GET',
    path: '/audit/fhir/AuditEvent',
    parameters: ['patient', 'date', 'agent', 'outcome', 'entity', '_id', '_count', 'cursor'],
    speaks: fhir,
  },
  { method: 'GET', path: '/audit/fhir/AuditEvent/{}', parameters: ['_id'], speaks: fhir },
  { method: 'GET', path: '/ext-authz', parameters: ['x'], speaks: problem },
  { method: 'POST', path: '/ext-authz', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/ext-authz/envoy/fhir/{}', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/health/{}', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/docs/{}', parameters: ['x'], speaks: problem },
  { method: 'GET', path: '/{}', parameters: ['x'], speaks: problem },
];

/** What was answered wrongly at these places, each with the smallest request that shows it. */
export async function foreignFaults(campaign: Campaign, seed: number, runs: number): Promise<string[]> {
  const found: string[] = [];
  for (const place of places) {
    found.push(
      ...(await campaign.check(`${place.method} ${place.path}`, requestTo(place), faultsOf(place), seed, runs)),
    );
  }
  return found;
}

function faultsOf({ speaks }: Place) {
  return (_request: FuzzedRequest, answer: Answered): string[] => {
    if (answer.status >= 500 && answer.status !== 503) return [`it failed: ${String(answer.status)}`];
    return answer.status < 400 || speaks(answer) ? [] : ['its error is not in the form of its specification'];
  };
}

function requestTo({ method, path, parameters }: Place): fc.Arbitrary<FuzzedRequest> {
  const pairs = fc.array(fc.tuple(fc.constantFrom(...parameters), wildText), { maxLength: 5 });
  const form = pairs.map((all) =>
    new URLSearchParams(all.map(([name, value]): [string, string] => [name, value.slice(0, 2000)])).toString(),
  );
  const part = wildText.map((text) => encodeURIComponent(text.slice(0, 1500).toWellFormed()));
  return fc
    .record({
      as: fc.constantFrom(...callers),
      part,
      form,
      type: fc.constantFrom(
        'application/x-www-form-urlencoded',
        'application/json',
        'application/fhir+json',
        'text/plain',
      ),
    })
    .map(({ as, part: filled, form: sent, type }) => {
      const target = path.replace('{}', () => filled);
      const get = method === 'GET';
      return {
        method,
        as,
        readable: false,
        target: get && sent !== '' ? `${target}?${sent}` : target,
        headers: get ? {} : { 'content-type': type },
        ...(get ? {} : { body: sent }),
      };
    });
}
