import { createHash, randomBytes, randomUUID } from 'node:crypto';
import {
  bodyDigest,
  commandId,
  mintIdBeside,
  mintId,
  partitionOfCreation,
  registration,
  type RegistrationCommand,
  type ReviewedMetadata,
} from '#contracts';
import type { CommandAnswer, CommandPort } from '#event-log';
import { correlationId, InjectCommands, ProblemException, readPublicKeys, SealedForCommands } from '#host';
import { oauthPaths } from '#smart';
import { Injectable } from '@nestjs/common';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { TokenEnforcement } from '../token-enforcement.js';
import { TokenConfig } from '../token.config.js';
import {
  describeClient,
  faultOfRefusal,
  fieldsIn,
  readClientMetadata,
  withStatement,
  type DeclaredClient,
  type MetadataFault,
  type ShownApplication,
} from './client-metadata.js';
import { RegistrationTokens, type ManagedClient } from './registration-tokens.js';
import { SoftwareStatements } from './software-statements.js';

type Body = Readonly<Record<string, unknown>>;
/** What a client is told of its registration (RFC 7591, 3.2.1). */
type ClientInformation = Readonly<Record<string, unknown>>;

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
    private readonly statements: SoftwareStatements,
    private readonly sealed: SealedForCommands,
    private readonly enforcement: TokenEnforcement,
    private readonly config: TokenConfig,
  ) {}

  /**
   * Registers what a client declares, for the owner of its initial access token, and submits it for review; without a
   * token, where open registration is on, for nobody, as a draft.
   *
   * @throws OAuthError, NotServing, NotAppended, DatabaseUnavailable, VaultUnavailable
   */
  async register(body: Body, initialToken: string | undefined, publicUrl: string): Promise<ClientInformation> {
    await this.mayRegister(initialToken);
    const client = await this.declaredBy(body);
    const keys = await publicKeysOf(client);
    const ownerId = await this.ownerFor(initialToken);
    const id = mintId(partitionOfCreation(ownerId, undefined));
    const managed = { clientId: mintIdBeside(id), applicationId: id, ownerId, unclaimed: initialToken === undefined };
    const managing = await this.tokens.manage(managed, this.config.openRegistrationsPerHour);
    if (managing === undefined)
      throw new OAuthError(429, 'temporarily_unavailable', 'too many clients were registered in the last hour');
    const answer = await this.sealed.send(ownerId, contactsOf(client), (contacts) =>
      this.send(managed, 'register', {
        type: 'register-application',
        data: {
          clientId: managed.clientId,
          ownerId,
          reviewed: client.reviewed,
          other: { ...client.other, ...(contacts === undefined ? {} : { contacts }) },
          keys,
          submit: !managed.unclaimed,
          ...(managed.unclaimed ? { unclaimed: true as const } : {}),
        },
      }),
    );
    if (answer.status === 'refused') {
      await this.tokens.forget(managed.clientId);
      if (initialToken !== undefined) await this.tokens.giveBack(initialToken);
    }
    const application = shownIn(answer);
    const secret = client.reviewed.clientType === 'confidential-symmetric' ? await this.secretOf(managed) : {};
    return { ...this.informationOf(managed, application, managing, publicUrl), ...statementIn(body), ...secret };
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

  /** Somebody who is signed in takes over a draft that nobody owns. Undefined where the token does not manage one. */
  async claim(clientId: string, presented: string, ownerId: string): Promise<ManagedClient | undefined> {
    const managed = await this.tokens.managed(clientId, presented);
    if (managed?.unclaimed !== true) return undefined;
    shownIn(await this.send(managed, 'claim', { type: 'transfer-ownership', data: { ownerId } }));
    await this.tokens.claimed(clientId, ownerId);
    return { ...managed, ownerId, unclaimed: false };
  }

  /** Whoever may not register makes us read nothing and fetch nothing. */
  private async mayRegister(initialToken: string | undefined): Promise<void> {
    if (initialToken === undefined ? this.config.openRegistration : await this.tokens.counts(initialToken)) return;
    throw new OAuthError(401, 'invalid_token', 'an initial access token that counts is required');
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

  private async ownerFor(initialToken: string | undefined): Promise<string> {
    if (initialToken === undefined) return randomUUID();
    const ownerId = await this.tokens.take(initialToken);
    if (ownerId === undefined) throw new OAuthError(401, 'invalid_token', 'the initial access token does not count');
    return ownerId;
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

  private async secretOf(managed: ManagedClient): Promise<ClientInformation> {
    const secret = randomBytes(32).toString('base64url');
    const sha256 = createHash('sha256').update(secret).digest('hex');
    const expires = Date.now() + secretLifeMs;
    const kept = { id: mintIdBeside(managed.applicationId), sha256, expiresAt: new Date(expires).toISOString() };
    shownIn(await this.send(managed, 'secret', { type: 'issue-secret', data: { secret: kept } }));
    return { client_secret: secret, client_secret_expires_at: Math.floor(expires / 1000) };
  }

  private send(managed: ManagedClient, what: string, command: RegistrationCommand): Promise<CommandAnswer> {
    const { applicationId, ownerId } = managed;
    return this.commands.send({
      ...command,
      subject: applicationId,
      actor: ownerId,
      correlationId: correlationId() ?? 'none',
      id: commandId(ownerId, what, oauthPaths.registration, undefined),
      bodyDigest: bodyDigest(command.data),
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

async function publicKeysOf({ jwks }: DeclaredClient): ReturnType<typeof readPublicKeys> {
  try {
    return await readPublicKeys(jwks, (index) => `/jwks/keys/${index}`);
  } catch (error) {
    if (!(error instanceof ProblemException)) throw error;
    throw refusedAs(faultOfRefusal(error.problem.errors ?? [], error.message).fault);
  }
}

/** What was presented is returned as it was (RFC 7591, 3.2.1); the statement itself is kept nowhere. */
function statementIn({ software_statement: presented }: Body): ClientInformation {
  return typeof presented === 'string' ? { software_statement: presented } : {};
}

function contactsOf({ contacts }: DeclaredClient): string[] | undefined {
  return contacts === undefined ? undefined : [...contacts];
}

function kidsOf(keys: readonly Body[]): string {
  return JSON.stringify(keys.map(({ kid }) => String(kid)).sort());
}

function accepted(read: DeclaredClient | MetadataFault): DeclaredClient {
  if ('error' in read) throw new OAuthError(400, read.error, read.fault);
  return read;
}

function refusedAs(fault: string): OAuthError {
  return new OAuthError(400, 'invalid_client_metadata', fault);
}

/** The application that a command has left. Throws what the client is told where it has left none. */
function shownIn(answer: CommandAnswer): ShownApplication {
  switch (answer.status) {
    case 'succeeded':
      // Sound: it is the view of registration's decider, in a release that knows its fields.
      return answer.resource as ShownApplication;
    case 'refused': {
      const { refusal } = answer;
      if (refusal.status === 404 || refusal.status === 409)
        throw new OAuthError(401, 'invalid_token', 'the registration does not stand any more');
      const { error, fault } = faultOfRefusal(refusal.errors ?? [], refusal.detail);
      throw new OAuthError(400, error, fault);
    }
    case 'pending':
    case 'expired':
    case 'failed':
      throw new NotServing(`the registration is ${answer.status}`);
  }
}
