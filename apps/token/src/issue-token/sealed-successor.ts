import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

const cipher = 'aes-256-gcm';
const sizes = { iv: 12, tag: 16 } as const;

/** Encrypts a refresh token under a key that only its predecessor gives: who reads the table has neither. */
export function sealSuccessor(successor: string, predecessor: string): Buffer {
  const iv = randomBytes(sizes.iv);
  const sealing = createCipheriv(cipher, keyOf(predecessor), iv);
  const sealed = Buffer.concat([sealing.update(successor, 'utf8'), sealing.final()]);
  return Buffer.concat([iv, sealing.getAuthTag(), sealed]);
}

/** The refresh token that was sealed. Throws when it was sealed under another predecessor, or changed. */
export function openSuccessor(sealed: Buffer, predecessor: string): string {
  const iv = sealed.subarray(0, sizes.iv);
  const opening = createDecipheriv(cipher, keyOf(predecessor), iv);
  opening.setAuthTag(sealed.subarray(sizes.iv, sizes.iv + sizes.tag));
  return Buffer.concat([opening.update(sealed.subarray(sizes.iv + sizes.tag)), opening.final()]).toString('utf8');
}

function keyOf(token: string): Buffer {
  return Buffer.from(hkdfSync('sha256', token, '', 'gatehouse refresh successor', 32));
}
