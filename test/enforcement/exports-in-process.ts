import type { HostileAnswer, HostileRequest } from '#testing';
import { jobAnswerOf } from '../../apps/gateway/src/ask-upstream/export-job.js';
import { UpstreamFailed } from '../../apps/gateway/src/ask-upstream/upstream-failed.js';
import type { Upstream } from '../../apps/gateway/src/ask-upstream/upstream.js';
import { fhirError } from '../../apps/gateway/src/proxy/operation-outcome.js';

/** How a gateway reaches the exports of a server. */
export type ExportPort = Pick<Upstream, 'job' | 'file'>;

/** Those of a server in the same process. */
export function exportsOf(handle: (request: HostileRequest) => HostileAnswer | Promise<HostileAnswer>): ExportPort {
  return {
    job: async ({ method, target, begins }) => {
      const headers = begins ? { prefer: 'respond-async' } : {};
      const { body, ...answer } = await handle({ method, target, headers });
      return jobAnswerOf({ ...answer, body: Buffer.from(body) }, String);
    },
    file: async function* (target) {
      const { status, body } = await handle({ method: 'GET', target });
      if (status !== 200) throw new UpstreamFailed(fhirError(404, 'not-found', 'There is no such resource.'));
      yield Buffer.from(body);
    },
  };
}

/** A server that exports nothing. */
export const noExports = exportsOf(() => ({ status: 501, headers: {}, body: '' }));
