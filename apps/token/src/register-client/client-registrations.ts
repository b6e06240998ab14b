import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  bodyDigest,
  commandId,
  derivedIdBeside,
  mintedAt,
  registration,
  type RegistrationCommand,
  type ReviewedMetadata,
} from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { correlationId, InjectCommands, SealedForCommands, VAULT } from '#host';
import { oauthPaths } from '#smart';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { TokenEnforcement } from '../token-enforcement.js';
import { TokenConfig } from '../token.config.js';
import {
  describeClient,
  fieldsIn,
  readClientMetadata,
  withStatement,
  type DeclaredClient,
  type ShownApplication,
} from './client-metadata.js';
import {
  accepted,
  contactsOf,
  kidsOf,
  noInitialToken,
  publicKeysOf,
  refusedAs,
  shownIn,
  statementIn,
  type Body,
  type ClientInformation,
} from './registration-answers.js';
import { RegistrationAttempts, type Attempt, type WaitingCaller } from './registration-attempts.js';
import { RegistrationTokens, type ManagedClient } from './registration-tokens.js';
import { SoftwareStatements } from './software-statements.js';

const secretLifeMs = 365 * 24 * 3_600_000;
/** Optional fields of registration's that an update takes away when it lacks them. */
const removable = [
  'launchUri',
  'jwksUri',
  'privacyPolicyUri',
  'termsUri',
  'logoUri',
  'requirePushedAuthorizationRequests',
  'dpopBoundAccessTokens',
  'softwareStatement',
] as const;
/** What of an earlier answer no update may hold (RFC 7592, 2.2). */
const answersAlone = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
] as const;

/**
 * Clients that register themselves (RFC 7591) and manage their registration (RFC 7592): commands of registration, as its own
 * API sends them, decided by the same rules, reviewed by the same people. Nothing here makes a client usable.
 */
@Injectable()
export class ClientRegistrations {
  constructor(
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly tokens: RegistrationTokens,
    private readonly attempts: RegistrationAttempts,
    private readonly statements: SoftwareStatements,
    private readonly sealed: SealedForCommands,
    private readonly enforcement: TokenEnforcement,
    private readonly config: TokenConfig,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /**
   * Registers what a client declares, for the owner of its initial access token, and submits it for review; without a
   * token, where open registration is on, for nobody, as a draft. With a token, whoever comes again with the same one and
   * the same body, because no answer came, goes on with what was begun.
   *
   * @throws OAuthError, NotServing, NotAppended, DatabaseUnavailable, VaultUnavailable
   */
  async register(
    body: Body,
    initialToken: string | undefined,
    publicUrl: string,
    caller: WaitingCaller,
  ): Promise<ClientInformation> {
    // Whoever may not register makes us read nothing and fetch nothing.
    const declared = initialToken === undefined ? undefined : this.attempts.declaredBy(body, initialToken);
    if (!(await this.mayRegister(initialToken, declared))) throw noInitialToken();
    const client = await this.declaredBy(body);
    const keys = await publicKeysOf(client);
    const attempt = await this.begun(initialToken, declared);
    return this.attempts.carryOut(attempt, caller, async () => {
      const application = await this.registered(attempt, client, keys, declared);
      const secret = client.reviewed.clientType === 'confidential-symmetric' ? await this.secretOf(attempt) : {};
      return {
        ...this.informationOf(attempt.managed, application, attempt.token, publicUrl),
        ...statementIn(body),
        ...secret,
      };
    });
  }

  /** What is registered now (RFC 7592, 2.1), under another token. Throws as `register` does. */
  async read(clientId: string, presented: string, publicUrl: string): Promise<ClientInformation> {
    const managed = await this.managedBy(clientId, presented);
    const application = await this.now(managed);
    return this.informationOf(managed, application, await this.tokens.rotate(clientId, presented), publicUrl);
  }

  /**
   * Replaces what is registered (RFC 7592, 2.2), by the rules for changes: what was reviewed goes to review again, and the
   * old stays in force until then. Keys and the way to authenticate are changed by the owner, elsewhere.
   */
  async update(clientId: string, presented: string, body: Body, publicUrl: string): Promise<ClientInformation> {
    const managed = await this.managedBy(clientId, presented);
    if (body['client_id'] !== clientId) throw new OAuthError(400, 'invalid_request', 'client_id must be the client’s');
    const foreign = answersAlone.find((name) => name in body);
    if (foreign !== undefined) throw new OAuthError(400, 'invalid_request', `${foreign} is not for an update`);
    const before = await this.now(managed);
    const client = await this.declaredBy(body, before.purposesOfUse);
    if (client.reviewed.clientType !== before.clientType)
      throw refusedAs('token_endpoint_auth_method is changed by the application’s owner');
    if (client.jwks.length > 0 && kidsOf(client.jwks) !== kidsOf(before.jwks.keys))
      throw refusedAs('jwks: keys are added and removed by the application’s owner, and confirmed');
    const { allowedOrigins: _kept, ...reviewed } = client.reviewed;
    const contacts = contactsOf(client);
    const answer = await this.sealed.send(managed.ownerId, contacts, (reference) =>
      this.send(managed, 'update', {
        type: 'change-application',
        data: {
          reviewed,
          other: reference === undefined ? {} : { contacts: reference },
          removed: [
            ...removable.filter((name) => reviewed[name] === undefined),
            ...(contacts === undefined ? ['contacts'] : []),
          ],
        },
      }),
    );
    const application = shownIn(answer);
    const managing = await this.tokens.rotate(clientId, presented);
    return { ...this.informationOf(managed, application, managing, publicUrl), ...statementIn(body) };
  }

  /** Ends the client for good (RFC 7592, 2.3): nothing lets it in any more. */
  async remove(clientId: string, presented: string): Promise<void> {
    const managed = await this.managedBy(clientId, presented);
    const reason = 'The client has deregistered itself (RFC 7592).';
    shownIn(await this.send(managed, 'remove', { type: 'revoke-application', data: { reason } }));
    await this.tokens.forget(clientId);
  }

  /**
   * Somebody who is signed in takes over a draft that nobody owns, and its contacts, which are erased with them from now on. Repeating
   * it goes on where it ended. Undefined where the token does not manage one.
   */
  async claim(clientId: string, presented: string, ownerId: string): Promise<ManagedClient | undefined> {
    const managed = await this.tokens.managed(clientId, presented);
    if (managed?.unclaimed !== true) return undefined;
    const claim: RegistrationCommand = { type: 'transfer-ownership', data: { ownerId } };
    shownIn(await this.send(managed, 'claim', claim, { key: `${clientId} ${ownerId}` }));
    await this.vault.handOver(managed.ownerId, ownerId);
    await this.tokens.claimed(clientId, ownerId);
    return { ...managed, ownerId, unclaimed: false };
  }

  private async mayRegister(initialToken: string | undefined, declared: Buffer | undefined): Promise<boolean> {
    if (initialToken === undefined || declared === undefined) return this.config.openRegistration;
    return this.attempts.mayBegin(initialToken, declared);
  }

  private async begun(initialToken: string | undefined, declared: Buffer | undefined): Promise<Attempt> {
    if (initialToken === undefined || declared === undefined) {
      const begun = await this.attempts.beginOpen(randomUUID(), this.config.openRegistrationsPerHour);
      if (begun !== undefined) return begun;
      throw new OAuthError(429, 'temporarily_unavailable', 'too many clients were registered in the last hour');
    }
    const begun = await this.attempts.begin(initialToken, declared);
    if (begun === 'does-not-count') throw noInitialToken();
    if (begun === 'under-way') throw new NotServing('an earlier attempt of this registration may still be under way');
    return begun;
  }

  /**
   * The application that an attempt registers. Its command's id follows from the client's, and says what was declared: one that is
   * sent again is the same command, and registers once.
   */
  private async registered(
    { managed, number }: Attempt,
    client: DeclaredClient,
    keys: Awaited<ReturnType<typeof publicKeysOf>>,
    declared: Buffer | undefined,
  ): Promise<ShownApplication> {
    const { clientId, ownerId, unclaimed } = managed;
    const answer = await this.sealed.send(ownerId, contactsOf(client), (contacts) => {
      const command: RegistrationCommand = {
        type: 'register-application',
        data: {
          clientId,
          ownerId,
          reviewed: client.reviewed,
          other: { ...client.other, ...(contacts === undefined ? {} : { contacts }) },
          keys,
          submit: !unclaimed,
          ...(unclaimed ? { unclaimed: true as const } : {}),
        },
      };
      return this.send(managed, 'register', command, { key: clientId, digest: declared?.toString('hex') });
    });
    if (answer.status === 'refused' && answer.refusal.status === 422) await this.attempts.refused(clientId);
    const wasThere = answer.status === 'refused' && answer.refusal.type === 'already-registered';
    if (number > 1 && (wasThere || answer.status === 'succeeded')) return this.now(managed);
    return shownIn(answer);
  }

  /** What a client declares. What a software statement says of it takes the place of what it says itself (RFC 7591, 2.3). */
  private async declaredBy(body: Body, known?: ReviewedMetadata['purposesOfUse']): Promise<DeclaredClient> {
    const presented = body['software_statement'] ?? undefined;
    if (presented === undefined) return accepted(readClientMetadata(body, known));
    const { claims, ...statement } = await this.statements.believe(presented);
    const client = accepted(readClientMetadata(withStatement(body, claims), known));
    const softwareStatement = { ...statement, vouchesFor: fieldsIn(claims) };
    return { ...client, reviewed: { ...client.reviewed, softwareStatement } };
  }

  /** Whose registration it is, as long as its owner is the one for whom the token was given. */
  private async managedBy(clientId: string, presented: string): Promise<ManagedClient> {
    const managed = await this.tokens.managed(clientId, presented);
    const { point } = this.enforcement;
    if (!point.holdsLease()) throw new NotServing('this instance does not know now what is in force');
    const access = point.access.byClientId(clientId, Date.now());
    // One that was registered a moment ago may not be known here yet.
    const isOwners = access === undefined || access.ownerId === managed?.ownerId;
    if (managed === undefined || !isOwners || access?.why === 'revoked')
      throw new OAuthError(401, 'invalid_token', 'the registration access token does not count');
    return managed;
  }

  /** The application as its one writer has it: a change of nothing leaves it as it is, and shows it. */
  private async now(managed: ManagedClient): Promise<ShownApplication> {
    const nothing = { reviewed: {}, other: {}, removed: [] };
    return shownIn(await this.send(managed, 'read', { type: 'change-application', data: nothing }));
  }

  /**
   * A client secret, shown once. Those of earlier attempts, which nobody was told, go once it stands; but not those of an
   * application that was approved, which somebody may use by now.
   */
  private async secretOf({ managed, number }: Attempt): Promise<ClientInformation> {
    const { applicationId } = managed;
    const idOf = (attempt: number) => derivedIdBeside(applicationId, `secret ${attempt}`, mintedAt(applicationId));
    const secret = randomBytes(32).toString('base64url');
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const expires = Date.now() + secretLifeMs;
    const kept = { id: idOf(number), sha256, expiresAt: new Date(expires).toISOString() };
    const issued = shownIn(await this.send(managed, 'secret', { type: 'issue-secret', data: { secret: kept } }));
    const earlier = new Set(Array.from({ length: number - 1 }, (_, index) => idOf(index + 1)));
    const standing = [...issued.secrets, ...issued.unconfirmed].filter(({ id }) => earlier.has(id));
    for (const { id: secretId } of issued.approvalVersion === undefined ? standing : [])
      shownIn(await this.send(managed, 'withdraw', { type: 'withdraw-secret', data: { secretId } }));
    return { client_secret: secret, client_secret_expires_at: Math.floor(expires / 1000) };
  }

  /** @param repeat what makes a command the same when it is sent again; without it each is another */
  private send(
    managed: ManagedClient,
    what: string,
    command: RegistrationCommand,
    repeat: { readonly key?: string; readonly digest?: string | undefined } = {},
  ): Promise<CommandAnswer> {
    const { applicationId, ownerId } = managed;
    return this.commands.send({
      ...command,
      subject: applicationId,
      actor: ownerId,
      correlationId: correlationId() ?? 'none',
      id: commandId(ownerId, what, oauthPaths.registration, repeat.key),
      bodyDigest: repeat.digest ?? bodyDigest(command.data),
    });
  }

  private informationOf(
    { clientId }: ManagedClient,
    application: ShownApplication,
    managing: string,
    publicUrl: string,
  ): ClientInformation {
    return {
      client_id: clientId,
      ...describeClient(application),
      registration_access_token: managing,
      registration_client_uri: `${publicUrl}${oauthPaths.registration}/${clientId}`,
    };
  }
}
