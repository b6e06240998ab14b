import { randomInt, randomUUID } from 'node:crypto';
import { commandId, parsePosition } from '#contracts';
import { ClientApplication } from '../demo/client-application.js';
import type { Answer } from '../demo/http.js';
import { at, listAt, textAt } from '../demo/json.js';
import type { Told } from '../faults/log-checker.js';
import type { Tokens } from './everybody.js';
import type { OneRetry } from './one-retry.js';
import { backend } from './program-use.js';

const APPLICATIONS = '/registration/applications';

/** A decision that a reviewer was told of: where it stands in approval's events, and on what application. */
export interface Decided {
  readonly applicationId: string;
  readonly position: string;
}

interface Known {
  readonly id: string;
  /** Of the last answer about it. */
  position: string | undefined;
}

/** Developers, reviewers and auditors: they register, change, submit, decide, and look at what is there. */
export class PeopleUse {
  /** What registration answered to commands. */
  readonly told: Told[] = [];
  readonly decided: Decided[] = [];
  /** Applications that were submitted. */
  readonly submitted: string[] = [];
  /** What nobody may be answered, in words. */
  readonly wrong: string[] = [];
  readonly #known: Known[] = [];

  private constructor(
    private readonly caller: OneRetry,
    private readonly program: ClientApplication,
    private readonly tokens: Tokens,
  ) {}

  static async of(url: string, caller: OneRetry, tokens: Tokens): Promise<PeopleUse> {
    return new PeopleUse(caller, await ClientApplication.withNewKey(url), tokens);
  }

  /** Registers an application, for others to be changed and read. */
  async register(): Promise<Known | undefined> {
    const answer = await this.#command('register', 'POST', APPLICATIONS, backend(this.program), 201);
    if (answer === undefined) return undefined;
    const known = { id: textAt(answer.body, 'id'), position: answer.position };
    this.#known.push(known);
    return known;
  }

  async change(): Promise<void> {
    const known = this.#any();
    if (known === undefined) return;
    const answer = await this.#command('change', 'PATCH', `${APPLICATIONS}/${known.id}`, {
      description: `Described ${randomUUID()}.`,
    });
    if (answer) known.position = answer.position;
  }

  /** Reads an application as it is at the last that was heard of it. */
  async read(): Promise<void> {
    const known = this.#any();
    if (known === undefined) return;
    const { position } = known;
    await this.#look('read application', 'developer', `${APPLICATIONS}/${known.id}`, position);
  }

  /** From the registration to the approval, and to what registration knows of it. */
  async approveAnother(): Promise<void> {
    const known = await this.register();
    if (known === undefined) return;
    const submission = await this.#command('submit', 'POST', `${APPLICATIONS}/${known.id}/submission`, {});
    if (submission === undefined) return;
    this.submitted.push(known.id);
    const path = `/approval/reviews?applicationId=${known.id}&status=pending`;
    const queue = await this.#look('read reviews', 'reviewer', path, submission.position);
    if (queue === undefined) return;
    const reviews = listAt(queue.body, 'items');
    if (reviews.length !== 1) {
      this.wrong.push(`${known.id} was submitted at ${String(submission.position)} and has ${reviews.length} reviews`);
      return;
    }
    const decision = {
      path: `/approval/reviews/${textAt(reviews[0], 'id')}/decisions`,
      token: this.tokens.reviewer,
      headers: { 'idempotency-key': randomUUID() },
      json: { decision: 'approve', reason: 'It is part of a test.' },
    };
    const approved = await this.caller.call('decide', () => decision);
    if (approved === undefined) return;
    this.decided.push({ applicationId: known.id, position: approved.position ?? 'none' });
    const seen = await this.#look(
      'read approved application',
      'developer',
      `${APPLICATIONS}/${known.id}`,
      approved.position,
    );
    if (seen && at(seen.body, 'status') !== 'active')
      this.wrong.push(`${known.id} is ${String(at(seen.body, 'status'))} at its approval ${String(approved.position)}`);
  }

  /** Searches the audit for what an application did, as far as its last call. */
  async searchAudit(applicationId: string, position: string | undefined): Promise<void> {
    await this.#look('search audit', 'auditor', `/audit/records?applicationId=${applicationId}&limit=5`, position);
  }

  async listReviews(): Promise<void> {
    await this.#look('list reviews', 'reviewer', '/approval/reviews?status=pending&limit=5');
  }

  async seeAccess(applicationId: string): Promise<void> {
    await this.#look('see access', 'auditor', `/access/applications/${applicationId}`);
  }

  async listCampaigns(): Promise<void> {
    await this.#look('list campaigns', 'reviewer', '/review/campaigns?limit=5');
  }

  #any(): Known | undefined {
    return this.#known[randomInt(Math.max(1, this.#known.length))];
  }

  async #look(
    what: string,
    as: 'developer' | 'reviewer' | 'auditor',
    path: string,
    position?: string,
  ): Promise<Answer | undefined> {
    return await this.caller.call(what, () => ({ path, token: this.tokens[as], seen: [position] }));
  }

  /** A command of the developer's at registration. */
  async #command(
    what: string,
    method: string,
    path: string,
    json: object,
    expected = 200,
  ): Promise<Answer | undefined> {
    const key = randomUUID();
    const sentAt = performance.now();
    const asked = { path, method, json, token: this.tokens.developer, headers: { 'idempotency-key': key } };
    const answer = await this.caller.call(what, () => asked, expected);
    if (answer === undefined) return undefined;
    this.told.push({
      commandId: commandId(textAt(answer.body, 'ownerId'), method, path, key),
      subject: textAt(answer.body, 'id'),
      status: 'succeeded',
      version: Number(/\d+/.exec(answer.headers.get('etag') ?? '')?.[0]),
      offset: parsePosition(answer.position ?? '')?.offset ?? -1n,
      sentAt,
      answeredAt: performance.now(),
    });
    return answer;
  }
}
