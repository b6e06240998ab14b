import { randomBytes } from 'node:crypto';
import { FhirConfig } from '#fhir-endpoints';
import { BaseConfig, Database, ErasureFollower, VAULT } from '#host';
import { VaultErasures, type Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { digestOf } from '../authorization-server/provider-records.js';
import { cookieIn, setCookie } from './cookies.js';
import { IdentityFederation, type SignedIn } from './identity-federation.js';
import { fhirUserAt } from './fhir-user.js';

/** How long somebody stays signed in, and how long a sign-in may take: seconds. */
const lives = { session: 8 * 3_600, signIn: 900 } as const;

/** Somebody who is signed in here. */
export interface Person {
  /** The vault's id. */
  readonly userId: string;
  /** Their own resource as the provider names it, if it is one at an endpoint of ours: see `fhirUserAt`. */
  readonly fhirUser?: string;
  /** Goes with every form of theirs. */
  readonly csrf: string;
  readonly signedInAt: Date;
  /** Names the session in grants that end with it: SHA-256. */
  readonly session: Buffer;
}

/** A sign-in that came back: where the person was going. */
export interface CompletedSignIn {
  readonly returnTo: string;
  readonly cookies: readonly string[];
}

/** The browser did not begin this sign-in, or took too long. */
export class UnknownSignIn extends Error {
  override readonly name = 'UnknownSignIn';
  readonly code = 'unknown-sign-in';
}

interface SessionRow {
  readonly user_id: string;
  readonly fhir_user: string | null;
  readonly csrf: string;
  readonly signed_in: Date;
}

/** Who is signed in, by a cookie of ours: people sign in at the provider, and never here. */
@Injectable()
export class PersonSessions {
  private readonly names: { readonly session: string; readonly signIn: string };
  private readonly secure: boolean;

  constructor(
    private readonly database: Database,
    private readonly federation: IdentityFederation,
    base: BaseConfig,
    private readonly fhir: FhirConfig,
    @Inject(VAULT) private readonly vault: Vault,
    private readonly erasures: VaultErasures,
    private readonly follower: ErasureFollower,
  ) {
    this.secure = base.publicUrl.startsWith('https:');
    const prefix = this.secure ? '__Secure-' : '';
    this.names = { session: `${prefix}gatehouse_session`, signIn: `${prefix}gatehouse_sign_in` };
  }

  /** Who a request's cookie says is signed in. Throws `DatabaseUnavailable`. */
  async current(cookies: string | undefined): Promise<Person | undefined> {
    const value = cookieIn(cookies, this.names.session);
    if (value === undefined) return undefined;
    const session = digestOf(value);
    const [row] = await this.database.query<SessionRow>(
      'SELECT user_id, fhir_user, csrf, signed_in FROM protocol.sessions WHERE digest = $1 AND expires_at > now()',
      [session],
    );
    return (
      row && {
        userId: row.user_id,
        ...(row.fhir_user === null ? {} : { fhirUser: row.fhir_user }),
        csrf: row.csrf,
        signedInAt: row.signed_in,
        session,
      }
    );
  }

  /**
   * Sends somebody to the provider.
   *
   * @param returnTo a path of ours
   * @param again    the person has to show anew who they are
   * @throws SignInFailed, DatabaseUnavailable
   */
  async begin(
    returnTo: string,
    again: boolean,
  ): Promise<{ readonly url: string; readonly cookies: readonly string[] }> {
    const { url, state, nonce, verifier } = await this.federation.begin(again);
    const browser = randomBytes(32).toString('base64url');
    await this.database.query(
      `INSERT INTO protocol.sign_ins (state, browser, verifier, nonce, return_to, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [digestOf(state), digestOf(browser), verifier, nonce, returnTo, lives.signIn],
    );
    return { url, cookies: [this.cookie(this.names.signIn, browser, lives.signIn)] };
  }

  /** @throws UnknownSignIn, SignInFailed, DatabaseUnavailable, VaultUnavailable */
  async complete(query: string, cookies: string | undefined): Promise<CompletedSignIn> {
    const state = new URLSearchParams(query).get('state');
    const browser = cookieIn(cookies, this.names.signIn);
    if (state === null || browser === undefined) throw new UnknownSignIn('no state, or not the browser that began');
    const [begun] = await this.database.query<{ verifier: string; nonce: string; return_to: string }>(
      `DELETE FROM protocol.sign_ins WHERE state = $1 AND browser = $2 AND expires_at > now()
       RETURNING verifier, nonce, return_to`,
      [digestOf(state), digestOf(browser)],
    );
    if (begun === undefined) throw new UnknownSignIn('no such sign-in was begun in this browser');
    const person = await this.federation.finish(query, { state, nonce: begun.nonce, verifier: begun.verifier });
    const value = await this.open(person);
    return {
      returnTo: begun.return_to,
      cookies: [this.cookie(this.names.session, value, lives.session), this.cookie(this.names.signIn, '', 0)],
    };
  }

  /** Ends a session. The cookie that takes the browser's away. */
  async end(session: Buffer): Promise<string> {
    await this.database.query('DELETE FROM protocol.sessions WHERE digest = $1', [session]);
    return this.cookie(this.names.session, '', 0);
  }

  /**
   * Ends every session of a person, or those that began in one session at the provider: what is taken for granted
   * meanwhile in one of them waits for this, or finds it ended. The ended ones.
   */
  async endAll(userId: string, providerSession?: string): Promise<readonly Buffer[]> {
    const ended = await this.database.query<{ digest: Buffer }>(
      `DELETE FROM protocol.sessions WHERE user_id = $1 AND ($2::bytea IS NULL OR provider_session = $2)
       RETURNING digest`,
      [userId, providerSession === undefined ? null : digestOf(providerSession)],
    );
    return ended.map(({ digest }) => digest);
  }

  /**
   * Opens a session that whoever erases this person ends. An erasure at another instance may not have been heard of here,
   * so that the id is one of before. It ends the sessions that stand once it is in the vault; what was kept later is
   * found by asking the vault after that. The browser has nothing of the session until then.
   */
  private async open(signedIn: SignedIn): Promise<string> {
    const { issuer, subject, name, email } = signedIn;
    const profile = { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }) };
    const userId = await this.vault.subjectId(issuer, subject, profile);
    const value = await this.keep(userId, signedIn);
    if ((await this.erasures.erasedAt(userId)) === undefined) return value;
    await this.end(digestOf(value));
    this.follower.heardOf(userId);
    // From now on they are somebody new.
    return this.open(signedIn);
  }

  private async keep(userId: string, { fhirUser: claimed, session }: SignedIn): Promise<string> {
    const { endpoints } = this.fhir;
    const isKnown = endpoints.all.some((endpoint) => fhirUserAt(claimed, endpoint, endpoints) !== undefined);
    const value = randomBytes(32).toString('base64url');
    await this.database.query(
      `INSERT INTO protocol.sessions (digest, user_id, fhir_user, csrf, provider_session, signed_in, expires_at)
       VALUES ($1, $2, $3, $4, $5, now(), now() + make_interval(secs => $6))`,
      [
        digestOf(value),
        userId,
        (isKnown ? claimed : undefined) ?? null,
        randomBytes(32).toString('base64url'),
        session === undefined ? null : digestOf(session),
        lives.session,
      ],
    );
    return value;
  }

  private cookie(name: string, value: string, maxAge: number): string {
    return setCookie(name, value, { maxAge, secure: this.secure, path: '/oauth' });
  }
}
