import {
  ACCESS_TOKEN_LIFE_MAX_S,
  accept,
  refuse,
  token,
  TOKEN_CLOCK_TOLERANCE_S,
  type Addressed,
  type Decider,
  type Recorded,
  type TokenCommand,
  type TokenEvent,
} from '#contracts';

/**
 * What token knows of an application: which of its tokens and grants died before their time, and whether all grants
 * ended. Grants that stand are not kept: there can be as many as patients, and nothing here depends on them.
 */
export interface GrantsState {
  /** Revoked tokens that may not have expired, by `jti`: RFC 3339. */
  readonly revoked: Readonly<Record<string, string>>;
  /** Grants that ended before their time, by id, while a token of theirs may live: RFC 3339. */
  readonly ended: Readonly<Record<string, string>>;
  readonly closed: boolean;
}

const nothingYet: GrantsState = { revoked: {}, ended: {}, closed: false };

/** A command that is accepted leaves an aggregate; this one found none and would leave none. */
const expired = {
  status: 409,
  type: 'token-expired',
  title: 'The token has expired',
  detail: 'The token is dead already, and nothing is known of the application.',
};

const closedForGood = {
  status: 409,
  type: 'grants-closed',
  title: 'The grants of the application are closed',
  detail: 'The application was revoked; nobody can agree to its access any more.',
};

/** Whether nobody believes a token any more that ended at `expiresAt`. */
function isOver(expiresAt: string, now: string): boolean {
  return Date.parse(expiresAt) + TOKEN_CLOCK_TOLERANCE_S * 1000 <= Date.parse(now);
}

/** What may still be believed by somebody at that time. */
function living(until: Readonly<Record<string, string>>, now: string): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(until).filter(([, expiresAt]) => !isOver(expiresAt, now)));
}

/** When the last access token expires that can have been issued by then. */
function lastTokenOf(time: string): string {
  return new Date(Date.parse(time) + ACCESS_TOKEN_LIFE_MAX_S * 1000).toISOString();
}

/** Token's aggregate, one for each application. What is issued stands in the activity topic, not here. */
export const grantsDecider: Decider<typeof token, GrantsState> = {
  contract: token,
  version: 3,

  decide(state = nothingYet, command: Addressed<TokenCommand>) {
    switch (command.type) {
      case 'revoke-token': {
        const { tokenId, expiresAt } = command.data;
        const dead = tokenId in state.revoked || isOver(expiresAt, command.meta.time);
        if (!dead) return accept({ type: 'token-revoked', data: { tokenId, expiresAt } });
        return state === nothingYet ? refuse(expired) : accept();
      }
      case 'consent-grant':
        return state.closed ? refuse(closedForGood) : accept({ type: 'grant-consented', data: command.data });
      case 'revoke-grant': {
        const { grantId } = command.data;
        if (grantId in state.ended) return accept();
        return accept({
          type: 'grant-revoked',
          data: { ...command.data, tokensExpireAt: lastTokenOf(command.meta.time) },
        });
      }
      case 'close-grants':
        return state.closed ? accept() : accept({ type: 'grants-closed', data: { reason: command.data.reason } });
      default:
        return command satisfies never;
    }
  },

  evolve(state = nothingYet, event: Recorded<TokenEvent>) {
    switch (event.type) {
      case 'token-revoked': {
        const { tokenId, expiresAt } = event.data;
        return { ...state, revoked: { ...living(state.revoked, event.meta.time), [tokenId]: expiresAt } };
      }
      case 'grant-consented':
        return state;
      case 'grant-revoked': {
        const { grantId, tokensExpireAt } = event.data;
        return { ...state, ended: { ...living(state.ended, event.meta.time), [grantId]: tokensExpireAt } };
      }
      case 'grants-closed':
        return { ...state, closed: true };
      default:
        return event satisfies never;
    }
  },

  view: ({ closed }, version) => ({ version, grants: closed ? 'closed' : 'open' }),
};
