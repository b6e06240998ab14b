import { Type, type Static } from 'typebox';
import { message } from '../definition.js';

/** What the audit signed of one partition: so many records, and the head of the Merkle tree over them (docs/adr/0016). */
const SignedCheckpoint = Type.Object({
  /** The name in the checkpoint's first line and of its signature: one for each topic and partition. */
  origin: Type.String(),
  topic: Type.String(),
  partition: Type.Integer({ minimum: 0 }),
  size: Type.Integer({ minimum: 0 }),
  /** The checkpoint with its signature, as C2SP tlog-checkpoint has it. */
  note: Type.String(),
});
export type SignedCheckpoint = Static<typeof SignedCheckpoint>;

/** The one message of the checkpoints topic, made for whoever keeps checkpoints elsewhere. */
export const audit = {
  'checkpoint-signed': message('The head of the Merkle tree over a partition was signed.', SignedCheckpoint),
} as const;
