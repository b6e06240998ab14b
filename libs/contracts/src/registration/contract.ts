import { Type, type Static } from 'typebox';
import { defineContext, message, type CommandOf, type EventOf } from '../definition.js';
import {
  ApplicationKind,
  ClientType,
  Id,
  PublicKey,
  PurposeOfUse,
  Reason,
  Scopes,
  Time,
  Uri,
  VaultId,
} from '../vocabulary.js';

/** Evidence that an application brings: what it attests, and documents by digest and link. */
const Attestation = Type.Object({ name: Type.String({ maxLength: 200 }), value: Type.String({ maxLength: 2000 }) });
const Document = Type.Object({
  name: Type.String({ maxLength: 200 }),
  uri: Uri,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
});

/** Who vouches for a client's software by a statement (RFC 7591, 2.3). The statement itself may name people, and is not kept. */
const SoftwareStatement = Type.Object({
  issuer: Type.String({ minLength: 1, maxLength: 2048 }),
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  softwareId: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  /** The fields of the reviewed metadata that stand in it. */
  vouchesFor: Type.Array(Type.String({ maxLength: 64 }), { maxItems: 50 }),
});

/** What a developer declares and a reviewer looks at: after approval, a change of it goes to review again. */
export const ReviewedMetadata = Type.Object({
  name: Type.String({ minLength: 1, maxLength: 200 }),
  kind: ApplicationKind,
  clientType: ClientType,
  scopes: Scopes,
  purposesOfUse: Type.Array(PurposeOfUse, { minItems: 1, maxItems: 20 }),
  redirectUris: Type.Array(Uri, { maxItems: 50 }),
  launchUri: Type.Optional(Uri),
  allowedOrigins: Type.Array(Uri, { maxItems: 50 }),
  jwksUri: Type.Optional(Uri),
  privacyPolicyUri: Type.Optional(Uri),
  termsUri: Type.Optional(Uri),
  logoUri: Type.Optional(Uri),
  /** Present where authorization requests are pushed alone (RFC 9126, 6). */
  requirePushedAuthorizationRequests: Type.Optional(Type.Literal(true)),
  /** Present where tokens are issued to a shown key alone (RFC 9449, 5.2). */
  dpopBoundAccessTokens: Type.Optional(Type.Literal(true)),
  softwareStatement: Type.Optional(SoftwareStatement),
});
export type ReviewedMetadata = Static<typeof ReviewedMetadata>;

/** What may change without a review. */
export const OtherMetadata = Type.Object({
  description: Type.String({ maxLength: 4000 }),
  /** Where the vault keeps the contacts: they are personal data and never stand in the log. */
  contacts: Type.Optional(VaultId),
  attestations: Type.Array(Attestation, { maxItems: 50 }),
  documents: Type.Array(Document, { maxItems: 50 }),
});
export type OtherMetadata = Static<typeof OtherMetadata>;

/** A client secret: its hash alone. The secret is made at the edge, at least 256 random bits, and shown once. */
const SecretHash = Type.Object({
  id: Id,
  sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  expiresAt: Time,
});

/**
 * What a new credential may be confirmed by: the digest of a code, the vault's reference to the code itself, which goes
 * to contacts by mail, and the id that the credential waits under.
 */
const Proposal = Type.Object({
  id: Id,
  codeSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  sealedCode: VaultId,
});

const Registered = Type.Object({
  clientId: Type.String({ minLength: 1, maxLength: 128 }),
  ownerId: VaultId,
  reviewed: ReviewedMetadata,
  other: OtherMetadata,
  keys: Type.Array(PublicKey, { maxItems: 20 }),
  /** Present where it came by open registration: its owner is nobody until somebody claims it. */
  unclaimed: Type.Optional(Type.Literal(true)),
});

const Comment = Type.Optional(Type.String({ maxLength: 2000 }));

/**
 * Registration owns the application: its metadata, keys, declared scopes and purpose, suspension and revocation.
 * Keyed by application.
 */
export const registration = defineContext({
  context: 'registration',
  commands: {
    'register-application': message(
      'Registers an application, and submits it for review when asked.',
      Type.Object({ ...Registered.properties, submit: Type.Boolean() }),
    ),
    'change-application': message(
      'Changes metadata; what was reviewed goes to review again.',
      Type.Object({
        reviewed: Type.Partial(ReviewedMetadata),
        other: Type.Partial(OtherMetadata),
        removed: Type.Array(Type.String()),
      }),
    ),
    'submit-application': message('Asks for review.', Type.Object({ comment: Comment })),
    'withdraw-application': message('Takes the request for review back.', Type.Object({ comment: Comment })),
    'change-keys': message(
      'Adds or removes a key.',
      Type.Object({
        add: Type.Optional(PublicKey),
        remove: Type.Optional(Type.Object({ kid: Type.String(), compromised: Type.Boolean() })),
        /** Used where what is added needs a second confirmation. */
        proposal: Type.Optional(Proposal),
      }),
    ),
    'issue-secret': message(
      'Keeps the hash of a new client secret.',
      Type.Object({ secret: SecretHash, proposal: Type.Optional(Proposal) }),
    ),
    'confirm-credential': message(
      'Puts a credential in force that waits for its second confirmation: by the code that was sent, or by an operator.',
      Type.Object({
        credentialId: Id,
        proof: Type.Union([
          Type.Object({ by: Type.Literal('code'), codeSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }) }),
          Type.Object({ by: Type.Literal('operator') }),
        ]),
      }),
    ),
    'withdraw-secret': message('Takes a client secret away before it expires.', Type.Object({ secretId: Id })),
    'transfer-ownership': message('Gives the application to another owner.', Type.Object({ ownerId: VaultId })),
    'expire-registration': message(
      'Ends an open registration that nobody has claimed, when its time has come.',
      Type.Object({ dueAt: Time }),
    ),
    'suspend-application': message('Closes access until reinstated.', Type.Object({ reason: Reason })),
    'reinstate-application': message('Opens suspended access again.', Type.Object({ reason: Reason })),
    'revoke-application': message('Closes access for ever.', Type.Object({ reason: Reason })),
    'apply-review': message(
      'What approval decided, brought by its reactor.',
      Type.Object({
        reviewId: Id,
        submission: Type.Integer({ minimum: 0 }),
        verdict: Type.Union([Type.Literal('approved'), Type.Literal('rejected'), Type.Literal('changes-requested')]),
        reason: Reason,
      }),
    ),
    'apply-approval': message(
      'The approval as it stands now (given, narrowed or expired), brought by the reactor of approval.',
      Type.Object({
        approvalVersion: Type.Integer({ minimum: 1 }),
        submission: Type.Integer({ minimum: 0 }),
        scopes: Scopes,
        expiresAt: Time,
        expired: Type.Boolean(),
      }),
    ),
  },
  events: {
    'application-registered': message('An application was registered with what it declares.', Registered),
    'application-changed': message(
      'Metadata changed. `pending` waits for review while the reviewed metadata stays in force.',
      Type.Object({
        reviewed: Type.Partial(ReviewedMetadata),
        other: Type.Partial(OtherMetadata),
        /** Names of optional fields that were removed. */
        removed: Type.Array(Type.String()),
        /** True when the change of reviewed metadata waits for review. */
        pending: Type.Boolean(),
      }),
    ),
    'application-submitted': message(
      'Review was asked for; carries what the reviewer is asked about.',
      Type.Object({
        /** Counts the submissions of this application from 1. */
        submission: Type.Integer({ minimum: 1 }),
        ownerId: VaultId,
        reviewed: ReviewedMetadata,
        comment: Comment,
        /** Present where this goes on with an earlier request, changed: when that was first made. Its clock runs on. */
        requestedAt: Type.Optional(Time),
      }),
    ),
    'application-withdrawn': message(
      'The request for review was taken back.',
      Type.Object({ submission: Type.Integer(), comment: Comment }),
    ),
    'registration-expired': message(
      'Nobody claimed an open registration in time: it has ended, for good.',
      Type.Object({ dueAt: Time }),
    ),
    'keys-changed': message(
      'A key was added or removed. A compromised key kills what it earned, and nothing else.',
      Type.Object({
        added: Type.Optional(PublicKey),
        removed: Type.Optional(
          Type.Object({ kid: Type.String(), thumbprint: Type.String(), compromised: Type.Boolean() }),
        ),
      }),
    ),
    'secret-issued': message('The hash of a client secret was kept.', Type.Object({ secret: SecretHash })),
    'secret-withdrawn': message(
      'A client secret counts no more.',
      Type.Object({ secret: Type.Pick(SecretHash, ['id', 'sha256']) }),
    ),
    'credential-proposed': message(
      'A key or a secret waits for its second confirmation. It is worth nothing until then.',
      Type.Object({
        credentialId: Id,
        /** A key to add, and the kid of one that goes when it is confirmed. */
        key: Type.Optional(PublicKey),
        replaces: Type.Optional(Type.String()),
        /** Or a secret. */
        secret: Type.Optional(SecretHash),
        codeSha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
        sealedCode: VaultId,
        proposedBy: VaultId,
        expiresAt: Time,
      }),
    ),
    'confirmation-failed': message(
      'A wrong code was given for a credential that waits. After the last try allowed nothing confirms it any more.',
      Type.Object({ credentialId: Id }),
    ),
    'credential-confirmed': message(
      'A credential was confirmed; the event after this one puts it in force.',
      Type.Object({ credentialId: Id, by: Type.Union([Type.Literal('code'), Type.Literal('operator')]) }),
    ),
    'credential-dropped': message('A credential that waited was taken back.', Type.Object({ credentialId: Id })),
    'ownership-transferred': message(
      'The application has another owner.',
      Type.Object({ ownerId: VaultId, previousOwnerId: VaultId }),
    ),
    'review-applied': message(
      'The application took note of a review: approved, rejected or changes requested.',
      Type.Object({
        reviewId: Id,
        submission: Type.Integer(),
        verdict: Type.Union([Type.Literal('approved'), Type.Literal('rejected'), Type.Literal('changes-requested')]),
        reason: Reason,
      }),
    ),
    'approval-applied': message(
      'The application took note of its approval: these scopes, until then.',
      Type.Object({
        approvalVersion: Type.Integer({ minimum: 1 }),
        submission: Type.Integer(),
        scopes: Scopes,
        expiresAt: Time,
        expired: Type.Boolean(),
      }),
    ),
    'application-suspended': message(
      'Access is closed until reinstated. Raises the epoch.',
      Type.Object({ reason: Reason, epoch: Type.Integer() }),
    ),
    'application-reinstated': message(
      'Suspended access is open again, under the raised epoch.',
      Type.Object({ reason: Reason, epoch: Type.Integer() }),
    ),
    'application-revoked': message(
      'Access is closed for ever. Raises the epoch.',
      Type.Object({ reason: Reason, epoch: Type.Integer() }),
    ),
  },
});

export type RegistrationCommand = CommandOf<typeof registration>;
export type RegistrationEvent = EventOf<typeof registration>;
