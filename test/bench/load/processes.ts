import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { LoadPlan, LoadResult } from './load-plan.js';
import type { ProxyPlan } from './proxy-process.js';

/** Load, from a process of its own. */
export interface Load {
  readonly pid: number;
  /** Throws when less than 99 of 100 answers have status 200. */
  run(plan: LoadPlan): Promise<LoadResult>;
  stop(): Promise<void>;
}

/** A server to compare with, or to ask. */
export interface Side {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export function startLoad(): Load {
  const child = start('load-process');
  return {
    pid: child.pid ?? 0,
    run: async (plan) => {
      child.send(plan);
      const [result] = (await once(child, 'message')) as [LoadResult];
      const others = Object.values(result.others).reduce((sum, count) => sum + count, 0);
      if (others * 100 > result.answered) throw new Error(`not answered: ${JSON.stringify(result.others)}`);
      return result;
    },
    stop: () => stop(child),
  };
}

/** An upstream that answers everything with one resource. */
export async function startUpstream(resource: object): Promise<Side> {
  return await startSide('upstream-process', JSON.stringify(resource));
}

/** A bare proxy on undici. */
export async function startProxy(plan: ProxyPlan): Promise<Side> {
  return await startSide('proxy-process', plan);
}

async function startSide(name: string, message: string | ProxyPlan): Promise<Side> {
  const child = start(name);
  child.send(message);
  const [port] = (await once(child, 'message')) as [number];
  return { pid: child.pid ?? 0, port, stop: () => stop(child) };
}

/** It ends when we do: its channel closes. */
function start(name: string): ChildProcess {
  const child = fork(fileURLToPath(new URL(`${name}.js`, import.meta.url)), { serialization: 'advanced' });
  child.once('exit', (code) => {
    if (code !== 0 && code !== null) throw new Error(`${name} ended with ${code}`);
  });
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.disconnect();
  await gone;
}
