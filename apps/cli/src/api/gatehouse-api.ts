import { Failure, RequestRefused } from '../failure.js';
import { keepLogin, readLogin } from '../login/kept-logins.js';
import { describeProblem } from './problem.js';

/** Longer than the longest answer that the API allows itself: 25 s for a suspension or a revocation. */
const ANSWER_TIMEOUT_MS = 40_000;

export interface ApiSettings {
  /** Where Gatehouse answers, for example `http://127.0.0.1:8080`. */
  readonly url: string;
  /** An access token, used as it is. */
  readonly token?: string | undefined;
  /** Whose development token to ask for, where there is no token. */
  readonly as?: string | undefined;
}

/** The REST API as the command line calls it. Every method throws a `Failure` whose message says what to do. */
export class GatehouseApi {
  readonly #settings: ApiSettings;

  constructor(settings: ApiSettings) {
    this.#settings = { ...settings, url: settings.url.replace(/\/+$/, '') };
  }

  /** GET of a resource; parameters that are undefined are left out, lists are repeated. */
  async get(path: string, query: Readonly<Record<string, string | undefined>> = {}): Promise<unknown> {
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const search = new URLSearchParams(given).toString();
    return await this.#call('GET', search === '' ? path : `${path}?${search}`);
  }

  async post(path: string, body: object): Promise<unknown> {
    return await this.#call('POST', path, body);
  }

  /** POST that begins long work: gives the path of what tells how far it is. */
  async begin(path: string, body: object): Promise<string> {
    const response = await this.#ask('POST', path, body);
    if (response.status !== 202)
      throw new RequestRefused(response.status, describeProblem(response.status, await bodyOf(response)));
    return response.headers.get('location') ?? path;
  }

  /** An access token of the sandbox's directory (RFC 9068), as if this person had signed in. Development only. */
  async developmentToken(email: string): Promise<string> {
    const response = await this.#send('/sandbox/directory/development-token', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ as: email }),
    });
    const answer = await bodyOf(response);
    if (response.status === 404) {
      throw new Failure(
        `${this.#settings.url} has no development directory: --as works with \`npm start\` alone. Elsewhere set GATEHOUSE_TOKEN.`,
      );
    }
    if (!response.ok || !hasText(answer, 'access_token')) {
      throw new Failure(`The directory gave no token for ${email}: ${describeProblem(response.status, answer)}`);
    }
    return answer.access_token;
  }

  async #call(method: string, path: string, body?: object): Promise<unknown> {
    const response = await this.#ask(method, path, body);
    const answer = await bodyOf(response);
    if (response.status === 202) {
      throw new Failure(
        `Accepted, but not decided yet: ask ${this.#settings.url}${response.headers.get('location') ?? path} what became of it.`,
      );
    }
    if (!response.ok) throw new RequestRefused(response.status, describeProblem(response.status, answer));
    return answer;
  }

  async #ask(method: string, path: string, body?: object): Promise<Response> {
    return await this.#send(path, {
      method,
      headers: {
        authorization: `Bearer ${await this.#token()}`,
        accept: 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async #token(): Promise<string> {
    const { token, as } = this.#settings;
    if (as !== undefined) return await this.developmentToken(as);
    if (token !== undefined && token !== '') return token;
    const login = await readLogin(this.#settings.url);
    if (login === undefined)
      throw new Failure(
        'Who are you? `gatehouse login` signs in; or set GATEHOUSE_TOKEN to an access token, or in development add --as EMAIL.',
      );
    // openid-client is loaded only by those who signed in.
    const { freshToken } = await import('../login/sign-in.js');
    const { token: fresh, renewed } = await freshToken(login);
    if (renewed !== undefined) await keepLogin(this.#settings.url, renewed);
    return fresh;
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(`${this.#settings.url}${path}`, {
        ...init,
        signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
      });
    } catch (error) {
      const timedOut = error instanceof Error && error.name === 'TimeoutError';
      throw new Failure(
        timedOut
          ? `${this.#settings.url} did not answer within ${ANSWER_TIMEOUT_MS / 1000} s.`
          : `Nothing answers at ${this.#settings.url}: start it (npm start), or name another in GATEHOUSE_URL.`,
        { cause: error },
      );
    }
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  const text = await response.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text;
  }
}

function hasText<Name extends string>(value: unknown, name: Name): value is Record<Name, string> {
  return typeof value === 'object' && value !== null && typeof Reflect.get(value, name) === 'string';
}
