import { randomUUID } from 'node:crypto';
import { isObject, type Reach, type ScopeContext, type ScopeInteraction, serialiseScopes } from '#smart';
import type { AskedService } from '../../ask-rights/asked-service.js';
import type { AskedResource, RightToSee } from '../../ask-rights/right-to-see.js';
import { unanswered } from '../configured-rights.js';
import type { ActingUser, UserCall, UserRights } from '../user-rights.js';

/** What the letters of scopes are called as actions. */
const actions: Readonly<Record<ScopeInteraction, string>> = {
  c: 'create',
  r: 'read',
  u: 'update',
  d: 'delete',
  s: 'search',
};

/** A resource that names more is let through to nobody. */
const PATIENTS_AT_MOST = 100;

/** The id of what is to be created, and of nothing in particular: no resource can have it. */
const NO_ID = '*';

/**
 * The user's rights as a policy decision point says them (OpenID AuthZEN Authorization API 1.0): asked about each resource
 * that scopes reach, many of them in one request. An answer that is not exactly one decision for each is none.
 */
export class AuthzenRights implements UserRights {
  constructor(
    readonly by: string,
    private readonly service: Pick<AskedService, 'ask' | 'unreadable'>,
    private readonly endpoint: { readonly id: string; readonly base: string },
    /** How many resources one request is about at most; 1 where the point has no `evaluations`. */
    private readonly batch: number,
  ) {}

  /** The point is asked about each: whom the token does not name, it cannot be asked about. */
  reachOf({ resource }: ActingUser): Reach {
    return resource ? { kind: 'everybody' } : unanswered;
  }

  rightOf(call: UserCall, contexts: ReadonlySet<ScopeContext>): RightToSee {
    return {
      by: this.by,
      contexts,
      concerns: () => true,
      ask: async (all) => {
        const about = all.filter(({ patients }) => patients.length <= PATIENTS_AT_MOST);
        const parts = Array.from({ length: Math.ceil(about.length / this.batch) }, (_, at) =>
          about.slice(at * this.batch, (at + 1) * this.batch),
        );
        const answers = (await Promise.all(parts.map(async (part) => await this.#decide(call, part)))).flat();
        const decisions = new Map(about.map((it, at) => [it, answers[at] === true]));
        return all.map((it) => decisions.get(it) === true);
      },
    };
  }

  async #decide(call: UserCall, about: readonly AskedResource[]): Promise<readonly boolean[]> {
    const [first] = about;
    if (!first) return [];
    const who = { subject: this.#subjectOf(call), context: this.#contextOf(call) };
    if (about.length === 1) {
      const answer = await this.#ask('/access/v1/evaluation', { ...who, ...this.#askedOf(first) });
      return [this.#decisionIn(answer, first)];
    }
    const answer = await this.#ask('/access/v1/evaluations', {
      ...who,
      evaluations: about.map((it) => this.#askedOf(it)),
      options: { evaluations_semantic: 'execute_all' },
    });
    const all: unknown = isObject(answer) ? answer['evaluations'] : undefined;
    // In order and by number alone an answer is the one to a question (AuthZEN, 7.2).
    if (!Array.isArray(all) || all.length !== about.length)
      throw this.service.unreadable(`it answered for ${Array.isArray(all) ? all.length : 0} of ${about.length}`);
    return about.map((it, at) => this.#decisionIn(all[at], it));
  }

  async #ask(target: string, body: object): Promise<unknown> {
    const id = randomUUID();
    const { json, headers } = await this.service.ask({
      method: 'POST',
      target,
      accept: 'application/json',
      headers: { 'x-request-id': id },
      body,
    });
    // An answer that names its question has to name this one (AuthZEN, 10.1.3).
    const named = headers['x-request-id'];
    if (named !== undefined && named !== id) throw this.service.unreadable('it answered another request');
    return json;
  }

  #decisionIn(answer: unknown, asked: AskedResource): boolean {
    const decision = isObject(answer) ? answer['decision'] : undefined;
    if (typeof decision !== 'boolean') throw this.service.unreadable('an answer is no decision');
    // It need not say what it decided about; where it does, it is what was asked about.
    const about = isObject(answer) ? answer['resource'] : undefined;
    if (
      about !== undefined &&
      !(isObject(about) && about['type'] === asked.type && about['id'] === (asked.id ?? NO_ID))
    )
      throw this.service.unreadable('a decision is about another resource');
    return decision;
  }

  #askedOf({ type, id, patients, aboutOthers, letter }: AskedResource): object {
    const resource = { type, id: id ?? NO_ID, properties: { patients, aboutOthers } };
    return { action: { name: actions[letter] }, resource };
  }

  #subjectOf({ user: { type, id } }: UserCall): object {
    return { type, id, properties: { fhirUser: `${this.endpoint.base}/${type}/${id}` } };
  }

  #contextOf({ claims, purposesOfUse }: UserCall): object {
    const { clientId, applicationId, patient, scopes } = claims;
    return {
      endpoint: this.endpoint.id,
      applicationId,
      clientId,
      scopes: serialiseScopes(scopes),
      purposesOfUse,
      ...(patient === undefined ? {} : { patient }),
    };
  }
}
