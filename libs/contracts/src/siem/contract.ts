import { Type, type Static } from 'typebox';
import { message } from '../definition.js';

/** The version of OCSF that values follow. */
export const OCSF_VERSION = '1.3.0';

const Endpoint = Type.Object({ ip: Type.Optional(Type.String()), name: Type.Optional(Type.String()) });
const User = Type.Object({
  uid: Type.String(),
  /** 1 a user, 3 a system. */
  type_id: Type.Union([Type.Literal(1), Type.Literal(3)]),
});

/** What every class has. */
const base = <Category extends number, Class extends number>(category: Category, ofClass: Class) => ({
  category_uid: Type.Literal(category),
  class_uid: Type.Literal(ofClass),
  type_uid: Type.Integer({ minimum: ofClass * 100, maximum: ofClass * 100 + 99 }),
  activity_id: Type.Integer({ minimum: 0, maximum: 99 }),
  activity_name: Type.String(),
  severity_id: Type.Union([Type.Literal(1), Type.Literal(2), Type.Literal(3)]),
  status_id: Type.Union([Type.Literal(1), Type.Literal(2)]),
  status_detail: Type.Optional(Type.String()),
  /** Milliseconds since 1970. */
  time: Type.Integer(),
  metadata: Type.Object({
    version: Type.Literal(OCSF_VERSION),
    product: Type.Object({ name: Type.Literal('Gatehouse'), vendor_name: Type.Literal('Gatehouse') }),
    /** The id of the audit record: a repeat carries the same. */
    uid: Type.String(),
    /** The record's number in its run, or the aggregate's version: a repeat carries the same. */
    sequence: Type.Integer({ minimum: 0 }),
    /** The record's own type. */
    event_code: Type.String(),
    correlation_uid: Type.String(),
    /** Where the record stands: `<topic>:<partition>:<offset>`. */
    log_name: Type.String(),
    log_provider: Type.Literal('Gatehouse'),
  }),
});

const ApiActivity = Type.Object({
  ...base(6, 6003),
  actor: Type.Object({ app_uid: Type.Optional(Type.String()), user: Type.Optional(User) }),
  api: Type.Object({
    /** The FHIR interaction, else the HTTP method. */
    operation: Type.String(),
    request: Type.Object({ uid: Type.String() }),
  }),
  src_endpoint: Endpoint,
  http_request: Type.Optional(
    Type.Object({ http_method: Type.Optional(Type.String()), user_agent: Type.Optional(Type.String()) }),
  ),
  http_response: Type.Optional(Type.Object({ code: Type.Integer() })),
  resources: Type.Optional(Type.Array(Type.Object({ type: Type.String(), uid: Type.Optional(Type.String()) }))),
  unmapped: Type.Object({
    enforcement_point: Type.String(),
    endpoint: Type.Optional(Type.String()),
    scope: Type.Optional(Type.String()),
    approval_version: Type.Optional(Type.Integer()),
    purposes_of_use: Type.Optional(Type.Array(Type.String())),
    patients: Type.Optional(Type.Array(Type.String())),
    /** What broke off may be about more patients. */
    patients_incomplete: Type.Optional(Type.Boolean()),
    /** The call was let in by observe mode: what enforcement would have made of it. */
    observed: Type.Optional(Type.String()),
  }),
});

const Authentication = Type.Object({
  ...base(3, 3002),
  /** 6 is OAuth 2.0. */
  auth_protocol_id: Type.Literal(6),
  user: User,
  actor: Type.Object({ app_uid: Type.String() }),
  service: Type.Object({ name: Type.String() }),
  is_remote: Type.Literal(true),
  session: Type.Optional(Type.Object({ uid: Type.String(), expiration_time: Type.Integer() })),
  src_endpoint: Endpoint,
  unmapped: Type.Object({ grant_type: Type.Optional(Type.String()), scopes: Type.Optional(Type.Array(Type.String())) }),
});

const AccountChange = Type.Object({
  ...base(3, 3001),
  /** The application whose access is spoken of. */
  user: User,
  actor: Type.Object({ user: User }),
});

/** OCSF's classes, as far as Gatehouse has something to say: a value is the event itself, without an envelope. */
export const siem = {
  'api-activity': message('A call of the FHIR API was let in or refused, or has ended (OCSF 6003).', ApiActivity),
  authentication: message('A token was issued or refused (OCSF 3002).', Authentication),
  'account-change': message('Who may do what was changed (OCSF 3001).', AccountChange),
} as const;

export type OcsfApiActivity = Static<typeof ApiActivity>;
export type OcsfAuthentication = Static<typeof Authentication>;
export type OcsfAccountChange = Static<typeof AccountChange>;
export type OcsfEvent = OcsfApiActivity | OcsfAuthentication | OcsfAccountChange;
