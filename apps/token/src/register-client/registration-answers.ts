import type { CommandAnswer } from '#event-log';
import { ProblemException, readPublicKeys } from '#host';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { OAuthError } from '../answer-oauth/oauth-error.js';
import { faultOfRefusal, type DeclaredClient, type MetadataFault, type ShownApplication } from './client-metadata.js';

/** What a client sends. */
export type Body = Readonly<Record<string, unknown>>;
/** What a client is told of its registration (RFC 7591, 3.2.1). */
export type ClientInformation = Readonly<Record<string, unknown>>;

/** RFC 7591, 3: whoever has no initial access token that counts registers nothing. */
export function noInitialToken(): OAuthError {
  return new OAuthError(401, 'invalid_token', 'an initial access token that counts is required');
}

export async function publicKeysOf({ jwks }: DeclaredClient): ReturnType<typeof readPublicKeys> {
  try {
    return await readPublicKeys(jwks, (index) => `/jwks/keys/${index}`);
  } catch (error) {
    if (!(error instanceof ProblemException)) throw error;
    throw refusedAs(faultOfRefusal(error.problem.errors ?? [], error.message).fault);
  }
}

/** What was presented is returned as it was (RFC 7591, 3.2.1); the statement itself is kept nowhere. */
export function statementIn({ software_statement: presented }: Body): ClientInformation {
  return typeof presented === 'string' ? { software_statement: presented } : {};
}

export function contactsOf({ contacts }: DeclaredClient): string[] | undefined {
  return contacts === undefined ? undefined : [...contacts];
}

export function kidsOf(keys: readonly Body[]): string {
  return JSON.stringify(keys.map(({ kid }) => String(kid)).sort());
}

export function accepted(read: DeclaredClient | MetadataFault): DeclaredClient {
  if ('error' in read) throw new OAuthError(400, read.error, read.fault);
  return read;
}

export function refusedAs(fault: string): OAuthError {
  return new OAuthError(400, 'invalid_client_metadata', fault);
}

/** The application that a command has left. Throws what the client is told where it has left none. */
export function shownIn(answer: CommandAnswer): ShownApplication {
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
