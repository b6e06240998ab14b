import { setTimeout as delay } from 'node:timers/promises';
import { type FaultReport, underLoad } from './under-load.js';

/**
 * Two writer processes share the partitions under load; one after the other is killed with `kill -9` at a random moment
 * and replaced.
 */
export async function killWriters(rounds: number, perSecond: number): Promise<FaultReport> {
  return await underLoad(perSecond, async (writers) => {
    for (let round = 0; round < rounds; round++) {
      await delay(Math.random() * 12_000); // a random moment, before, during and after the others take over
      const [victim] = writers.running;
      if (victim) await writers.kill(victim);
      await writers.start();
    }
  });
}

/** Longer than the session of a group's member: its partitions are taken over while it is stopped. */
const STOPPED_MS = 9_000;

/**
 * A writer is stopped (SIGSTOP) at a random moment, past its session; its partitions are taken over, then it wakes as a
 * zombie. The checker finds whatever it wrote after its successor, committed or not.
 */
export async function wakeZombies(rounds: number, perSecond: number): Promise<FaultReport> {
  return await underLoad(perSecond, async (writers) => {
    for (let round = 0; round < rounds; round++) {
      const zombie = writers.running[round % 2];
      await delay(2_000 + Math.random() * 1_000); // so that it is in the middle of its work
      zombie?.kill('SIGSTOP');
      await delay(STOPPED_MS); // the session has to run out on the broker's clock
      zombie?.kill('SIGCONT');
      await delay(4_000); // time in which a zombie could do harm
    }
  });
}

const JOIN_OR_LEAVE_EVERY_MS = 5_000;

/** Every 5 s a writer process joins the others or leaves them; two to four share the partitions. */
export async function rebalance(changes: number, perSecond: number): Promise<FaultReport> {
  return await underLoad(perSecond, async (writers) => {
    for (let change = 0; change < changes; change++) {
      const pace = delay(JOIN_OR_LEAVE_EVERY_MS);
      const [oldest] = writers.running;
      const joins = writers.running.length <= 2 || (writers.running.length < 4 && Math.random() < 0.5);
      if (joins) await writers.start();
      else if (oldest) await writers.leave(oldest);
      await pace;
    }
  });
}
