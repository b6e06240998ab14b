import type { ServerResponse } from 'node:http';
import { withOurUrls } from '../answer/our-urls.js';
import { encodedFor } from '../proxy/encode-answer.js';
import { sendEmpty, sendResource } from '../proxy/send-answer.js';
import type { WrittenAnswer } from './written-answer.js';

/** Where a resource that was written is, with its version: a URL of ours. */
export function locationOf({ type, id, etag }: WrittenAnswer, ours: string): string {
  const version = /^W\/"(.+)"$/.exec(etag ?? '')?.[1];
  return `${ours}/${type}/${id ?? ''}${version === undefined ? '' : `/_history/${version}`}`;
}

/** The headers that tell a caller of a write: all URLs are ours. */
function headersOf(answer: WrittenAnswer, ours: string): Readonly<Record<string, string>> {
  const { status, id, etag, lastModified } = answer;
  return {
    ...(etag === undefined ? {} : { ETag: etag }),
    ...(lastModified === undefined ? {} : { 'Last-Modified': lastModified }),
    ...(id === undefined || status === 204 ? {} : { Location: locationOf(answer, ours) }),
    'Cache-Control': 'no-store',
  };
}

/** Sends what a caller is told of a write that was carried out, as long as `isAllowed` says so. */
export async function sendWritten(
  response: ServerResponse,
  answer: WrittenAnswer,
  position: string,
  bases: { readonly upstream: string; readonly ours: string },
  isAllowed: () => boolean,
): Promise<void> {
  const headers = { ...headersOf(answer, bases.ours), 'Gatehouse-Position': position };
  if (!answer.resource) {
    sendEmpty(response, answer.status, headers);
    return;
  }
  const text = withOurUrls(JSON.stringify(answer.resource), bases.upstream, bases.ours);
  const { body, headers: encoding } = await encodedFor(response.req, text);
  await sendResource(response, body, { ...headers, ...encoding }, isAllowed, answer.status);
}
