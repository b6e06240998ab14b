import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** The signature type of Ed25519 in the signed-note format. */
const ED25519 = 0x01;
const PUBLIC_LENGTH = 32;
const KEY_ID_LENGTH = 4;
const SIGNATURE_LENGTH = 64;

/** A note or key that is not in the form it should be, or a signature that is missing or wrong. */
export class NoteRefused extends Error {
  override readonly name = 'NoteRefused';
}

/**
 * The public half of a key as people pass it on: base64 of the byte 0x01 (Ed25519) and the 32 bytes of the key, which is
 * the last part of a verifier key in the signed-note format.
 */
export function encodePublicKey(key: KeyObject): string {
  return Buffer.concat([Buffer.of(ED25519), rawPublicKey(key)]).toString('base64');
}

/**
 * Reads what {@link encodePublicKey} wrote, or a whole verifier key (`name+id+key`), of which it takes the key.
 * @throws NoteRefused when it is neither.
 */
export function decodePublicKey(text: string): KeyObject {
  const encoded = /^[^+]+\+[0-9a-f]{8}\+(.+)$/.exec(text.trim())?.[1] ?? text.trim();
  const bytes = Buffer.from(encoded, 'base64');
  if (bytes.length !== PUBLIC_LENGTH + 1 || bytes[0] !== ED25519 || bytes.toString('base64') !== encoded)
    throw new NoteRefused('not the public key of a log: base64 of 01 and the 32 bytes of an Ed25519 key');
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: bytes.subarray(1).toString('base64url') },
    format: 'jwk',
  });
}

/** The verifier key of a name in the signed-note format: `name+id+key`. */
export function verifierKey(name: string, key: KeyObject): string {
  return `${name}+${keyId(name, key).toString('hex')}+${encodePublicKey(key)}`;
}

/**
 * Signs a text in the signed-note format (C2SP): the text, an empty line and a line with the signature.
 * @param text lines, each with its end.
 */
export function signNote(text: string, name: string, privateKey: KeyObject): string {
  const signature = sign(null, Buffer.from(text), privateKey);
  const id = keyId(name, createPublicKey(privateKey));
  return `${text}\n— ${name} ${Buffer.concat([id, signature]).toString('base64')}\n`;
}

/**
 * The text of a note that this key signed under this name. Other signatures are passed over, as the format has it.
 * @throws NoteRefused when the note has another form, or none of its signatures is this key's, or that one is wrong.
 */
export function openNote(note: string, name: string, publicKey: KeyObject): string {
  const split = note.lastIndexOf('\n\n');
  if (split < 0 || !note.endsWith('\n')) throw new NoteRefused('not a signed note');
  const text = note.slice(0, split + 1);
  const id = keyId(name, publicKey);
  for (const line of note.slice(split + 2, -1).split('\n')) {
    const [, signer, encoded] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (signer === undefined || encoded === undefined) throw new NoteRefused('not the line of a signature');
    const bytes = Buffer.from(encoded, 'base64');
    if (signer !== name || !bytes.subarray(0, KEY_ID_LENGTH).equals(id)) continue;
    const signature = bytes.subarray(KEY_ID_LENGTH);
    if (signature.length === SIGNATURE_LENGTH && verify(null, Buffer.from(text), publicKey, signature)) return text;
    throw new NoteRefused(`the signature of ${name} is wrong`);
  }
  throw new NoteRefused(`no signature of ${name} by this key`);
}

function keyId(name: string, key: KeyObject): Buffer {
  const hash = createHash('sha256').update(`${name}\n`).update(Buffer.of(ED25519)).update(rawPublicKey(key));
  return hash.digest().subarray(0, KEY_ID_LENGTH);
}

function rawPublicKey(key: KeyObject): Buffer {
  const { crv, x } = key.export({ format: 'jwk' });
  if (crv !== 'Ed25519' || x === undefined) throw new NoteRefused('not an Ed25519 key');
  return Buffer.from(x, 'base64url');
}
