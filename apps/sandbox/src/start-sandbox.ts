import { isLoopbackHost, isLoopbackUrl, mountHandler, sandboxPaths, type BaseConfig, type Log } from '#host';
import type { FastifyInstance } from 'fastify';
import { join } from 'node:path';
import { directoryHandler } from './directory/directory-handler.js';
import { generateDirectoryKeys, keptDirectoryKeys } from './directory/directory-keys.js';
import type { DirectoryOptions } from './directory/directory-provider.js';
import { fhirHandler } from './fhir-server/fhir-handler.js';
import { SandboxFhirServer } from './fhir-server/sandbox-fhir-server.js';
import { simulatorHandler } from './launch-simulator/simulator-handler.js';

/** What the sandbox needs of the configuration. An empty `dataDir` keeps nothing: the directory's keys are new at each start. */
export type SandboxSettings = Pick<BaseConfig, 'development' | 'host' | 'publicUrl' | 'identityAudience' | 'dataDir'>;

/** Why the sandbox may not start, if so: it knows every password and guards no data (security.md, Who is believed). */
export function sandboxFaults({
  development,
  host,
  publicUrl,
}: SandboxSettings): readonly { variable: string; mustBe: string; given?: string }[] {
  return [
    ...(development === true
      ? []
      : [{ variable: 'GATEHOUSE_DEV', mustBe: '1 for the sandbox, which is for development alone' }]),
    ...(isLoopbackHost(host) ? [] : [{ variable: 'HOST', mustBe: 'a loopback address for the sandbox', given: host }]),
    ...(isLoopbackUrl(publicUrl)
      ? []
      : [{ variable: 'PUBLIC_URL', mustBe: 'a URL on a loopback address for the sandbox', given: publicUrl }]),
  ];
}

/** Mounts the FHIR server, the directory and the EHR in a server that does not listen yet. Throws outside development. */
export async function startSandbox(
  server: FastifyInstance,
  settings: SandboxSettings,
  log: Pick<Log, 'error'>,
): Promise<void> {
  const faults = sandboxFaults(settings);
  if (faults.length > 0)
    throw new Error(
      `the sandbox does not start: ${faults.map((it) => `${it.variable} must be ${it.mustBe}`).join('; ')}`,
    );

  const { publicUrl, identityAudience, dataDir } = settings;
  const keys = await (dataDir === ''
    ? generateDirectoryKeys()
    : keptDirectoryKeys(join(dataDir, 'sandbox', 'directory-keys.json')));
  const fhir = await SandboxFhirServer.start(`${publicUrl}${sandboxPaths.fhir}`);
  const onError = (error: unknown) => log.error('the sandbox failed to answer', error);
  mountHandler(server, { prefix: sandboxPaths.fhir, publicUrl, handler: fhirHandler(fhir), onError });
  const directory: DirectoryOptions = {
    issuer: `${publicUrl}${sandboxPaths.directory}`,
    audience: identityAudience,
    keys,
    // The authorization server signs patients and clinicians in here.
    relyingParties: [{ clientId: 'gatehouse-sign-in', redirectUris: [`${publicUrl}/oauth/sign-in/callback`] }],
  };
  mountHandler(server, { prefix: sandboxPaths.directory, publicUrl, handler: directoryHandler(directory), onError });
  mountHandler(server, {
    prefix: sandboxPaths.ehr,
    publicUrl,
    handler: simulatorHandler(publicUrl, directory),
    onError,
  });
}
