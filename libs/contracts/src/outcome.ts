import { Type, type Static } from 'typebox';
import { message } from './definition.js';

/** Why a command was refused, in the terms of a problem document (RFC 9457). A refusal is an outcome, never an event. */
export const Refusal = Type.Object({
  status: Type.Integer({
    minimum: 400,
    maximum: 499,
    description: 'The HTTP status that fits: 403, 404, 409, 412 or 422.',
  }),
  /** Stable name, for example `already-decided`. */
  type: Type.String(),
  title: Type.String(),
  detail: Type.String(),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: Type.String(), detail: Type.String() }))),
});
export type Refusal = Static<typeof Refusal>;

/** What became of a command: the data of every record of the outcomes topics. */
export const Outcome = Type.Object({
  commandId: Type.String(),
  status: Type.Union([
    Type.Literal('succeeded'),
    Type.Literal('refused'),
    Type.Literal('failed'),
    Type.Literal('expired'),
  ]),
  /** The aggregate's version after the command. */
  version: Type.Optional(Type.Integer()),
  /** The offset of the last event, or of the last one before it when the command had nothing to change. */
  offset: Type.Optional(Type.String()),
  refusal: Type.Optional(Refusal),
  /** The aggregate as the command left it, as a `GET` would show it. */
  resource: Type.Optional(Type.Unknown()),
  /** True when the command had been decided before and this outcome repeats the answer. */
  repeated: Type.Optional(Type.Boolean()),
  /** The digest of the body that was decided, so that another body under the same key is told apart. */
  bodyDigest: Type.String(),
});
export type Outcome = Static<typeof Outcome>;

/** The one message of every outcomes topic. */
export const outcomes = {
  'command-outcome': message('What became of a command.', Outcome),
} as const;
