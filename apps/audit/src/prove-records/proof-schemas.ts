import { Type } from 'typebox';

const base64 = (description: string) => Type.String({ description: `${description} Base64.` });

/** A signed checkpoint as it is answered. */
export const checkpointSchema = Type.Object({
  id: Type.String(),
  origin: Type.String({ description: 'The name it is signed under: one for each topic and partition.' }),
  topic: Type.String(),
  partition: Type.Integer(),
  size: Type.Integer({ description: 'How many records it is over.' }),
  signedAt: Type.String({ description: 'RFC 3339, UTC.' }),
  note: Type.String({ description: 'C2SP tlog-checkpoint, with its Ed25519 signature.' }),
});

const leafMembers = {
  index: Type.Integer({ description: 'Which leaf of the tree, from 0.' }),
  topic: Type.String(),
  partition: Type.Integer(),
  offset: Type.String(),
  key: Type.Union([base64('As Kafka holds it.'), Type.Null()]),
  value: base64('As Kafka holds it.'),
};

const proof = (description: string) => Type.Array(Type.String(), { description: `${description} Base64.` });

/** A record as the log holds it, at its place in a tree. */
export const leafSchema = Type.Object({
  ...leafMembers,
  inclusion: proof('That it is in the tree of the checkpoint (RFC 9162, 2.1.3).'),
});

/** That the tree of one size has every record of an earlier one in its place. */
export const consistencySchema = Type.Object({
  since: Type.Integer({ description: 'The earlier size.' }),
  size: Type.Integer({ description: 'The size of the checkpoint.' }),
  proof: proof('RFC 9162, 2.1.4.'),
});

/** All that is needed to see, without asking anybody, that a record is in the log. */
export const recordProofSchema = Type.Object({
  recordId: Type.String(),
  leaf: leafSchema,
  checkpoint: checkpointSchema,
  consistency: Type.Optional(consistencySchema),
});

/** The public halves of the keys that sign checkpoints. */
export const keysSchema = Type.Object({
  items: Type.Array(
    Type.Object({
      publicKey: base64('01 and the 32 bytes of the Ed25519 key.'),
      createdAt: Type.String({ description: 'RFC 3339, UTC.' }),
    }),
  ),
});

/** Numbers of a run that no record has although a later one of the run has come: records that were lost. */
export const gapSchema = Type.Object({
  run: Type.String(),
  topic: Type.String(),
  partition: Type.Integer(),
  firstMissing: Type.String(),
  lastMissing: Type.String(),
  offset: Type.String({ description: 'Of the record whose number showed it.' }),
});
