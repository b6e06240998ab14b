import { Type, type Static } from 'typebox';
import {
  closed,
  Credential,
  faultOfTls,
  HttpUrl,
  isOpenLine,
  isReadable,
  Path,
  Tls,
  withWholePaths,
} from './endpoint-parts.js';

const Purposes = Type.Array(Type.String({ pattern: '^[A-Z]{2,20}$' }), { minItems: 1, maxItems: 100 });
const Id = Type.String({ pattern: '^[A-Za-z0-9\\-.]{1,64}$' });
/** By the `client_id` of an application. */
const ByClient = <const Value extends ReturnType<typeof Type.String>>(value: Value) =>
  Type.Record(Type.String({ minLength: 1, maxLength: 200 }), value, { minProperties: 1 });

/** The server that keeps it; that of the endpoint without a `url`. */
const Kept = {
  url: Type.Optional(HttpUrl),
  credential: Type.Optional(Credential),
  tls: Type.Optional(Tls),
  timeoutMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 30_000 })),
  connections: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000 })),
};

const Register = Type.Union([
  /** A JSON file: `client_id`, or `*` for all, to ids of patients. */
  Type.Object({ kind: Type.Literal('file'), patientsFile: Path }, closed),
  /** FHIR Groups, one for each client, or `*` for all: their members. */
  Type.Object(
    {
      kind: Type.Literal('group'),
      groups: ByClient(Id),
      heldSeconds: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600 })),
      ...Kept,
    },
    closed,
  ),
  /** FHIR Consents of a category: permit or deny. */
  Type.Object(
    {
      kind: Type.Literal('consent'),
      category: Type.String({ pattern: '^[^|\\s,]+\\|[^|\\s,]+$', maxLength: 500 }),
      actors: Type.Optional(ByClient(Type.String({ pattern: '^[A-Za-z]+/[A-Za-z0-9\\-.]{1,64}$' }))),
      ...Kept,
    },
    closed,
  ),
]);

/** Of which patients applications see anything at all. */
export const Admission = Type.Object(
  {
    name: Type.String({ pattern: '^[\\w .-]{1,100}$' }),
    kind: Type.Union([Type.Literal('attribution'), Type.Literal('opt-out'), Type.Literal('opt-in')]),
    purposes: Type.Optional(Purposes),
    exceptPurposes: Type.Optional(Purposes),
    register: Register,
  },
  closed,
);

export type AdmissionSettings = Static<typeof Admission>;
export type RegisterSettings = Static<typeof Register>;

/** What no schema says of them. */
export function faultOfAdmissions(admissions: readonly AdmissionSettings[]): string | undefined {
  const names = new Set(admissions.map(({ name }) => name));
  if (names.size < admissions.length) return 'names that stand once';
  for (const { name, kind, register } of admissions) {
    if (kind === 'attribution' && register.kind === 'consent') return `an attribution by group or file: ${name}`;
    if (kind === 'opt-out' && register.kind === 'group' && !Object.hasOwn(register.groups, '*'))
      return `a Group for all ("*") of those who opted out: ${name}`;
    if (register.kind === 'file') {
      if (!isReadable(register.patientsFile)) return `readable files (patientsFile): ${name}`;
      continue;
    }
    const { url, credential, tls } = register;
    if (url === undefined && (credential !== undefined || tls !== undefined))
      return `url beside credential and tls: ${name}`;
    if (url !== undefined && isOpenLine(url)) return `https: ${name}`;
    if (credential?.kind === 'smart-backend' && isOpenLine(credential.tokenUrl)) return `https: ${name}`;
    const pem = faultOfTls(tls, url);
    if (pem !== undefined) return `${pem}: ${name}`;
    const missing = [credential ?? {}, tls ?? {}]
      .flatMap((settings) => Object.entries(settings))
      .find(([field, value]: [string, unknown]) => field.endsWith('File') && !isReadable(String(value)));
    if (missing) return `readable files (${missing[0]}): ${name}`;
  }
  return undefined;
}

/** Settings with their paths counted from a folder. */
export function withAdmissionPaths(folder: string, admission: AdmissionSettings): AdmissionSettings {
  const { register } = admission;
  if (register.kind === 'file') return { ...admission, register: withWholePaths(folder, register) };
  const { credential, tls } = register;
  return {
    ...admission,
    register: {
      ...register,
      ...(credential === undefined ? {} : { credential: withWholePaths(folder, credential) }),
      ...(tls === undefined ? {} : { tls: withWholePaths(folder, tls) }),
    },
  };
}
