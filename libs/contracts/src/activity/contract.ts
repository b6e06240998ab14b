import { Type, type Static } from 'typebox';
import { message, type MessageOf } from '../definition.js';
import { Id, Scopes, Time, VaultId } from '../vocabulary.js';

const TokenIssued = Type.Object({
  clientId: Type.String(),
  tokenId: Type.String(),
  grantType: Type.String(),
  scopes: Scopes,
  audience: Type.String(),
  endpoint: Type.String(),
  expiresAt: Time,
  approvalVersion: Type.Integer(),
  epoch: Type.Integer(),
  grantId: Type.Optional(Id),
  userId: Type.Optional(VaultId),
  patient: Type.Optional(VaultId),
  /** RFC 7638 thumbprint of the client key that earned the token. */
  keyThumbprint: Type.Optional(Type.String()),
  clientAddress: Type.Optional(Type.String()),
});

const TokenRefused = Type.Object({
  clientId: Type.String(),
  grantType: Type.Optional(Type.String()),
  /** The OAuth error that the client was told (RFC 6749 §5.2). */
  error: Type.String(),
  reason: Type.String(),
  clientAddress: Type.Optional(Type.String()),
});

/** A decision of an enforcement point. What left afterwards stands in the `access-completed` record of the same call. */
const AccessDecision = Type.Object({
  /** Names the call; its `access-completed` record carries the same id. */
  callId: Type.String(),
  /** Of an entry of a batch or a transaction: the call that it came in. */
  partOf: Type.Optional(Type.String()),
  clientId: Type.Optional(Type.String()),
  tokenId: Type.Optional(Type.String()),
  userId: Type.Optional(VaultId),
  patient: Type.Optional(VaultId),
  endpoint: Type.String(),
  enforcementPoint: Type.String(),
  method: Type.String(),
  /** The FHIR interaction, for example `read` or `search-type`; absent when the request was not understood. */
  interaction: Type.Optional(Type.String()),
  resourceType: Type.Optional(Type.String()),
  resourceId: Type.Optional(Type.String()),
  /** The scope that allowed, or the one that would have. */
  scope: Type.Optional(Type.String()),
  approvalVersion: Type.Optional(Type.Integer()),
  purposesOfUse: Type.Optional(Type.Array(Type.String())),
  /** Of a write: the patients of what is there before, and of what is written. */
  patients: Type.Optional(Type.Array(VaultId)),
  /** Who else says what may be seen or written, beside the scopes: rules, a decision point, the FHIR server. */
  rightsBy: Type.Optional(Type.Array(Type.String())),
  /** Why, in words that an auditor reads. */
  reason: Type.String(),
  /** The HTTP status that the caller was given, when it was known at the decision. */
  status: Type.Optional(Type.Integer()),
  clientAddress: Type.Optional(Type.String()),
  userAgent: Type.Optional(Type.String({ maxLength: 512 })),
});

const AccessAllowed = Type.Object({
  ...AccessDecision.properties,
  /** The call was let in because it was observed, not enforced; what enforcement would have decided. */
  observed: Type.Optional(Type.Union([Type.Literal('allowed'), Type.Literal('denied')])),
});

const AccessCompleted = Type.Object({
  callId: Type.String(),
  enforcementPoint: Type.String(),
  status: Type.Integer(),
  bytes: Type.Integer({ minimum: 0 }),
  /** How it ended: all sent, cut by a closure, upstream failed, the caller went away. */
  ending: Type.Union([
    Type.Literal('sent'),
    Type.Literal('withheld'),
    Type.Literal('cut'),
    Type.Literal('upstream-failed'),
    Type.Literal('caller-gone'),
  ]),
  /** The patients of everything that was returned, and of what was written. */
  patients: Type.Array(VaultId),
  /** It told of patients who may not be among these: a part of a resource that was not read to its end, or a number of more. */
  patientsIncomplete: Type.Optional(Type.Literal(true)),
  /**
   * What became of the data: a write is recorded again before its caller is answered. `unknown`: it was sent, and
   * the FHIR server did not say.
   */
  written: Type.Optional(
    Type.Object({
      outcome: Type.Union([Type.Literal('changed'), Type.Literal('unchanged'), Type.Literal('unknown')]),
      resourceType: Type.String(),
      /** Absent for a patient's own record, and for what was not created. */
      resourceId: Type.Optional(Type.String()),
      /** The version that there is since then. */
      versionId: Type.Optional(Type.String()),
    }),
  ),
  /** What those said who were asked about its resources: how many they let through, and how many not. */
  rights: Type.Optional(
    Type.Array(
      Type.Object({
        by: Type.String(),
        allowed: Type.Integer({ minimum: 0 }),
        denied: Type.Integer({ minimum: 0 }),
        /** Nobody answered: nothing left. */
        unanswered: Type.Integer({ minimum: 0 }),
      }),
    ),
  ),
  /** The call was observed, not enforced. */
  observed: Type.Optional(
    Type.Object({
      /** What of the answer would have left: all, a part, nothing; `unknown` where it could not be looked at. */
      outcome: Type.Union([
        Type.Literal('allowed'),
        Type.Literal('filtered'),
        Type.Literal('denied'),
        Type.Literal('unknown'),
      ]),
      /** How many resources left that would not have. */
      withheld: Type.Integer({ minimum: 0 }),
    }),
  ),
});

/** A record in a commands topic that its writer did not take for a command of ours. What it claims is nobody's word. */
const CommandRefused = Type.Object({
  context: Type.String(),
  /** Where it stands in the context's commands. */
  partition: Type.Integer({ minimum: 0 }),
  offset: Type.String(),
  reason: Type.String(),
  claimedId: Type.Optional(Type.String({ maxLength: 128 })),
  claimedType: Type.Optional(Type.String({ maxLength: 128 })),
  claimedActor: Type.Optional(Type.String({ maxLength: 128 })),
});

/** A record among the reports of enforcement points that no point has made. What it claims is nobody's word. */
const ReportRefused = Type.Object({
  /** Where it stands in the topic of reports. */
  offset: Type.String(),
  reason: Type.String(),
  claimedPoint: Type.Optional(Type.String({ maxLength: 128 })),
  /** It says that the point has stopped: believed, it would have made a closure look complete. */
  claimedStopped: Type.Optional(Type.Boolean()),
});

/** Records in a topic of events or outcomes that are not its writer's: whoever has the writer's credentials may append. */
const ForeignRecords = Type.Object({
  topic: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  /** Between what the writer wrote before and after: what stands from here */
  firstOffset: Type.String(),
  /** to here, markers of transactions included. */
  lastOffset: Type.String(),
});

/** What happens at high volume: tokens issued and refused, access allowed and denied. Kept six years. */
export const activity = {
  'token-issued': message('A token was issued; acknowledged before the response left.', TokenIssued),
  'token-refused': message('A token was refused.', TokenRefused),
  'access-allowed': message('A call was let in; acknowledged before protected data left.', AccessAllowed),
  'access-denied': message('A call was refused.', AccessDecision),
  'access-completed': message('What became of a call.', AccessCompleted),
  'command-refused': message(
    'A record among commands was refused: it has no MAC that counts, or is no command.',
    CommandRefused,
  ),
  'report-refused': message(
    'A record among the reports of enforcement points was refused: the point that it names has not signed it.',
    ReportRefused,
  ),
  'foreign-records': message(
    'Somebody else has written where a writer alone may: the partition holds offsets that the writer was not given.',
    ForeignRecords,
  ),
} as const;

export type ActivityRecord = MessageOf<typeof activity>;
export type AccessDecisionRecord = Static<typeof AccessDecision>;

/** The subject of a record about a client or a caller that no application could be found for. */
export const UNKNOWN_APPLICATION = 'unknown';
