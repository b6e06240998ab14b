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

/**
 * What is wrong with the TLS settings of a server that we connect to: `<of>_TLS_CA`, `<of>_TLS_CERT` and `<of>_TLS_KEY`.
 * What was given is never shown.
 */
export function certificateFaults(
  of: 'KAFKA' | 'DATABASE',
  { ca, cert, key }: Readonly<Record<'ca' | 'cert' | 'key', string | undefined>>,
): readonly ConfigFault[] {
  const faults: ConfigFault[] = [];
  const check = (variable: string, mustBe: string, attempt: () => boolean): void => {
    if (!succeeds(attempt)) faults.push({ variable, mustBe, given: '(not shown)' });
  };
  if (ca !== undefined)
    check(`${of}_TLS_CA`, pem('one or more certificates'), () =>
      certificatesOf(ca).every((each) => isCertificate(each)),
    );
  if (cert !== undefined) check(`${of}_TLS_CERT`, pem('a certificate with its chain'), () => isCertificate(cert));
  if (key !== undefined)
    check(`${of}_TLS_KEY`, pem('a private key without a password'), () => createPrivateKey(key).type === 'private');
  if (faults.length === 0 && cert !== undefined && key !== undefined)
    check(`${of}_TLS_KEY`, `the private key of ${of}_TLS_CERT`, () =>
      new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)),
    );
  return faults;
}

/** The certificates of a bundle; the whole text where there is none, so that it is refused. */
function certificatesOf(bundle: string): readonly string[] {
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
