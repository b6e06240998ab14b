import {
  accept,
  token,
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

/** Token's aggregate, one for each application. What is issued stands in the activity topic, not here. */
export const grantsDecider: Decider<typeof token, GrantsState> = {
  contract: token,
  version: 1,

  decide(state = nothingYet, command: Addressed<TokenCommand>) {
    switch (command.type) {
      case 'revoke-token': {
        const { tokenId, expiresAt } = command.data;
        const dead = tokenId in state.revoked || Date.parse(expiresAt) <= Date.parse(command.meta.time);
        return dead ? accept() : accept({ type: 'token-revoked', data: { tokenId, expiresAt } });
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
        const now = Date.parse(event.meta.time);
        const living = Object.entries(state.revoked).filter(([, expiresAt]) => Date.parse(expiresAt) > now);
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
