import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { parse } from 'secure-json-parse';
import { CallerAdmission } from '../identity/admit-caller.js';
import type { Role } from '../identity/caller.js';
import { Log } from '../logging/log.js';
import { ErrorTranslators } from '../problem/error-translators.js';
import { problemMediaType } from '../problem/problem.js';
import { ProblemException } from '../problem/problem-exception.js';
import { problemBody, problemOfError, unreadable } from '../problem/problems.js';
import { mustBeFit } from '../problem/validation.js';
import { mountDirectly } from './direct-mounts.js';

/** The largest body that is taken before the router, in bytes; larger ones are the router's affair. */
const BODY_MOST = 65_536;

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** A route without bodies. What `answer` throws is answered as any route's errors are. */
interface BareRoute {
  /** As the router has it. */
  readonly route: string;
  readonly takes: (request: IncomingMessage) => boolean;
  readonly answer: (request: IncomingMessage) => Promise<Omit<Answered, 'body'>>;
}

/** Answers a body of JSON with an object. What it throws is answered as any route's errors are. */
export type AnswerJson = (body: unknown) => Promise<object>;

/**
 * Routes with roles of which every microsecond counts: an ordinary request for one is answered before the router, by what its
 * controller would answer. Whatever is not ordinary (another method or media type, a body in chunks, a query) goes the way
 * of every route, so that the controller stays where the route is declared and described.
 */
@Injectable()
export class DirectRoutes {
  private readonly log: Log;

  constructor(
    private readonly http: HttpAdapterHost,
    private readonly admission: CallerAdmission,
    private readonly translators: ErrorTranslators,
    log: Log,
  ) {
    this.log = log.for('http');
  }

  /** A POST of JSON, answered 200. With Nest: in `onModuleInit`. */
  json(path: string, roles: readonly Role[], answer: AnswerJson): void {
    this.mount(
      path,
      path,
      (request) => isOrdinaryPost(request, path),
      async (request) => {
        const body = read(await bodyOf(request));
        await this.admission.admit(request, roles);
        mustBeFit(body);
        const told = JSON.stringify(await answer(body));
        return { status: 200, headers: { 'content-type': 'application/json; charset=utf-8' }, body: told };
      },
    );
  }

  /** Any method, without a body, answered by a status and headers. Who calls is for `answer` to know. With Nest: in `onModuleInit`. */
  bare(prefix: string, { route, takes, answer }: BareRoute): void {
    const isBare = ({ headers }: IncomingMessage) =>
      headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
    this.mount(
      prefix,
      route,
      (request) => isBare(request) && takes(request),
      async (request) => ({ ...(await answer(request)), body: '' }),
    );
  }

  private mount(
    prefix: string,
    route: string,
    takes: (request: IncomingMessage) => boolean,
    answer: (request: IncomingMessage) => Promise<Answered>,
  ): void {
    mountDirectly(this.http.httpAdapter.getInstance<FastifyInstance>(), {
      prefix,
      route,
      takes,
      isAdministration: true,
      handler: async (request, response) => {
        try {
          send(response, await answer(request));
        } catch (error) {
          // Nobody is left to answer.
          if (request.destroyed && !request.complete) return;
          const { problem, headers } = problemOfError(error, this.translators, this.log);
          const { status } = problem;
          send(response, {
            status,
            headers: { ...headers, 'content-type': problemMediaType },
            body: problemBody(problem),
          });
        }
      },
      onError: (error) => this.log.error('a route before the router failed to answer', error),
    });
  }
}

/** The body as text. Rejects where the caller leaves before its end. */
function bodyOf(request: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => void pieces.push(piece));
    request.once('end', () => resolve(Buffer.concat(pieces).toString()));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.complete) reject(new Error('the caller left'));
    });
  });
}

/** As the router reads JSON. Throws a 400. */
function read(text: string): unknown {
  try {
    return parse(text, undefined, { protoAction: 'error', constructorAction: 'error' });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new ProblemException(unreadable(400));
  }
}

function isOrdinaryPost({ method, url, headers }: IncomingMessage, path: string): boolean {
  const { 'content-type': type = '', 'content-length': length } = headers;
  if (method !== 'POST' || url !== path || !/^application\/json *(;|$)/i.test(type)) return false;
  const isWhole = headers['transfer-encoding'] === undefined && headers['expect'] === undefined;
  return isWhole && Number(length) > 0 && Number(length) <= BODY_MOST;
}

function send(response: ServerResponse, { status, headers, body }: Answered): void {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) });
  // Text leaves with the head in one piece, bytes in two.
  response.end(body);
}
