import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { textAt } from '../demo/json.js';
import { AnswerChecker } from './answer-checker.js';
import { type Document, type Route, routesOf } from './document.js';
import { newApplications } from './good-bodies.js';
import { Known } from './known.js';
import type { Told } from './log-faults.js';
import { callers, requestTo } from './request-of-route.js';
import { type Answered, curlOf, type FuzzedRequest, send } from './request.js';

/** Routes that are fuzzed at a time. */
const AT_A_TIME = 6;

/** A Gatehouse under bad input: it remembers what every caller was told. */
export class Campaign {
  readonly told: Told[] = [];
  private readonly known = new Known();
  private readonly tokens = new Map<string, string>([['garbage', 'eyJhbGciOiJub25lIn0.e30.']]);

  private constructor(
    private readonly url: string,
    private readonly document: Document,
    private readonly checker: AnswerChecker,
  ) {}

  /** Signs everybody in, and makes things to be called by their ids. */
  static async begin(url: string): Promise<Campaign> {
    const document = (await (await fetch(`${url}/docs/openapi.json`)).json()) as Document;
    const campaign = new Campaign(url, document, new AnswerChecker(document));
    await campaign.signIn();
    await campaign.prepare();
    return campaign;
  }

  /**
   * Sends `runs` requests to every route; gives, for each that answered wrongly, the smallest request that still
   * does, as a command line. The same seed makes the same requests.
   */
  async fuzz(seed: number, runs: number): Promise<string[]> {
    const routes = [...routesOf(this.document)];
    const found: string[] = [];
    const work = async (): Promise<void> => {
      for (let route = routes.shift(); route !== undefined; route = routes.shift()) {
        found.push(...(await this.fuzzRoute(route, seed, runs)));
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, work));
    return found;
  }

  private fuzzRoute(route: Route, seed: number, runs: number): Promise<string[]> {
    const faults = (sent: FuzzedRequest, answer: Answered) => this.checker.faults(route, sent, answer);
    return this.check(`${route.method} ${route.path}`, requestTo(this.document, route), faults, seed, runs);
  }

  /** Sends requests until one is answered with faults, then ever smaller ones; gives the smallest. */
  async check(
    title: string,
    requests: fc.Arbitrary<FuzzedRequest>,
    faultsOf: (sent: FuzzedRequest, answer: Answered) => string[],
    seed: number,
    runs: number,
  ): Promise<string[]> {
    let smallest = '';
    const property = fc.asyncProperty(requests, async (request) => {
      const { sent, answer } = await this.carryOut(request, request.target.split('?', 1)[0] ?? '');
      const faults = faultsOf(sent, answer);
      if (faults.length === 0) return true;
      const answered = `${String(answer.status)} ${answer.text.slice(0, 600)}`;
      smallest = [...faults, curlOf(this.url, sent).slice(0, 4000), answered].join('\n  ');
      return false;
    });
    const { failed, counterexamplePath } = await fc.check(property, { seed, numRuns: runs });
    return failed ? [`${title} (seed ${String(seed)}, path ${String(counterexamplePath)})\n  ${smallest}`] : [];
  }

  /** Sends it with the ids and the token filled in; remembers what was told. */
  async carryOut(request: FuzzedRequest, path: string): Promise<{ sent: FuzzedRequest; answer: Answered }> {
    const correlationId = randomUUID();
    const token = this.tokens.get(request.as);
    const sent: FuzzedRequest = {
      ...request,
      target: this.known.filledIn(request.target),
      ...(request.body === undefined ? {} : { body: this.known.filledIn(request.body) }),
      headers: {
        ...request.headers,
        'X-Correlation-Id': correlationId,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
    };
    const answer = await send(this.url, sent);
    const position = answer.headers['gatehouse-position'];
    this.told.push({
      correlationId,
      method: request.method,
      status: answer.status,
      position: typeof position === 'string' ? position : undefined,
    });
    if (answer.status < 300) this.known.hear(path, answer);
    return { sent, answer };
  }

  private async signIn(): Promise<void> {
    for (const as of callers.filter((caller) => caller.includes('@'))) {
      const response = await fetch(`${this.url}/sandbox/directory/development-token`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ as }),
      });
      this.tokens.set(as, textAt(await response.json(), 'access_token'));
    }
    const service = await fetch(`${this.url}/sandbox/directory/token`, {
      method: 'POST',
      headers: { authorization: `Basic ${btoa('launcher:gatehouse')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    });
    this.tokens.set('launcher', textAt(await service.json(), 'access_token'));
  }

  /** Applications, reviews, a campaign and its items, to begin with. */
  private async prepare(): Promise<void> {
    for (const body of [...newApplications, ...newApplications]) {
      const registered = await this.must('POST', '/registration/applications', 'dev@example.org', body);
      if (registered.text.includes('"ownerId"'))
        this.known.learn('owners', textAt(JSON.parse(registered.text), 'ownerId'));
    }
    const lists = ['/approval/reviews', '/review/campaigns', '/audit/records'];
    for (const path of lists)
      await this.must('GET', path, path.startsWith('/audit') ? 'auditor@example.org' : 'reviewer@example.org');
    for (const context of ['registration', 'approval', 'review', 'audit'])
      await this.must('GET', `/${context}/projections`, 'operator@example.org');
  }

  private async must(method: string, target: string, as: string, body?: unknown): Promise<Answered> {
    const request = {
      method,
      target,
      as,
      readable: true,
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    };
    const { sent, answer } = await this.carryOut(request, target);
    if (answer.status >= 300) throw new Error(`${curlOf(this.url, sent)}\n${String(answer.status)} ${answer.text}`);
    return answer;
  }
}
