import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * Below the range from which systems take the source ports of outgoing connections. Inside it, a client that retries a
 * stopped broker may be given that very port and connect to itself, and the broker then cannot come back.
 */
const LOWEST = 20_000;
const HIGHEST = 32_000;

/** Ports handed out by this process and perhaps not yet listened on. */
const taken = new Set();

/**
 * Whether a server could listen on this port of the loopback address now.
 *
 * @param {number} port
 * @returns {Promise<boolean>}
 */
export function isFree(port) {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '127.0.0.1', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/**
 * So many distinct ports of the loopback address that nothing listens on.
 *
 * @param {number} count
 * @returns {Promise<number[]>}
 */
export async function freePorts(count) {
  /** @type {number[]} */
  const found = [];
  while (found.length < count) {
    const port = randomInt(LOWEST, HIGHEST);
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    found.push(port);
  }
  return found;
}
