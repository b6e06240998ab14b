import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What the build made of libs/testing/src/counter; tests and the build both run in the project's root. */
const MAIN = path.resolve('dist/libs/testing/src/counter/main.js');

/** Processes that write the counter context and project it; killed, stopped and woken by their ids. */
export class WriterProcesses {
  readonly #running: ChildProcess[] = [];

  constructor(
    private readonly on: { readonly brokers: string; readonly prefix: string; readonly databaseUrl: string },
  ) {}

  /** Those that run, the one that started first before the others. */
  get running(): readonly ChildProcess[] {
    return this.#running;
  }

  async start(): Promise<ChildProcess> {
    const { brokers, prefix, databaseUrl } = this.on;
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, NODE_OPTIONS: '', KAFKA_BROKERS: brokers, PREFIX: prefix, DATABASE_URL: databaseUrl },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#running.push(child);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`the writer process ended with ${String(code)} before it started`);
    });
    await Promise.race([once(child.stdout, 'data'), ended]);
    ended.catch(() => undefined); // it is killed later, on purpose
    return child;
  }

  /** `kill -9`, and waits until the process is gone. */
  async kill(child: ChildProcess): Promise<void> {
    await this.#end(child, 'SIGKILL');
  }

  /** Lets it finish what it is at and leave; waits until it is gone. */
  async leave(child: ChildProcess): Promise<void> {
    await this.#end(child, 'SIGTERM');
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.kill(child)));
  }

  async #end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    this.#running.splice(this.#running.indexOf(child), 1);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }
}
