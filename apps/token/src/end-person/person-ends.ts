import type { Receipt } from '#enforcement';
import { Injectable } from '@nestjs/common';
import { NotServing } from '../authenticate-client/admitted-clients.js';
import { GrantEvents, type Succeeded } from '../consent/grant-events.js';
import { UserGrants } from '../consent/user-grants.js';
import { GrantReceipts } from '../see-grants/grant-receipts.js';
import { PersonSessions } from '../sign-in/person-sessions.js';

/** How many grants are ended at once: each holds a connection to the database while the log decides. */
const atOnce = 3;

/** Proof that nothing of a person's counts any more. */
export interface PersonEnded {
  readonly userId: string;
  /** How many sessions ended. */
  readonly sessions: number;
  /** How many grants ended, those of the last hour included. */
  readonly grants: number;
  /** RFC 3339: since then no enforcement point believes a token of them. */
  readonly enforcedAt: string;
  /** One for each application that the person had let in. */
  readonly receipts: readonly Receipt[];
}

type Cause = Parameters<GrantEvents['revoke']>[1];
type OwnGrant = Parameters<GrantEvents['revoke']>[0];

/** Why somebody's access ends, and by whom. */
export interface PersonEnd {
  readonly cause: Cause;
  readonly actor: string;
  readonly reason?: string;
}

/** Ends a person's sessions, grants and tokens, and waits until that is in force everywhere. */
@Injectable()
export class PersonEnds {
  constructor(
    private readonly sessions: PersonSessions,
    private readonly grants: UserGrants,
    private readonly events: GrantEvents,
    private readonly receipts: GrantReceipts,
  ) {}

  /**
   * All of a person's sessions and grants. Sessions first: what is agreed to in one of them meanwhile is then found, or
   * was not agreed to.
   *
   * @throws NotServing where it is not certain that all of it is in force; asking again goes on with it. DatabaseUnavailable
   */
  async everything(userId: string, end: PersonEnd): Promise<PersonEnded> {
    const sessions = await this.sessions.endAll(userId);
    return this.ended(userId, sessions.length, await this.grants.livingOf(userId), end);
  }

  /**
   * The sessions that began in one session at the provider, or all of them, with the grants that last no longer.
   *
   * @throws as `everything` does
   */
  async sessionsOf(userId: string, providerSession: string | undefined, end: PersonEnd): Promise<PersonEnded> {
    const sessions = await this.sessions.endAll(userId, providerSession);
    const grants = sessions.length === 0 ? [] : await this.grants.livingOf(userId, sessions);
    return this.ended(userId, sessions.length, grants, end);
  }

  private async ended(
    userId: string,
    sessions: number,
    grants: readonly OwnGrant[],
    end: PersonEnd,
  ): Promise<PersonEnded> {
    const last = new Map<string, Succeeded>();
    const waiting = [...grants];
    const endNext = async (): Promise<void> => {
      for (let grant = waiting.pop(); grant !== undefined; grant = waiting.pop()) {
        const ended = await this.events.revoke(grant, end.cause, end.actor, undefined, end.reason);
        const before = last.get(grant.applicationId);
        if (before === undefined || before.position.offset < ended.position.offset)
          last.set(grant.applicationId, ended);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, endNext));
    const receipts = await Promise.all(
      [...last].map(async ([applicationId, ended]) => {
        const receipt = await this.receipts.of(applicationId, ended);
        if (receipt === undefined) throw new NotServing('it is not certain that the end is in force everywhere');
        return receipt;
      }),
    );
    const enforcedAt =
      receipts
        .map((receipt) => receipt.enforcedAt)
        .sort()
        .at(-1) ?? new Date().toISOString();
    return { userId, sessions, grants: grants.length, enforcedAt, receipts };
  }
}
