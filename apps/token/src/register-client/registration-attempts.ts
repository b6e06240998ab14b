import { createHmac } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { mintId, mintIdBeside, partitionOfCreation } from '#contracts';
import { Database, Log, rowsOf } from '#host';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { digestOf } from '../authorization-server/provider-records.js';
import { newToken, type ManagedClient } from './registration-tokens.js';

/** Longer than any instance takes over one answer, in seconds: an attempt that is older was given up, or its process is gone. */
const givenUpAfter = 30;
/**
 * An unanswered registration is gone on with while it is so young, by Postgres’ clock: an honest client that got no answer comes
 * again within minutes. That an answer left is kept as well as can be, not for certain; after so long nobody takes up what somebody has.
 */
const goneOnWithForMs = 3_600_000;
/** And so often: every attempt sends commands, which the log keeps. */
const mostAttempts = 20;
/** Between two tries to keep what became of an attempt, in milliseconds. */
const keepAgainMs = 2_000;
/** Of a row of client_registrations. */
const mayGoOn = `unanswered_since IS NOT NULL AND attempt < ${mostAttempts} AND created_at > now() - interval '${goneOnWithForMs} milliseconds'`;

/** A registration that was begun, and the token that manages it, which nobody else has. */
export interface Attempt {
  readonly managed: ManagedClient;
  readonly token: string;
  /** From 1; more where an earlier one was not answered. */
  readonly number: number;
}

/** Whoever waits for the answer to a registration. */
export interface WaitingCaller {
  /** Calls once: `answered` is true where the whole answer has left, with 201. */
  onEnd(listener: (answered: boolean) => void): void;
}

type Ids = Pick<ManagedClient, 'clientId' | 'applicationId'>;

/**
 * Registrations by initial access tokens, from the use that is taken to the answer that has left. A process that dies in between leaves
 * the use taken and the registration unanswered; whoever comes again with the same token and the same metadata goes on with it.
 * Every method throws `DatabaseUnavailable`.
 */
@Injectable()
export class RegistrationAttempts implements OnModuleDestroy {
  /** Clients whose callers wait here for an answer. They did not give up, so whoever says the same is somebody else. */
  private readonly waitedFor = new Set<string>();
  private readonly stopping = new AbortController();

  constructor(
    private readonly database: Database,
    private readonly log: Log,
  ) {}

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  /**
   * What a body declares, told apart from others by who has the token alone: it may hold addresses of people, which a plain
   * digest would confirm to whoever guesses them. 32 bytes.
   */
  declaredBy(body: unknown, initialToken: string): Buffer {
    return createHmac('sha256', initialToken).update(JSON.stringify(body)).digest();
  }

  /** Whether an initial access token has a use left, or one of its registrations waits for this body. Nothing changes. */
  async mayBegin(initialToken: string, declared: Buffer): Promise<boolean> {
    const rows = await this.database.query(
      `SELECT 1 FROM protocol.initial_access_tokens t WHERE digest = $1 AND expires_at > now() AND (uses_left > 0
         OR EXISTS (SELECT 1 FROM protocol.client_registrations
                    WHERE initial = t.digest AND declared = $2 AND ${mayGoOn}))`,
      [digestOf(initialToken), declared],
    );
    return rows.length === 1;
  }

  /**
   * Takes a use and keeps the registration, both or neither; or goes on with an earlier one of the same token and body that was not
   * answered, without another use. That one's own token counts until the new one was used.
   *
   * @returns `does-not-count` where the token is unknown, has expired or was used up; `under-way` where an instance may
   * still be at an earlier attempt
   */
  async begin(initialToken: string, declared: Buffer): Promise<Attempt | 'does-not-count' | 'under-way'> {
    const fresh = newIds();
    this.waitedFor.add(fresh.clientId);
    const begun = await this.database
      .transaction((manager) => this.takeUseOrGoOn(manager, digestOf(initialToken), declared, fresh))
      .catch((error: unknown) => {
        this.waitedFor.delete(fresh.clientId);
        throw error;
      });
    if (typeof begun === 'string' || begun.managed.clientId !== fresh.clientId) this.waitedFor.delete(fresh.clientId);
    if (typeof begun !== 'string') this.waitedFor.add(begun.managed.clientId);
    return begun;
  }

  /**
   * Keeps a registration that nobody owns: only while fewer than `most` were kept in the last hour, by all instances; else
   * undefined. Nobody can tell its retry from another client, so it is begun once.
   */
  async beginOpen(ownerId: string, most: number): Promise<Attempt | undefined> {
    const token = newToken();
    const managed = { ...newIds(), ownerId, unclaimed: true };
    const kept = await this.database.transaction(async (manager) => {
      await manager.query('LOCK TABLE protocol.client_registrations IN SHARE ROW EXCLUSIVE MODE');
      return rowsOf(
        await manager.query(
          `INSERT INTO protocol.client_registrations (client_id, application_id, owner_id, unclaimed, digest)
           SELECT $1, $2, $3, true, $4
           WHERE (SELECT count(*) FROM protocol.client_registrations
                  WHERE unclaimed AND created_at > now() - interval '1 hour') < $5
           RETURNING client_id`,
          [managed.clientId, managed.applicationId, ownerId, digestOf(token), most],
        ),
      );
    });
    return kept.length === 1 ? { managed, token, number: 1 } : undefined;
  }

  /** Carries an attempt out, and keeps what became of it: answered once the answer has left, to be gone on with if it did not. */
  async carryOut<T>({ managed, number }: Attempt, caller: WaitingCaller, work: () => Promise<T>): Promise<T> {
    const { clientId } = managed;
    const { promise: over, resolve: end } = Promise.withResolvers<void>();
    caller.onEnd((answered) => {
      this.waitedFor.delete(clientId);
      // Not before the work is over, also where the caller has gone: nobody else should be at it meanwhile.
      void over.then(() => this.keepEnd(clientId, number, answered));
    });
    try {
      return await work();
    } catch (error) {
      this.waitedFor.delete(clientId);
      throw error;
    } finally {
      end();
    }
  }

  /** Registration refused what was declared: nothing was registered, and the use is given back. */
  async refused(clientId: string): Promise<void> {
    await this.database.query(
      `WITH gone AS (DELETE FROM protocol.client_registrations WHERE client_id = $1 RETURNING initial)
       UPDATE protocol.initial_access_tokens t SET uses_left = uses_left + 1 FROM gone WHERE t.digest = gone.initial`,
      [clientId],
    );
  }

  private async takeUseOrGoOn(manager: EntityManager, initial: Buffer, declared: Buffer, fresh: Ids) {
    const rows = async <Row extends object>(sql: string, parameters: readonly unknown[]) =>
      rowsOf<Row>(await manager.query(sql, [...parameters]));
    // Whoever comes with the same token waits here.
    const [giver] = await rows<{ owner_id: string; uses_left: number }>(
      `SELECT owner_id, uses_left FROM protocol.initial_access_tokens WHERE digest = $1 AND expires_at > now() FOR UPDATE`,
      [initial],
    );
    if (giver === undefined) return 'does-not-count';
    const token = newToken();
    const attempt = (ids: Ids, number: number): Attempt => ({
      managed: { ...ids, ownerId: giver.owner_id, unclaimed: false },
      token,
      number,
    });
    const [unanswered] = await rows<{ client_id: string; application_id: string; attempt: number; given_up: boolean }>(
      `SELECT client_id, application_id, attempt, unanswered_since < now() - make_interval(secs => $3) AS given_up
       FROM protocol.client_registrations
       WHERE initial = $1 AND declared = $2 AND ${mayGoOn} AND client_id <> ALL($4::text[])
       ORDER BY unanswered_since LIMIT 1`,
      [initial, declared, givenUpAfter, [...this.waitedFor]],
    );
    if (unanswered !== undefined) {
      if (!unanswered.given_up) return 'under-way';
      const { client_id: clientId, application_id: applicationId, attempt: before } = unanswered;
      await rows(
        `UPDATE protocol.client_registrations
         SET digest = $2, previous = digest, attempt = attempt + 1, unanswered_since = now() WHERE client_id = $1`,
        [clientId, digestOf(token)],
      );
      return attempt({ clientId, applicationId }, before + 1);
    }
    if (giver.uses_left < 1) return 'does-not-count';
    await rows('UPDATE protocol.initial_access_tokens SET uses_left = uses_left - 1 WHERE digest = $1', [initial]);
    await rows(
      `INSERT INTO protocol.client_registrations
         (client_id, application_id, owner_id, unclaimed, digest, initial, declared, unanswered_since)
       VALUES ($1, $2, $3, false, $4, $5, $6, now())`,
      [fresh.clientId, fresh.applicationId, giver.owner_id, digestOf(token), initial, declared],
    );
    return attempt(fresh, 1);
  }

  /**
   * What was not answered may be gone on with at once: nobody is at it any more, unless a later attempt was begun. Tried until it
   * is kept, or matters no more, or the process stops.
   */
  private async keepEnd(clientId: string, attempt: number, answered: boolean): Promise<void> {
    const begun = performance.now();
    do {
      try {
        await this.database.query(
          `UPDATE protocol.client_registrations SET unanswered_since = CASE WHEN $3 THEN NULL ELSE timestamptz '-infinity' END
           WHERE client_id = $1 AND attempt = $2 AND unanswered_since IS NOT NULL`,
          [clientId, attempt, answered],
        );
        return;
      } catch (error) {
        // Its token says so as well, when it is used.
        this.log.warn('whether a registration was answered could not be kept; trying again', error);
      }
    } while (performance.now() - begun < goneOnWithForMs && (await this.rested()));
  }

  /** False once the process stops. */
  private async rested(): Promise<boolean> {
    await wait(keepAgainMs, undefined, { signal: this.stopping.signal, ref: false }).catch(() => undefined);
    return !this.stopping.signal.aborted;
  }
}

function newIds(): Ids {
  const applicationId = mintId(partitionOfCreation('', undefined));
  return { applicationId, clientId: mintIdBeside(applicationId) };
}
