import { timingSafeEqual } from 'node:crypto';

/** Compares without telling how far two texts agree. */
export function sameText(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}
