import { Type, type Static } from 'typebox';
import { message } from '../definition.js';
import { Time } from '../vocabulary.js';

/** What an enforcement point says of itself, every second and at once when it applies a closure. */
export const PointReport = Type.Object({
  id: Type.String(),
  kind: Type.Union([Type.Literal('gateway'), Type.Literal('token')]),
  /** The next offset that the point will apply, by topic and partition: everything before it is in force there. */
  positions: Type.Record(Type.String(), Type.Array(Type.String())),
  /** When it had applied all of that. */
  appliedAt: Time,
  /** Writes of closed applications that had been sent upstream before the closure and could not be called back. */
  inFlightWrites: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
  /** True in the last report: the point has stopped and lets nobody in. */
  stopped: Type.Boolean(),
});
export type PointReport = Static<typeof PointReport>;

/** The one message of the enforcement topic; keyed by the point's id, compacted. */
export const enforcement = {
  'point-reported': message('An enforcement point says how far it has applied the log.', PointReport),
} as const;
