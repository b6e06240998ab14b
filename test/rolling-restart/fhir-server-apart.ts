import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';

const THREAD = path.join(process.cwd(), 'dist', 'test', 'rolling-restart', 'fhir-server-thread.js');

/**
 * The FHIR server in a thread of its own. In the event loop of all the callers as many as 143 connections of the gateways
 * were seen to wait until they were taken, the longest for seconds.
 */
export class FhirServerApart {
  private constructor(
    private readonly thread: Worker,
    readonly url: string,
  ) {}

  static async start(): Promise<FhirServerApart> {
    const thread = new Worker(THREAD);
    const [url] = (await once(thread, 'message')) as [string];
    return new FhirServerApart(thread, url);
  }

  /** The values that were written to a resource (`Observation/id`), in their order. One question at a time. */
  async written(target: string): Promise<readonly number[]> {
    const answer = once(this.thread, 'message') as Promise<[readonly number[]]>;
    this.thread.postMessage(target);
    return (await answer)[0];
  }

  async close(): Promise<void> {
    await this.thread.terminate();
  }
}
