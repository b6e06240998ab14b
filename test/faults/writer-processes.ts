import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** What the build made of libs/testing/src/counter; tests and the build both run in the project's root. */
const MAIN = path.resolve('dist/libs/testing/src/counter/main.js');

/** Processes that write the counter context; killed, stopped and woken by their ids. */
export class WriterProcesses {
  readonly #running: ChildProcess[] = [];

  constructor(
    private readonly brokers: string,
    private readonly prefix: string,
  ) {}

  async start(): Promise<ChildProcess> {
    const child = spawn(process.execPath, [MAIN], {
      env: { ...process.env, NODE_OPTIONS: '', KAFKA_BROKERS: this.brokers, PREFIX: this.prefix },
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
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    this.#running.splice(this.#running.indexOf(child), 1);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#running].map((child) => this.kill(child)));
  }
}
