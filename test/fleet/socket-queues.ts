import { readFileSync } from 'node:fs';

/**
 * Bytes that the kernel holds between a server and its callers on the loopback address: what the server's process
 * handed over and the caller's has not read, by the caller's port. Linux tells them (proc(5), /proc/net/tcp); the
 * acknowledgements of the last ones may be under way, so that it is never too few and seldom a little too many.
 */
export function queuedByCallerPort(): ReadonlyMap<number, number> {
  const queued = new Map<number, number>();
  for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const [, local, remote, , queues] = line.trim().split(/\s+/);
    const [sent, received] = (queues ?? '').split(':').map((hex) => Number.parseInt(hex, 16));
    // At the server's end the caller is remote, and its bytes wait to be sent; at the caller's they wait to be read.
    add(queued, portOf(remote), sent);
    add(queued, portOf(local), received);
  }
  return queued;
}

function add(queued: Map<number, number>, port: number, bytes: number | undefined): void {
  if (bytes !== undefined && bytes > 0) queued.set(port, (queued.get(port) ?? 0) + bytes);
}

function portOf(address: string | undefined): number {
  return Number.parseInt(address?.split(':')[1] ?? '', 16);
}
