import { setTimeout as delay } from 'node:timers/promises';
import { textAt } from './json.js';
import { must } from './checks.js';

/** An answer as the walk looks at it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
  /** `Gatehouse-Position`: where in the log this answer stands. */
  readonly position: string | undefined;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly json?: object;
  readonly form?: Readonly<Record<string, string>>;
  /** Positions that the answer must have reached. */
  readonly seen?: readonly (string | undefined)[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** How often a 503 is asked again, as its `Retry-After` says, before it counts. */
const TRIES = 8;
const ANSWER_TIMEOUT_MS = 40_000;

/** Sends one request. A 503 certainly did nothing, so it is asked again after its `Retry-After`. */
export async function send(url: string, call: Call = {}): Promise<Answer> {
  for (let tried = 1; ; tried++) {
    const answer = await sendOnce(url, call);
    if (answer.status !== 503 || tried === TRIES) return answer;
    await delay(Number(answer.headers.get('retry-after') ?? 1) * 1000);
  }
}

/** Sends one request, and takes whatever is answered. */
export async function sendOnce(url: string, call: Call = {}): Promise<Answer> {
  const response = await fetch(url, { ...requestOf(call), signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS) });
  const text = await response.text();
  const position = response.headers.get('gatehouse-position') ?? undefined;
  return { status: response.status, headers: response.headers, body: bodyOf(text), position };
}

function requestOf({ method, token, json, form, seen, headers }: Call): RequestInit {
  const positions = (seen ?? []).filter((position) => position !== undefined);
  return {
    method: method ?? (json === undefined && form === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(positions.length === 0 ? {} : { 'gatehouse-position': positions.join(', ') }),
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    ...(form === undefined ? {} : { body: new URLSearchParams(form) }),
  };
}

function bodyOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

/** Somebody of the development directory at the REST API: signs in once, then calls. */
export class Person {
  private constructor(
    private readonly url: string,
    readonly email: string,
    private readonly token: string,
  ) {}

  static async signedIn(url: string, email: string): Promise<Person> {
    const answer = await send(`${url}/sandbox/directory/development-token`, { json: { as: email } });
    must(answer.status === 200, `the development directory knows ${email}`, answer.body);
    return new Person(url, email, textAt(answer.body, 'access_token'));
  }

  /** Somebody whose token comes from elsewhere. */
  static withToken(url: string, name: string, token: string): Person {
    return new Person(url, name, token);
  }

  /** Calls and holds the status against what it must be. */
  async call(path: string, call: Omit<Call, 'token'>, status: number): Promise<Answer> {
    const answer = await send(`${this.url}${path}`, { ...call, token: this.token });
    must(answer.status === status, `${call.json ? 'POST' : 'GET'} ${path} answers ${status} to ${this.email}`, {
      status: answer.status,
      body: answer.body,
    });
    return answer;
  }

  async get(path: string, seen: readonly (string | undefined)[] = []): Promise<Answer> {
    return await this.call(path, { seen }, 200);
  }

  async post(path: string, json: object, status = 200): Promise<Answer> {
    return await this.call(path, { json }, status);
  }
}
