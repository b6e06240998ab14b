import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startSeparateProcesses } from '../../end-to-end/separate-processes.js';
import { everybody } from '../../rolling-restart/everybody.js';
import { FhirServerApart } from '../../rolling-restart/fhir-server-apart.js';
import { MixedUse } from '../../rolling-restart/mixed-use.js';
import { OneRetry } from '../../rolling-restart/one-retry.js';
import type { BenchPart } from '../bench.js';
import { processorMs, waitedForCoreMs, withChildren } from '../machine.js';

/** Uses that begin in a second (`MixedUse`). */
const PER_SECOND = Number(process.env['BENCH_MIXED_PER_SECOND'] ?? 100);
const REST_MS = 10_000;
const WARM_MS = 8_000;
const LOAD_MS = 20_000;

/** `BENCH_NODE_OPTIONS=--cpu-prof` profiles every service; the profiles are written where the bench was started. */
export const part: BenchPart = {
  title: `${PER_SECOND} mixed uses a second of two instances of every service behind one front: what each takes of the processor`,
  async run(bench) {
    const [people, fhir] = await Promise.all([everybody(), FhirServerApart.start()]);
    const dataDir = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-bench-'));
    const running = await startSeparateProcesses(
      { ...bench, dataDir },
      {
        ...people.environment,
        FHIR_UPSTREAM_URL: fhir.url,
        NODE_OPTIONS: process.env['BENCH_NODE_OPTIONS'] ?? '',
      },
      'without a sandbox',
    );
    try {
      const caller = new OneRetry(running.url);
      const use = await MixedUse.open(running.url, caller, { tokens: people.tokens, fhir, programs: 8 });
      const pids = {
        broker: bench.servers.broker,
        Postgres: bench.servers.postgres,
        ...running.pids(),
        'callers, identity provider and FHIR server': [process.pid],
      };
      const taken = () => new Map(Object.entries(pids).map(([name, of]) => [name, takenBy(of)]));
      await delay(2_000); // what the programs' approvals left to do
      const atRest = await took(REST_MS, taken);
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      const used = use.run(PER_SECOND, over);
      await delay(WARM_MS);
      const before = new Map([...caller.tookMs].map(([what, { length }]) => [what, length]));
      const underLoad = await took(LOAD_MS, taken);
      const tookMs = new Map([...caller.tookMs].map(([what, all]) => [what, all.slice(before.get(what) ?? 0)]));
      end();
      await used;
      const requests = [...tookMs.values()].flat().length;
      bench.print(
        `${(requests * 1_000) / LOAD_MS} requests/s answered; cured ${caller.cured.length}, not cured ${caller.uncured.length}; ${percentiles([...tookMs.values()].flat())}`,
      );
      for (const [what, ms] of tookMs) bench.print(`  ${what}: ${percentiles(ms)}`);
      for (const [name, { processor, waited }] of [...underLoad, ['together', sum(underLoad)] as const]) {
        const rest = name === 'together' ? sum(atRest) : atRest.get(name);
        bench.print(
          `${name}: ${(((rest?.processor ?? 0) * 1_000) / REST_MS).toFixed(0)} ms a second at rest, ${(processor / requests).toFixed(2)} ms a request, and ${(waited / requests).toFixed(1)} ready without a core`,
        );
      }
    } finally {
      await running.stop();
      await Promise.all([people.close(), fhir.close()]);
      rmSync(dataDir, { recursive: true });
    }
  },
};

/** In milliseconds. */
interface Taken {
  readonly processor: number;
  /** Ready, while others had the cores. */
  readonly waited: number;
}

function takenBy(pids: readonly number[]): Taken {
  // This process has the services for children.
  const all = pids.includes(process.pid) ? pids : withChildren(pids);
  return { processor: processorMs(all), waited: waitedForCoreMs(all) };
}

/** What each takes in a while. */
async function took(ms: number, taken: () => ReadonlyMap<string, Taken>): Promise<ReadonlyMap<string, Taken>> {
  const before = taken();
  await delay(ms);
  return new Map(
    [...taken()].map(([name, { processor, waited }]) => {
      const then = before.get(name) ?? { processor: 0, waited: 0 };
      return [name, { processor: processor - then.processor, waited: waited - then.waited }];
    }),
  );
}

function sum(taken: ReadonlyMap<string, Taken>): Taken {
  const all = [...taken.values()];
  return {
    processor: all.reduce((total, { processor }) => total + processor, 0),
    waited: all.reduce((total, { waited }) => total + waited, 0),
  };
}

function percentiles(ms: readonly number[]): string {
  const sorted = ms.toSorted((a, b) => a - b);
  const at = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN).toFixed(0);
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${(sorted.at(-1) ?? Number.NaN).toFixed(0)} ms`;
}
