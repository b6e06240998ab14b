import { Type, type Static } from 'typebox';

/** A UUIDv7 whose last 12 bits name a partition. */
export const Id = Type.String({ pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' });
/** A random id that the vault maps to a person, a service or a sealed value. */
export const VaultId = Type.String({ minLength: 1, maxLength: 80 });
export const Time = Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?Z$' });
export const Uri = Type.String({ minLength: 1, maxLength: 2048 });
export const Scope = Type.String({ minLength: 1, maxLength: 512 });
export const Scopes = Type.Array(Scope, { maxItems: 200 });
export const Reason = Type.String({ minLength: 1, maxLength: 2000 });

export const ApplicationKind = Type.Union([
  Type.Literal('patient-access'),
  Type.Literal('provider'),
  Type.Literal('backend'),
  Type.Literal('ehr'),
]);

export const ClientType = Type.Union([
  Type.Literal('public'),
  Type.Literal('confidential-symmetric'),
  Type.Literal('confidential-asymmetric'),
]);

export const applicationKinds = ['patient-access', 'provider', 'backend', 'ehr'] as const satisfies readonly Static<
  typeof ApplicationKind
>[];

export const clientTypes = [
  'public',
  'confidential-symmetric',
  'confidential-asymmetric',
] as const satisfies readonly Static<typeof ClientType>[];

/** A code of HL7 v3 PurposeOfUse, and why the application needs it. */
export const PurposeOfUse = Type.Object({
  code: Type.String({ minLength: 1, maxLength: 64 }),
  justification: Type.String({ minLength: 1, maxLength: 2000 }),
});

/** A public key (RFC 7517) with the RFC 7638 thumbprint that tokens remember it by. */
export const PublicKey = Type.Object({
  kid: Type.String({ minLength: 1, maxLength: 256 }),
  thumbprint: Type.String({ minLength: 1, maxLength: 64 }),
  jwk: Type.Record(Type.String(), Type.Unknown()),
});
