import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { differencesAfterRebuild } from '../end-to-end/rebuild-all.js';
import { type Restarted, type SeparateProcesses, startSeparateProcesses } from '../end-to-end/separate-processes.js';
import { isolate } from '../environment/isolation.js';
import { checkRollingRestart } from './checker.js';
import { everybody } from './everybody.js';
import { FhirServerApart } from './fhir-server-apart.js';
import { MixedUse } from './mixed-use.js';
import { OneRetry } from './one-retry.js';

/** What a rolling restart under load showed. */
export interface RollingReport {
  readonly front: string;
  /** Requests, each counted once however often it was sent, and how many of them were answered in a second. */
  readonly requests: number;
  readonly perSecond: number;
  readonly answers: Readonly<Record<string, number>>;
  /** Requests that were answered when they were sent again; and those that were not, in words. */
  readonly cured: readonly string[];
  readonly uncured: readonly string[];
  /** Commands that were answered 202 at first. */
  readonly accepted: number;
  /** How long the slowest of a hundred answers took, and the slowest of all, in milliseconds. */
  readonly p99Ms: number;
  readonly longestMs: number;
  readonly restarts: readonly Restarted[];
  /** What the processes logged as errors; but for what nginx notes of a connection that a stop cut: that is counted. */
  readonly complaints: readonly string[];
  /** What the checker found wrong, in words. */
  readonly faults: readonly string[];
}

interface Plan {
  /** Uses that begin in a second. */
  readonly perSecond: number;
  readonly programs: number;
  /** `in-turn`: every instance, one after the other. */
  readonly restarts: 'in-turn' | 'none';
  /** How long the load goes on before the first restart and after the last, in milliseconds. */
  readonly aroundMs: number;
}

/** The contexts that have rows to compare: nobody opens a campaign. */
const REBUILT = ['registration', 'approval', 'audit'];

/** Longer than nginx keeps a connection that rests (4 s). */
const DRAIN_SECONDS = 5;

/** What nginx notes of a connection that was reset in the moment in which an instance stopped listening. */
const CUT = 'upstream prematurely closed connection';

/** Restarts two instances of every app behind one front while everybody uses them; ends in the checker. */
export async function rollingRestart(plan: Plan): Promise<RollingReport> {
  const [own, people, fhir] = await Promise.all([isolate(), everybody(), FhirServerApart.start()]);
  const dataDir = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-rolling-'));
  let running: SeparateProcesses | undefined;
  try {
    running = await startSeparateProcesses(
      { ...own, dataDir },
      {
        ...people.environment,
        FHIR_UPSTREAM_URL: fhir.url,
        DRAIN_SECONDS: String(DRAIN_SECONDS),
        LISTEN_WHEN_READY: '1',
      },
      'without a sandbox',
    );
    const caller = new OneRetry(running.url);
    const use = await MixedUse.open(running.url, caller, { tokens: people.tokens, fhir, programs: plan.programs });
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    const begun = performance.now();
    const used = use.run(plan.perSecond, over);
    await delay(plan.aroundMs);
    const restarts = await restart(running.instances, plan.restarts);
    await delay(plan.aroundMs);
    end();
    await used;
    const seconds = (performance.now() - begun) / 1_000;
    const tookMs = [...caller.tookMs.values()].flat().sort((a, b) => a - b);
    const faults = await checkRollingRestart(own, use, caller);
    return {
      front: running.front,
      requests: caller.requests,
      perSecond: Math.round(caller.requests / seconds),
      answers: caller.answers,
      cured: caller.cured,
      uncured: caller.uncured,
      accepted: caller.accepted,
      p99Ms: tookMs[Math.floor(tookMs.length * 0.99)] ?? 0,
      longestMs: tookMs.at(-1) ?? 0,
      restarts,
      complaints: running.complaints().filter((line) => !line.includes(CUT)),
      faults: [...faults, ...(await differencesAfterRebuild(use.operator, own.databaseUrl, REBUILT))],
    };
  } finally {
    await running?.stop();
    await Promise.all([own.dispose(), people.close(), fhir.close()]);
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function restart(
  instances: SeparateProcesses['instances'],
  which: Plan['restarts'],
): Promise<readonly Restarted[]> {
  if (which === 'none') return [];
  const restarts: Restarted[] = [];
  for (const instance of instances) restarts.push(await instance.restart());
  return restarts;
}

/** What a run ends in; prints the figures first. */
export function expectNoFailedRequest(report: RollingReport): void {
  const { cured, uncured, faults, complaints, restarts, ...shown } = report;
  const counts = { cured: counted(cured), uncured: uncured.length, faults: faults.length, restarts };
  process.stdout.write(
    `${JSON.stringify({ ...shown, ...counts }, (_key, value: unknown) => (typeof value === 'number' ? Math.round(value) : value))}\n`,
  );
  expect({
    faults,
    uncured: counted(uncured),
    complaints,
    codes: restarts.map(({ code }) => code),
  }).toEqual({ faults: [], uncured: {}, complaints: [], codes: restarts.map(() => 0) });
}

function counted(words: readonly string[]): Readonly<Record<string, number>> {
  return Object.fromEntries([...Map.groupBy(words, (each) => each)].map(([each, { length }]) => [each, length]));
}
