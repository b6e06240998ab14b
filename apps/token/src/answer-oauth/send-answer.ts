import type { IncomingMessage, ServerResponse } from 'node:http';
import type { OAuthErrorAnswer } from './oauth-error.js';

/** Answers with tokens, or about them, are nobody's to keep (RFC 6749, 5.1). */
export const neverKept = { 'cache-control': 'no-store', pragma: 'no-cache' } as const;

/** Sends an answer as JSON that is never kept. */
export function sendAnswer(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      ...neverKept,
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
    })
    .end(text);
}

/** Sends what went wrong; a connection whose request was not read to its end is closed after it. */
export function sendError(request: IncomingMessage, response: ServerResponse, answer: OAuthErrorAnswer): void {
  for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value);
  if (!request.complete) response.setHeader('connection', 'close');
  sendAnswer(response, answer.status, answer.body);
}

/** 404 for what stands below an endpoint. */
export function sendNotHere(response: ServerResponse): void {
  sendAnswer(response, 404, { error: 'invalid_request', error_description: 'there is nothing here' });
}

/** 405 for a method that an endpoint does not have; `allowed` are those that it has. */
export function sendOtherMethod(response: ServerResponse, allowed: string): void {
  response.setHeader('allow', allowed);
  sendAnswer(response, 405, { error: 'invalid_request', error_description: `the methods here are ${allowed}` });
}
