import { isObject } from '#smart';
import type { UpstreamWrite, UpstreamWritten } from '../ask-upstream/upstream-write.js';

/** A write within a transaction. */
export interface EntryWrite extends UpstreamWrite {
  /** What other entries name it by: a placeholder of our own. */
  readonly fullUrl?: string;
}

/** The body of a transaction as JSON. It always says what it is, and has nothing of its caller's but resources. */
export function transactionBody(entries: readonly EntryWrite[]): string {
  const texts = entries.map(({ fullUrl, method, target, body, ifMatch }) => {
    const request = { method, url: target.slice(1), ifMatch };
    const parts = [
      ...(fullUrl === undefined ? [] : [`"fullUrl":${JSON.stringify(fullUrl)}`]),
      ...(body === undefined ? [] : [`"resource":${body}`]),
      `"request":${JSON.stringify(request)}`,
    ];
    return `{${parts.join(',')}}`;
  });
  return `{"resourceType":"Bundle","type":"transaction","entry":[${texts.join(',')}]}`;
}

/** What the server says of each entry of a transaction that it carried out, as `bundleAnswer`. */
export function transactionAnswer(resource: unknown, entries: number): readonly UpstreamWritten[] | undefined {
  return bundleAnswer('transaction', resource, entries);
}

/**
 * What the server says of each entry of a Bundle that it carried out; undefined when that is not what it answered. Nothing
 * of it is checked but its form.
 */
export function bundleAnswer(
  type: 'batch' | 'transaction',
  resource: unknown,
  entries: number,
): readonly UpstreamWritten[] | undefined {
  if (!isObject(resource) || resource['resourceType'] !== 'Bundle' || resource['type'] !== `${type}-response`)
    return undefined;
  const { entry } = resource;
  if (!Array.isArray(entry) || entry.length !== entries) return undefined;
  const said = (entry as readonly unknown[]).map(readEntry);
  return said.every((it) => it !== undefined) ? said : undefined;
}

function readEntry(entry: unknown): UpstreamWritten | undefined {
  if (!isObject(entry) || !isObject(entry['response'])) return undefined;
  const { status, etag, lastModified, location } = entry['response'];
  const code = typeof status === 'string' ? /^([1-5]\d\d)(?!\d)/.exec(status)?.[1] : undefined;
  if (code === undefined) return undefined;
  return {
    status: Number(code),
    resource: entry['resource'],
    ...(typeof etag === 'string' && /^(W\/)?"[\x21\x23-\x7e]{0,64}"$/.test(etag) ? { etag } : {}),
    ...(typeof lastModified === 'string' ? { lastModified } : {}),
    ...(typeof location === 'string' ? { location } : {}),
  };
}
