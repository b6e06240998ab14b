/** What callers send, as bytes of HTTP/1.1. */
export type Sent =
  /** Each request in turn, again from the start after the last; with `once` the load ends there. */
  | { readonly kind: 'given'; readonly requests: readonly string[]; readonly once: boolean }
  /** Each caller sends its value between two halves, and takes the next value out of the answer: refresh tokens. */
  | {
      readonly kind: 'chained';
      readonly first: readonly string[];
      /** The head without `Content-Length`, which depends on the value. */
      readonly head: string;
      readonly before: string;
      readonly after: string;
      /** Has one group, the next value. */
      readonly next: string;
    };

export interface LoadPlan {
  readonly port: number;
  /** Connections kept alive, one request at a time on each. */
  readonly callers: number;
  readonly seconds: number;
  readonly sent: Sent;
}

/** What came of a load. */
export interface LoadResult {
  /** Answers with status 200. */
  readonly answered: number;
  /** Other answers, by status, with the first body of each. */
  readonly others: Readonly<Record<string, number>>;
  readonly seconds: number;
  /** Of one request, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Processor time of the load itself, in milliseconds. */
  readonly processorMs: number;
}

/** A request by HTTP/1.1 on a connection that stays open; its host is `bench` where the headers name none. */
export function httpRequest(
  method: 'GET' | 'POST',
  target: string,
  headers: Readonly<Record<string, string>>,
  body?: string,
): string {
  const lines = Object.entries({ Host: 'bench', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const length = body === undefined ? '' : `Content-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}${length}\r\n${body ?? ''}`;
}
