import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as later } from 'node:timers/promises';

/** One question, as AuthZEN asks it. */
export interface Question {
  readonly subject: { readonly type: string; readonly id: string; readonly properties: Record<string, unknown> };
  readonly action: { readonly name: string };
  readonly resource: {
    readonly type: string;
    readonly id: string;
    readonly properties: { readonly patients: readonly string[]; readonly aboutOthers: boolean };
  };
  readonly context: Record<string, unknown>;
}

type Body = Question & { readonly evaluations?: readonly Pick<Question, 'action' | 'resource'>[] };

/** What a decision point may do wrong. Each has to be as good as no answer. */
export const wrongs = [
  'hangs up',
  'is slow',
  'fails',
  'says nothing in JSON',
  'says it in HTML',
  'says a text for yes',
  'says yes and no',
  'answers fewer than asked',
  'answers more than asked',
  'answers another request',
  'decides about another resource',
  'says far too much',
  'redirects',
] as const;
export type Wrong = (typeof wrongs)[number];

/** How long is waited for an answer in tests, in milliseconds. */
export const PATIENCE_MS = 1_500;

/** A policy decision point (AuthZEN 1.0) that answers by a function, or wrongly. */
export class DecisionPoint {
  /** Every request: where, with what, about how many. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders; readonly about: number }[] = [];
  readonly questions: Question[] = [];
  /** What it says to a question. */
  decide: (question: Question) => boolean = () => false;
  wrong: Wrong | undefined;
  url = '';
  readonly #server = createServer((request, response) => void this.#handle(request, response));

  async start(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    this.url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/pdp`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** Forgets what it was asked. */
  forget(): void {
    this.requests.length = 0;
    this.questions.length = 0;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const piece of request) text += String(piece);
    const { evaluations, ...all } = JSON.parse(text) as Body;
    const questions = evaluations ? evaluations.map((it) => ({ ...all, ...it })) : [all];
    this.requests.push({ path: request.url ?? '', headers: request.headers, about: questions.length });
    this.questions.push(...questions);
    await this.#answer(request, response, questions, evaluations !== undefined);
  }

  async #answer(
    { headers }: IncomingMessage,
    response: ServerResponse,
    questions: readonly Question[],
    many: boolean,
  ): Promise<void> {
    const { wrong } = this;
    if (wrong === 'hangs up') return void response.destroy();
    if (wrong === 'is slow') await later(PATIENCE_MS * 2, undefined, { ref: false });
    const yes = (question: Question): object => {
      const decision = wrong === undefined ? this.decide(question) : true;
      if (wrong === 'says a text for yes') return { decision: 'true' };
      if (wrong === 'decides about another resource') return { decision, resource: { type: 'Patient', id: 'other' } };
      return wrong === 'says far too much' ? { decision, context: { reason: 'x'.repeat(2_000_000) } } : { decision };
    };
    const each = questions.map(yes);
    if (wrong === 'answers fewer than asked') each.pop();
    if (wrong === 'answers more than asked') each.push({ decision: true });
    const isOne = !many && each.length === 1;
    const body = JSON.stringify(isOne ? each[0] : { evaluations: each });
    const status = wrong === 'fails' ? 500 : wrong === 'redirects' ? 307 : 200;
    response.writeHead(status, {
      'content-type': wrong === 'says it in HTML' ? 'text/html' : 'application/json',
      ...(wrong === 'redirects' ? { location: `${this.url}/elsewhere` } : {}),
      'x-request-id': wrong === 'answers another request' ? 'another' : String(headers['x-request-id']),
    });
    if (wrong === 'says nothing in JSON') response.end(body.slice(1));
    else if (wrong === 'says yes and no')
      response.end(body.replaceAll('"decision":true', '"decision":false,"decision":true'));
    else response.end(body);
  }
}
