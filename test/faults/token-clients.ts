import {
  csrfIn,
  offeredIn,
  testBrowser,
  type TestApp,
  type TestAuthorization,
  type TestBrowser,
  type TokenAnswer,
} from '#testing';
import { types } from 'node:util';
import { decodeJwt } from 'jose';
import { setTimeout as delay } from 'node:timers/promises';
import { protocolTables } from './protocol-tables.js';
import { readTopic } from './raw-log.js';
import { checkTokens, type ToldEnd, type ToldToken } from './token-checker.js';

/** What became of one try: it was done, it was refused for good, nothing was done now, or nobody answered. */
export type Tried = 'done' | 'refused' | 'unavailable' | 'unanswered';
/** Something that somebody wants, and how to try it. */
export interface Step {
  readonly name: string;
  attempt(): Promise<Tried>;
}

const scope = 'launch/patient patient/Patient.rs offline_access';
/** Errors that tell a client that this will not work, however often it tries (RFC 6749, 4.1.2.1 and 5.2). */
const FOR_GOOD = ['invalid_grant', 'invalid_client', 'access_denied'];
const RETRY_AFTER_MS = 250;
const GIVE_UP_AFTER_MS = 90_000;

/** People and applications at an authorization server who note what they are told, and try again as they should. */
export class TokenClients {
  readonly told: ToldToken[] = [];
  readonly ended: ToldEnd[] = [];
  private readonly accessTokens: string[] = [];
  /** Answers that nobody may get, in words. */
  readonly wrong: string[] = [];
  /** How many tries came to what: `refresh unavailable`. */
  readonly counts: Record<string, number> = {};

  constructor(
    readonly server: TestAuthorization,
    readonly app: TestApp,
    readonly backend: TestApp,
  ) {}

  /** Tries until it is done or refused for good. */
  async persist(step: Step): Promise<Tried> {
    const begun = performance.now();
    for (;;) {
      const tried = await this.try(step);
      if (tried === 'done' || tried === 'refused') return tried;
      if (performance.now() - begun > GIVE_UP_AFTER_MS) {
        this.wrong.push(`${step.name} was ${tried} to the end`);
        return tried;
      }
      await delay(RETRY_AFTER_MS); // as Retry-After asks for, and a little sooner
    }
  }

  async try(step: Step): Promise<Tried> {
    const tried = await step.attempt();
    const what = `${step.name} ${tried}`;
    this.counts[what] = (this.counts[what] ?? 0) + 1;
    return tried;
  }

  /** An authorization request by a browser of its own. */
  authorize(): Step {
    const { url } = this.server.request(this.app, { scope });
    return { name: 'authorize', attempt: () => this.page(async () => await testBrowser().go(url)) };
  }

  /** A person before the page that asks, however often they have to begin; what they post leads to a code. */
  async consent(): Promise<Consent> {
    for (;;) {
      const browser = testBrowser();
      const { url, verifier } = this.server.request(this.app, { scope });
      const reached = await answered(() => browser.follow(url, this.server.back));
      if (csrfIn(reached?.page) !== '') return this.asked(browser, reached?.url ?? '', reached?.page ?? '', verifier);
      await delay(RETRY_AFTER_MS); // as somebody who reloads the page
    }
  }

  /** What is posted, and where it leads. */
  private asked(browser: TestBrowser, at: string, page: string, verifier: string): Consent {
    const body = [
      ['csrf', csrfIn(page)],
      ['decision', 'allow'],
      ['duration', 'offline'],
      ...offeredIn(page).map((offered) => ['scope', offered]),
    ] as const;
    const { back } = this.server;
    let code: string | undefined;
    const attempt = (): Promise<Tried> =>
      this.page(async () => {
        const form = new URLSearchParams(body.map(([name = '', value = '']): [string, string] => [name, value]));
        let response = await browser.go(`${at}/consent`, { method: 'POST', body: form });
        for (let hops = 0; response.status === 303 && hops < 5; hops++) {
          const to = new URL(response.headers.get('location') ?? '', at).href;
          code ??= to.startsWith(back) ? (new URL(to).searchParams.get('code') ?? undefined) : undefined;
          if (to.startsWith(back)) return response;
          response = await browser.go(to);
        }
        return response;
      });
    return {
      name: 'consent',
      attempt,
      code: () => {
        if (code === undefined) throw new Error('there is no code');
        return { code, verifier };
      },
    };
  }

  /** A code for somebody who agreed that access may last; they begin again where that came to nothing. */
  async launched(): Promise<Launched> {
    for (;;) {
      const consent = await this.consent();
      if ((await this.persist(consent)) === 'done') return consent.code();
    }
  }

  /** The same code, however often. */
  redeem({ code, verifier }: Launched, onToken: (answer: TokenAnswer) => void = () => undefined): Step {
    const ask = () => this.server.redeem(this.app, code, verifier);
    return {
      name: 'redeem',
      attempt: () => this.token('authorization_code', this.app, code, ask, onToken),
    };
  }

  /** The same refresh token, however often. */
  refresh(presented: string, onToken: (answer: TokenAnswer) => void = () => undefined): Step {
    const ask = () => this.server.refresh(this.app, presented);
    return { name: 'refresh', attempt: () => this.token('refresh_token', this.app, presented, ask, onToken) };
  }

  /** A new assertion each time: it may have been spent. */
  clientCredentials(): Step {
    const { client } = this.backend;
    const ask = async () => {
      const assertion = await client.assertion(`${this.server.service.url}/oauth/token`);
      return this.server.token(Object.fromEntries(client.form(assertion, { scope: 'system/*.rs' })));
    };
    return {
      name: 'client_credentials',
      attempt: () => this.token('client_credentials', this.backend, undefined, ask, () => undefined),
    };
  }

  /** Asks whether a token counts; it must. */
  introspect(token: string): Step {
    return {
      name: 'introspect',
      attempt: async () => {
        const headers = await this.server.issuer.bearer('gateway', 'enforcement-point');
        return this.form('/oauth/introspect', { token }, headers, (body) => {
          if (body['active'] !== true) this.wrong.push('a living token was told dead');
        });
      },
    };
  }

  /** Ends a grant with its refresh token. */
  revoke(refreshToken: string, grantId: string): Step {
    const form = { token: refreshToken, client_id: this.app.client.clientId };
    return {
      name: 'revoke',
      attempt: () => this.form('/oauth/revoke', form, {}, () => void this.ended.push({ grantId })),
    };
  }

  /** A grant with its tokens. */
  async granted(): Promise<{ readonly access: string; readonly refresh: string; readonly grantId: string }> {
    const { promise, resolve } = Promise.withResolvers<TokenAnswer>();
    const redeemed = await this.persist(this.redeem(await this.launched(), resolve));
    if (redeemed !== 'done') throw new Error('the code was refused');
    const { body } = await promise;
    return { access: body.access_token, refresh: body.refresh_token ?? '', grantId: grantOf(body.access_token) };
  }

  /** Lets somebody in, refreshes, asks and at last ends it, each step until it is done or refused for good. */
  async life(): Promise<void> {
    const latest: { answer?: TokenAnswer } = {};
    const keep = (answer: TokenAnswer): void => void (latest.answer = answer);
    let tried = await this.persist(this.redeem(await this.launched(), keep));
    for (let times = 0; tried === 'done' && times < 3; times++)
      tried = await this.persist(this.refresh(latest.answer?.body.refresh_token ?? '', keep));
    if (tried !== 'done' || latest.answer === undefined) return;
    const { access_token: access, refresh_token: refresh = '' } = latest.answer.body;
    await this.persist(this.introspect(access));
    await this.persist(this.revoke(refresh, grantOf(access)));
    await this.persist(this.clientCredentials());
  }

  /** Every code and token that went to and fro. */
  secrets(): readonly string[] {
    return [
      ...this.accessTokens,
      ...this.told.flatMap(({ presented, refreshToken }) => [presented, refreshToken]),
    ].flatMap((secret) => secret ?? []);
  }

  /** What the independent checker finds, with what nobody may be answered. */
  async faults(servers: { readonly brokers: string; readonly databaseUrl: string }): Promise<string[]> {
    const topic = (name: string) => readTopic(servers.brokers, `${this.server.own.prefix}gatehouse.${name}`);
    const tables = await protocolTables(servers.databaseUrl);
    const [activity, events] = [await topic('activity'), await topic('token.events')];
    return [...this.wrong, ...checkTokens({ told: this.told, ended: this.ended, activity, events, tables })];
  }

  private async token(
    by: ToldToken['by'],
    { client: { clientId } }: TestApp,
    presented: string | undefined,
    ask: () => Promise<TokenAnswer>,
    onToken: (answer: TokenAnswer) => void,
  ): Promise<Tried> {
    const about = { by, clientId, ...(presented === undefined ? {} : { presented }) };
    const answer = await answered(ask);
    if (answer === undefined) {
      this.told.push({ ...about, status: 0 });
      return 'unanswered';
    }
    const { status, headers, body } = answer;
    if (status === 200) {
      const { jti = '', gatehouse_grant: grantId } = decodeJwt(body.access_token);
      this.told.push({
        ...about,
        status,
        tokenId: jti,
        ...(typeof grantId === 'string' ? { grantId } : {}),
        ...(body.refresh_token === undefined ? {} : { refreshToken: body.refresh_token }),
      });
      this.accessTokens.push(body.access_token);
      onToken(answer);
      return 'done';
    }
    this.told.push({ ...about, status, ...(body.error === undefined ? {} : { error: body.error }) });
    return this.said(by, status, headers, body.error);
  }

  private async form(
    path: string,
    form: Record<string, string>,
    headers: Record<string, string>,
    onDone: (body: Readonly<Record<string, unknown>>) => void,
  ): Promise<Tried> {
    const answer = await answered(async () => {
      const body = new URLSearchParams(form);
      const response = await this.server.service.call(path, { method: 'POST', headers, body });
      const text = await response.text();
      return { response, body: text === '' ? {} : (JSON.parse(text) as Record<string, unknown>) };
    });
    if (answer === undefined) return 'unanswered';
    const { response, body } = answer;
    if (response.status !== 200) return this.said(path, response.status, response.headers, body['error']);
    onDone(body);
    return 'done';
  }

  /** A page, or an application's answer: done when it leads on. */
  private async page(go: () => Promise<Response>): Promise<Tried> {
    const response = await answered(async () => {
      const got = await go();
      return { status: got.status, headers: got.headers, text: await got.text() };
    });
    if (response === undefined) return 'unanswered';
    const { status, headers, text } = response;
    const location = headers.get('location') ?? '';
    const error = location.includes('error=') ? new URL(location).searchParams.get('error') : undefined;
    if (status === 303 && error === undefined) return 'done';
    if (error === 'temporarily_unavailable') return 'unavailable';
    if (status === 400 && text.includes('<h1')) return 'refused';
    return this.said('a page', status, headers, error ?? undefined);
  }

  /** 503 with when to come again, or an error of the specification: the two ways to say no. */
  private said(what: string, status: number, headers: Headers, error: unknown): Tried {
    if (status === 503 && headers.has('retry-after') && (error === undefined || error === 'temporarily_unavailable'))
      return 'unavailable';
    if ((status === 400 || status === 401) && FOR_GOOD.includes(String(error))) return 'refused';
    this.wrong.push(`${what} was answered ${String(status)} ${String(error)}`);
    return 'unavailable';
  }
}

/** Somebody before the page that asks, and the code that it led to. */
export type Consent = Step & { readonly code: () => Launched };

/** A code that somebody waits for with its verifier. */
export interface Launched {
  readonly code: string;
  readonly verifier: string;
}

function grantOf(accessToken: string): string {
  return String(decodeJwt(accessToken)['gatehouse_grant']);
}

/** Undefined when the connection ended without an answer. */
async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    // Node's fetch says so, whatever happened to the connection; its errors are not of Jest's realm.
    if (types.isNativeError(error) && error.name === 'TypeError' && error.cause !== undefined) return undefined;
    throw error;
  }
}
