import { setTimeout as wait } from 'node:timers/promises';
import { types } from 'node:util';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';

/** Resolves when the thing works; rejects, with a message fit for an operator, when it does not. */
export type HealthProbe = () => Promise<void> | void;

/** When that begins which a check is of: at once, or `last`, when every check that is not so has passed. */
export type Begins = 'at once' | 'last';

/** What a probe said. */
export interface CheckResult {
  readonly status: 'up' | 'down';
  readonly detail?: string;
}

/** The checks that readiness rests on: modules put theirs in by name. */
@Injectable()
export class HealthRegistry implements BeforeApplicationShutdown {
  private readonly probes = new Map<string, { readonly probe: HealthProbe; readonly begins: Begins }>();
  private readonly declared = new Map<string, () => boolean>();
  private stopping = false;
  private rest: Promise<boolean> | undefined;

  /** Adds a check; in the one process several apps may add the same name, and the last one counts. */
  register(name: string, probe: HealthProbe, begins: Begins = 'at once'): void {
    this.probes.set(name, { probe, begins });
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
   * Resolves to true when every check has passed but those of what begins last, to false when the service stops before.
   * To be asked when all have registered: from `onApplicationBootstrap` on.
   */
  untilRestReady(): Promise<boolean> {
    return (this.rest ??= this.until(async () =>
      Object.entries((await this.check()).checks).every(
        ([name, { status }]) => status === 'up' || this.probes.get(name)?.begins === 'last',
      ),
    ));
  }

  /** A process that ends without a drain: nobody waits on. */
  beforeApplicationShutdown(): void {
    this.stop();
  }

  /**
   * Resolves to true when every check has passed, to false when the service stops before. Checks are asked
   * again and again, since a module may only know when it is asked.
   */
  async untilReady(): Promise<boolean> {
    return await this.until(async () => (await this.check()).ready);
  }

  /** Every check, each within 2 s. */
  async check(): Promise<{ readonly ready: boolean; readonly checks: Readonly<Record<string, CheckResult>> }> {
    const results = await Promise.all(
      [...this.probes].map(async ([name, { probe }]) => [name, await run(probe)] as const),
    );
    const ready = !this.stopping && results.every(([, result]) => result.status === 'up');
    return { ready, checks: Object.fromEntries(results) };
  }

  private async until(holds: () => Promise<boolean>): Promise<boolean> {
    while (!this.stopping) {
      if (await holds()) return true;
      await wait(50);
    }
    return false;
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
