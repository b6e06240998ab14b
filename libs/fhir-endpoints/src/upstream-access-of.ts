import { readFileSync } from 'node:fs';
import { BackendToken } from './backend-token.js';
import type { UpstreamSettings } from './endpoint-file.js';
import type { UpstreamAccess, UpstreamTls } from './upstream-access.js';

/** Reads the files that the settings name; what cannot be read stops the start. */
export function upstreamAccessOf({
  credential,
  tls = {},
}: Pick<UpstreamSettings, 'credential' | 'tls'>): UpstreamAccess {
  const { caFile, certFile, keyFile } = tls;
  const files = {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
  switch (credential?.kind) {
    case undefined:
      return always(undefined, files);
    case 'bearer':
      return always(`Bearer ${secretIn(credential.tokenFile)}`, files);
    case 'basic': {
      const pair = Buffer.from(`${credential.user}:${secretIn(credential.passwordFile)}`);
      return always(`Basic ${pair.toString('base64')}`, files);
    }
    case 'smart-backend': {
      const token = new BackendToken(credential, files);
      return { tls: files, authorization: () => token.authorization(), refused: (it) => token.refused(it) };
    }
    default:
      return credential satisfies never;
  }
}

function always(authorization: string | undefined, tls: UpstreamTls): UpstreamAccess {
  return { tls, authorization: () => authorization, refused: () => undefined };
}

function secretIn(path: string): string {
  return readFileSync(path, 'utf8').trim();
}
