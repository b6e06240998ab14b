import { createPrivateKey, X509Certificate } from 'node:crypto';
import { types } from 'node:util';
import type { ConfigFault } from './setting.js';

/** How a setting says that it is PEM. */
export const pem = (what: string): string => `${what} in PEM`;

/** Two settings that make sense only together. */
export function pairFaults(pair: Readonly<Record<string, string | undefined>>): readonly ConfigFault[] {
  const names = Object.keys(pair);
  const missing = names.filter((name) => pair[name] === undefined);
  if (missing.length !== 1) return [];
  const other = names.find((name) => !missing.includes(name)) ?? '';
  return missing.map((variable) => ({ variable, mustBe: `set together with ${other}` }));
}

/** A certificate authority, a certificate and its key, each as PEM or absent. */
type PemParts = Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>;

/**
 * What is wrong with PEM that TLS is to be spoken with.
 *
 * @param names how each part is called where it was given
 */
export function pemFaults(
  { ca, cert, key }: PemParts,
  names: Readonly<Record<keyof PemParts, string>>,
): readonly { readonly name: string; readonly mustBe: string }[] {
  const faults: { readonly name: string; readonly mustBe: string }[] = [];
  const check = (name: string, mustBe: string, attempt: () => boolean): void => {
    if (!succeeds(attempt)) faults.push({ name, mustBe });
  };
  if (ca !== undefined)
    check(names.ca, pem('one or more certificates'), () => certificatesOf(ca).every((each) => isCertificate(each)));
  if (cert !== undefined) check(names.cert, pem('a certificate with its chain'), () => isCertificate(cert));
  if (key !== undefined)
    check(names.key, pem('a private key without a password'), () => createPrivateKey(key).type === 'private');
  if (faults.length === 0 && cert !== undefined && key !== undefined)
    check(names.key, `the private key of ${names.cert}`, () =>
      new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
  return faults;
}

/**
 * What is wrong with the TLS settings of a server that we connect to: `<of>_TLS_CA`, `<of>_TLS_CERT` and `<of>_TLS_KEY`.
 * What was given is never shown.
 */
export function certificateFaults(of: 'KAFKA' | 'DATABASE', parts: PemParts): readonly ConfigFault[] {
  const names = { ca: `${of}_TLS_CA`, cert: `${of}_TLS_CERT`, key: `${of}_TLS_KEY` };
  return pemFaults(parts, names).map(({ name, mustBe }) => ({ variable: name, mustBe, given: '(not shown)' }));
}

/** The certificates of a bundle, each by itself; the whole text where there is none, so that it is refused. */
export function certificatesOf(bundle: string): readonly string[] {
  return bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [bundle];
}

function isCertificate(text: string): boolean {
  return new X509Certificate(text).raw.length > 0;
}

/** OpenSSL says only by throwing that it cannot read a thing. */
function succeeds(attempt: () => boolean): boolean {
  try {
    return attempt();
  } catch (error) {
    if (types.isNativeError(error)) return false;
    throw error;
  }
}
