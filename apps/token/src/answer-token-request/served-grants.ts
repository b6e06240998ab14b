import type { OpenAccess } from '../authenticate-client/admitted-clients.js';
import type { GrantHandler } from '../issue-token/grant-handler.js';
import { clientCredentials } from '../issue-token/issue-token.js';
import type { ServedGrant } from './token-requests.js';

/** The grants there are, with the parameters of each (RFC 6749, 4.1.3, 4.4.2 and 6; RFC 7636, 4.5; RFC 8707, 2.2). */
export function servedGrants(answers: {
  readonly itself: GrantHandler;
  readonly code: GrantHandler;
  readonly refresh: GrantHandler;
}): Readonly<Record<string, ServedGrant>> {
  return {
    [clientCredentials]: {
      params: ['scope', 'resource'],
      isFor: ({ clientType }) => clientType === 'confidential-asymmetric',
      answer: answers.itself,
    },
    authorization_code: {
      params: ['code', 'redirect_uri', 'code_verifier'],
      isFor: hasUsers,
      answer: answers.code,
    },
    refresh_token: { params: ['refresh_token', 'scope'], isFor: hasUsers, answer: answers.refresh },
  };
}

function hasUsers({ kind, redirectUris }: OpenAccess): boolean {
  return kind !== 'backend' && redirectUris.length > 0;
}
