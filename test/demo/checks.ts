import { setTimeout as delay } from 'node:timers/promises';

/** Something is not as it must be: the walk ends here. */
export class NotAsItMustBe extends Error {
  override readonly name = 'NotAsItMustBe';
}

/** @throws NotAsItMustBe with what was found beside what must be */
export function must(holds: boolean, what: string, found?: unknown): asserts holds {
  if (holds) return;
  throw new NotAsItMustBe(found === undefined ? what : `${what}\n  found: ${JSON.stringify(found)}`);
}

/** How long news may take from one context to another before the walk gives up. */
const PATIENCE_MS = 15_000;
const PAUSE_MS = 25;

/**
 * Asks until the answer fits: for what one context learns from another, which no answer's position can name yet.
 *
 * @throws NotAsItMustBe with the last answer after 15 s
 */
export async function until<T>(what: string, ask: () => Promise<T>, fits: (answer: T) => boolean): Promise<T> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await ask();
    if (fits(answer)) return answer;
    must(performance.now() < giveUpAt, `${what} within ${PATIENCE_MS / 1000} s`, answer);
    await delay(PAUSE_MS);
  }
}
