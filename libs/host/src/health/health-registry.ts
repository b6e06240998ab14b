import { setTimeout as wait } from 'node:timers/promises';
import { types } from 'node:util';
import { Injectable } from '@nestjs/common';

/** Resolves when the thing works; rejects, with a message fit for an operator, when it does not. */
export type HealthProbe = () => Promise<void> | void;

/** What a probe said. */
export interface CheckResult {
  readonly status: 'up' | 'down';
  readonly detail?: string;
}

/** The checks that readiness rests on: modules put theirs in by name. */
@Injectable()
export class HealthRegistry {
  private readonly probes = new Map<string, HealthProbe>();
  private readonly declared = new Map<string, () => boolean>();
  private stopping = false;

  /** Adds a check; in the one process several apps may add the same name, and the last one counts. */
  register(name: string, probe: HealthProbe): void {
    this.probes.set(name, probe);
  }

  /**
   * Adds a way of working that whoever watches should know of, ready or not.
   *
   * @param mode shown to everybody; the same name may be declared by several, and is on when one of them says so
   */
  declare(mode: string, isOn: () => boolean): void {
    const before = this.declared.get(mode);
    this.declared.set(mode, before ? () => before() || isOn() : isOn);
  }

  /** The ways of working that are on; `draining` from the stop on. */
  modes(): readonly string[] {
    const on = [...this.declared].filter(([, isOn]) => isOn()).map(([mode]) => mode);
    return this.stopping ? [...on, 'draining'] : on;
  }

  /** From now on the service is not ready: load balancers send nothing new while it drains. */
  stop(): void {
    this.stopping = true;
  }

  /**
   * Resolves to true when every check has passed, to false when the service stops before. Checks are asked
   * again and again, since a module may only know when it is asked.
   */
  async untilReady(): Promise<boolean> {
    while (!this.stopping) {
      if ((await this.check()).ready) return true;
      await wait(50);
    }
    return false;
  }

  /** Every check, each within 2 s. */
  async check(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, CheckResult>> }> {
    const results = await Promise.all([...this.probes].map(async ([name, probe]) => [name, await run(probe)] as const));
    const ready = !this.stopping && results.every(([, result]) => result.status === 'up');
    return { ready, checks: Object.fromEntries(results) };
  }
}

async function run(probe: HealthProbe): Promise<CheckResult> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('no answer within 2 s')), 2_000);
  try {
    await Promise.race([probe(), late]);
    return { status: 'up' };
  } catch (error) {
    return { status: 'down', detail: types.isNativeError(error) ? error.message : 'unknown' };
  } finally {
    clearTimeout(timer);
  }
}
