import { clinicalValuesIn } from './clinical-values.js';
import type { Secret } from './find-values.js';

/**
 * What is secret wherever it is called so, in a form, a query, or JSON; other things of these names are shorter. The token of a
 * form (`csrf`) is none: its session has it too, and it is worth nothing without the session's cookie.
 */
const SECRET_NAMES = new Set([
  'access_token',
  'client_assertion',
  'client_secret',
  'code',
  'code_verifier',
  'id_token',
  'launch',
  'logout_token',
  'refresh_token',
  'registration_access_token',
  'registrationAccessToken',
  'secret',
  'token',
]);
const SHORTEST_SECRET = 20;

/**
 * Every secret that goes over the wire while it listens: tokens, codes, secrets, assertions and cookies in requests and
 * answers, by the names that they are sent under. Of a signed token its signature is one of its own.
 */
export class Harvest {
  private readonly found = new Map<string, string>();
  private readonly ofPatients = new Map<string, string>();
  private readonly original = globalThis.fetch;

  /** Listens to all that this process sends by `fetch`, from now on until `end()`. */
  begin(): void {
    globalThis.fetch = async (input, init) => {
      const request = new Request(input, init);
      this.take(new URL(request.url).searchParams);
      this.takeHeaders(request.headers);
      const sent = await request.clone().text();
      this.takeText(sent);
      const response = await this.original(input, init);
      for (const cookie of response.headers.getSetCookie()) this.keep('a cookie', cookie.split(/[=;]/)[1]);
      const location = response.headers.get('location');
      if (location !== null) this.take(new URL(location, request.url).searchParams);
      const answered = await response.clone().text();
      this.takeText(answered);
      if (new URL(request.url).pathname.startsWith('/fhir/'))
        for (const text of [sent, answered].filter(isJson)) this.takeResource(JSON.parse(text));
      return response;
    };
  }

  end(): void {
    globalThis.fetch = this.original;
  }

  secrets(): readonly Secret[] {
    return [...this.found].map(([value, what]) => ({ what, value }));
  }

  /** What resources that went through the FHIR API say of patients. */
  clinical(): readonly Secret[] {
    return [...this.ofPatients].map(([value, what]) => ({ what, value }));
  }

  private takeResource(resource: unknown): void {
    for (const { what, value } of clinicalValuesIn(resource)) this.ofPatients.set(value, what);
  }

  private takeHeaders(headers: Headers): void {
    const [scheme = '', value = ''] = headers.get('authorization')?.split(' ') ?? [];
    if (scheme.toLowerCase() === 'basic') {
      const [, secret] = Buffer.from(value, 'base64').toString().split(':');
      this.keep('client_secret', secret === undefined ? undefined : decodeURIComponent(secret));
    } else this.keep('a bearer token', value);
  }

  private takeText(text: string): void {
    if (isJson(text)) this.takeJson(JSON.parse(text));
    else if (/^[\w.%+*-]+=/.test(text)) this.take(new URLSearchParams(text));
  }

  private take(fields: URLSearchParams): void {
    for (const [name, value] of fields) if (SECRET_NAMES.has(name)) this.keep(name, value);
  }

  private takeJson(value: unknown, name = ''): void {
    if (typeof value === 'string') {
      if (SECRET_NAMES.has(name)) this.keep(name, value);
    } else if (Array.isArray(value)) for (const each of value) this.takeJson(each, name);
    else if (typeof value === 'object' && value !== null)
      for (const [field, each] of Object.entries(value)) this.takeJson(each, field);
  }

  private keep(what: string, value: string | undefined): void {
    if (value === undefined || value.length < SHORTEST_SECRET) return;
    if (!this.found.has(value)) this.found.set(value, what);
    const [, signature] = /^[\w-]+\.[\w-]+\.([\w-]{40,})$/.exec(value) ?? [];
    if (signature !== undefined && !this.found.has(signature)) this.found.set(signature, `the signature of ${what}`);
  }
}

function isJson(text: string): boolean {
  return /^\s*[[{]/.test(text);
}
