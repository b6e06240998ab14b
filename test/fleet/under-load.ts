import { ApplicationLoad, type ClosureSeen } from './application-load.js';
import type { Fleet, FleetApplication } from './fleet.js';

/** How many applications call at the same time. */
const AT_ONCE = 6;

/**
 * Revokes one application after another, each while calls of it and of the next ones go on at every gateway.
 *
 * @param onRevoked after each revocation, with how many there were; what it gives back is awaited before the next
 */
export async function revokeUnderLoad(
  fleet: Fleet,
  applications: readonly FleetApplication[],
  onRevoked: (count: number) => Promise<void> | void = () => undefined,
): Promise<ClosureSeen[]> {
  const seen: ClosureSeen[] = [];
  const loads: ApplicationLoad[] = [];
  const waiting = [...applications];
  for (;;) {
    for (let next = waiting[0]; next && loads.length < AT_ONCE; next = waiting[0]) {
      waiting.shift();
      const load = new ApplicationLoad(fleet, next);
      loads.push(load);
      await load.start();
    }
    const oldest = loads.shift();
    if (!oldest) return seen;
    seen.push(await oldest.close('revocation'));
    await onRevoked(seen.length);
  }
}
