import { randomInt, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { commandId, parsePosition } from '#contracts';
import type { TestIssuer, TestService } from '#testing';
import type { Told } from './log-checker.js';

const PATH = '/registration/applications';
const DEVELOPER = 'load';
const REPEAT_ONE_IN = 4;
const REPEAT_WITHIN_MS = 10_000;
const RETRY_AFTER_MS = 500;
const POLLS = 20;
const GIVE_UP_AFTER_MS = 120_000;

interface Request {
  readonly method: 'POST' | 'PATCH';
  readonly path: string;
  readonly key: string;
  readonly body: object;
}

interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly [field: string]: unknown };
}

/** Developers who register and change applications over REST, at several instances, and read the list meanwhile. */
export class RegistrationLoad {
  readonly told: Told[] = [];
  /** How many responses had which status: `GET 503`, `POST 201`. */
  readonly statuses: Record<string, number> = {};
  /** Responses that no caller may get, in words. */
  readonly wrong: string[] = [];
  longest = 0;
  readonly #applications: string[] = [];
  readonly #asked = new Set<Promise<unknown>>();

  constructor(
    private readonly services: readonly TestService[],
    private readonly issuer: TestIssuer,
  ) {}

  /** Registers some applications, for others to be changed. */
  async open(): Promise<void> {
    await Promise.all(Array.from({ length: 8 }, () => this.#persist(registrationRequest())));
  }

  /** Sends `perSecond` commands a second and two reads until `until` resolves, then waits until each is answered. */
  async run(perSecond: number, until: Promise<void>): Promise<void> {
    const over = { yet: false };
    void until.then(() => (over.yet = true));
    for (let turn = 0; !over.yet; turn++) {
      const request = this.#request(turn);
      this.#keep(this.#persist(request));
      if (randomInt(REPEAT_ONE_IN) === 0) {
        const moment = delay(randomInt(REPEAT_WITHIN_MS), undefined, { ref: false });
        this.#keep(Promise.race([moment, until]).then(() => this.#persist(request)));
      }
      if (turn % Math.ceil(perSecond / 2) === 0) this.#keep(this.read());
      await delay(1_000 / perSecond); // the pace of the load, not a wait for something
    }
    while (this.#asked.size > 0) await Promise.all(this.#asked);
  }

  /** The list as it is now; undefined when the service says that it cannot. */
  async read(): Promise<Answered | undefined> {
    const answer = await this.#call({ method: 'GET', path: PATH });
    if (answer.status === 200) return answer;
    this.#expectUnavailable('GET', answer);
    return undefined;
  }

  #request(turn: number): Request {
    const application = this.#applications[randomInt(this.#applications.length)];
    if (application === undefined || turn % 8 === 0) return registrationRequest();
    const body = { description: `Described in turn ${String(turn)}.` };
    return { method: 'PATCH', path: `${PATH}/${application}`, key: randomUUID(), body };
  }

  #keep(asked: Promise<unknown>): void {
    this.#asked.add(asked);
    void asked.finally(() => this.#asked.delete(asked));
  }

  /** Sends under the same key until it is told what became of it. */
  async #persist(request: Request): Promise<void> {
    const sentAt = performance.now();
    while (performance.now() - sentAt < GIVE_UP_AFTER_MS) {
      const service = randomInt(this.services.length);
      const answer = await this.#call(request, service);
      if (answer.status === 200 || answer.status === 201) {
        this.#note(request, answer, sentAt);
        return;
      }
      if (answer.status === 202) {
        await this.#poll(answer, service);
        await delay(RETRY_AFTER_MS); // what it left may not be shown yet
      } else if (this.#expectUnavailable(request.method, answer)) await delay(RETRY_AFTER_MS);
      else return;
    }
    this.wrong.push(`${request.method} ${request.key} was never answered`);
  }

  /** Asks the command resource until it tells more than `pending`, for a while. */
  async #poll(accepted: Answered, service: number): Promise<void> {
    const location = accepted.headers.get('location') ?? '';
    for (let asked = 0; asked < POLLS; asked++) {
      await delay(RETRY_AFTER_MS);
      const answer = await this.#call({ method: 'GET', path: location }, service, 'GET command');
      if (answer.status !== 200) {
        if (!this.#expectUnavailable('GET command', answer)) return;
        continue;
      }
      const { status } = answer.body;
      if (status === 'refused' || status === 'failed') this.wrong.push(`${location} says ${status}`);
      if (status !== 'pending') return;
    }
  }

  #note({ method, path, key }: Request, { headers, body, status }: Answered, sentAt: number): void {
    const subject = String(body['id']);
    if (method === 'POST' && status !== 201) this.wrong.push(`a registration was answered ${String(status)}`);
    if (method === 'POST' && !this.#applications.includes(subject)) this.#applications.push(subject);
    this.told.push({
      // Whoever owns what it registers and changes is who asks: `DEVELOPER` under the id that the vault gave it.
      commandId: commandId(String(body['ownerId']), method, path, key),
      subject,
      status: 'succeeded',
      version: Number(/\d+/.exec(headers.get('etag') ?? '')?.[0]),
      offset: parsePosition(headers.get('gatehouse-position') ?? '')?.offset ?? -1n,
      sentAt,
      answeredAt: performance.now(),
    });
  }

  /** 503 as a problem that says when to come again is the one way to say no. */
  #expectUnavailable(method: string, { status, headers, body }: Answered): boolean {
    const clear =
      status === 503 &&
      headers.get('content-type')?.startsWith('application/problem+json') === true &&
      headers.has('retry-after') &&
      typeof body['title'] === 'string';
    if (!clear) this.wrong.push(`${method} was answered ${String(status)}: ${JSON.stringify(body)}`);
    return clear;
  }

  async #call(
    { method, path, key, body }: { method: string; path: string; key?: string; body?: object },
    service = randomInt(this.services.length),
    as = method,
  ): Promise<Answered> {
    const sentAt = performance.now();
    const response = await this.services[service]?.call(path, {
      method,
      headers: {
        ...(await this.issuer.bearer(DEVELOPER, 'developer')),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(body === undefined ? {} : { json: body }),
    });
    if (response === undefined) throw new Error('no instance to ask');
    const answered = { status: response.status, headers: response.headers, body: (await response.json()) as object };
    this.longest = Math.max(this.longest, performance.now() - sentAt);
    const what = `${as} ${String(response.status)}`;
    this.statuses[what] = (this.statuses[what] ?? 0) + 1;
    return { ...answered, body: { ...answered.body } };
  }
}

function registrationRequest(): Request {
  return { method: 'POST', path: PATH, key: randomUUID(), body: registration };
}

const registration = {
  name: 'Heart Diary',
  kind: 'patient-access',
  clientType: 'confidential-symmetric',
  scopes: ['launch/patient', 'patient/Observation.rs'],
  purposesOfUse: [{ code: 'PATRQT', justification: 'Patients see their own data.' }],
  redirectUris: ['https://heart.example.org/callback'],
  contacts: ['security@heart.example.org'],
};
