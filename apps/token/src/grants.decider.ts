import {
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

/** What token knows of an application: which of its tokens died before their time, and whether all grants ended. */
export interface GrantsState {
  /** Revoked tokens that may not have expired, by `jti`: RFC 3339. */
  readonly revoked: Readonly<Record<string, string>>;
  readonly closed: boolean;
}

const nothingYet: GrantsState = { revoked: {}, closed: false };

/** A command that is accepted leaves an aggregate; this one found none and would leave none. */
const expired = {
  status: 409,
  type: 'token-expired',
  title: 'The token has expired',
  detail: 'The token is dead already, and nothing is known of the application.',
};

/** Whether nobody believes a token any more that ended at `expiresAt`. */
function isOver(expiresAt: string, now: string): boolean {
  return Date.parse(expiresAt) + TOKEN_CLOCK_TOLERANCE_S * 1000 <= Date.parse(now);
}

/** Token's aggregate, one for each application. What is issued stands in the activity topic, not here. */
export const grantsDecider: Decider<typeof token, GrantsState> = {
  contract: token,
  version: 2,

  decide(state = nothingYet, command: Addressed<TokenCommand>) {
    switch (command.type) {
      case 'revoke-token': {
        const { tokenId, expiresAt } = command.data;
        const dead = tokenId in state.revoked || isOver(expiresAt, command.meta.time);
        if (!dead) return accept({ type: 'token-revoked', data: { tokenId, expiresAt } });
        return state === nothingYet ? refuse(expired) : accept();
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
        const living = Object.entries(state.revoked).filter(([, expiresAt]) => !isOver(expiresAt, event.meta.time));
        return { ...state, revoked: { ...Object.fromEntries(living), [event.data.tokenId]: event.data.expiresAt } };
      }
      case 'grants-closed':
        return { ...state, closed: true };
      default:
        return event satisfies never;
    }
  },

  view: ({ closed }, version) => ({ version, grants: closed ? 'closed' : 'open' }),
};
