import { RouteConfig } from '@nestjs/platform-fastify';
import type { FastifyRequest } from 'fastify';

/** How a route's own specification answers a request whose body could not be read. */
export interface UnreadBodyAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: object;
}

/** The answer where HTTP has this status: 400 malformed, 413 too large, 415 no such media type. */
export type AnswerToUnreadBody = (status: number) => UnreadBodyAnswer;

declare module 'fastify' {
  interface FastifyContextConfig {
    answerToUnreadBody?: AnswerToUnreadBody;
  }
}

/**
 * For a route whose errors another specification has. A body that the server cannot read fails before the route's own
 * filter is asked, and would be answered with a problem document.
 */
export function UnreadBody(answer: AnswerToUnreadBody): MethodDecorator {
  return RouteConfig({ answerToUnreadBody: answer });
}

/** What the request's route answers to a body that cannot be read; undefined where that is a problem document. */
export function answerToUnreadBody(request: FastifyRequest, status: number): UnreadBodyAnswer | undefined {
  return [400, 413, 415].includes(status) ? request.routeOptions.config.answerToUnreadBody?.(status) : undefined;
}
