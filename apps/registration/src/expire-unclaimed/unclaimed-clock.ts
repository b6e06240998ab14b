import { registration } from '#contracts';
import type { CommandPort } from '#event-log';
import { Database, InjectCommands, Log, RegularLook, sendDue } from '#host';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { NobodysContacts } from './nobodys-contacts.js';
import { UnclaimedConfig } from './unclaimed.config.js';

const NAME = 'unclaimed-clock';
const DAY_MS = 24 * 3_600_000;
/** At most so many in one look; the next look takes the rest. */
const AT_ONCE = 200;

/**
 * The end of open registrations that nobody claims. Every instance looks for what is due, in the table that the log's
 * events made, and sends the command with the time that it was due at.
 */
@Injectable()
export class UnclaimedClock implements OnModuleInit, OnModuleDestroy {
  private readonly regular: RegularLook;

  constructor(
    private readonly config: UnclaimedConfig,
    private readonly database: Database,
    private readonly contacts: NobodysContacts,
    @InjectCommands(registration) private readonly commands: CommandPort<typeof registration>,
    private readonly log: Log,
  ) {
    this.regular = new RegularLook(
      config.clockSeconds * 1_000,
      () => this.look(),
      (error) => log.warn('open registrations that nobody claimed could not be looked for; they will be, again', error),
    );
  }

  onModuleInit(): void {
    this.regular.start();
  }

  async onModuleDestroy(): Promise<void> {
    await this.regular.stop();
  }

  private async look(): Promise<void> {
    const waits = this.config.days * DAY_MS;
    // By our own clock, which also dates the command: the decider never sees a timer that came early.
    const due = await this.database.query<{ readonly id: string; readonly created_at: string }>(
      `SELECT id, state->>'createdAt' AS created_at FROM projection.applications
       WHERE status = 'draft' AND state->'unclaimed' = 'true' AND (state->>'createdAt')::timestamptz <= $1
       ORDER BY id LIMIT $2`,
      [new Date(Date.now() - waits), AT_ONCE],
    );
    const commands = due.map(({ id: subject, created_at: createdAt }) => {
      const dueAt = new Date(Date.parse(createdAt) + waits).toISOString();
      return { type: 'expire-registration' as const, subject, data: { dueAt } };
    });
    await sendDue(NAME, this.commands, commands, this.log);
    await this.contacts.seeTo(`system:${NAME}`);
  }
}
