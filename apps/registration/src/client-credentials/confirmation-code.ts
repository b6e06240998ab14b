import { createHash, randomBytes } from 'node:crypto';

/** 128 bits: nobody guesses it in the few tries there are, nor finds it from its digest. */
const CODE_BYTES = 16;

/** A new code: it goes to contacts by mail, and its digest alone into the log. */
export function newConfirmationCode(): { readonly code: string; readonly codeSha256: string } {
  const code = randomBytes(CODE_BYTES).toString('base64url');
  return { code, codeSha256: digestOfCode(code) };
}

/** How the log holds a code: SHA-256, in hexadecimal. */
export function digestOfCode(code: string): string {
  return createHash('sha256').update(code).digest('hex');
}

/** Whether an application, as an outcome shows it, has a credential that waits under this id. */
export function awaitsConfirmation(application: unknown, id: string): boolean {
  return unconfirmedOf(application).some((it) => it.id === id);
}

/** The credentials that wait, of an application as an outcome shows it. */
export function unconfirmedOf(application: unknown): readonly Unconfirmed[] {
  if (typeof application !== 'object' || application === null || !('unconfirmed' in application)) return [];
  return Array.isArray(application.unconfirmed) ? application.unconfirmed.filter(isUnconfirmed) : [];
}

interface Unconfirmed {
  readonly id: string;
  readonly credential: string;
  readonly expiresAt?: string;
  readonly confirmBy: string;
  readonly triesLeft: number;
}

function isUnconfirmed(value: unknown): value is Unconfirmed {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'credential' in value &&
    'confirmBy' in value &&
    'triesLeft' in value
  );
}
