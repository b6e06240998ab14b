import type { TestIssuer } from './test-issuer.js';
import type { TestService } from './test-service.js';

const GIVE_UP_AFTER_MS = 30_000;

/** Waits until a gateway lets an application in: it has read its approval from the log. */
export async function untilOpen(gateway: TestService, issuer: TestIssuer, applicationId: string): Promise<void> {
  const headers = await issuer.bearer('op', 'operator');
  for (const giveUp = performance.now() + GIVE_UP_AFTER_MS; performance.now() < giveUp;) {
    const shown = await gateway.call(`/access/applications/${applicationId}`, { headers });
    if (shown.status === 200 && ((await shown.json()) as { readonly status: string }).status === 'open') return;
  }
  throw new Error('the gateway does not come to know');
}
