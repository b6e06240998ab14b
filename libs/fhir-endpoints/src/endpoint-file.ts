import { dirname } from 'node:path';
import { readSettingsFile } from '#host';
import { type FhirInteraction, isInteractionKind, isResourceType } from '#smart';
import { Type, type Static } from 'typebox';
import { Compile } from 'typebox/schema';
import {
  closed,
  Credential,
  type CredentialSettings,
  faultOfTls,
  HttpUrl,
  isOpenLine,
  isReadable,
  Path,
  Tls,
  type TlsSettings,
  withWholePaths,
} from './endpoint-parts.js';
import { Admission, faultOfAdmissions, withAdmissionPaths } from './admit-settings.js';
import { faultOfOperations, Operation } from './operation-settings.js';
import { faultOfRights, UserRights, withRightsPaths } from './user-rights-settings.js';

const Coding = Type.String({ pattern: '^[^|\\s]*\\|[^|\\s]+$', maxLength: 500 });

/** What is withheld whatever the scopes say: what fits every part of it. */
const Rule = Type.Object(
  {
    name: Type.String({ pattern: '^[\\w .-]{1,100}$' }),
    types: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    security: Type.Optional(Type.Array(Coding, { minItems: 1 })),
    codes: Type.Optional(Type.Array(Coding, { minItems: 1 })),
    /** Ids of patients, one a line. */
    patientsFile: Type.Optional(Path),
    unlessPurpose: Type.Optional(Type.Array(Type.String({ pattern: '^[A-Z]{2,20}$' }), { minItems: 1 })),
  },
  closed,
);

/** Calls that are let in whatever is decided of them, for a while: of these applications, of these interactions or of all. */
const Observe = Type.Object(
  {
    applications: Type.Array(Type.String({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }), {
      minItems: 1,
      maxItems: 1_000,
    }),
    interactions: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z][a-z-]{0,40}$' }), { minItems: 1 })),
    /** RFC 3339: observing ends by itself. */
    until: Type.String({ pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$' }),
  },
  closed,
);

const Entry = Type.Object(
  {
    id: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }),
    baseUrl: Type.Optional(HttpUrl),
    upstreamUrl: HttpUrl,
    credential: Type.Optional(Credential),
    tls: Type.Optional(Tls),
    withhold: Type.Optional(Type.Array(Rule, { maxItems: 100 })),
    observe: Type.Optional(Type.Array(Observe, { maxItems: 100 })),
    /** Who says what users may see; by `GATEWAY_USER_RIGHTS` without. */
    userRights: Type.Optional(UserRights),
    /** Of which patients applications see anything at all. */
    admit: Type.Optional(Type.Array(Admission, { maxItems: 20 })),
    /** Kinds of reads of which records may wait on the disk while the log is away. */
    auditAvailable: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    operations: Type.Optional(Type.Array(Operation, { maxItems: 100 })),
  },
  closed,
);
const File = Type.Object({ endpoints: Type.Array(Entry, { minItems: 1, maxItems: 100 }) }, closed);
const file = Compile(File);

export type EndpointEntry = Static<typeof Entry>;
export type RuleSettings = Static<typeof Rule>;
export type ObserveSettings = Static<typeof Observe>;

/** The server behind an endpoint, and how this program signs in there. */
export interface UpstreamSettings {
  /** Without a slash at its end. */
  readonly url: string;
  readonly credential?: CredentialSettings;
  readonly tls?: TlsSettings;
}

/** What a file of endpoints says, or what is wrong with it. */
export type EndpointFile =
  { readonly ok: true; readonly entries: readonly EndpointEntry[] } | { readonly ok: false; readonly fault: string };

/** Reads the file that lists the endpoints. Paths in it count from where it stands. */
export function readEndpointFile(path: string): EndpointFile {
  const listed = readListedEndpoints(path);
  if (!listed.ok) return listed;
  const entries = listed.entries.map((entry) => withPathsFrom(dirname(path), entry));
  const fault = entries.map((entry, at) => faultOf(entry, at)).find((it) => it !== undefined);
  return fault === undefined ? { ok: true, entries } : { ok: false, fault };
}

/** As `readEndpointFile`, for who has no part of the files that it names: credentials, keys, lists of patients. */
export function readListedEndpoints(path: string): EndpointFile {
  const read = readSettingsFile(path, file, 'a list of endpoints');
  if (!read.ok) return read;
  const { endpoints: entries } = read.value;
  const ids = new Set(entries.map(({ id }) => id));
  return ids.size < entries.length ? { ok: false, fault: 'a list in which no id stands twice' } : { ok: true, entries };
}

/** How far ahead observing may end: what is to stay longer has to be said again. */
const OBSERVE_AT_MOST_DAYS = 92;

/** Of these a record may wait: what changes data is in the log before it is sent. */
const readKinds: ReadonlySet<string> = new Set([
  'read',
  'vread',
  'search-type',
  'search-system',
  'history-instance',
  'history-type',
  'operation',
] satisfies FhirInteraction['kind'][]);

/** What no schema says: a secret does not go over an open line, a certificate has its key, files are there. */
function faultOf(entry: EndpointEntry, at: number): string | undefined {
  const {
    upstreamUrl,
    credential,
    tls,
    withhold = [],
    observe = [],
    auditAvailable = [],
    operations = [],
    admit = [],
    userRights,
  } = entry;
  if (credential && isOpenLine(upstreamUrl)) return `https where there is a credential: /endpoints/${at}/upstreamUrl`;
  if (credential?.kind === 'smart-backend' && isOpenLine(credential.tokenUrl))
    return `https where there is a credential: /endpoints/${at}/credential/tokenUrl`;
  const pem = faultOfTls(tls, upstreamUrl);
  if (pem !== undefined) return `${pem}: /endpoints/${at}/tls`;
  const empty = withhold.find((rule) => !rule.types && !rule.security && !rule.codes && !rule.patientsFile);
  if (empty) return `rules that say what they withhold: /endpoints/${at}/withhold ${empty.name}`;
  const unknown = withhold.flatMap(({ types = [] }) => types).find((type) => !isResourceType(type));
  if (unknown !== undefined) return `rules about types of FHIR R4: /endpoints/${at}/withhold ${unknown}`;
  const kind = observe.flatMap(({ interactions = [] }) => interactions).find((it) => !isInteractionKind(it));
  if (kind !== undefined) return `interactions that there are: /endpoints/${at}/observe ${kind}`;
  const latest = Date.now() + OBSERVE_AT_MOST_DAYS * 86_400_000;
  if (observe.some(({ until }) => !(Date.parse(until) <= latest)))
    return `times within ${OBSERVE_AT_MOST_DAYS} days: /endpoints/${at}/observe until`;
  const write = auditAvailable.find((kind) => !readKinds.has(kind));
  if (write !== undefined) return `interactions that change nothing: /endpoints/${at}/auditAvailable ${write}`;
  const operation = faultOfOperations(operations);
  if (operation !== undefined) return `${operation}: /endpoints/${at}/operations`;
  const admission = faultOfAdmissions(admit);
  if (admission !== undefined) return `${admission}: /endpoints/${at}/admit`;
  const rights = userRights && faultOfRights(userRights);
  if (rights !== undefined) return `${rights}: /endpoints/${at}/userRights`;
  const missing = [credential ?? {}, tls ?? {}, userRights ?? {}, ...withhold]
    .flatMap((settings) => Object.entries(settings))
    .find(([name, value]: [string, unknown]) => name.endsWith('File') && !isReadable(String(value)));
  return missing && `a list of readable files: /endpoints/${at} ${missing[0]}`;
}

function withPathsFrom(folder: string, entry: EndpointEntry): EndpointEntry {
  const { credential, tls, withhold, userRights, admit } = entry;
  return {
    ...entry,
    ...(admit === undefined ? {} : { admit: admit.map((it) => withAdmissionPaths(folder, it)) }),
    ...(userRights === undefined ? {} : { userRights: withRightsPaths(folder, userRights) }),
    ...(withhold === undefined ? {} : { withhold: withhold.map((rule) => withWholePaths(folder, rule)) }),
    ...(credential === undefined ? {} : { credential: withWholePaths(folder, credential) }),
    ...(tls === undefined ? {} : { tls: withWholePaths(folder, tls) }),
  };
}
