import type { KeyObject } from 'node:crypto';
import { HASH_LENGTH } from '../merkle/hash.js';
import { NoteRefused, openNote, signNote } from './signed-note.js';

/** The head of a log at one size, as its signer states it. */
export interface Checkpoint {
  /** Which log: one topic and partition of one deployment. */
  origin: string;
  size: number;
  root: Buffer;
}

/** Signs a head: a note in the form of C2SP tlog-checkpoint, by a key that has the origin as its name. */
export function signCheckpoint({ origin, size, root }: Checkpoint, privateKey: KeyObject): string {
  return signNote(`${origin}\n${size}\n${root.toString('base64')}\n`, origin, privateKey);
}

/**
 * Reads a checkpoint, once its signature holds.
 * @param origin the log it must be of.
 * @throws NoteRefused when it is not one, of another log, or not signed by this key.
 */
export function openCheckpoint(note: string, origin: string, publicKey: KeyObject): Checkpoint {
  const [named, size, encoded] = openNote(note, origin, publicKey).split('\n');
  if (named !== origin) throw new NoteRefused(`a checkpoint of ${named}, not of ${origin}`);
  if (size === undefined || !/^(0|[1-9][0-9]*)$/.test(size) || !Number.isSafeInteger(Number(size)))
    throw new NoteRefused('the size of a checkpoint is a whole number');
  const root = Buffer.from(encoded ?? '', 'base64');
  if (root.length !== HASH_LENGTH || root.toString('base64') !== encoded)
    throw new NoteRefused('the head of a checkpoint is 32 bytes in base64');
  return { origin, size: Number(size), root };
}
