import type { GatehouseApi } from '../api/gatehouse-api.js';
import { Failure, RequestRefused } from '../failure.js';
import { fieldOf } from '../output/field-of.js';

/** A checkpoint as the API shows it: nothing of it is believed but what its note proves. */
export interface ShownCheckpoint {
  readonly id: string;
  readonly origin: string;
  readonly topic: string;
  readonly partition: number;
  readonly size: number;
  readonly note: string;
}

/** A record as the log holds it, with the hashes that lead to a checkpoint. */
export interface ShownLeaf {
  readonly index: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer;
  readonly inclusion: readonly Buffer[];
}

/** Numbers that are missing in a run. */
export interface ShownGap {
  readonly run: string;
  readonly topic: string;
  readonly partition: number;
  readonly firstMissing: string;
  readonly lastMissing: string;
}

/** The evidence that the API hands out (docs/adr/0016). Throws a `Failure` where an answer has another form. */
export class Evidence {
  constructor(private readonly api: GatehouseApi) {}

  /** The public keys that checkpoints are said to be signed with, the newest first. */
  async keys(): Promise<readonly string[]> {
    return listIn(await this.api.get('/audit/keys'), 'items').map((key) => textIn(key, 'publicKey'));
  }

  /** The newest checkpoints of a partition, at most `limit`. */
  async checkpoints(topic: string, partition: number, limit: number): Promise<readonly ShownCheckpoint[]> {
    const query = { topic, partition: String(partition), limit: String(limit) };
    return listIn(await this.api.get('/audit/checkpoints', query), 'items').map(checkpointIn);
  }

  /** The proof that a checkpoint's tree goes on from one of `since` leaves. */
  async consistency({ id }: ShownCheckpoint, since: number): Promise<readonly Buffer[]> {
    const answer = await this.api.get(`/audit/checkpoints/${encodeURIComponent(id)}/consistency`, {
      since: String(since),
    });
    return hashesIn(answer, 'proof');
  }

  /** Leaves of a checkpoint from `first` on, at most `limit` (200). */
  async leaves({ id }: ShownCheckpoint, first: number, limit: number): Promise<readonly ShownLeaf[]> {
    const path = `/audit/checkpoints/${encodeURIComponent(id)}/leaves`;
    return listIn(await this.api.get(path, { first: String(first), limit: String(limit) }), 'items').map(leafIn);
  }

  /** The record of that id and its proof, under the newest checkpoint or a given one; nothing where there is no such record. */
  async proof(
    recordId: string,
    checkpointId?: string,
  ): Promise<{ leaf: ShownLeaf; checkpoint: ShownCheckpoint } | undefined> {
    const path = `/audit/records/${encodeURIComponent(recordId)}/proof`;
    const answer = await this.orNothing(path, { checkpoint: checkpointId });
    if (answer === undefined) return undefined;
    return { leaf: leafIn(fieldOf(answer, 'leaf')), checkpoint: checkpointIn(fieldOf(answer, 'checkpoint')) };
  }

  /** The record of that id as search shows it; nothing where it shows none. */
  async record(recordId: string): Promise<object | undefined> {
    const answer = await this.orNothing(`/audit/records/${encodeURIComponent(recordId)}`);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  }

  /** Every gap that the audit has seen. */
  async gaps(): Promise<readonly ShownGap[]> {
    const gaps: ShownGap[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.api.get('/audit/gaps', { limit: '200', cursor });
      gaps.push(
        ...listIn(page, 'items').map((gap) => ({
          run: textIn(gap, 'run'),
          topic: textIn(gap, 'topic'),
          partition: numberIn(gap, 'partition'),
          firstMissing: textIn(gap, 'firstMissing'),
          lastMissing: textIn(gap, 'lastMissing'),
        })),
      );
      const next = fieldOf(page, 'next');
      cursor = typeof next === 'string' ? next : undefined;
    } while (cursor !== undefined);
    return gaps;
  }

  private async orNothing(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<unknown> {
    try {
      return await this.api.get(path, query);
    } catch (error) {
      if (error instanceof RequestRefused && error.status === 404) return undefined;
      throw error;
    }
  }
}

function checkpointIn(value: unknown): ShownCheckpoint {
  return {
    id: textIn(value, 'id'),
    origin: textIn(value, 'origin'),
    topic: textIn(value, 'topic'),
    partition: numberIn(value, 'partition'),
    size: numberIn(value, 'size'),
    note: textIn(value, 'note'),
  };
}

function leafIn(value: unknown): ShownLeaf {
  const key = fieldOf(value, 'key');
  return {
    index: numberIn(value, 'index'),
    topic: textIn(value, 'topic'),
    partition: numberIn(value, 'partition'),
    offset: textIn(value, 'offset'),
    key: typeof key === 'string' ? Buffer.from(key, 'base64') : null,
    value: Buffer.from(textIn(value, 'value'), 'base64'),
    inclusion: hashesIn(value, 'inclusion'),
  };
}

function hashesIn(value: unknown, name: string): readonly Buffer[] {
  return listIn(value, name).map((hash) => Buffer.from(String(hash), 'base64'));
}

function textIn(value: unknown, name: string): string {
  const text = fieldOf(value, name);
  if (typeof text !== 'string') throw unexpected(name);
  return text;
}

function numberIn(value: unknown, name: string): number {
  const number = fieldOf(value, name);
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) throw unexpected(name);
  return number;
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name);
  if (!Array.isArray(list)) throw unexpected(name);
  return list;
}

function unexpected(name: string): Failure {
  return new Failure(`The answer has no ${name} as expected: is this the API of Gatehouse?`);
}

/** The answer, or in words why the API refused: evidence that it cannot give is a finding, not the end. */
export async function tried<T>(ask: () => Promise<T>): Promise<T | string> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RequestRefused && error.status !== 401 && error.status !== 403) return error.message;
    throw error;
  }
}
