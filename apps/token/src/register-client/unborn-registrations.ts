import { randomUUID } from 'node:crypto';
import { Database, Log, OwnerErasures, RegularLook } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { TokenEnforcement } from '../token-enforcement.js';
import { RegistrationTokens } from './registration-tokens.js';

const NAME = 'unborn-registrations';
const LOOK_EVERY_MS = 3_600_000;
/** Much longer than a command waits to be decided: nothing comes any more of a registration that the log does not know by then. */
const BORN_WITHIN_HOURS = 24;
/** At most so many in one look; the next look takes the rest. */
const AT_ONCE = 200;

/**
 * Open registrations that were begun and never came to be, since the process ended in between or the command expired. No event names
 * the id under which their contacts were sealed: it stands in our row alone, so we erase it.
 */
@Injectable()
export class UnbornRegistrations implements OnModuleInit, OnModuleDestroy {
  private readonly regular: RegularLook;

  constructor(
    private readonly database: Database,
    private readonly enforcement: TokenEnforcement,
    private readonly owners: OwnerErasures,
    private readonly tokens: RegistrationTokens,
    private readonly log: Log,
  ) {
    this.regular = new RegularLook(
      LOOK_EVERY_MS,
      () => this.look(),
      (error) => log.warn('open registrations that never came to be were not looked for; they will be, again', error),
    );
  }

  onModuleInit(): void {
    this.regular.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.regular.stop();
  }

  /**
   * Erases what was sealed for them, and forgets them; nothing while this instance does not know what is registered. Any instance may,
   * at any time, and again.
   *
   * @throws DatabaseUnavailable
   */
  async look(): Promise<void> {
    const rows = await this.database.query<{ client_id: string; application_id: string; owner_id: string }>(
      `SELECT client_id, application_id, owner_id FROM protocol.client_registrations
       WHERE unclaimed AND created_at < now() - make_interval(hours => $1) ORDER BY created_at`,
      [BORN_WITHIN_HOURS],
    );
    const { point } = this.enforcement;
    if (!point.holdsLease()) return;
    const unborn = rows.filter(({ application_id: id }) => point.access.byApplicationId(id, Date.now()) === undefined);
    for (const { client_id: clientId, owner_id: nobody } of unborn.slice(0, AT_ONCE)) {
      try {
        await this.owners.erase(nobody, 'no-longer-needed', `system:${NAME}`, randomUUID());
        await this.tokens.forget(clientId);
      } catch (error) {
        this.log.warn('an open registration that never came to be was not forgotten; it will be, again', error);
      }
    }
  }
}
