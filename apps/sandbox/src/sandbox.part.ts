import type { ServicePart } from '#host';
import { SandboxConfig } from './sandbox.config.js';
import { SandboxModule } from './sandbox.module.js';

/**
 * For development only: a directory of known people (`/sandbox/directory`) and a FHIR server in memory (`/sandbox/fhir`).
 * The one process gathers it only where `GATEHOUSE_DEV` is 1, since its configuration refuses to start elsewhere.
 */
export const sandboxPart: ServicePart = {
  name: 'sandbox',
  defaultPort: 8087,
  module: SandboxModule,
  config: [SandboxConfig],
};
